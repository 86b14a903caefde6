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
from darkfigure.circuit.shown import published_notes
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
    assert none.notes[0].startswith("2 people were in several cities within one occasion; ")
    assert none.notes[0].endswith("1 person was lost by it.")
    first = read_histories(file, several="first", today=TODAY)
    last = read_histories(file, several="last", today=TODAY)
    assert first.patterns.tolist() == [[1, 2], [2, 0]]
    assert last.patterns.tolist() == [[1, 0], [2, 2]]
    assert last.notes == (
        "2 people were in several cities within one occasion; the last sighting counts.",
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
        (["person,date,city", "a,2024-03-01,0"], "'0' is none. Leave out who was not seen"),
        (["person,date,town", "a,2024-03-01,A"], "person, date and city; there is no city."),
        (["person|date|city", "a|2024-03-01|A"], "between commas, semicolons or tabs"),
        (["2024-01,2024-03,2024-02", "A,A,A"], "'2024-02' does not come after the one before it"),
        (["2024,2025", "A,A"], "The occasion '2025' is in the future; today is 2024-12-31"),
        (["person,date,city", "a,2024-03-01,A", "b,2024-03-31,A"], "There is a single occasion"),
    ],
)
def test_broken_tables_are_refused_in_a_sentence(
    lines: list[str], words: str, tmp_path: Path
) -> None:
    assert words in refusal(written(tmp_path, *lines))


@pytest.mark.parametrize(
    "header", ["client_id,seen_on,town", "case no,May,June", "x,day,where", "a,b,c"]
)
def test_people_and_days_are_no_cities(header: str, tmp_path: Path) -> None:
    """Pseudonyms and dates come again and again in sightings, and no other column has them."""
    rows = [f"k{i % 7},2024-{1 + i % 5:02}-0{1 + i % 3},{'AB'[i % 2]}" for i in range(40)]
    said = refusal(written(tmp_path, header, *rows))
    assert "no occasion: it tells people or days apart" in said
    assert "k3" not in said
    with pytest.raises(InputError, match="60 are the most"):
        read_histories(
            sightings(tmp_path, *(f"p{i},2024-0{1 + i % 3}-01,Elm St {i}" for i in range(70)))
        )


def test_a_table_of_cities_is_no_list_of_people(tmp_path: Path) -> None:
    rotating = ["A,D,E", "B,E,D", "C,D,D", "A,E,E", "0,D,E", "B,0,0"]
    h = read_histories(written(tmp_path, "2016,2017,2018", *rotating), today=TODAY)
    assert h.cities == ("A", "B", "C", "D", "E")
    months = ["A,B,A", "B,A,B", "C,A,C", "D,B,D", "E,C,E", "F,D,F"]
    assert read_histories(written(tmp_path, "2024-01,2024-02,2024-03", *months), today=TODAY).people
    wards = ["N,A,A,A", "S,A,B,A", "E,B,B,A", "W,B,A,B", "N,B,B,B"]
    assert "column 'ward'" in refusal(written(tmp_path, "ward,2019,2020,2021", *wards))
    named = [f"x{i},A,B,A,{i + 3}" for i in range(5)]
    said = refusal(written(tmp_path, "handle,2019,2020,2021,freq", *named))
    assert "column 'handle'" in said
    assert "or name it as a group" in said
    with pytest.raises(InputError, match="column 'no': This column is no occasion"):
        read_histories(written(tmp_path, "no,o1,o2", "1,1,2", "2,2,1", "3,1,1", "4,2,2", "5,1,2"))
    assert "column 'sex'" in refusal(written(tmp_path, "sex,o1,o2", "m,A,A", "f,A,B"))
    apart = written(tmp_path, "o1,o2", "A,X", "B,Y", "C,Z", "A,Y")
    assert "or name the cities" in refusal(apart)
    assert read_histories(apart, cities=list("ABCXYZ")).people == 4


def test_no_city_is_called_nothing_or_nought(tmp_path: Path) -> None:
    file = sightings(tmp_path, "a,2024-03-01,Reno", "b,2024-04-01,")
    for cities in (["Reno", ""], ["0", "Reno"]):
        assert "A city is called by a name" in refusal(file, cities=cities)
    many = [f"Town {i}" for i in range(70)]
    file = sightings(tmp_path, *(f"p{i},2024-0{1 + i % 3}-01,Town {i}" for i in range(70)))
    assert len(read_histories(file, cities=many).cities) == 70


def test_occasions_are_called_by_their_length_where_that_is_known(tmp_path: Path) -> None:
    for header, called, even in (
        ("2020,2021,2022", "year", True),
        ("y2016,y2018,y2020", "2 years", True),
        ("2024-01,2024-02,2024-03", "month", True),
        ("2023 Q4,2024 Q1,2024 Q2", "quarter", True),
        ("2024-01-01,2024-01-08,2024-01-15", "week", True),
        ("2024-01,2024-02,2024-09", "occasion", False),
        ("2008-09,2009-10,2010-11", "year", True),
        ("W1984,S1984,W1985", "occasion", True),
        ("2016-01,2016-04,2016-07", "3 months", True),
        ("1,2,3", "occasion", True),
    ):
        h = read_histories(written(tmp_path, header, "A,B,A", "B,A,B"), today=TODAY)
        assert (h.every, not h.notes) == (called, even)
    file = written(tmp_path, "2016-01,2016-04,2016-07", "A,B,A")
    assert read_histories(file, every="quarter").every == "quarter"
    file = written(tmp_path, "1,2,3", "A,B,A")
    assert read_histories(file, every="week").every == "week"
    file = written(tmp_path, "2020,2021,2022", "A,B,A")
    assert "one occasion comes a year after the other; week is said" in refusal(file, every="week")
    assert read_histories(file, every=365).every == "365 days"
    assert "not '0'" in refusal(file, every=0)
    assert "are of sightings" in refusal(file, start=date(2020, 1, 1))
    assert "Leave the groups out" in refusal(sightings(tmp_path, "a,2024-03-01,A"), groups=["city"])
    assert read_histories(sightings(tmp_path, "a,2024-03-01,A", "a,2024-05-01,A")).every == "month"


def test_one_who_is_torn_again_and_again_is_one_person(tmp_path: Path) -> None:
    torn = [
        f"a,2024-0{m}-{d:02},{c}" for m in range(1, 7) for d, c in ((2, "Reno"), (9, "Oakland"))
    ]
    h = read_histories(sightings(tmp_path, *torn, "b,2024-01-03,Reno", "b,2024-06-03,Reno"))
    assert h.notes[0].startswith("1 person was in several cities within one occasion; that")
    assert published_notes(h.notes) == []


def test_names_that_are_nearly_alike_are_asked_about(tmp_path: Path) -> None:
    rows = "a,2024-03-01,Sacramento", "a,2024-04-01,Sacremento", "b,2024-04-02,Reno"
    asked = "Is it one city that is written as 'Sacramento' and 'Sacremento'?"
    assert read_histories(sightings(tmp_path, *rows)).notes[-1].startswith(asked)
    other = "a,2024-03-01,East Oakland", "a,2024-04-01,West Oakland", "b,2024-04-02,Area 101"
    assert not read_histories(sightings(tmp_path, *other, "b,2024-04-02,Area 101")).notes
    kept = published_notes(["Is it one city that is written as 'Area 10155' and 'Aera 10155'?"])
    assert kept == ["Is it one city that is written as 'Area 10155' and 'Aera 10155'?"]
    named = ["Sacramento", "Sacremento", "Reno"]
    assert not read_histories(sightings(tmp_path, *rows), cities=named).notes


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
