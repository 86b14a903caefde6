"""Sightings become counts of histories, and what is wrong with them is told with its place."""

from __future__ import annotations

import itertools
import json
import pickle
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from darkfigure import InputError
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import m_array
from darkfigure.circuit.sightings import read_histories
from darkfigure.tables import sheets

TODAY = date(2024, 12, 31)


def written(folder: Path, *lines: str) -> Path:
    file = folder / "histories.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def refusal(file: Path, **options: object) -> str:
    with pytest.raises(InputError) as error:
        read_histories(file, **{"today": TODAY, **options})  # type: ignore[arg-type]
    assert all(problem.file == str(file) for problem in error.value.problems if problem.line)
    return str(error.value)


def sightings(folder: Path, *rows: str) -> Path:
    return written(folder, "person,date,city", *rows)


def test_a_table_of_histories_is_pooled(tmp_path: Path) -> None:
    file = written(tmp_path, "May;June;freq", "Reno;0;2", "0;Oakland;1", "Reno;0;3", "Reno;Reno;0")
    h = read_histories(file)
    assert h.cities == ("Oakland", "Reno")
    assert h.occasions == ("May", "June")
    assert h.patterns.tolist() == [[0, 1], [2, 0]]
    assert h.freq.tolist() == [1, 5]
    assert (h.people, h.sightings) == (6, 6)


def test_published_tables_are_read_in_all_their_forms() -> None:
    geese = read_histories(sheets.path("geese"))
    assert (geese.people, len(geese.freq), geese.cities) == (21_435, 623, ("1", "2", "3"))
    assert read_histories(sheets.path("geese-sample500")).people == 500
    assert read_histories(sheets.path("mstrata")).people == 12_022
    dipper = read_histories(sheets.path("dipper"), groups=["sex"])
    assert {sex: h.people for sex, h in dipper.by_group().items()} == {"Female": 153, "Male": 141}
    assert len(read_histories(sheets.path("skagit")).occasions) == 6


def test_sightings_in_any_order_become_histories_by_the_month(tmp_path: Path) -> None:
    file = sightings(
        tmp_path,
        "b,2024-05-30,Reno",
        "a,2024-03-28,Sacramento",
        "b,2024-03-01,Reno",
        "a,2024-05-02,Reno",
        "a,2024-03-02,Sacramento",
    )
    h = read_histories(file, today=TODAY)
    assert h.occasions == ("2024-03", "2024-04", "2024-05")
    assert h.patterns.tolist() == [[1, 0, 1], [2, 0, 1]]
    assert h.notes == ()
    wider = read_histories(file, start=date(2024, 2, 3), end=date(2024, 7, 1), today=TODAY)
    assert wider.occasions == tuple(f"2024-{m:02}" for m in range(2, 8))


@pytest.mark.parametrize(
    ("every", "occasions", "pattern"),
    [
        ("week", ("2023-12-25", "2024-01-01", "2024-01-08"), [1, 0, 1]),
        ("quarter", ("2023 Q4", "2024 Q1"), [1, 1]),
        ("year", ("2023", "2024"), [1, 1]),
        (6, ("2023-12-30", "2024-01-05"), [1, 1]),
    ],
)
def test_occasions_have_any_length(
    every: str | int, occasions: tuple[str, ...], pattern: list[int], tmp_path: Path
) -> None:
    file = sightings(tmp_path, "a,2023-12-30,Reno", "a,2024-01-10,Reno")
    h = read_histories(file, every=every, today=TODAY)  # type: ignore[arg-type]
    assert h.occasions == occasions
    assert h.patterns.tolist() == [pattern]


def test_several_cities_in_one_occasion_are_told_and_taken_by_rule(tmp_path: Path) -> None:
    file = sightings(
        tmp_path,
        "a,2024-03-09,Reno",
        "a,2024-03-02,Oakland",
        "a,2024-04-02,Reno",
        "b,2024-03-02,Reno",
        "b,2024-03-20,Oakland",
    )
    none = read_histories(file, today=TODAY)
    assert none.patterns.tolist() == [[0, 2]]
    assert none.notes[0].startswith("2 times somebody was in several cities within one occasion")
    assert none.notes[0].endswith("1 person was lost by it.")
    first = read_histories(file, several="first", today=TODAY)
    last = read_histories(file, several="last", today=TODAY)
    assert first.patterns.tolist() == [[1, 2], [2, 0]]
    assert last.patterns.tolist() == [[1, 0], [2, 2]]
    assert last.notes == (
        "2 times somebody was in several cities within one occasion; the last sighting counts.",
    )


