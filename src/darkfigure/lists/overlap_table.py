"""Overlap tables: one 0/1 column per list, with a count column or one row per person.

Every row is read once and nothing but the number of people per combination is kept, so the size of
a file does not matter. No cell that may hold a name is ever repeated in a message, and nothing is
written to disk.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from darkfigure.errors import InputError, Problem
from darkfigure.histories import MAX_LISTS, CaptureHistories
from darkfigure.spreadsheet import Complaints, Row, Sheet, as_text, open_sheet, refusal
from darkfigure.strata import MAX_STRATA as MOST_KINDS
from darkfigure.strata import Strata

COUNT_NAMES = ("count", "counts", "n", "freq", "frequency", "people")
MAX_COUNT = 10**12
MAX_STRATA = 1000
_MOST_REMEMBERED = 100_000
_LOOKED_AT = 1_000
_ON = frozenset({"1", "1.0", "true", "yes", "y", "x"})
_OFF = frozenset({"0", "0.0", "false", "no", "n", ""})
_HELD_BACK = "suppressed"
_NOT_WHOLE = (
    "This table holds back small counts; an estimate needs all of them: give the full table, or "
    "the study itself."
)
_NO_LIST = (
    "Most cells of this column are neither 0 nor 1, so it is not a list; say which columns are "
    "lists, and which one is the count if there is one."
)
_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]+")

_Lists = Mapping[str, str] | Sequence[str] | None
_Stratum = tuple[str, ...]


def read_overlap_table(
    path: str | Path, *, lists: _Lists = None, count: str | None = None
) -> CaptureHistories:
    """Read a table of who is on which lists from a CSV, Excel or Parquet file.

    Parameters
    ----------
    path : str or Path
        A file that `open_sheet` reads: CSV, a workbook with data on one sheet, or Parquet. Cells of
        list columns are 0/1, true/false, yes/no, y/n, or x/blank.
    lists : sequence of str, or mapping of column to spoken name, optional
        The columns that are lists. Every column but the count when left out.
    count : str, optional
        The column with the number of people; else the one called count, counts, n, freq, frequency
        or people. Without any, each row is one person.

    Raises
    ------
    InputError
        With every problem that was found, each with its file, line and column; and for a table in
        which small counts are held back.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     table = Path(folder, "lists.csv")
    ...     _ = table.write_text("police,shelter,count\\n1,0,40\\n0,1,30\\n1,1,12\\n")
    ...     read_overlap_table(table)
    <CaptureHistories: 82 people on 2 lists (police 52, shelter 42)>
    """
    return _whole(_tally(open_sheet(path), lists, (), count), str(path))


def read_strata(
    path: str | Path, *, by: Sequence[str], lists: _Lists = None, count: str | None = None
) -> dict[tuple[str, ...], CaptureHistories]:
    """Read an overlap table split by the columns `by`, such as year or region.

    Parameters
    ----------
    path, lists, count
        As for `read_overlap_table`; without `lists`, every column but the count and `by` is one.
    by : sequence of str
        The columns whose values make the strata.

    Returns
    -------
    dict
        One `CaptureHistories` per combination of values, in sorted order. All have the same lists,
        also where nobody in the stratum is on one of them.

    Raises
    ------
    InputError
        As for `read_overlap_table`, and for more than 1,000 strata.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     table = Path(folder, "years.csv")
    ...     _ = table.write_text("year,police,shelter\\n2023,1,0\\n2024,1,1\\n2024,0,1\\n")
    ...     {year: h.observed for (year,), h in read_strata(table, by=["year"]).items()}
    {'2023': 1, '2024': 2}
    """
    columns = (by,) if isinstance(by, str) else tuple(by)
    if not columns:
        raise InputError("No column to split by was named; name at least one, such as the year.")
    tally = _tally(open_sheet(path), lists, columns, count)
    names, keep, notes = _without_empty(tally, str(path))
    strata = sorted({stratum for stratum, mask in tally.people})
    return {s: _histories(tally, names, keep, notes, s) for s in strata}


def read_kinds(
    path: str | Path, *, by: Sequence[str], lists: _Lists = None, count: str | None = None
) -> Strata:
    """Read an overlap table with what kind of people they are, as far as it is known.

    Parameters
    ----------
    path, count
        As for `read_overlap_table`.
    by : sequence of str
        The columns to split by, such as sex and age. An empty cell, or "unknown" and the like (see
        `darkfigure.strata.MISSING`), is a value that is not known.
    lists : sequence of str, or mapping of column to spoken name, optional
        The columns that are lists; else all that hold 0/1, but for the count and `by`.

    Raises
    ------
    InputError
        As for `read_overlap_table`; and for a column of `by` that is not there, has more than 200
        values, or is empty.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     table = Path(folder, "people.csv")
    ...     _ = table.write_text("sex,age,police,shelter\\nf,40,1,0\\nm,,1,1\\n,30,0,1\\n")
    ...     read_kinds(table, by=["sex"]).missing
    {'sex': 1}
    """
    sheet = open_sheet(path)
    columns = (by,) if isinstance(by, str) else tuple(by)
    if lists is None:
        lists = _seeming_lists(sheet, columns, count)
    tally = _tally(sheet, lists, columns, count, MOST_KINDS)
    names, keep, notes = _without_empty(tally, str(path))
    rows = [(kind, mask, n) for (kind, mask), n in tally.people.items() if n]
    masks = [sum(1 << new for new, old in enumerate(keep) if m >> old & 1) for _, m, _ in rows]
    try:
        return Strata(names, columns, [k for k, _, _ in rows], masks, [n for *_, n in rows], notes)
    except InputError as error:
        raise refusal(sheet.file, str(error)) from None


def _seeming_lists(sheet: Sheet, by: Sequence[str], count: str | None) -> list[str]:
    """The columns that hold 0/1, judged by the first rows."""
    columns = [column.strip() for column in sheet.columns]
    others = {*(name.strip() for name in by), *([count.strip()] if count else [])}
    at = [
        i for i, c in enumerate(columns) if c and c not in others and c.lower() not in COUNT_NAMES
    ]
    rows = [cells for _, cells in islice(sheet.rows(at), _LOOKED_AT) if isinstance(cells, tuple)]
    texts = [[as_text(cells[k]).lower() for cells in rows] for k in range(len(at))]
    fine = [sum(text in _ON or text in _OFF for text in column) for column in texts]
    return [columns[i] for i, n in zip(at, fine, strict=True) if 2 * n >= len(rows)]


def from_frame(frame: Any, *, lists: _Lists = None, count: str | None = None) -> CaptureHistories:
    """Take an overlap table from a dataframe of any common library.

    Parameters
    ----------
    frame : dataframe
        Anything narwhals understands: polars, pandas, pyarrow and others. A missing value in a
        list column means that the person is not on the list.
    lists, count
        As for `read_overlap_table`.

    Raises
    ------
    InputError
        As for `read_overlap_table`, with rows counted from 1 in place of lines.

    Examples
    --------
    >>> import polars as pl
    >>> from_frame(pl.DataFrame({"police": [1, 1, 0], "shelter": [False, True, True]}))
    <CaptureHistories: 3 people on 2 lists (police 2, shelter 2)>
    """
    import narwhals as nw

    try:
        native = nw.from_native(frame)
        table = native.collect() if isinstance(native, nw.LazyFrame) else native
    except (TypeError, nw.exceptions.NarwhalsError) as error:
        raise InputError(f"A dataframe was expected, not {type(frame).__name__}.") from error

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        named = table.select([table.columns[i] for i in columns])
        yield from enumerate(named.iter_rows(buffer_size=10_000), 1)

    return _whole(_tally(Sheet(None, table.columns, rows, "row"), lists, (), count), None)


@dataclass(frozen=True)
class _Tally:
    """How many people of which stratum are on which combination (as a mask) of the lists."""

    names: list[str]
    people: Counter[tuple[_Stratum, int]]
    notes: list[str]


def _tally(
    sheet: Sheet, lists: _Lists, by: _Stratum, count: str | None, most: float = MAX_STRATA
) -> _Tally:
    names, list_at, by_at, count_at = _choose(sheet, lists, by, count)
    columns = [sheet.columns[i].strip() for i in list_at]
    counted = "" if count_at is None else sheet.columns[count_at].strip()
    wrong = Complaints(sheet)
    people: Counter[tuple[_Stratum, int]] = Counter()
    known: dict[tuple[Any, ...], tuple[_Stratum, int]] = {}
    strata: set[_Stratum] = set()
    rows = nobody = 0

    used = [*list_at, *by_at, *([] if count_at is None else [count_at])]
    for line, cells in sheet.rows(used):
        rows += 1
        if isinstance(cells, str):
            wrong.add(line, cells)
            continue
        key = cells if count_at is None else cells[:-1]
        place = known.get(key)
        if place is None:
            place = _place(key, columns, line, wrong)
            if place is not None:
                strata.add(place[0])
                if len(strata) > most:
                    message = f"More than {most:,} strata; split by columns with few values."
                    raise refusal(sheet.file, message)
                if len(known) < _MOST_REMEMBERED:
                    known[key] = place
        if count_at is None and place is not None and place[1]:
            people[place] += 1
            continue
        number = 1 if count_at is None else _number(cells[-1])
        if (place is None or isinstance(number, str)) and count_at is not None:
            texts = [as_text(cell).lower() for cell in cells]
            if "?" in texts[: len(columns)] or texts[-1].startswith("<") or texts[-1] == _HELD_BACK:
                raise InputError(sheet.problem(_NOT_WHOLE, line))
        if place is not None and not place[1]:
            if count_at is not None and (number == 0 or not as_text(cells[-1])):
                nobody += 1
                continue
            if not isinstance(number, str):
                wrong.add(
                    line,
                    "This row is on no list at all, yet it stands for people; nobody can have "
                    "counted them. Remove the row, or mend its cells.",
                )
        if isinstance(number, str):
            wrong.add(line, number, counted)
        elif place is not None:
            people[place] += number
    if not rows:
        raise refusal(sheet.file, "The table has a header but no rows; nobody is on any list.")
    for column in columns:
        if wrong.of[column] > 5 and wrong.of[column] * 2 > rows:
            wrong.gather(column, _NO_LIST)
    wrong.finish()
    if people.total() > MAX_COUNT:
        raise refusal(sheet.file, f"The counts add up to more than {MAX_COUNT:,} people.")

    notes = [*sheet.notes]
    if nobody:
        notes.append(f"Left out {nobody:,} row(s) that are on no list and stand for nobody.")
    unused = [name for i, name in enumerate(sheet.columns) if i not in used and name.strip()]
    if unused:
        people_each = "Each row was read as one person. " if count_at is None else ""
        notes.append(f"{people_each}Columns not used: {', '.join(map(repr, unused))}.")
    return _Tally(names, people, notes)


def _choose(
    sheet: Sheet, lists: _Lists, by: _Stratum, count: str | None
) -> tuple[list[str], list[int], list[int], int | None]:
    """The spoken names of the lists, and where the lists, the strata and the count are."""
    columns = [column.strip() for column in sheet.columns]
    problems: list[str | Problem] = []

    def complain(message: str, column: str | None = None) -> None:
        problems.append(sheet.problem(message, sheet.header, column))

    def find(name: str) -> int:
        if name.strip() in columns:
            return columns.index(name.strip())
        near = get_close_matches(name.strip(), columns) or [column for column in columns if column]
        more = ", ..." if len(near) > MAX_LISTS else ""
        choice = ", ".join(map(repr, near[:MAX_LISTS])) + more
        complain(f"There is no column '{name}'; did you mean one of {choice}?")
        return -1

    for column, times in Counter(filter(None, columns)).items():
        if times > 1:
            complain(f"{times} columns have this name; give each its own.", column)
    if len(columns) == 1:
        complain(
            "There is only one column; at least two lists are needed, separated by commas, "
            "semicolons or tabs."
        )
        raise InputError(problems)

    named = [lists] if isinstance(lists, str) else None if lists is None else list(lists)
    if count is not None:
        count_at: int | None = find(count)
    else:
        taken = {*map(str.strip, named or ()), *map(str.strip, by)}
        guesses = [c for c in columns if c.lower() in COUNT_NAMES and c not in taken]
        if len(set(guesses)) > 1:
            complain(f"Any of {', '.join(map(repr, guesses))} could be the count; say which is.")
        count_at = columns.index(guesses[0]) if guesses else None
    by_at = [find(name) for name in by]
    for i in by_at:
        if count_at is None and i >= 0 and columns[i].lower() in COUNT_NAMES:
            complain(
                "A column of this name holds how many people each row stands for, so that nobody "
                "is split by it; name another, or say which column is the count.",
                columns[i],
            )
    if named is None:
        list_at = [i for i in range(len(columns)) if i != count_at and i not in by_at]
        for i in list_at:
            if not columns[i]:
                complain(f"Column {i + 1} has no name; name it, or say which columns are lists.")
    else:
        list_at = [find(name) for name in named]
    names = [columns[i] for i in list_at]
    if isinstance(lists, Mapping):
        names = [str(spoken).strip() for spoken in lists.values()]
        if not all(names):
            complain("A list was given an empty name; give each list a name to be known by.")
    for name, times in Counter(filter(None, names)).items():
        if times > 1 and (named is not None) and -1 not in list_at:
            complain(f"{times} lists are called '{name}'; give each list its own name.")
    for i in {i for i in list_at if i >= 0 and (i == count_at or i in by_at)} | (
        {i for i in by_at if i >= 0 and i == count_at}
    ):
        complain("This column has two roles; it is a list, the count or a stratum.", columns[i])
    if len(list_at) < 2:
        complain("At least two lists are needed, for only lists that can share people tell more.")
    if len(list_at) > MAX_LISTS:
        complain(
            f"{len(list_at)} columns would be lists, and {MAX_LISTS} is the most; say which are."
        )
    if problems:
        raise InputError(problems)
    return names, list_at, by_at, count_at


def _place(
    cells: tuple[Any, ...], columns: Sequence[str], line: int, wrong: Complaints
) -> tuple[_Stratum, int] | None:
    """The stratum and the mask of a row, or None when one of its cells is neither yes nor no."""
    mask, fine = 0, True
    for j, column in enumerate(columns):
        text = as_text(cells[j]).lower()
        if text in _ON:
            mask |= 1 << j
        elif text not in _OFF:
            fine = False
            wrong.add(line, f"This cell is {_shown(text)}; 0 or 1 was expected.", column)
    return (tuple(map(as_text, cells[len(columns) :])), mask) if fine else None


def _number(cell: object) -> int | str:
    """The count in a cell, or what is wrong with it."""
    text = as_text(cell)
    if re.fullmatch(r"\+?[0-9]+(\.0*)?", text):
        whole = text.split(".")[0].lstrip("+").lstrip("0") or "0"
        if len(whole) > len(str(MAX_COUNT)) or int(whole) > MAX_COUNT:
            return f"The count is larger than {MAX_COUNT:,}; check the number."
        return int(whole)
    if not text:
        return "The count is missing; write how many people are on exactly these lists."
    if not _NUMBER.fullmatch(text):
        return f"The count is {_shown(text)}; a whole number in plain digits was expected."
    if text.startswith("-"):
        return "The count is negative; a number of people is 0 or more."
    return "The count is not a whole number; people can only be counted whole."


def _shown(text: str) -> str:
    """A cell for a message: only short numbers are repeated, for anything else may be a name."""
    if _NUMBER.fullmatch(text) and len(text) <= 3:
        return text
    return f"a text of {len(text)} character{'s' if len(text) > 1 else ''}"


def _without_empty(tally: _Tally, file: str | None) -> tuple[list[str], list[int], list[str]]:
    """The names and bits of the lists that somebody is on, with notes about the others."""
    seen = 0
    for (_, mask), number in tally.people.items():
        seen |= mask if number else 0
    keep = [j for j in range(len(tally.names)) if seen >> j & 1]
    empty = [name for j, name in enumerate(tally.names) if j not in keep]
    if len(keep) < 2:
        raise refusal(
            file,
            f"Nobody is on {', '.join(map(repr, empty))}; at least two lists with people on them "
            "are needed.",
        )
    left_out = [f"Left out the list '{name}': nobody is on it." for name in empty]
    return [tally.names[j] for j in keep], keep, [*tally.notes, *left_out]


def _whole(tally: _Tally, file: str | None) -> CaptureHistories:
    return _histories(tally, *_without_empty(tally, file))


def _histories(
    tally: _Tally,
    names: list[str],
    keep: list[int],
    notes: list[str],
    only: _Stratum | None = None,
) -> CaptureHistories:
    counts = np.zeros(1 << len(names), np.int64)
    for (stratum, mask), number in tally.people.items():
        if only in (None, stratum):
            counts[sum(1 << new for new, old in enumerate(keep) if mask >> old & 1)] += number
    return CaptureHistories(names, counts, notes)
