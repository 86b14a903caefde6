"""What can go wrong, as sentences for the person at the keyboard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what, where, and what to do about it.

    Parameters
    ----------
    message : str
        A sentence that says what is wrong, what was expected and what to do.
    file : str, optional
        The file it was found in.
    line : int, optional
        The line in that file, counted from 1.
    column : str, optional
        The column of the table, by its name.

    Examples
    --------
    >>> print(Problem("The count is -3.", file="lists.csv", line=7, column="count"))
    lists.csv, line 7, column 'count': The count is -3.
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        where = [self.file] if self.file else []
        if self.line is not None:
            where.append(f"line {self.line}")
        if self.column is not None:
            where.append(f"column '{self.column}'")
        return f"{', '.join(where)}: {self.message}" if where else self.message


class DarkfigureError(Exception):
    """Anything this package refuses; its text is meant to be shown as it stands."""


class InputError(DarkfigureError):
    """The input or the call is wrong (the command line ends with exit code 2).

    Parameters
    ----------
    problems : str, Problem, or several of them
        Everything that was found, so that all of it can be mended at once.

    Examples
    --------
    >>> raise InputError("The table has only one list; two or more are needed.")
    Traceback (most recent call last):
    ...
    darkfigure.errors.InputError: The table has only one list; two or more are needed.
    """

    def __init__(self, problems: str | Problem | Iterable[str | Problem]) -> None:
        if isinstance(problems, str | Problem):
            problems = [problems]
        self.problems = [Problem(p) if isinstance(p, str) else p for p in problems]
        super().__init__("\n".join(str(p) for p in self.problems))


class NoEstimateError(DarkfigureError):
    """The data cannot answer the question (the command line ends with exit code 1)."""
