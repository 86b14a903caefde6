"""What waits on disk between two steps can be read by nobody else, and is gone at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darkfigure.lists.link import Links
from darkfigure.lists.sealed import Sealed

LINKS = Links(
    ("police", "shelter"),
    np.array([0, 0, 1]),
    np.array([0, 1]),
    np.array([2, 2]),
    np.array([3.25, -1.5]),
    np.array([0]),
    np.array([1]),
    levels=[{"field": "given name", "level": "same", "m": 0.9, "u": 0.1, "weight": 3.2}],
    rules=[{"words": "day of birth", "pairs": 2, "used": True}],
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sealed:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Sealed(tmp_path / "study/out/links.sealed", "these lists")


def test_links_come_back_as_they_were(kept: Sealed) -> None:
    kept.save(LINKS)
    found = kept.load()
    assert found is not None
    for name in ("on", "left", "right", "log_odds", "apart_left", "apart_right"):
        assert np.array_equal(getattr(found, name), getattr(LINKS, name))
    assert (found.lists, found.levels, found.rules) == (LINKS.lists, LINKS.levels, LINKS.rules)


def test_the_file_says_nothing_and_the_key_is_elsewhere_and_its_owners(kept: Sealed) -> None:
    kept.save(LINKS)
    content = kept.file.read_bytes()
    for word in (b"police", b"given name", b"log_odds", b"PK\x03\x04"):
        assert word not in content
    assert kept.file.parent not in kept.key.parents
    assert kept.key.stat().st_mode & 0o077 == 0
    assert kept.key.read_bytes() not in content


def test_each_sealing_is_another(kept: Sealed) -> None:
    kept.save(LINKS)
    first = kept.file.read_bytes()
    kept.save(LINKS)
    assert kept.file.read_bytes() != first


@pytest.mark.parametrize("where", [0, 12, 40, -1])
def test_a_changed_file_is_not_believed(kept: Sealed, where: int) -> None:
    kept.save(LINKS)
    content = bytearray(kept.file.read_bytes())
    content[where] ^= 1
    kept.file.write_bytes(content)
    assert kept.load() is None


def test_links_of_other_lists_are_not_taken(kept: Sealed) -> None:
    kept.save(LINKS)
    assert Sealed(kept.file, "other lists").load() is None


def test_a_file_without_its_key_is_noise(kept: Sealed) -> None:
    kept.save(LINKS)
    kept.key.unlink()
    assert kept.load() is None


def test_nothing_is_left_when_the_run_ends(kept: Sealed, tmp_path: Path) -> None:
    kept.save(LINKS)
    kept.remove()
    kept.remove()  # a second time does no harm
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_there_are_no_links_at_first(kept: Sealed) -> None:
    assert kept.load() is None
