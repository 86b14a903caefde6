"""Counts of one list: how often each person on it was met, with what is known of each.

A file has one row for each person, with the number of times in a column; or one row for each
number of times, with the number of people beside it. No cell is ever repeated in a message but
those of the two number columns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError, Problem
from darkfigure.table_file import rows_of
from darkfigure.tables import sheets

COUNT_NAMES = ("count", "counts", "arrests", "times", "y", "capture", "captures")
PEOPLE_NAMES = ("freq", "frequency", "people", "persons")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "unknown"})
MOST_TOLD = 20
MOST_TIMES = 10_000
MOST_PEOPLE = 10**12
NOT_THERE = "which is not there; the columns are:"

_TOP = re.compile(r"(\d+)\s*(\+|or more)|(?:>=|≥)\s*(\d+)")


@dataclass(frozen=True)
class Counts:
    """How often people were met.

    Parameters
    ----------
    counts : sequence of int, shape (m,)
        Times met, 1 or more.
    people : sequence of int, shape (m,), optional
        How many people each row is; one when left out.
    covariates : mapping of str to sequence of str, each (m,)
        What else is known of them, as it stands in the file.
    top : int
        The count that means "so many or more"; 0 where there is none. Two or more.
    file : str
        Where they came from, for messages.
    lines : sequence of int, shape (m,)
        The line of each row, for messages.

    Raises
    ------
    InputError
        If a count is no whole number from 1 on, the parts differ in length, there is nobody, or
        somebody was met more often than the top class.

    Examples
    --------
    >>> Counts([1, 2, 3], [142, 81, 60], top=3)
    <Counts: 283 people, met once 142, twice 81, three times or more 60>
    """

    counts: npt.NDArray[np.int64]
    people: npt.NDArray[np.int64] = None  # type: ignore[assignment]
    covariates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    top: int = 0
    file: str = ""
    lines: Sequence[int] = ()

    def __post_init__(self) -> None:
        counts = _whole(self.counts, "count")
        people = np.ones_like(counts) if self.people is None else _whole(self.people, "people")
        lengths = {counts.size, people.size, *map(len, self.covariates.values())}
        if len(lengths) > 1:
            raise InputError("The counts, the people and their covariates differ in length.")
        if (counts < 1).any():
            raise InputError(
                "A count below 1: somebody who was never met is on no list. Leave those rows out; "
                "how many were never met is what is estimated."
            )
        if (people < 0).any():
            raise InputError("A number of people is below zero.")
        if people.sum() == 0:
            raise InputError("There is nobody in these counts; there is nothing to estimate from.")
        if self.top and (self.top < 2 or counts.max() > self.top):
            raise InputError(
                f"The top class cannot be '{self.top} or more': it must be 2 at least, and nobody "
                f"may have a higher count; the highest here is {counts.max()}."
            )
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "people", people)

    @property
    def observed(self) -> int:
        """How many people were met."""
        return int(self.people.sum())

    @property
    def frequencies(self) -> dict[int, int]:
        """How many people were met so many times.

        Examples
        --------
        >>> Counts([2, 1, 1]).frequencies
        {1: 2, 2: 1}
        """
        values, which = np.unique(self.counts, return_inverse=True)
        totals = np.zeros(values.size, np.int64)
        np.add.at(totals, which, self.people)
        return {int(v): int(n) for v, n in zip(values, totals, strict=True) if n}

    def __repr__(self) -> str:
        words = {1: "once", 2: "twice", 3: "three times"}
        told = [
            f"{words.get(y, f'{y} times')}{' or more' if y == self.top else ''} {n:,}"
            for y, n in self.frequencies.items()
        ]
        return f"<Counts: {self.observed:,} people, met {', '.join(told)}>"


def _whole(values: object, what: str) -> npt.NDArray[np.int64]:
    numbers = np.atleast_1d(np.asarray(values))
    if numbers.size == 0 or numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.number):
        raise InputError(f"The column '{what}' must be a row of numbers, with one at least.")
    if not (np.isfinite(numbers).all() and (numbers == np.round(numbers)).all()):
        raise InputError(f"The column '{what}' must have whole numbers.")
    return numbers.astype(np.int64)


def read_counts(
    path: str | Path,
    *,
    count: str | None = None,
    people: str | None = None,
    top: int | str | None = None,
    covariates: Sequence[str] = (),
) -> Counts:
    """Read how often each person was met.

    Parameters
    ----------
    path : str or Path
        A CSV file with a header; or the name of a published table of such counts.
    count : str, optional
        The column with the number of times; else the one called count, counts, arrests, times, y,
        capture or captures.
    people : str, optional
        The column with the number of people; else the one called freq, frequency, people or
        persons. Without any, each row is one person.
    top : int or str, optional
        The top class, such as 6 or "6+", if the highest count means "so many or more". Cells such
        as "6+" are refused unless it is said.
    covariates : sequence of str
        Columns that must be there, with a value for everybody; all others come along as they are.

    Raises
    ------
    InputError
        With every problem that was found, each with its line and column.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "arrests.csv")
    ...     _ = file.write_text("arrests,sex\\n1,m\\n1,f\\n3,m\\n")
    ...     read_counts(file)
    <Counts: 3 people, met once 2, three times 1>
    >>> read_counts("edinburgh-taxicabs").observed
    283
    """
    name = str(path)
    published = sheets.is_sheet(name, "demand")
    if not published and not Path(name).exists() and "." not in Path(name).name and "/" not in name:
        sheet = sheets.describe(name)  # refuses, naming those that are nearly called so
        raise InputError(f"The table '{sheet.name}' has no counts of times; it is {sheet.what}.")
    file = str(sheets.path(name)) if published else name
    rows = list(rows_of(file))
    if not rows:
        raise InputError(Problem("The file is empty; a header and a row are needed.", file=file))
    header = rows[0][1]
    _check_header(header, file, rows[0][0])
    times = _column(header, count, COUNT_NAMES, "times", "--count", file, rows[0][0])
    assert times is not None
    each = _column(header, people, PEOPLE_NAMES, "people", "--freq", file, rows[0][0])
    if times == each:
        told = f"The column '{header[times]}' cannot be both the times and the number of people."
        raise InputError(Problem(told, file=file, line=rows[0][0]))
    if len(rows) == 1:
        raise InputError(Problem("There is nobody below the header.", file=file, line=rows[0][0]))
    highest = _top_of(top)
    problems = [
        Problem(f"A formula names '{c}', {NOT_THERE} {', '.join(header)}.", file=file)
        for c in dict.fromkeys(covariates)
        if c not in header
    ]
    counts, totals = [], []
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            told = f"This line has {len(cells)} cells and the header {len(header)}."
            problems.append(Problem(told, file=file, line=line))
            continue
        try:
            y, found = _times(cells[times], highest, published)
            highest = found or highest
            counts.append(y)
        except ValueError as error:
            problems.append(Problem(str(error), file=file, line=line, column=header[times]))
        if each is not None:
            try:
                totals.append(_number(cells[each], 0, MOST_PEOPLE, "a number of people"))
            except ValueError as error:
                problems.append(Problem(str(error), file=file, line=line, column=header[each]))
    lines = [line for line, _ in rows[1:]]
    for j in sorted({header.index(c) for c in covariates if c in header}):
        whole = [(line, cells[j]) for line, cells in rows[1:] if len(cells) == len(header)]
        problems += missing_in(header[j], [c for _, c in whole], [n for n, _ in whole], file)
    if problems:
        more = len(problems) - MOST_TOLD
        told_also = [Problem(f"and {more:,} more.", file=file)] if more > 0 else []
        raise InputError([*problems[:MOST_TOLD], *told_also])
    try:
        return Counts(
            np.array(counts),
            np.array(totals) if each is not None else None,  # type: ignore[arg-type]
            {
                header[j]: [cells[j] for _, cells in rows[1:]]
                for j in range(len(header))
                if j not in (times, each)
            },
            highest,
            file,
            lines,
        )
    except InputError as error:
        raise InputError([Problem(p.message, file=file) for p in error.problems]) from None


def missing_in(
    column: str, cells: Sequence[str], lines: Sequence[int | None], file: str
) -> list[Problem]:
    """What to say of the missing cells of a column that a regression needs; the first 20 of them.

    Examples
    --------
    >>> [p.line for p in missing_in("sex", ["m", "", "NA"], [2, 3, 4], "arrests.csv")]
    [3, 4]
    """
    told = (
        "The cell is missing. A regression needs it for everybody: fill it in, leave the "
        "person's row out, or leave the column out of the formula."
    )
    empty = [line for cell, line in zip(cells, lines, strict=True) if cell.lower() in MISSING]
    problems = [Problem(told, file=file or None, line=n, column=column) for n in empty[:MOST_TOLD]]
    more = len(empty) - MOST_TOLD
    if more > 0:
        problems.append(Problem(f"and {more:,} more missing in '{column}'.", file=file or None))
    return problems


def _check_header(header: Sequence[str], file: str, line: int) -> None:
    for name in header:
        if not name or header.count(name) > 1:
            told = f"Two columns are called '{name}'." if name else "A column has no name."
            raise InputError(Problem(f"{told} Give each its own.", file=file, line=line))


def _column(
    header: Sequence[str],
    given: str | None,
    names: Sequence[str],
    what: str,
    option: str,
    file: str,
    line: int,
) -> int | None:
    """The column given, or the first one with a known name."""
    lower = [name.lower() for name in header]
    if given is not None:
        if given not in header:
            told = f"There is no column '{given}'; there are: {', '.join(header)}."
            raise InputError(Problem(told, file=file, line=line))
        return header.index(given)
    for name in names:
        if name in lower:
            return lower.index(name)
    if what == "people":
        return None
    told = (
        f"No column says how often each person was met; call it {', '.join(names[:4])}, or name it "
        f"by {option}. The columns are: {', '.join(header)}."
    )
    raise InputError(Problem(told, file=file, line=line))


def _top_of(top: int | str | None) -> int:
    if top is None:
        return 0
    found = re.fullmatch(r"(\d+)\+?", str(top).strip())
    if not found or int(found[1]) < 2:
        raise InputError(f"The top class is written as '6+', from 2 on; not '{top}'.")
    return int(found[1])


def _times(cell: str, top: int, published: bool) -> tuple[int, int]:
    """The count in a cell, and the top class if the cell is of one."""
    if match := _TOP.fullmatch(cell.lower()):
        bound = int(match[1] or match[3])
        if not (published or bound == top):
            raise ValueError(
                f"'{cell}' is a class of {bound} times or more, not a count. Say so by "
                f"--top {bound}+, and it is taken as '{bound} or more'; taken as {bound}, it would "
                "cut off those met most."
            )
        return bound, bound
    return _number(cell, 1, MOST_TIMES, "how often somebody was met"), 0


def _number(cell: str, least: int, most: int, what: str) -> int:
    try:
        value = float(cell.replace("_", "x"))
    except ValueError:
        raise ValueError(f"This must be {what}, as a whole number from {least} on.") from None
    if value == 0 and least == 1:
        raise ValueError(
            "The count is 0: somebody who was never met is on no list. Leave such rows out; how "
            "many were never met is what is estimated."
        )
    if not (value == value and least <= value <= most):
        raise ValueError(
            f"The number is {cell}; {what} is a whole number from {least} to {most:,}."
        )
    if value != int(value):
        raise ValueError(f"The number is {cell}; {what} is a whole number, not a fraction.")
    return int(value)
