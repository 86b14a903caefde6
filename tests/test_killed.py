"""A run that is killed leaves no name on disk and nothing half written, and can be gone on with."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.agencies import traces, write_study

KILLS = int(os.environ.get("DARKFIGURE_KILLS", "5"))
"""`make accuracy` takes 20, which is two minutes."""

COMPLETED = 5  # after every so many kills a run is let through


def start(study: Path, out: Path, home: Path) -> subprocess.Popen[bytes]:
    surroundings = {
        **os.environ,
        "TMPDIR": str(home / "tmp"),
        "XDG_STATE_HOME": str(home / "state"),
    }
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    script = Path(sys.executable).with_name("darkfigure")
    with (home / "log").open("ab") as log:
        return subprocess.Popen(
            [script, "run", study, "--out", out], stdout=log, stderr=log, env=surroundings
        )


def numbers(out: Path) -> dict[str, bytes]:
    """Every result in place, with what it holds."""
    aside = out / ".unfinished"
    return {
        str(file.relative_to(out)): file.read_bytes()
        for file in sorted(out.rglob("*"))
        if file.is_file() and aside not in file.parents and not file.name.startswith("links.sealed")
    }


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.mark.timeout(1200)  # on a busy machine
def test_killed_at_any_moment_a_run_leaves_no_name_and_the_next_has_the_same_numbers(
    study: Path, tmp_path: Path
) -> None:
    began = time.monotonic()
    assert start(study, tmp_path / "whole", tmp_path / "home").wait(120) == 0
    took = time.monotonic() - began
    wanted = numbers(tmp_path / "whole")
    top = sorted(file.name for file in (tmp_path / "whole").iterdir())
    moments = random.Random(1)
    killed = folder = 0
    while killed < KILLS:
        out, home = tmp_path / f"out-{folder}", tmp_path / f"home-{folder}"
        running = start(study, out, home)
        time.sleep(moments.uniform(0.05, took))
        running.send_signal(signal.SIGKILL)
        ended = running.wait(60)
        assert ended in (0, -signal.SIGKILL)
        killed += ended != 0
        assert traces(out, home) == []
        assert numbers(out).items() <= wanted.items()  # a result is whole, or it is not there
        if ended == 0 or killed % COMPLETED == 0:  # let one through, and begin with another
            assert start(study, out, home).wait(120) == 0
            assert numbers(out) == wanted
            assert list((home / "state").rglob("*.key")) == []
            assert sorted(file.name for file in out.iterdir()) == top
            folder += 1
