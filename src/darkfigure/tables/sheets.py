"""Published sheets: data that are not counts on overlapping lists, each with what is known of it.

Every folder beside this file that has a `catalogue.toml` of its own is a shelf of sheets, one CSV
file each with a header line. The catalogue says what each is, where and when, what every column
means, where it is from, how far it has been verified, and what to know before it is used.
"""

from __future__ import annotations

import csv
import difflib
import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from darkfigure import tables
from darkfigure.errors import InputError

Status = Literal["verified", "secondary", "unverified"]

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Column:
    """What is in a column.

    Parameters
    ----------
    meaning : str
        What its cells are.
    unit : str
        The unit of its numbers; empty for words, years and ranks.
    status : {'verified', 'secondary', 'unverified'}
        How far they have been verified, as for a `darkfigure.tables.Published` figure.
    """

    meaning: str
    unit: str
    status: Status


@dataclass(frozen=True)
class Sheet:
    """What is known about a sheet.

    Parameters
    ----------
    name : str
        What `rows` knows it by.
    folder : str
        The shelf that it is on.
    what, place, period : str
        What the numbers are, where and when.
    columns : dict of str to Column
        What is in each column, in the order of the file.
    citation : str
        Where the sheet is from.
    status : {'verified', 'secondary', 'unverified'}
        Read at the source; taken from somebody who quotes it or computed; or hearsay. It is that of
        the weakest column. Only 'verified' figures may be shown as fact.
    note : str
        What else to know before using the sheet.
    """

    name: str
    folder: str
    what: str
    place: str
    period: str
    columns: dict[str, Column]
    citation: str
    status: Status
    note: str


@functools.cache
def _catalogues() -> dict[str, dict[str, Any]]:
    """The catalogue of each folder that has one."""
    return {
        file.parent.name: tomllib.loads(file.read_text(encoding="utf-8"))
        for file in sorted(_HERE.glob("*/catalogue.toml"))
    }


def folders() -> dict[str, str]:
    """The folders that have sheets, each with a heading for people.

    Examples
    --------
    >>> folders()["ranks"]
    'Places ranked in publications'
    """
    return {folder: catalogue["heading"] for folder, catalogue in _catalogues().items()}


def names(folder: str | None = None) -> list[str]:
    """The names of all sheets, or of those in one folder, in alphabetical order.

    Raises
    ------
    InputError
        If there is no such folder.

    Examples
    --------
    >>> names("ranks")
    ['pisa-2018-math', 'surgical-bugs', 'travel-time-2011']
    """
    if folder is None:
        return sorted(name for each in folders() for name in names(each))
    if folder not in folders():
        known = ", ".join(map(repr, folders()))
        raise InputError(f"There is no folder '{folder}' of published sheets; there are {known}.")
    return sorted(name for name in _catalogues()[folder] if name != "heading")


def is_sheet(given: str, folder: str | None = None) -> bool:
    """Whether this is the name of a sheet, and of no file of one's own.

    Examples
    --------
    >>> is_sheet("surgical-bugs"), is_sheet("surgical-bugs", "demand"), is_sheet("own.csv")
    (True, False, False)
    """
    return not Path(given).exists() and given in names(folder)


def describe(name: str) -> Sheet:
    """What is known about a sheet.

    Parameters
    ----------
    name : str
        One of `names()`.

    Raises
    ------
    InputError
        If there is no such sheet; tables of overlaps are in `darkfigure.tables`.

    Examples
    --------
    >>> sheet = describe("us-hotline-states-2012-2016")
    >>> sheet.status, sheet.columns["calls"].unit
    ('secondary', 'calls in the year')
    """
    for folder in folders():
        if name in names(folder):
            entry = _catalogues()[folder][name]
            return Sheet(
                name=name,
                folder=folder,
                what=entry["what"],
                place=entry["place"],
                period=entry["period"],
                columns={
                    column: Column(
                        told["meaning"], told.get("unit", ""), told.get("status", entry["status"])
                    )
                    for column, told in entry["columns"].items()
                },
                citation=entry["citation"],
                status=entry["status"],
                note=entry.get("note", ""),
            )
    if name in tables.names():
        raise InputError(f"'{name}' is a table of overlaps: darkfigure.tables.load('{name}').")
    close = difflib.get_close_matches(name, [*tables.names(), *names()])
    meant = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    raise InputError(f"There is no table '{name}'. {meant}Run `darkfigure tables` to see them all.")


def path(name: str) -> Path:
    """The CSV file of a sheet.

    Parameters
    ----------
    name : str
        One of `names()`.

    Raises
    ------
    InputError
        If there is no such sheet.

    Examples
    --------
    >>> path("travel-time-2011").name
    'travel-time-2011.csv'
    """
    return _HERE / describe(name).folder / f"{name}.csv"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a sheet, every cell as the text that stands in the file.

    Parameters
    ----------
    name : str
        One of `names()`.

    Raises
    ------
    InputError
        If there is no such sheet.

    Examples
    --------
    >>> rows("us-hotline-states-2012-2016")[0]
    {'state': 'Alabama', 'year': '2012', 'calls': '103', 'cases': '27', 'population': '4815960'}
    """
    with path(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
