"""Sightings: who was seen when and where, read as histories over occasions.

People with the same history are pooled as they are read, and names and dates are forgotten. No
message repeats what stands in a cell: it says where somebody was, and when.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from darkfigure.circuit.city_names import faults, in_order, nearly_alike, of_people
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.occasions import Every, Occasions, Several, called, days_of, length_of, made
from darkfigure.errors import InputError, Problem
from darkfigure.table_file import rows_of

MOST_TOLD = 20
UNLIKE = 0.05  # of two lengths: a year of 365 days is like one of 365.25

_EXPECTED = (
    "either one column for each occasion (0: not seen, else the city) and perhaps freq, or the "
    "columns person, date and city with one row for each sighting"
)
_SIGHTING = {"person", "date", "city"}
_WHOLE = re.compile(r"[0-9]+")


def read_histories(
    path: str | Path,
    *,
    cities: Sequence[str] | None = None,
    groups: Sequence[str] = (),
    every: Every | None = None,
    start: date | None = None,
    end: date | None = None,
    several: Several | None = None,
    today: date | None = None,
) -> Histories:
    """Read capture histories, or single sightings, from a CSV file.

    Parameters
    ----------
    path : str or Path
        UTF-8 text; commas, semicolons or tabs between the cells. With the columns person, date
        and city it has one row for each sighting, in any order. Else it has one row for each
        history: a column for each occasion, 0 where not seen and else the city; or a column `ch`
        of histories written as in MARK, one character for each occasion (`0A0B`). A column `freq`
        has the number of people; without it each row is one person.
    cities : sequence of str, optional
        The cities there are, in the order wanted. Any other is refused. Left out, they are those
        of the file, in order.
    groups : sequence of str
        Columns that are no occasions but split up the people of a table of histories.
    every : {'week', 'month', 'quarter', 'year'} or int, optional
        The length of an occasion where sightings have dates; a number is days, from `start` on; a
        month when left out. Of a table of histories it says how long its occasions are, where
        their names (years, months, quarters or days) do not.
    start, end : date, optional
        Of sightings the first and the last day watched; left out, those of the sightings.
    several : {'none', 'first', 'last'}, optional
        What counts of a person seen in several cities on different days of one occasion: none of
        it, as if not seen, or the first or the last sighting. How often it came to that is in the
        notes. Several sightings in one city on one occasion are one.
    today : date, optional
        Dates after it are in the future and refused; the day it is, where it is left out.

    Returns
    -------
    Histories

    Raises
    ------
    InputError
        With the file, line and column of all that is wrong: a file that cannot be read or has no
        such columns, rows too long or too short, unknown cities, unreadable dates, dates in the
        future or outside the time watched, a person in two cities on one day, a history without
        a sighting, counts that are none, a single occasion, occasions out of order or in the
        future, and options that the file has no use for.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "sightings.csv")
    ...     _ = file.write_text(
    ...         "person,date,city\\nx1,2024-05-03,Reno\\nx2,2024-03-09,Oakland\\n"
    ...         "x1,2024-03-28,Sacramento\\nx1,2024-03-30,Sacramento\\n"
    ...     )
    ...     h = read_histories(file)
    >>> h
    <Histories: 2 people in 3 cities over 3 occasions, 3 sightings>
    >>> h.occasions
    ('2024-03', '2024-04', '2024-05')
    """
    rules = Occasions(
        "month" if every is None else every, start, end, several or "none", today or date.today()
    )
    if cities and not {"", "0"}.isdisjoint(cities):
        raise InputError("A city is called by a name, not by '' or '0', which is nobody seen.")
    file = str(path)
    rows = rows_of(file)
    header_line, header = next(rows, (1, []))
    if not header:
        raise InputError(Problem(f"The file is empty; expected: {_EXPECTED}.", file=file))
    names = [name.lower() for name in header]
    problems = _Problems(file)
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add("This column is there more than once.", header_line, name)
    for name in groups:
        if name.lower() not in names:
            there = ", ".join(map(repr, header))
            problems.add(f"There is no such column; the file has {there}.", header_line, name)
    missing = sorted(_SIGHTING - set(names))
    if len(missing) == 1:
        problems.add(
            f"Sightings have the columns person, date and city; there is no {missing[0]}.",
            header_line,
        )
    elif len(names) == 1 and "|" in names[0]:
        problems.add(
            "There is one column only. Cells stand between commas, semicolons or tabs; expected: "
            f"{_EXPECTED}.",
            header_line,
        )
    problems.stop()
    whole: list[tuple[int, list[str]]] = []
    for line, cells in rows:
        if len(cells) > len(header):
            message = f"Too many cells: the history is longer than the {len(header)} columns."
            problems.add(message, line)
        elif len(cells) < len(header):
            problems.add(f"Too few cells: {len(header)} expected, {len(cells)} found.", line)
        else:
            whole.append((line, cells))
    if not missing:
        if groups:
            told = "Groups are of histories; sightings have none. Leave the groups out."
            raise InputError(Problem(told, file=file))
        return _read_sightings(rules, problems, names, whole, cities)
    if start or end or several:
        told = (
            "A start, an end, and what counts of several cities are of sightings; the columns of "
            "this file are its occasions already. Leave them out."
        )
        raise InputError(Problem(told, file=file))
    shaped = _read_table(problems, header, names, whole, cities, [g.lower() for g in groups])
    return _timed(shaped, every, rules.today, file)


def histories_of(
    people: Sequence[Hashable],
    days: Sequence[date],
    places: Sequence[str],
    *,
    cities: Sequence[str] | None = None,
    every: Every = "month",
    start: date | None = None,
    end: date | None = None,
    several: Several = "none",
    today: date | None = None,
    notes: Sequence[str] = (),
) -> Histories:
    """Histories of sightings that were found by linking records, and are nowhere written down.

    Parameters
    ----------
    people, days, places : sequence, one of each for every sighting
        Who, on which day, in which city. Whom a wrong link puts in two cities on one day counts
        as not seen then, and the notes tell how often.
    cities, every, start, end, several, today
        As for `read_histories`. Sightings before the start or after the end are left out.
    notes : sequence of str
        What else a reader should know of them.

    Returns
    -------
    Histories

    Raises
    ------
    InputError
        For unknown cities, a date in the future, no sighting at all, a single occasion.

    Examples
    --------
    >>> days = [date(2024, 3, 9), date(2024, 4, 1), date(2024, 4, 2)]
    >>> histories_of([0, 1, 1], days, ["Reno", "Reno", "Oakland"], several="last")
    <Histories: 2 people in 2 cities over 2 occasions, 2 sightings>
    """
    rules = Occasions(every, start, end, several, today or date.today())
    known = cities or in_order(set(places))
    number = {city: i + 1 for i, city in enumerate(known)}
    if unknown := sorted(set(places) - number.keys()):
        raise InputError(
            f"{len(unknown)} of the cities of the records {'is' if len(unknown) == 1 else 'are'} "
            f"none of the cities {', '.join(map(repr, known))}."
        )
    where: dict[tuple[Hashable, date], int | None] = {}
    for person, day, place in zip(people, days, places, strict=True):
        if day > rules.today:
            raise InputError(f"A sighting is in the future; today is {rules.today}.")
        if (start and day < start) or (end and day > end):
            continue
        before = where.setdefault((person, day), number[place])
        if before != number[place]:
            where[person, day] = None
    if not where:
        raise InputError("There are no sightings in the time that is watched.")
    return rules.pooled(where, known, "", notes)


class _Problems:
    """What is wrong with a file, told all at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[str | Problem] = []

    def add(self, message: str, line: int | None = None, column: str | None = None) -> None:
        self.found.append(Problem(message, file=self.file, line=line, column=column))

    def stop(self) -> None:
        """Refuse the file if anything is wrong with it."""
        if len(self.found) > MOST_TOLD:
            self.found[MOST_TOLD:] = [f"... and {len(self.found) - MOST_TOLD:,} more."]
        if self.found:
            raise InputError(self.found)


