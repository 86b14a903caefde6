"""Overlap tables: one 0/1 column per list, with a count column or one row per person.

Every row is read once and nothing but the number of people per combination is kept, so the size of
a file does not matter. No cell that may hold a name is ever repeated in a message, and nothing is
written to disk.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from darkfigure.errors import InputError, Problem
from darkfigure.histories import MAX_LISTS, CaptureHistories

COUNT_NAMES = ("count", "counts", "n", "freq", "frequency", "people")
MAX_COUNT = 10**12
MAX_STRATA = 1000
_MOST_REPORTED = 20
_MOST_REMEMBERED = 100_000
_ON = frozenset({"1", "1.0", "true", "yes", "y", "x"})
_OFF = frozenset({"0", "0.0", "false", "no", "n", ""})
_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]+")

_Lists = Mapping[str, str] | Sequence[str] | None
_Stratum = tuple[str, ...]
_Row = tuple[int, tuple[Any, ...] | str]
"""A line (or row) number with the cells that were asked for, or what is wrong with the line."""


def read_overlap_table(
    path: str | Path, *, lists: _Lists = None, count: str | None = None
) -> CaptureHistories:
    """Read a CSV or Parquet table of who is on which lists.

    Parameters
    ----------
    path : str or Path
        CSV (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252) or Parquet. Cells of list
        columns are 0/1, true/false, yes/no, y/n, or x/blank.
    lists : sequence of str, or mapping of column to spoken name, optional
        The columns that are lists. Every column but the count when left out.
    count : str, optional
        The column with the number of people; else the one called count, counts, n, freq, frequency
        or people. Without any, each row is one person.

    Raises
    ------
    InputError
        With every problem that was found, each with its file, line and column.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     table = Path(folder, "lists.csv")
    ...     _ = table.write_text("police,shelter,count\\n1,0,40\\n0,1,30\\n1,1,12\\n")
    ...     read_overlap_table(table)
    <CaptureHistories: 82 people on 2 lists (police 52, shelter 42)>
    """
    return _whole(_read(path, lists, (), count), str(path))


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
    tally = _read(path, lists, columns, count)
    names, keep, notes = _without_empty(tally, str(path))
    strata = sorted({stratum for stratum, mask in tally.people})
    return {s: _histories(tally, names, keep, notes, s) for s in strata}


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

    def rows(columns: list[int]) -> Iterator[_Row]:
        named = table.select([table.columns[i] for i in columns])
        yield from enumerate(named.iter_rows(buffer_size=10_000), 1)

    return _whole(_tally(_Table(None, table.columns, rows, "row"), lists, (), count), None)


@dataclass(frozen=True)
class _Table:
    file: str | None
    columns: Sequence[str]
    rows: Callable[[list[int]], Iterator[_Row]]
    numbered: str = "line"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Tally:
    """How many people of which stratum are on which combination (as a mask) of the lists."""

    names: list[str]
    people: Counter[tuple[_Stratum, int]]
    notes: list[str]


def _read(path: str | Path, lists: _Lists, by: _Stratum, count: str | None) -> _Tally:
    name = str(path)
    if "\0" in name:
        raise InputError("The name of the file holds a null character; check the name.")
    try:
        if Path(path).is_dir():
            raise _refusal(name, "This is a folder; name the CSV or Parquet file inside it.")
        with open(path, "rb") as file:
            head = file.read(4096)
        if head.startswith(b"PAR1") or Path(path).suffix.lower() in (".parquet", ".pq"):
            return _tally(_parquet(path), lists, by, count)
        for encoding in _encodings(head, name):
            try:
                return _tally(_csv(path, encoding), lists, by, count)
            except UnicodeDecodeError:
                continue
    except FileNotFoundError as error:
        raise _refusal(name, "There is no such file; check the name and the folder.") from error
    except PermissionError as error:
        raise _refusal(name, "You may not read this file; ask its owner for access.") from error
    except OSError as error:
        raise _refusal(name, f"The file could not be read: {error.strerror}.") from error
    raise _refusal(name, "This is not a text file; give a table saved as CSV or Parquet.")


def _refusal(file: str | None, message: str) -> InputError:
    return InputError(Problem(message, file=file))


def _encodings(head: bytes, name: str) -> list[str]:
    """The encodings to try in turn; Windows-1252 is what spreadsheets save where UTF-8 is not."""
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise _refusal(
            name, "This is a spreadsheet or an archive, not a CSV file; open it and save it as CSV."
        )
    if head.startswith(b"\x1f\x8b"):
        raise _refusal(name, "This file is compressed (gzip); unpack it first.")
    if not head.strip():
        raise _refusal(name, "The file is empty; a header line and at least one row are needed.")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ["utf-16"]
    if b"\0" in head:
        if head.count(0) >= len(head) * 0.4:
            return ["utf-16-le" if head[0] else "utf-16-be"]
        return []
    return [] if re.search(rb"[\x01-\x08\x0e-\x1f]", head) else ["utf-8-sig", "cp1252"]


def _csv(path: str | Path, encoding: str) -> _Table:
    with open(path, encoding=encoding, newline="") as file:
        first = next((line for line in file if line.strip()), "")
    unquoted = re.sub('"[^"]*"', "", first)
    delimiter = max(",;\t", key=unquoted.count)

    def lines() -> Iterator[tuple[int, list[str]]]:
        with open(path, encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
            line = 1
            try:
                for row in reader:
                    # A line without any text, such as spreadsheets leave at the end, says nothing.
                    if "".join(row).strip():
                        yield line, row
                    line = reader.line_num + 1
            except csv.Error as error:
                raise InputError(
                    Problem(
                        "A quotation mark here has no partner, or a cell is far too long; mend "
                        "this line by hand or save the table as CSV again.",
                        file=str(path),
                        line=line,
                    )
                ) from error

    header_line, header = next(lines(), (1, []))
    if not header:
        raise _refusal(str(path), "The file is empty; a header line and some rows are needed.")
    if all(cell.strip().lower() in _OFF or _NUMBER.fullmatch(cell.strip()) for cell in header):
        message = "A header line with the names of the columns was expected, but this line is data."
        raise InputError(Problem(message, file=str(path), line=header_line))

    def rows(columns: list[int]) -> Iterator[_Row]:
        pick, width = itemgetter(*columns), len(header)
        numbered = lines()
        next(numbered)
        for line, row in numbered:
            if len(row) == width:
                yield line, pick(row)
            else:
                few = "few" if len(row) < width else "many"
                yield line, f"Too {few} cells: {width} as in the header expected, {len(row)} found."

    guessed = ("The file is not UTF-8 and was read as Windows-1252 text.",)
    return _Table(str(path), [*header], rows, notes=guessed if encoding == "cp1252" else ())


def _parquet(path: str | Path) -> _Table:
    import polars as pl

    broken = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
    message = "This Parquet file is damaged or incomplete; save or copy it again."
    try:
        scan = pl.scan_parquet(path, glob=False)
        columns = scan.collect_schema().names()
    except broken as error:
        raise _refusal(str(path), message) from error

    def rows(picked: list[int]) -> Iterator[_Row]:
        try:
            # Small batches in turn keep one part of the file in memory, never all of it.
            batches: Iterator[pl.DataFrame] = scan.select(
                [columns[i] for i in picked]
            ).collect_batches(chunk_size=50_000, maintain_order=True, lazy=True, engine="streaming")
            yield from enumerate((row for batch in batches for row in batch.iter_rows()), 1)
        except broken as error:
            raise _refusal(str(path), message) from error

    return _Table(str(path), columns, rows, "row")


class _Complaints:
    """Everything wrong with the rows of a table, of which the first few are told."""

    def __init__(self, table: _Table) -> None:
        self.table = table
        self.number = 0
        self.told: list[tuple[int, Problem]] = []
        self.of: Counter[str | None] = Counter()

    def add(self, line: int, message: str, column: str | None = None) -> None:
        self.number += 1
        self.of[column] += 1
        if self.of[column] > _MOST_REPORTED:
            return
        if self.table.numbered == "row":
            problem = Problem(f"(row {line}) {message}", file=self.table.file, column=column)
        else:
            problem = Problem(message, file=self.table.file, line=line, column=column)
        self.told.append((line, problem))

    def finish(self, lists: Sequence[str], rows: int) -> None:
        """Raise what was found; a column that is no list at all is one problem, not thousands."""
        for column in lists:
            if self.of[column] > 5 and self.of[column] * 2 > rows:
                line = next(line for line, problem in self.told if problem.column == column)
                self.told = [told for told in self.told if told[1].column != column]
                self.number -= self.of[column]
                self.of[column] = 0
                self.add(
                    line,
                    "Most cells of this column are neither 0 nor 1, so it is not a list; say which "
                    "columns are lists, and which one is the count if there is one.",
                    column,
                )
        if not self.number:
            return
        in_order = [problem for line, problem in sorted(self.told, key=lambda told: told[0])]
        problems: list[str | Problem] = [*in_order[:_MOST_REPORTED]]
        if self.number > len(problems):
            problems.append(f"... and {self.number - len(problems):,} more.")
        raise InputError(problems)


def _tally(table: _Table, lists: _Lists, by: _Stratum, count: str | None) -> _Tally:
    names, list_at, by_at, count_at = _choose(table, lists, by, count)
    columns = [table.columns[i].strip() for i in list_at]
    counted = "" if count_at is None else table.columns[count_at].strip()
    wrong = _Complaints(table)
    people: Counter[tuple[_Stratum, int]] = Counter()
    known: dict[tuple[Any, ...], tuple[_Stratum, int]] = {}
    strata: set[_Stratum] = set()
    rows = nobody = 0

    used = [*list_at, *by_at, *([] if count_at is None else [count_at])]
    for line, cells in table.rows(used):
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
                if len(strata) > MAX_STRATA:
                    message = f"More than {MAX_STRATA:,} strata; split by columns with few values."
                    raise _refusal(table.file, message)
                if len(known) < _MOST_REMEMBERED:
                    known[key] = place
        if count_at is None and place is not None and place[1]:
            people[place] += 1
            continue
        number = 1 if count_at is None else _number(cells[-1])
        if place is not None and not place[1]:
            if count_at is not None and (number == 0 or not _text(cells[-1])):
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
        raise _refusal(table.file, "The table has a header but no rows; nobody is on any list.")
    wrong.finish(columns, rows)
    if people.total() > MAX_COUNT:
        raise _refusal(table.file, f"The counts add up to more than {MAX_COUNT:,} people.")

    notes = [*table.notes]
    if nobody:
        notes.append(f"Left out {nobody:,} row(s) that are on no list and stand for nobody.")
    unused = [name for i, name in enumerate(table.columns) if i not in used and name.strip()]
    if unused:
        people_each = "Each row was read as one person. " if count_at is None else ""
        notes.append(f"{people_each}Columns not used: {', '.join(map(repr, unused))}.")
    return _Tally(names, people, notes)


def _choose(
    table: _Table, lists: _Lists, by: _Stratum, count: str | None
) -> tuple[list[str], list[int], list[int], int | None]:
    """The spoken names of the lists, and where the lists, the strata and the count are."""
    columns = [column.strip() for column in table.columns]
    problems: list[str | Problem] = []

    def complain(message: str, column: str | None = None) -> None:
        line = 1 if table.numbered == "line" else None
        problems.append(Problem(message, file=table.file, line=line, column=column))

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
    cells: tuple[Any, ...], columns: Sequence[str], line: int, wrong: _Complaints
) -> tuple[_Stratum, int] | None:
    """The stratum and the mask of a row, or None when one of its cells is neither yes nor no."""
    mask, fine = 0, True
    for j, column in enumerate(columns):
        text = _text(cells[j]).lower()
        if text in _ON:
            mask |= 1 << j
        elif text not in _OFF:
            fine = False
            wrong.add(line, f"This cell is {_shown(text)}; 0 or 1 was expected.", column)
    return (tuple(map(_text, cells[len(columns) :])), mask) if fine else None


def _number(cell: object) -> int | str:
    """The count in a cell, or what is wrong with it."""
    text = _text(cell)
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


def _text(cell: object) -> str:
    """A cell as it would stand in a text file; missing values of dataframes are blank."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = str(cell)
    return "" if text in ("None", "nan", "<NA>", "NaT") else text


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
        raise _refusal(
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
