"""From an agency's list to the page, without a name in any file, log or message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agencies import CANARIES, STUDY, _holds, traces, write_study

SCRIPT = Path(sys.executable).with_name("darkfigure")


def darkfigure(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    surroundings = {
        **os.environ,
        "TMPDIR": str(home / "tmp"),
        "XDG_STATE_HOME": str(home / "state"),
    }
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    return subprocess.run([SCRIPT, *arguments], capture_output=True, env=surroundings, cwd=home)


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three agencies that protect their lists, and a coordinator who has only what they sent."""
    agency, home = tmp_path_factory.mktemp("agency"), tmp_path_factory.mktemp("home")
    write_study(agency)
    made = darkfigure(agency, "protect", "--new-key", "--key", "study.key")
    assert made.returncode == 0
    assert (agency / "study.key").stat().st_mode & 0o077 == 0
    said = [made.stderr, made.stdout]
    for name in ("police", "shelter", "services"):
        call = ("protect", f"{name}.csv", "--key", "study.key", "--study", "study.toml")
        done = darkfigure(agency, *call, "--out", home / f"{name}.parquet")
        assert done.returncode == 0, done.stderr
        said += [done.stderr, done.stdout]
    (home / "study.toml").write_text(STUDY.replace(".csv", ".parquet"))
    for call in (
        ("run", "study.toml", "--out", "out"),
        ("link", "study.toml", "--out", "table.csv", "--json"),
    ):
        done = darkfigure(home, *call)
        assert done.returncode == 0, done.stderr
        said += [done.stderr, done.stdout]
    (home / "said").write_bytes(b"\n".join(said))
    secret = (agency / "study.key").read_text().splitlines()[-1]
    (home / "secret-not-here").write_text(str(secret in (home / "said").read_text()))
    return home


def test_no_file_of_a_protected_run_and_nothing_said_holds_a_name(protected: Path) -> None:
    assert (protected / "out/report.html").exists()
    assert len(list(protected.rglob("*"))) > 10
    assert traces(protected) == []


def test_the_scan_would_find_a_name(protected: Path, tmp_path: Path) -> None:
    for value in CANARIES.values():
        (tmp_path / "leak").write_bytes(b"x" * 1000 + value.encode("utf-16-le"))
        assert traces(tmp_path)
    assert _holds(b"...19871123...", CANARIES["birth"])


def test_the_key_is_neither_said_nor_written(protected: Path) -> None:
    assert (protected / "secret-not-here").read_text() == "False"


def test_the_canary_is_one_person_on_three_lists(protected: Path) -> None:
    """So the encodings that hide the name do tell who is who."""
    linked = json.loads((protected / "said").read_bytes().strip().splitlines()[-1])
    assert linked["lists"] == ["police", "shelter", "services"]
    summary = json.loads((protected / "out/linkage.json").read_text())
    assert linked["observed"] < summary["records"]
    assert not {"records", "observed_draws", "levels", "pairs"} & set(linked)  # they would tell


def test_the_table_that_link_writes_holds_small_counts_back(protected: Path) -> None:
    lines = (protected / "table.csv").read_text().splitlines()
    assert lines[0] == "police,shelter,services,count,SYNTHETIC"
    counts = [int(line.split(",")[3]) for line in lines[1:]]
    assert min(counts) >= 5
    done = darkfigure(protected, "size", "table.csv")
    assert done.returncode == 2
    assert b"holds back small counts" in done.stderr
