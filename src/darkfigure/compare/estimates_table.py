"""Estimates of places from a file, and the table of the ranks that they may have.

The file has one row for each place, with its name, the estimate and the standard error of it, all
from wherever they come: the ranks need nothing else. The errors are taken to be independent.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkfigure.compare.rank_sets import DRAWS, joint_intervals, rank_sets
from darkfigure.errors import InputError, Problem
from darkfigure.spreadsheet import Complaints, Sheet, as_text, open_sheet, refusal

COLUMNS = ("place", "estimate", "se")
_EXPECTED = "a header with the columns place, estimate and se is needed, and a row for each place."
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Estimates:
    """An estimate of each place.

    Parameters
    ----------
    places : tuple of str
        The names of two places or more, all different.
    estimates : tuple of float
        One for each place, all in the same unit.
    standard_errors : tuple of float
        The standard error of each, above zero, in the same unit.
    """

    places: tuple[str, ...]
    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]


def read_estimates(path: str | Path) -> Estimates:
    """Read a table with the columns place, estimate and se, in any order; others are left.

    Parameters
    ----------
    path : str or Path
        A table file; see `open_sheet`. Numbers with a point.

    Raises
    ------
    InputError
        With the file, line and column of all that is wrong: no such file, no table, empty, a column
        that is missing or there twice, too few or too many cells, a place without a name or named
        twice (capitals do not matter), cells that are not numbers, standard errors that are
        negative or zero, or fewer than two places. An error of zero is refused here, though a
        number may be known without one: in a file it is a missing or rounded error far more often,
        and would order its place for certain.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "rates.csv")
    ...     _ = file.write_text("place,estimate,se\\nNorth,5.2,0.4\\nSouth,4.1,0.3\\n")
    ...     read_estimates(file)
    Estimates(places=('North', 'South'), estimates=(5.2, 4.1), standard_errors=(0.4, 0.3))
    """
    sheet = open_sheet(path)
    wrong = Complaints(sheet)
    before: dict[str, int] = {}
    places: list[str] = []
    numbers: list[tuple[float, float]] = []
    for line, cells in sheet.rows(_places_of_columns(sheet)):
        if isinstance(cells, str):
            wrong.add(line, cells)
            continue
        place, estimate, se = map(as_text, cells)
        if complaint := _about_place(place, before):
            wrong.add(line, complaint, "place")
        before.setdefault(place.casefold(), line)
        places.append(place)
        found = []
        for column, text in (("estimate", estimate), ("se", se)):
            number = _number(text, column)
            if isinstance(number, str):
                wrong.add(line, number, column)
            else:
                found.append(number)
        if len(found) == 2:
            numbers.append((found[0], found[1]))
    wrong.finish()
    if len(places) < 2:
        there = "is only one place" if places else "are no places"
        raise refusal(sheet.file, f"There {there}; two or more are needed to compare.")
    estimates, standard_errors = zip(*numbers, strict=True)
    return Estimates(tuple(places), estimates, standard_errors)


def rank_table(
    estimates: Estimates,
    *,
    level: float = 0.95,
    highest_first: bool = True,
    draws: int = DRAWS,
    seed: int = 1,
) -> dict[str, Any]:
    """The ranks that the places may have, ready for JSON.

    Parameters
    ----------
    estimates : Estimates
    level, highest_first, draws, seed
        As for `rank_sets`.

    Returns
    -------
    dict
        The settings, and in `places` for each place, in the order given: name, estimate, se, rank;
        rank_lower and rank_upper of its marginal set, which is for that place alone;
        simultaneous_lower and simultaneous_upper, which hold for all at once; joint_lower and
        joint_upper, which do too, in closed form.

    Raises
    ------
    InputError
        As for `rank_sets`.

    Examples
    --------
    >>> table = rank_table(Estimates(("North", "South"), (5.2, 4.1), (0.4, 0.3)))
    >>> {key: table["places"][0][key] for key in ("name", "rank", "rank_lower", "rank_upper")}
    {'name': 'North', 'rank': 1, 'rank_lower': 1, 'rank_upper': 1}
    """
    x, se = estimates.estimates, estimates.standard_errors
    common: dict[str, Any] = {"level": level, "highest_first": highest_first}
    drawn: dict[str, Any] = {**common, "draws": draws, "seed": seed}
    sets = {
        "rank": rank_sets(x, se, **drawn),
        "simultaneous": rank_sets(x, se, simultaneous=True, **drawn),
        "joint": joint_intervals(x, se, **common),
    }
    places = [
        {
            "name": name,
            "estimate": x[i],
            "se": se[i],
            "rank": int(sets["rank"].ranks[i]),
            **{f"{kind}_lower": int(found.lower[i]) for kind, found in sets.items()},
            **{f"{kind}_upper": int(found.upper[i]) for kind, found in sets.items()},
        }
        for i, name in enumerate(estimates.places)
    ]
    return {**drawn, "places": places}


def _places_of_columns(sheet: Sheet) -> list[int]:
    names = [name.lower() for name in sheet.columns]
    problems: list[str | Problem] = []
    for column in COLUMNS:
        if names.count(column) != 1:
            what = "is missing" if column not in names else "is there more than once"
            there = ", ".join(map(repr, sheet.columns))
            message = f"This column {what}; {_EXPECTED} The file has {there}."
            problems.append(sheet.problem(message, sheet.header, column))
    if problems:
        raise InputError(problems)
    return [names.index(column) for column in COLUMNS]


def _about_place(place: str, before: dict[str, int]) -> str | None:
    if not place:
        return "The place has no name; give it one."
    if place.casefold() in before:
        return (
            f"'{place}' is on line {before[place.casefold()]} too; each place is to be there once."
        )
    return None


def _number(text: str, column: str) -> float | str:
    """The number in a cell, or what is wrong with it."""
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        if not text:
            return "The cell is empty; fill it in, or leave the place out."
        return f"A number such as 12.5 was expected, not '{text}'."
    if column == "se" and number < 0:
        return f"A standard error is above zero, and this is {text}."
    if column == "se" and number == 0:
        return (
            "A standard error of zero says that the estimate is known for certain; give its real "
            "error, with more digits if it was rounded, or leave the place out."
        )
    return number
