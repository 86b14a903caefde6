#!/usr/bin/env bash
# Install Debian packages that pip cannot: the browser and the Java runtime of the tests, or
# Python's venv.
# usage: scripts/system-packages.sh chromium | default-jre-headless | python3.11-venv
set -euo pipefail

package=$1
packages=("$package")
if [ "$package" = chromium ]; then
    if command -v chromium >/dev/null; then
        exit 0
    fi
    packages+=(chromium-sandbox fonts-liberation)
elif [ "$package" = default-jre-headless ] && command -v java >/dev/null; then
    exit 0
fi

if [ "$(id -u)" = 0 ]; then
    as_root=(env)
elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n env)
else
    as_root=()
fi

if [ ${#as_root[@]} = 0 ] || ! command -v apt-get >/dev/null; then
    echo "The package '$package' is missing and cannot be installed from here; please install it, on Debian by: apt-get install ${packages[*]}" >&2
    exit 1
fi
echo "installing $package"
if ! { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null; }; then
    echo "The package '$package' is missing and installing it failed; please run: apt-get install ${packages[*]}" >&2
    exit 1
fi
