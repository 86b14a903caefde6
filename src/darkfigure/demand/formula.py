"""Formulas: `y ~ sex + age`, `a:b` for what two do together, `a*b` for `a + b + a:b`.

A column of numbers is one term. A column of words has a term for each word but the first in order,
against which the others stand (treatment coding, as in R).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from darkfigure.demand.counts_table import COUNT_NAMES, MISSING, MOST_TOLD, Counts
from darkfigure.errors import InputError, Problem

INTERCEPT = "(Intercept)"
MOST_VALUES = 50

_NAME = re.compile(r"`([^`]+)`|([^\s`+:*~()^|]+)")


def terms_of(formula: str) -> list[tuple[str, ...]]:
    """The terms on the right of a formula, each as the columns that it multiplies.

    Raises
    ------
    InputError
        If it is no formula.

    Examples
    --------
    >>> terms_of("y ~ sex * age + place")
    [('sex',), ('age',), ('sex', 'age'), ('place',)]
    >>> terms_of("y ~ 1")
    []
    """
    _, tilde, right = formula.partition("~")
    if not tilde or "~" in right or not right.strip():
        raise InputError(f"'{formula}' is no formula; write 'y ~ 1' or 'y ~ sex + age'.")
    terms: list[tuple[str, ...]] = []
    for part in right.split("+"):
        products = [[_name(x, formula) for x in p.split(":")] for p in part.split("*")]
        if products == [["1"]]:
            continue
        found = [tuple(each) for each in products]
        if len(found) > 2 or max(map(len, found)) > 2 or (len(found) == 2 and len(found[0]) > 1):
            raise InputError(f"'{part.strip()}' joins more than two columns; two at most may be.")
        if len(found) == 2:
            found.append((found[0][0], found[1][0]))
        terms += [term for term in found if term not in terms]
    for term in terms:
        if len(term) == 2 and not all((name,) in terms for name in term):
            raise InputError(
                f"'{':'.join(term)}' stands without both of its columns; write "
                f"'{'*'.join(term)}', which has them."
            )
    return terms


def _name(text: str, formula: str) -> str:
    match = _NAME.fullmatch(text.strip())
    if not match:
        raise InputError(
            f"'{text.strip()}' in '{formula}' is no name of a column; a formula has columns, +, : "
            "and *. Work out a logarithm or a group before, in a column of its own."
        )
    return match[1] or match[2]


def design(formula: str, counts: Counts) -> tuple[npt.NDArray[np.float64], list[str]]:
    """The columns of a regression, the intercept first.

    Parameters
    ----------
    formula : str
    counts : Counts
        Whose covariates are meant.

    Returns
    -------
    x : array of float, shape (m, p)
    names : list of str
        As R names them: `gendermale`, `age`, `gendermale:age`.

    Raises
    ------
    InputError
        If it is no formula, names a column that is not there, a cell is missing, a column of words
        has more than 50, or columns say the same thing.

    Examples
    --------
    >>> counts = Counts([1, 2, 1], covariates={"sex": ["m", "f", "m"], "age": ["30", "41", "22"]})
    >>> x, names = design("y ~ sex + age", counts)
    >>> names, x.tolist()[1]
    (['(Intercept)', 'sexm', 'age'], [1.0, 0.0, 41.0])
    """
    terms = terms_of(formula)
    left = formula.partition("~")[0].strip()
    if left and left.lower() not in COUNT_NAMES and left in counts.covariates:
        raise InputError(f"The left of '{formula}' is '{left}', which is not the count; write y.")
    coded: dict[str, tuple[npt.NDArray[np.float64], list[str]]] = {}
    columns = [np.ones((counts.counts.size, 1))]
    names = [INTERCEPT]
    for term in terms:
        for name in term:
            if name not in coded:
                coded[name] = _coded(name, counts, formula)
        x, called = coded[term[0]]
        if len(term) == 2:
            other, others = coded[term[1]]
            x = (x[:, :, None] * other[:, None, :]).reshape(x.shape[0], -1)
            called = [f"{a}:{b}" for a in called for b in others]
        columns.append(x)
        names += called
    whole = np.hstack(columns)
    scaled = whole / np.maximum(np.abs(whole).max(axis=0), 1e-300)
    if np.linalg.matrix_rank(scaled) < whole.shape[1]:
        raise InputError(
            f"The columns of '{formula}' say the same thing twice, or one of them has the same "
            "value for everybody; leave one out."
        )
    return whole, names


def _coded(name: str, counts: Counts, formula: str) -> tuple[npt.NDArray[np.float64], list[str]]:
    if name not in counts.covariates:
        there = ", ".join(counts.covariates) or "none but the counts"
        raise InputError(
            Problem(
                f"The formula '{formula}' names the column '{name}', which is not there; the "
                f"columns are: {there}.",
                file=counts.file or None,
            )
        )
    cells = [str(cell) for cell in counts.covariates[name]]
    lines: Sequence[int | None] = counts.lines or [None] * len(cells)
    empty = [line for cell, line in zip(cells, lines, strict=True) if cell.lower() in MISSING]
    if empty:
        told = (
            "The cell is missing. A regression needs it for everybody: fill it in, leave the "
            "person's row out, or leave the column out of the formula."
        )
        problems = [
            Problem(told, file=counts.file or None, line=line, column=name)
            for line in empty[:MOST_TOLD]
        ]
        more = len(empty) - MOST_TOLD
        raise InputError(
            [*problems, *([f"and {more:,} more missing in '{name}'."] if more > 0 else [])]
        )
    try:
        numbers = np.array(cells, dtype=np.float64)
        if np.isfinite(numbers).all():
            return numbers[:, None], [name]
    except ValueError:
        pass
    values = sorted(set(cells))
    if len(values) > MOST_VALUES:
        raise InputError(
            f"The column '{name}' has {len(values):,} different words; a regression takes "
            f"{MOST_VALUES} at most. Group them first."
        )
    if len(values) == 1:
        raise InputError(f"The column '{name}' has the same value for everybody; leave it out.")
    of = np.array(cells)
    return (of[:, None] == np.array(values[1:])).astype(np.float64), [name + v for v in values[1:]]