def test_what_is_wrong_with_sightings_is_told_with_line_and_column(tmp_path: Path) -> None:
    file = sightings(
        tmp_path,
        "a,2024-03-09,Reno",
        "a,2024-03-09,Oakland",
        "a,09/03/2024,Reno",
        "b,2025-01-01,Reno",
        "c,2024-02-30,Reno",
        "d,2023-12-31,Reno",
        "e,2024-04-01,Fresno",
        ",2024-04-01,Reno",
        "f,2024-04-01,",
        "g,2024-12-02,Reno",
    )
    options = {"cities": ("Reno", "Oakland"), "start": date(2024, 1, 1), "end": date(2024, 12, 1)}
    told = refusal(file, **options).splitlines()
    expected = (
        "line 3, column 'city': This person is in another city on the same day, on line 2",
        "line 4, column 'date': A date such as 2024-03-28 was expected.",
        "line 5, column 'date': The date is in the future; today is 2024-12-31.",
        "line 6, column 'date': A date such as 2024-03-28 was expected.",
        "line 7, column 'date': The date is before the start, 2024-01-01.",
        "line 8, column 'city': This is none of the cities 'Reno', 'Oakland'.",
        "line 9: The person has no pseudonym",
        "line 10, column 'city': The cell is empty; name the city.",
        "line 11, column 'date': The date is after the end, 2024-12-01.",
    )
    assert len(told) == len(expected)
    cells = ("Fresno", "09/03", "02-30", "2023-12-31", "2025-01-01", "2024-12-02", "in Reno")
    assert not [cell for cell in cells for line in told if cell in line]  # who was where, when
    for line, words in zip(told, expected, strict=True):
        assert words in line


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([""], "The file is empty; expected: either one column for each occasion"),
        (["May,June", "A,B,A"], "line 2: Too many cells: the history is longer than the 2 columns"),
        (["May,June", "A"], "line 2: Too few cells: 2 expected, 1 found."),
        (["May,June", "A,"], "line 2, column 'June': The cell is empty; write 0 where"),
        (["May,June", "0,0"], "line 2: The history has no sighting"),
        (["May,June,freq", "A,0,-2"], "line 2, column 'freq': A count of people such as 12"),
        (["May,June,freq", "A,0,1.5"], "line 2, column 'freq': A count of people such as 12"),
        (["May,May", "A,0"], "line 1, column 'may': This column is there more than once."),
        (["May", "A"], "There is a single occasion, so that nobody can be seen again"),
        (["freq", "2"], "There are no occasions"),
        (["May,June,freq", "A,0,0"], "There is nobody in these histories."),
        (["ch,freq", "A0B,2", "A0,1"], "line 3, column 'ch': The history is shorter than the 3"),
        (["ch,freq", "A0B,2", "A0BB,1"], "line 3, column 'ch': The history is longer than the 3"),
        (["person,date,city"], "There are no sightings in the file."),
        (["person,date,city", "a,2024-03-01,A", "b,2024-03-31,A"], "There is a single occasion"),
    ],
)
def test_broken_tables_are_refused_in_a_sentence(
    lines: list[str], words: str, tmp_path: Path
) -> None:
    assert words in refusal(written(tmp_path, *lines))


def test_cities_that_were_not_named_and_calls_that_are_wrong_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "May,June", "Reno,Fresno")
    assert "line 2, column 'June': This is none of the cities 'Reno'." in refusal(
        file, cities=["Reno"]
    )
    assert "column 'sex': There is no such column" in refusal(file, groups=["sex"])
    file = sightings(tmp_path, "a,2024-03-01,A")
    assert "not 'day'" in refusal(file, every="day")
    assert "not 'most'" in refusal(file, several="most")
    assert "before the start" in refusal(file, start=date(2024, 3, 1), end=date(2024, 2, 1))
    assert "There is no such file" in refusal(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"patterns": [[1, 3]]}, "number of a city up to 2"),
        ({"patterns": [[1, 0.5]]}, "number of a city up to 2"),
        ({"patterns": [[1, 0, 0]]}, "one entry for each of the 2 occasions"),
        ({"patterns": [[0, 0]]}, "no sighting"),
        ({"freq": [-1]}, "a count of people"),
        ({"freq": [1, 2]}, "one count, and one group"),
        ({"cities": ()}, "There is no city"),
        ({"cities": ("A", "A")}, "The city 'A' is named more than once."),
    ],
)
def test_histories_that_cannot_be_are_refused(given: dict[str, object], words: str) -> None:
    whole = {"cities": ("A", "B"), "occasions": ("1", "2"), "patterns": [[1, 0]], "freq": [2]}
    with pytest.raises(InputError, match=words):
        Histories(**{**whole, **given})  # type: ignore[arg-type]


def test_nothing_printed_or_written_shows_a_history() -> None:
    alone = Histories(("A", "B"), ("1", "2", "3"), [[1, 0, 0], [1, 2, 2]], [40, 1])
    assert (
        repr(alone)
        == str(alone)
        == ("<Histories: 41 people in 2 cities over 3 occasions, 43 sightings>")
    )
    assert json.loads(json.dumps(alone.to_dict())) == {
        "cities": ["A", "B"],
        "occasions": ["1", "2", "3"],
        "people": 41,
        "sightings": 43,
        "notes": [],
    }
    assert "patterns" not in repr(m_array(alone))
    again = pickle.loads(pickle.dumps(alone))
    assert np.array_equal(again.patterns, alone.patterns)


def test_the_m_array_counts_every_step_from_a_sighting_to_the_next() -> None:
    rng = np.random.default_rng(3)
    patterns = rng.integers(0, 4, (300, 6))
    patterns = patterns[patterns.any(axis=1)]
    freq = rng.integers(1, 5, len(patterns))
    counts = m_array(Histories("ABC", "123456", patterns, freq))
    again, first, never = np.zeros((5, 3, 5, 3)), np.zeros((6, 3)), np.zeros((5, 3))
    for history, people in zip(patterns, freq, strict=True):
        seen = np.flatnonzero(history)
        first[seen[0], history[seen[0]] - 1] += people
        for t, u in itertools.pairwise(seen):
            again[t, history[t] - 1, u - 1, history[u] - 1] += people
        if seen[-1] < 5:
            never[seen[-1], history[seen[-1]] - 1] += people
    assert np.array_equal(counts.again, again)
    assert np.array_equal(counts.first, first)
    assert np.array_equal(counts.never, never)
    for t in range(5):
        for r in range(3):
            later = np.flatnonzero(again[t, r].any(axis=1))
            assert counts.last[t, r] == (later.max() if later.size else -1)
