#!/usr/bin/env bash
# How requirements.lock and requirements-dev.lock are made (needs uv on the path).
#
# Versions are chosen for every platform and hashed, so that `make` installs the same files
# everywhere. The second lock keeps the versions of the first. Add --upgrade to move them.
set -euo pipefail
cd "$(dirname "$0")/.."

common=(--universal --generate-hashes --python-version 3.11)
uv pip compile "${common[@]}" --extra link --extra covariates --extra bayes --group build --group examples pyproject.toml -o requirements.lock "$@"
uv pip compile "${common[@]}" --extra link --extra covariates --extra bayes --extra spark --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock "$@"
