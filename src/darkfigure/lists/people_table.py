"""Tables of people with covariates: one 0/1 column per list, and what is known of each person.

They are overlap tables with more columns. Rows of people who are alike in every covariate and on
the same lists are put together as they are read; no row about one person is kept, and no cell is
ever repeated in a message.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from darkfigure.errors import InputError
from darkfigure.lists.overlap_table import _Lists, _tally
from darkfigure.spreadsheet import Complaints, Sheet, as_text, open_sheet

if TYPE_CHECKING:
    import polars as pl

MEASURED = 0.5
"""Where more than this share of a column's values are numbers, all of them must be."""

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_people(
    path: str | Path, *, covariates: Sequence[str], lists: _Lists = None, count: str | None = None
) -> pl.DataFrame:
    """Read a table of who is on which lists, with what is known of them.

    Parameters
    ----------
    path, lists, count
        As for `read_overlap_table`; without `lists`, every column but the count and the covariates
        is one.
    covariates : sequence of str
        The columns of what is known. Where a column holds numbers it is a measurement; else its
        values are groups. None may be missing.

    Returns
    -------
    DataFrame
        A 0/1 column for each list, a column of floats or of text for each covariate, and a column
        `count`: how many people are on exactly these lists and alike in every covariate.

    Raises
    ------
    InputError
        With every problem that was found, each with its file, line and column: as for
        `read_overlap_table`, and for a covariate that is missing or that is a word among numbers.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     table = Path(folder, "people.csv")
    ...     _ = table.write_text("sex,age,police,shelter\\nf,19,1,0\\nf,19,1,0\\nm,30,1,1\\n")
    ...     read_people(table, covariates=["sex", "age"]).rows()
    [('f', 19.0, 1, 0, 2), ('m', 30.0, 1, 1, 1)]
    """
    import polars as pl

    if "count" in covariates:
        raise InputError("A covariate cannot be called 'count'; give the column another name.")
    sheet = open_sheet(path)
    tally = _tally(sheet, lists, tuple(covariates), count, most=math.inf)
    kinds = sorted(place for place, number in tally.people.items() if number)
    columns: dict[str, list[str] | list[float] | list[int]] = {}
    wrong = Complaints(sheet)
    for j, name in enumerate(covariates):
        values = [stratum[j] for stratum, _ in kinds]
        measured = _is_measured(values)
        if "" in values or (measured and not all(map(_NUMBER.fullmatch, values))):
            _complain(sheet, name.strip(), measured, wrong)
        elif measured:
            columns[name] = [float(value) for value in values]
        else:
            columns[name] = values
    wrong.finish()
    for bit, name in enumerate(tally.names):
        columns[name] = [mask >> bit & 1 for _, mask in kinds]
    columns["count"] = [tally.people[place] for place in kinds]
    return pl.DataFrame(columns)


def _is_measured(values: Sequence[str]) -> bool:
    filled = {value for value in values if value}
    return sum(1 for value in filled if _NUMBER.fullmatch(value)) > MEASURED * len(filled)


def _complain(sheet: Sheet, name: str, measured: bool, wrong: Complaints) -> None:
    """Find the lines in which a covariate is missing, or is no number among numbers."""
    place = [column.strip() for column in sheet.columns].index(name)
    for line, cells in sheet.rows([place]):
        value = "" if isinstance(cells, str) else as_text(cells[0])
        if not value:
            wrong.add(
                line,
                "This cell is empty; fill it in, write 'unknown' where the column holds groups, or "
                "leave the covariate out.",
                name,
            )
        elif measured and not _NUMBER.fullmatch(value):
            wrong.add(
                line,
                f"A number was expected, as in most of this column, not a text of {len(value)} "
                "characters.",
                name,
            )