def _timed(histories: Histories, every: Every | None, today: date, file: str) -> Histories:
    """A table of histories with what its occasions are called, if they are in order of time."""
    try:
        length, even = length_of(histories.occasions, today)
    except InputError as error:
        raise InputError([Problem(each.message, file=file) for each in error.problems]) from None
    if every is not None and abs(days_of(length) / days_of(called(every)) - 1) > UNLIKE:
        told = (
            f"By their names one occasion comes a {length} after the other; {called(every)} is "
            "said. Leave that out, or name the columns anew."
        )
        raise InputError(Problem(told, file=file))
    notes = (
        histories.notes
        if even
        else (
            *histories.notes,
            "Between some occasions there is more time than between others; rates are from one "
            "occasion to the next, as if all were as far apart.",
        )
    )
    return Histories(
        histories.cities,
        histories.occasions,
        histories.patterns,
        histories.freq,
        histories.groups,
        notes,
        length if every is None else called(every),
    )


def _unknown(city: str, cities: Sequence[str]) -> str:
    if not city:
        return "The cell is empty; write 0 where the person was not seen."
    return f"This is none of the cities {', '.join(map(repr, cities))}."


def _read_sightings(
    rules: Occasions,
    problems: _Problems,
    names: list[str],
    rows: list[tuple[int, list[str]]],
    cities: Sequence[str] | None,
) -> Histories:
    """One row for each sighting."""
    at = [names.index(column) for column in ("person", "date", "city")]
    if "freq" in names:
        problems.add("A row is one sighting of one person; it has no number of people.", 1, "freq")
    known = cities or in_order({cells[at[2]] for _, cells in rows} - {""})
    for told in faults(known, named=cities is not None):
        problems.add(told)
    problems.stop()
    number = {city: i + 1 for i, city in enumerate(known)}
    where: dict[tuple[str, date], tuple[int, int]] = {}
    for line, cells in rows:
        person, text, city = (cells[i] for i in at)
        if not person:
            problems.add("The person has no pseudonym; without one nothing is told.", line)
        if city == "0":
            told = "A sighting is in a city; '0' is none. Leave out who was not seen."
            problems.add(told, line, "city")
        elif city not in number:
            problems.add(
                _unknown(city, known) if city else "The cell is empty; name the city.",
                line,
                "city",
            )
        day = rules.day(text)
        if isinstance(day, str):
            problems.add(day, line, "date")
            continue
        if not person or city not in number:
            continue
        before, first_line = where.setdefault((person, day), (number[city], line))
        if before != number[city]:
            problems.add(
                f"This person is in another city on the same day, on line {first_line}; "
                "one person cannot be counted in two cities on one day: are these two people, "
                "or is a date wrong?",
                line,
                "city",
            )
    problems.stop()
    if not where:
        raise InputError(Problem("There are no sightings in the file.", file=problems.file))
    notes = [] if cities else nearly_alike(known)
    placed: dict[tuple[Hashable, date], int | None] = {at: city for at, (city, _) in where.items()}
    return rules.pooled(placed, known, problems.file, notes)


