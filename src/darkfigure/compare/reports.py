"""What detection systems reported, place by place and year by year, with what drives reporting.

A system is anything that finds victims and counts them: a hotline, the police. Each has one count
for a place and a year, and no list that could be held against another's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError
from darkfigure.spreadsheet import Complaints, Sheet, as_text, open_sheet, refusal

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reports:
    """Reported counts of several places, years and detection systems.

    Parameters
    ----------
    places : sequence of str
        The names of two or more places, all different.
    years : sequence of int
        One or more years, all different.
    systems : sequence of str
        The names of one or more detection systems, all different.
    counts : array of float, shape (places, years, systems)
        How many were reported, whole and zero or more; NaN where nobody counted, which is not zero.
    population : array of float, shape (places, years)
        People at risk, more than zero; NaN is allowed where nothing was counted.
    awareness : mapping of system to mapping of name to array, shape (places, years)
        What is thought to drive a system's reporting, such as calls per head: more than zero, for
        logarithms are taken. NaN is allowed only where that system has no count.

    Raises
    ------
    InputError
        With every problem that was found: one place only, names used twice, wrong shapes, counts
        that are negative, not whole or all zero, populations or covariates that are missing (it is
        said where), zero or less, a covariate that is the same everywhere.

    Examples
    --------
    >>> r = Reports(["A", "B"], [2015], ["hotline"], [[[30]], [[9]]], [[1e6], [5e5]], {})
    >>> r.counts.shape
    (2, 1, 1)
    """

    places: tuple[str, ...]
    years: tuple[int, ...]
    systems: tuple[str, ...]
    counts: Floats
    population: Floats
    awareness: Mapping[str, Mapping[str, Floats]]

    def __init__(
        self,
        places: Sequence[str],
        years: Sequence[int],
        systems: Sequence[str],
        counts: npt.ArrayLike,
        population: npt.ArrayLike,
        awareness: Mapping[str, Mapping[str, npt.ArrayLike]] | None = None,
    ) -> None:
        given: dict[str, tuple[str, ...]] = {
            "place": tuple(map(str, places)),
            "year": tuple(map(str, years)),
            "system": tuple(map(str, systems)),
        }
        problems = [
            f"The {what} '{name}' is there more than once."
            for what, names in given.items()
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        if len(given["place"]) < 2:
            problems.append("There is only one place; two or more are needed to compare.")
        shape = (len(given["place"]), len(given["year"]), len(given["system"]))
        y, people = np.array(counts, np.float64), np.array(population, np.float64)
        covariates = {
            str(system): {str(k): np.array(v, np.float64) for k, v in named.items()}
            for system, named in (awareness or {}).items()
        }
        arrays = [people, *(x for named in covariates.values() for x in named.values())]
        if y.shape != shape or any(x.shape != shape[:2] for x in arrays):
            problems.append(f"Counts have the shape {shape}, all else {shape[:2]}.")
        problems += [
            f"There are covariates of '{system}', which is no system."
            for system in covariates
            if system not in given["system"]
        ]
        if problems:
            raise InputError(problems)
        _check(given["place"], given["year"], given["system"], y, people, covariates)
        object.__setattr__(self, "places", given["place"])
        object.__setattr__(self, "years", tuple(int(year) for year in years))
        object.__setattr__(self, "systems", given["system"])
        for name, array in (("counts", y), ("population", people)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "awareness", covariates)


def _check(
    places: Sequence[str],
    years: Sequence[str],
    systems: Sequence[str],
    counts: Floats,
    population: Floats,
    awareness: Mapping[str, Mapping[str, Floats]],
) -> None:
    problems: list[str] = []

    def where(bad: npt.NDArray[np.bool_]) -> str:
        """The first few places and years at which something is the case."""
        found = [f"{places[i]} {years[t]}" for i, t in np.argwhere(bad)]
        return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")

    known = np.isfinite(counts)
    wrong = (known & ((counts < 0) | (counts != np.floor(counts)))) | np.isinf(counts)
    if wrong.any():
        told = where(wrong.any(axis=2))
        problems.append(f"Counts are whole numbers, zero or more; they are not in {told}.")
    used = known.any(axis=2)
    missing = used & ~(population > 0) | np.isinf(population)
    if missing.any():
        problems.append(f"The population is missing or not more than zero in {where(missing)}.")
    for s, system in enumerate(systems):
        if not known[:, :, s].any():
            problems.append(f"Nobody counted anything by '{system}'; leave it out.")
        elif not np.nansum(counts[:, :, s]):
            problems.append(
                f"All counts by '{system}' are zero; there is nothing to compare places by."
            )
        for name, x in awareness.get(system, {}).items():
            gaps = known[:, :, s] & ~np.isfinite(x)
            if gaps.any():
                problems.append(
                    f"'{name}' is missing in {where(gaps)}, where '{system}' has a count. Fill it "
                    "in, or leave it or these places out; it is not guessed."
                )
            low = x <= 0
            if low.any():
                problems.append(
                    f"'{name}' is zero or less in {where(low)}, and it has no logarithm there. Put "
                    "years together, or use another measure of awareness; nothing is added to it."
                )
            values = x[known[:, :, s] & (x > 0)]
            if not gaps.any() and not low.any() and values.size and np.ptp(values) == 0:
                problems.append(f"'{name}' is the same everywhere and explains nothing.")
    if problems:
        raise InputError(problems)


def reports_table(
    path: str | Path,
    *,
    systems: Sequence[str] | Mapping[str, str],
    awareness: Mapping[str, Sequence[str]] | None = None,
    place: str = "place",
    year: str = "year",
    population: str = "population",
) -> Reports:
    """Read reports from a table with a row for each place and year.

    Parameters
    ----------
    path : str or Path
        A table file; see `open_sheet`.
    systems : sequence of str, or mapping of system to column
        The columns with the counts of each system; an empty cell is a count that nobody made.
    awareness : mapping of system to sequence of str, optional
        The covariates of a system: columns, or "calls / population" for one column per another.
    place, year, population : str
        The columns of these names. Where a place has no row for a year, it is missing.

    Raises
    ------
    InputError
        With every problem that was found, each with its file, line and column: a column that is
        not there, cells that are no number, negative or zero where they must not be, the same
        place and year twice; and as for `Reports`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     table = Path(folder, "states.csv")
    ...     head = "place,year,population,cases,calls"
    ...     rows = [head, "A,2015,1000,3,9", "B,2015,2000,,20", "C,2015,1000,5,8"]
    ...     _ = table.write_text("\\n".join(rows))
    ...     r = reports_table(table, systems=["cases"], awareness={"cases": ["calls / population"]})
    >>> r.places, r.counts.tolist()
    (('A', 'B', 'C'), [[[3.0]], [[nan]], [[5.0]]])
    >>> r.awareness["cases"]["calls / population"].tolist()
    [[0.009], [0.01], [0.008]]
    """
    sheet = open_sheet(path)
    named = dict(systems) if isinstance(systems, Mapping) else {name: name for name in systems}
    ratios = {
        system: {each: [part.strip() for part in each.split(" / ")] for each in covariates}
        for system, covariates in (awareness or {}).items()
    }
    parts = [part for each in ratios.values() for ratio in each.values() for part in ratio]
    columns = list(dict.fromkeys([place, year, population, *named.values(), *parts]))
    at = _find(sheet, columns)
    wrong = Complaints(sheet)
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for line, cells in sheet.rows(at):
        if isinstance(cells, str):
            wrong.add(line, cells)
            continue
        texts = dict(zip(columns, map(as_text, cells), strict=True))
        key = _key(texts, place, year, line, wrong)
        row: dict[str, float] = {}
        for column in columns[2:]:
            lowest = "zero" if column in named.values() else "positive"
            found = _number(texts[column], lowest, whole=column in named.values())
            if isinstance(found, str):
                wrong.add(line, found, column)
            elif column == population and math.isnan(found):
                wrong.add(line, "The population is missing; rates are per head.", column)
            else:
                row[column] = found
        if key in rows:
            wrong.add(line, f"'{key[0]}' {key[1]} is there a second time; keep one row.", place)
        elif key is not None:
            rows[key] = row
    wrong.finish()
    if not rows:
        raise refusal(sheet.file, "The table has a header but no rows.")
    places = list(dict.fromkeys(where for where, _ in rows))
    years = sorted({when for _, when in rows})

    def grid(column: str) -> Floats:
        nothing: dict[str, float] = {}
        return np.array(
            [[rows.get((p, t), nothing).get(column, math.nan) for t in years] for p in places]
        )

    def ratio_of(columns: Sequence[str]) -> Floats:
        value = grid(columns[0])
        return value if len(columns) == 1 else value / grid(columns[1])

    try:
        return Reports(
            places,
            years,
            list(named),
            np.stack([grid(column) for column in named.values()], axis=2),
            grid(population),
            {s: {k: ratio_of(v) for k, v in each.items()} for s, each in ratios.items()},
        )
    except InputError as error:
        raise InputError([sheet.problem(str(each)) for each in error.problems]) from None


def _find(sheet: Sheet, columns: Sequence[str]) -> list[int]:
    """Where the columns are."""
    there = list(sheet.columns)
    problems = [
        sheet.problem(
            f"There is no column '{name}' among {', '.join(map(repr, there))}."
            if name not in there
            else f"{there.count(name)} columns are called '{name}'.",
            sheet.header,
        )
        for name in columns
        if there.count(name) != 1
    ]
    if problems:
        raise InputError(problems)
    return [there.index(name) for name in columns]


def _key(
    texts: Mapping[str, str], place: str, year: str, line: int, wrong: Complaints
) -> tuple[str, int] | None:
    """The place and the year of a row."""
    if not texts[place]:
        wrong.add(line, "The place is missing.", place)
    if not texts[year].isdecimal() or len(texts[year]) > 4:
        wrong.add(line, "A year was expected, such as 2016.", year)
        return None
    return (texts[place], int(texts[year])) if texts[place] else None


def _number(text: str, lowest: str, *, whole: bool) -> float | str:
    """The number in a cell, NaN where it is empty, or what is wrong with it."""
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return f"A number was expected, not a text of {len(text)} characters."
    if not math.isfinite(value):
        return "A number was expected."
    if value < 0:
        return "The number is negative."
    if lowest == "positive" and value == 0:
        return "This is zero; it must be more, for its logarithm or a rate per head is taken."
    if whole and value != math.floor(value):
        return "A whole number was expected, for people are counted."
    return value
