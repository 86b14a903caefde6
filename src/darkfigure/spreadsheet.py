"""A table file as numbered rows: CSV, Excel, Parquet.

What a file is, is told by how it begins, not by its name. Text and Parquet stream, so that their
size does not matter; a workbook is loaded whole. No cell is ever repeated in a message, for it may
be somebody's name.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from darkfigure.errors import InputError, Problem

MOST_TOLD = 20
_CHUNK = 1 << 20
_VALUE = re.compile(r"|false|no|n|[+-]?[0-9]*\.?[0-9]+", re.IGNORECASE)
Row = tuple[int, tuple[Any, ...] | str]
"""The number of a line or row with the cells that were asked for, or what is wrong with it."""


@dataclass(frozen=True)
class Sheet:
    """A table as numbered rows.

    Attributes
    ----------
    file : str or None
        The file it is from, for messages; None for a dataframe.
    columns : sequence of str
        The names in the header, without blanks around them; a column without a name has "".
    rows : callable
        `rows(columns)` goes through the table from its start, with the cells of the columns at
        these places. Each item is the number of the line or row, and the tuple of its cells; or in
        place of the cells a sentence that says what is wrong with the line. Cells of text files and
        workbooks are text; see `as_text` for those of Parquet. Lines without any text are left out.
    numbered : {'line', 'row'}
        What the numbers count: the lines of a text file, the header among them; the rows of a
        worksheet as the spreadsheet numbers them; or the rows of a dataframe or a Parquet file, the
        first of which is 1.
    header : int or None
        The number of the header, where that is a line or a row.
    notes : tuple of str
        What a reader of any result should know about how the file was read.
    """

    file: str | None
    columns: Sequence[str]
    rows: Callable[[Sequence[int]], Iterator[Row]]
    numbered: Literal["line", "row"] = "line"
    header: int | None = None
    notes: tuple[str, ...] = ()

    def problem(
        self, message: str, number: int | None = None, column: str | None = None
    ) -> Problem:
        """A problem with its place in this table.

        Examples
        --------
        >>> sheet = Sheet("list.xlsx", ["name"], lambda columns: iter([]), numbered="row")
        >>> print(sheet.problem("The date is missing.", 7, "born"))
        list.xlsx, column 'born': (row 7) The date is missing.
        """
        if number is not None and self.numbered == "row":
            return Problem(f"(row {number}) {message}", file=self.file, column=column)
        return Problem(message, file=self.file, line=number, column=column)


def open_sheet(path: str | Path) -> Sheet:
    """Open a table file.

    Parameters
    ----------
    path : str or Path
        CSV (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252), Parquet, or a workbook (.xlsx,
        .xls, .xlsb or .ods) with data on one sheet only. The cells of a workbook are read as they
        would stand in a CSV file: whole numbers without a decimal point, dates as 2024-12-31.

    Raises
    ------
    InputError
        If there is no such file, it may not be read, it is damaged, protected by a password or no
        table, or it has no header. While the rows are read: for a quotation mark without a partner.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "list.csv")
    ...     _ = file.write_text("id,born,town\\n1,1990-01-31,Bonn\\n2,1985-07-01\\n")
    ...     sheet = open_sheet(file)
    ...     print(sheet.columns)
    ...     for number, cells in sheet.rows([1, 0]):
    ...         print(number, cells)
    ['id', 'born', 'town']
    2 ('1990-01-31', '1')
    3 Too few cells: 3 as in the header expected, 2 found.
    """
    name = str(path)
    if "\0" in name:
        raise InputError("The name of the file holds a null character; check the name.")
    with _reading(name):
        if Path(path).is_dir():
            raise refusal(name, "This is a folder; name the file inside it that has the table.")
        with open(path, "rb") as file:
            head = file.read(4096)
        if head.startswith(b"PAR1") or Path(path).suffix.lower() in (".parquet", ".pq"):
            return _parquet(path)
        if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            return _workbook(path)
        return _csv(path, _encoding(path, head))


def refusal(file: str | None, message: str) -> InputError:
    """What to raise when a file as a whole cannot be used.

    Examples
    --------
    >>> print(refusal("list.csv", "The file is empty."))
    list.csv: The file is empty.
    """
    return InputError(Problem(message, file=file))


class Complaints:
    """Everything wrong with the rows of a table, of which the first few are told.

    Examples
    --------
    >>> wrong = Complaints(Sheet("list.csv", ["born"], lambda columns: iter([])))
    >>> wrong.add(2, "The date is missing.", "born")
    >>> wrong.finish()
    Traceback (most recent call last):
    ...
    darkfigure.errors.InputError: list.csv, line 2, column 'born': The date is missing.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.number = 0
        self.of: Counter[str | None] = Counter()
        self._told: list[tuple[int, Problem]] = []

    def add(self, number: int, message: str, column: str | None = None) -> None:
        """Note that something is wrong with a line or row."""
        self.number += 1
        self.of[column] += 1
        if self.of[column] <= MOST_TOLD:
            self._told.append((number, self.sheet.problem(message, number, column)))

    def gather(self, column: str, message: str) -> None:
        """Say one thing of a column, in place of all that was said of its cells."""
        first = next(number for number, problem in self._told if problem.column == column)
        self._told = [told for told in self._told if told[1].column != column]
        self.number -= self.of.pop(column)
        self.add(first, message, column)

    def finish(self) -> None:
        """Raise an `InputError` with the first twenty problems, if there are any."""
        if not self.number:
            return
        in_order = [problem for _, problem in sorted(self._told, key=itemgetter(0))]
        problems: list[str | Problem] = [*in_order[:MOST_TOLD]]
        if self.number > len(problems):
            problems.append(f"... and {self.number - len(problems):,} more.")
        raise InputError(problems)