def _read_table(
    problems: _Problems,
    header: list[str],
    names: list[str],
    rows: list[tuple[int, list[str]]],
    cities: Sequence[str] | None,
    groups: list[str],
) -> Histories:
    """One row for each history."""
    if "ch" in names:
        written = names.index("ch")
        rows_of_cells = [(line, list(cells[written])) for line, cells in rows]
        length = len(rows_of_cells[0][1]) if rows_of_cells else 0
        occasions = tuple(str(t + 1) for t in range(length))
        columns = ["ch"] * length
        for line, entries in rows_of_cells:
            if len(entries) != length:
                long = "longer" if len(entries) > length else "shorter"
                message = f"The history is {long} than the {length} occasions of the first one."
                problems.add(message, line, "ch")
    else:
        places = [i for i, name in enumerate(names) if name not in ("freq", *groups)]
        occasions = tuple(header[i] for i in places)
        columns = list(occasions)
        rows_of_cells = [(line, [cells[i] for i in places]) for line, cells in rows]
        if not places:
            problems.add(f"There are no occasions; expected: {_EXPECTED}.", 1)
        one_each = "freq" not in names
        headers = [names[i] for i in places]
        for i in sorted(of_people(headers, rows_of_cells, one_each=one_each) if not cities else ()):
            problems.add(
                "This column is no occasion: it tells people or days apart, or its cities are in "
                "no other column. Leave it out, or name it as a group; or give a row for each "
                "sighting, with columns that are called person, date and city; or name the cities.",
                1,
                occasions[i],
            )
    problems.stop()
    known = cities or in_order({e for _, entries in rows_of_cells for e in entries} - {"0", ""})
    for told in faults(known, named=cities is not None):
        problems.add(told)
    problems.stop()
    number = {"0": 0, **{city: i + 1 for i, city in enumerate(known)}}
    patterns, freq, labels = [], [], []
    for (line, cells), (_, entries) in zip(rows, rows_of_cells, strict=True):
        for column, city in zip(columns, entries, strict=True):
            if city not in number:
                problems.add(_unknown(city, known), line, column)
        history = [number.get(city, 1) for city in entries]
        if not any(history):
            problems.add("The history has no sighting; leave out who was never seen.", line)
        count = cells[names.index("freq")] if "freq" in names else "1"
        if not _WHOLE.fullmatch(count):
            problems.add("A count of people such as 12 was expected.", line, "freq")
            continue
        patterns.append(history)
        freq.append(int(count))
        labels.append(", ".join(cells[names.index(group)] for group in groups))
    problems.stop()
    shaped = np.array(patterns, np.int64).reshape(len(patterns), len(occasions))
    notes = [] if cities else nearly_alike(known)
    return made(problems.file, known, occasions, shaped, freq, labels if groups else None, notes)
