"""What was given: tables by file or name, lists of names, an engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkfigure.errors import InputError

if TYPE_CHECKING:
    from darkfigure.engine import Where
    from darkfigure.histories import CaptureHistories
    from darkfigure.strata import Strata


def histories_of(table: str) -> CaptureHistories:
    """The counts of a file, or of a published table where there is no file of that name."""
    from darkfigure import tables

    if not Path(table).exists() and table in tables.names():
        return tables.load(table)
    if not Path(table).exists() and "." not in Path(table).name and "/" not in table:
        tables.describe(table)  # refuses, naming the tables that are nearly called so
    from darkfigure.lists.overlap_table import read_overlap_table

    return read_overlap_table(table)


def strata_of(table: str, by: list[str]) -> Strata:
    """As `_histories`, by kind of people."""
    from darkfigure import tables
    from darkfigure.lists.overlap_table import read_kinds

    if not Path(table).exists() and table in tables.names():
        described = tables.describe(table)
        if described.strata:
            return read_kinds(tables.path(table), by=by, lists=list(described.lists))
        tables.load_strata(table, by)  # refuses, for it has no strata
    if not Path(table).exists() and "." not in Path(table).name and "/" not in table:
        tables.describe(table)
    return read_kinds(table, by=by)


def people_of(table: str, covariates: list[str]) -> tuple[Any, list[str], str]:
    """The people of a file or a published table with their covariates, the lists and the count."""
    from darkfigure import tables
    from darkfigure.lists.people_table import read_people

    published = not Path(table).exists() and table in tables.names()
    path = tables.path(table) if published else Path(table)
    lists = list(tables.describe(table).lists) if published else None
    people = read_people(path, covariates=covariates, lists=lists)
    return people, [x for x in people.columns if x not in (*covariates, "count")], "count"


def names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]


def number(text: str, option: str) -> float:
    try:
        return float(text.replace("_", ""))
    except ValueError:
        raise InputError(f"--{option} needs a number, not '{text}'.") from None


def where_of(engine: str) -> Where:
    if engine not in ("local", "spark"):
        raise InputError(f"The engine is 'local' or 'spark', not '{engine}'.")
    return "spark" if engine == "spark" else "local"