def as_text(cell: object) -> str:
    """A cell as it would stand in a text file, without blanks around it; nothing is "".

    Examples
    --------
    >>> as_text(" Ana "), as_text(3.0), as_text(None), as_text(datetime.datetime(2024, 12, 31))
    ('Ana', '3', '', '2024-12-31')
    """
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return str(cell.date())
    text = str(cell)
    return "" if text in ("None", "nan", "<NA>", "NaT") else text


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Say in a sentence why a file could not be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise refusal(name, "There is no such file; check the name and the folder.") from error
    except PermissionError as error:
        raise refusal(name, "You may not read this file; ask its owner for access.") from error
    except UnicodeDecodeError as error:
        raise refusal(name, "The file was changed while it was read; start again.") from error
    except OSError as error:
        raise refusal(name, f"The file could not be read: {error.strerror}.") from error


def _encoding(path: str | Path, head: bytes) -> str:
    """The encoding of a text file, found by decoding all of it before its first row is used."""
    if head.startswith(b"\x1f\x8b"):
        raise refusal(str(path), "This file is compressed (gzip); unpack it first.")
    if not head.strip():
        message = "The file is empty; a header line and at least one row are needed."
        raise refusal(str(path), message)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        possible = ["utf-16"]
    elif head.count(0) >= len(head) * 0.4:
        possible = ["utf-16-le" if head[0] else "utf-16-be"]
    elif re.search(rb"[\0-\x08\x0e-\x1f]", head):
        possible = []
    else:
        possible = ["utf-8-sig", "cp1252"]  # spreadsheets save Windows-1252 where UTF-8 is not
    for encoding in possible:
        if _decodes(path, encoding):
            return encoding
    raise refusal(str(path), "This is not a text file; give a table as CSV, Excel or Parquet.")


def _decodes(path: str | Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with open(path, "rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _csv(path: str | Path, encoding: str) -> Sheet:
    with open(path, encoding=encoding, newline="") as file:
        first = next((line for line in file if line.strip()), "")
    unquoted = re.sub('"[^"]*"', "", first)
    delimiter = max(",;\t", key=unquoted.count)

    def lines() -> Iterator[tuple[int, list[str]]]:
        with _reading(str(path)), open(path, encoding=encoding, newline="") as file:
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

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        pick, width = _picking(columns), len(header)
        numbered = lines()
        next(numbered)
        for line, row in numbered:
            if len(row) == width:
                yield line, pick(row)
            else:
                few = "few" if len(row) < width else "many"
                yield line, f"Too {few} cells: {width} as in the header expected, {len(row)} found."

    header_line, header = next(lines(), (1, []))
    guessed = ("The file is not UTF-8 and was read as Windows-1252 text.",)
    notes = guessed if encoding == "cp1252" else ()
    return _headed(Sheet(str(path), header, rows, "line", header_line, notes))


def _picking(columns: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda row: tuple(row[i] for i in columns)


def _headed(sheet: Sheet) -> Sheet:
    """The sheet, unless what should be its header is none."""
    columns = [name.strip() for name in sheet.columns]
    if not columns:
        raise refusal(sheet.file, "The file is empty; a header line and some rows are needed.")
    if all(map(_VALUE.fullmatch, columns)):
        where = "line" if sheet.numbered == "line" else "row"
        message = f"A header line with the names of the columns was expected, but this {where} is "
        raise InputError(sheet.problem(message + "data.", sheet.header))
    return Sheet(sheet.file, columns, sheet.rows, sheet.numbered, sheet.header, sheet.notes)


def _workbook(path: str | Path) -> Sheet:
    from darkfigure.workbook import filled_sheet

    numbers, table = filled_sheet(path)

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        picked = [table.columns[i] for i in columns]
        found = table.select(picked).iter_rows() if picked else iter([()] * table.height)
        numbered = zip(numbers, found, strict=True)
        next(numbered)
        yield from numbered

    return _headed(Sheet(str(path), table.row(0), rows, "row", numbers[0]))


def _parquet(path: str | Path) -> Sheet:
    import polars as pl

    broken = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
    message = "This Parquet file is damaged or incomplete; save or copy it again."
    try:
        scan = pl.scan_parquet(path, glob=False)
        columns = scan.collect_schema().names()
    except broken as error:
        raise refusal(str(path), message) from error

    def rows(picked: Sequence[int]) -> Iterator[Row]:
        try:
            # Small batches in turn keep one part of the file in memory, never all of it.
            batches: Iterator[pl.DataFrame] = scan.select(
                [columns[i] for i in picked]
            ).collect_batches(chunk_size=50_000, maintain_order=True, lazy=True, engine="streaming")
            with _reading(str(path)):
                yield from enumerate((row for batch in batches for row in batch.iter_rows()), 1)
        except broken as error:
            raise refusal(str(path), message) from error

    return Sheet(str(path), [name.strip() for name in columns], rows, "row")
