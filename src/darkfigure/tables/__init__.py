"""Published overlap tables, each with what is known about it; other data are in `sheets`.

The counts are in `overlap/`, one file per table: one 0/1 column per list and a last column `count`,
after the strata where there are any. `catalogue.toml` says who was counted, where and when, what
the lists are, and what has been published, each figure with how far it has been verified.
"""

from __future__ import annotations

import csv
import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Published:
    """A published answer to hold an estimate against.

    Parameters
    ----------
    estimate, lower, upper : float or None
        The number of people and its limits; None where not published or not retrieved.
    interval : str
        What kind of limits they are, such as '95 % credible'; empty where there are none.
    method : str
        How the figure was come by.
    status : {'verified', 'secondary', 'unverified'}
        Read at the source; taken from somebody who quotes it or rebuilt; or hearsay. Only
        'verified' figures may be shown as fact.
    """

    estimate: float | None
    lower: float | None
    upper: float | None
    interval: str
    method: str
    status: Literal["verified", "secondary", "unverified"]

    def __str__(self) -> str:
        point = "" if self.estimate is None else f"{self.estimate:,.0f}"
        if self.lower is None or self.upper is None:
            return f"{point}, {self.method}"
        limits = f"{self.lower:,.0f} to {self.upper:,.0f}"
        limits = f"{point} ({limits})" if point else limits
        return f"{limits}, {self.interval}, {self.method}" if self.interval else limits


@dataclass(frozen=True)
class Table:
    """What is known about a table.

    Parameters
    ----------
    name : str
        What `load` knows it by.
    people, place, period : str
        Who was counted, where and when.
    years : float or None
        How long that was; None where it is not known well enough to compare.
    lists : dict of str to str
        The column of each list, and the list as people call it.
    strata : tuple of str
        The columns that split the people up; most tables have none.
    population : int or None
        The number of inhabitants at risk, where one is given.
    population_note : str
        What that number is of, and from where.
    citation : str
        Where the table is from.
    published : tuple of Published
        What the publications conclude.
    status_note : str
        What about the published figures is unverified or was not retrieved.
    note : str
        What else to know before using the table.
    """

    name: str
    people: str
    place: str
    period: str
    years: float | None
    lists: dict[str, str]
    strata: tuple[str, ...]
    population: int | None
    population_note: str
    citation: str
    published: tuple[Published, ...]
    status_note: str
    note: str


@functools.cache
def _catalogue() -> dict[str, dict[str, Any]]:
    return tomllib.loads((_HERE / "catalogue.toml").read_text(encoding="utf-8"))


def _entry(name: str) -> dict[str, Any]:
    if name not in _catalogue():
        from darkfigure.tables import sheets

        if name in sheets.names():
            raise InputError(
                f"'{name}' is a published sheet, not counts of people on lists; nothing can be "
                f"estimated from it. `darkfigure tables {name}` shows it."
            )
        close = difflib.get_close_matches(name, names())
        meant = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise InputError(
            f"There is no table '{name}'. {meant}Run `darkfigure tables` to see them all."
        )
    return _catalogue()[name]


def names() -> list[str]:
    """The names of all tables, in alphabetical order.

    Examples
    --------
    >>> names()[-3:]
    ['uk-2013', 'uk-2013-5lists', 'western-us']
    """
    return sorted(_catalogue())


def describe(name: str) -> Table:
    """What is known about a table.

    Parameters
    ----------
    name : str
        One of `names()`.

    Raises
    ------
    InputError
        If there is no such table.

    Examples
    --------
    >>> table = describe("uk-2013")
    >>> table.people, table.lists["NG"], table.published[0].upper
    ('potential victims of human trafficking', 'non-government organisations', 13000)
    """
    entry = _entry(name)
    return Table(
        name=name,
        people=entry["people"],
        place=entry["place"],
        period=entry["period"],
        years=entry.get("years"),
        lists=dict(entry["lists"]),
        strata=tuple(entry.get("strata", ())),
        population=entry.get("population"),
        population_note=entry.get("population_note", ""),
        citation=entry["citation"],
        published=tuple(
            Published(
                estimate=figure.get("estimate"),
                lower=figure.get("lower"),
                upper=figure.get("upper"),
                interval=figure.get("interval", ""),
                method=figure["method"],
                status=figure["status"],
            )
            for figure in entry.get("published", ())
        ),
        status_note=entry.get("status_note", ""),
        note=entry.get("note", ""),
    )


def path(name: str) -> Path:
    """The CSV file of a table.

    Parameters
    ----------
    name : str
        One of `names()`.

    Raises
    ------
    InputError
        If there is no such table.

    Examples
    --------
    >>> path("uk-2013").name
    'uk-2013.csv'
    """
    _entry(name)
    return _HERE / "overlap" / f"{name}.csv"


def load(name: str, *, plain_names: bool = False) -> CaptureHistories:
    """The counts of a table, its strata added up.

    Parameters
    ----------
    name : str
        One of `names()`.
    plain_names : bool
        Call the lists what people call them, not by the short codes of the columns.

    Raises
    ------
    InputError
        If there is no such table.

    Examples
    --------
    >>> load("korea-palembang")
    <CaptureHistories: 123 people on 3 lists (b 77, c 71, d 59)>
    >>> load("kosovo-1999", plain_names=True).lists
    ('exhumations', 'bar association', 'OSCE', 'Human Rights Watch')
    """
    table = describe(name)
    called = table.lists.values() if plain_names else table.lists
    return _histories(table, list(called), _rows(name))


def load_strata(name: str, by: Sequence[str]) -> dict[tuple[str, ...], CaptureHistories]:
    """The counts of a table for each group of people, in the order of the file.

    Parameters
    ----------
    name : str
        One of `names()`.
    by : sequence of str
        The columns to split by, one or more of `describe(name).strata`; the others are added up.

    Returns
    -------
    dict
        From the values in the columns `by` to the counts of the people who have them.

    Raises
    ------
    InputError
        If there is no such table, or it cannot be split by these columns.

    Examples
    --------
    >>> for group, counts in load_strata("scotland-pwid-2006-stratified", ["Region"]).items():
    ...     print(group, counts.observed)
    ('GGC',) 1498
    ('Rest',) 4172
    """
    table = describe(name)
    for column in by:
        if column not in table.strata:
            strata = ", ".join(map(repr, table.strata)) or "none"
            raise InputError(
                f"The table '{name}' cannot be split by '{column}'; its strata are: {strata}."
            )
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in _rows(name):
        groups.setdefault(tuple(row[column] for column in by), []).append(row)
    return {group: _histories(table, list(table.lists), rows) for group, rows in groups.items()}


def _rows(name: str) -> list[dict[str, str]]:
    with path(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _histories(
    table: Table, called: Sequence[str], rows: Iterable[Mapping[str, str]]
) -> CaptureHistories:
    rows = list(rows)
    return CaptureHistories.from_patterns(
        called,
        [[int(row[column]) for column in table.lists] for row in rows],
        [int(row["count"]) for row in rows],
        notes=[table.note] if table.note else [],
    )
