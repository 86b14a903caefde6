"""Formulas: `y ~ sex + age`, `a:b` for what two do together, `a*b` for `a + b + a:b`.

`formulaic` reads them and codes the columns. A column of numbers is one term; a column of words has
a term for each word but the first in order, against which the others stand (treatment coding, as in
R). A formula of ours is never run as Python: it has the names of columns and nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.demand.counts_table import COUNT_NAMES, NOT_THERE, Counts, missing_in
from darkfigure.errors import InputError, Problem

INTERCEPT = "(Intercept)"
MOST_VALUES = 50
MOST_COLUMNS = 500

_POWER = re.compile(r"\*\*|\^")
_SIGN = re.compile(r"[-/%]")
_NO_INTERCEPT = re.compile(r"-\s*1\b|(^|[+\s])0(?![\w.])")
_QUOTED = re.compile(r"`[^`]*`")
_NUMBER_AS_NAME = re.compile(r"`\s*[\d.]+\s*`")
_CODED = re.compile(r"\[(?:T\.)?(.*?)\](?=:|$)")  # sex[T.m], which R calls sexm


def columns_of(formula: str) -> list[str]:
    """The columns that a formula names, in the order in which they come.

    Raises
    ------
    InputError
        If it is no formula.

    Examples
    --------
    >>> columns_of("y ~ sex * age + `date of birth`")
    ['sex', 'age', 'date of birth']
    >>> columns_of("y ~ 1")
    []
    """
    terms = _parsed(formula)
    return list(dict.fromkeys(factor.expr for term in terms[1:] for factor in term.factors))


def _parsed(formula: str) -> Sequence[Any]:
    """The terms, the intercept first; an empty row where that is all."""
    _, tilde, right = formula.partition("~")
    if not tilde or not right.strip():
        raise InputError(f"'{formula}' is no formula; write 'y ~ 1' or 'y ~ sex + age'.")
    if right.strip() == "1":
        return ()
    try:
        from formulaic import Formula
        from formulaic.parser import DefaultFormulaParser
    except ImportError as error:
        raise InputError(
            f"A formula with columns needs more than is installed ({error.name}); install it by: "
            "pip install 'darkfigure[covariates]'."
        ) from error
    bare = _QUOTED.sub("", right)
    if _POWER.search(bare):
        raise InputError(
            f"'{formula}' has a power, which in a formula is no square. Work the square out "
            "before, in a column of its own; what two columns do together is written 'sex*age'."
        )
    if _NO_INTERCEPT.search(bare):
        raise InputError(
            f"'{formula}' leaves out the intercept, the rate of those against whom others stand; "
            "leave out the '0', or '- 1'."
        )
    if sign := _SIGN.search(bare):
        raise InputError(
            f"'{formula}' has a '{sign[0]}'; columns are joined by +, : and * alone. A column with "
            f"such a sign in its name stands between backticks, as in 'y ~ `age{sign[0]}group`'."
        )
    if _NUMBER_AS_NAME.search(right):
        raise InputError(f"A column in '{formula}' is called by a number; give it a name of words.")
    try:
        parser = DefaultFormulaParser(feature_flags=DefaultFormulaParser.FeatureFlags.NONE)
        terms = list(Formula(right, _parser=parser))
    except Exception:  # what is no formula at all ends it in several ways, of which few are its own
        raise InputError(
            f"'{formula}' is no formula that can be read. One has columns with +, :, * and "
            "brackets between them, and marks ` around a name with blanks, as "
            "'y ~ sex * (age + `home town`)'."
        ) from None
    for term in terms:
        for factor in term.factors:
            kind = factor.eval_method.value
            if kind == "python" or (kind == "literal" and str(term) != "1"):
                raise InputError(
                    f"'{factor.expr}' in '{formula}' is no name of a column; a formula has "
                    "columns, +, : and *. Work out a logarithm or a group before, in a column of "
                    "its own."
                )
    if not terms or str(terms[0]) != "1":
        raise InputError(f"'{formula}' has no intercept; write 'y ~ 1' or 'y ~ sex + age'.")
    if len(terms) == 1:
        raise InputError(f"'{formula}' names no column; write 'y ~ 1' or 'y ~ sex + age'.")
    return terms


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
        has more than 50, there are more than 500 columns, or columns say the same thing.

    Examples
    --------
    >>> counts = Counts([1, 2, 1], covariates={"sex": ["m", "f", "m"], "age": ["30", "41", "22"]})
    >>> x, names = design("y ~ sex + age", counts)
    >>> names, x.tolist()[1]
    (['(Intercept)', 'sexm', 'age'], [1.0, 0.0, 41.0])
    """
    terms = _parsed(formula)
    left = formula.partition("~")[0].strip()
    if (left in counts.covariates and left.lower() not in COUNT_NAMES) or "(" in left:
        raise InputError(f"The left of '{formula}' is '{left}', which is not the count; write y.")
    if len(terms) < 2:
        return np.ones((counts.counts.size, 1)), [INTERCEPT]
    from formulaic import SimpleFormula
    from pandas import Categorical, DataFrame

    cells = {name: _cells(name, counts, formula) for name in columns_of(formula)}
    widths = {name: 1 if isinstance(of, np.ndarray) else len(set(of)) for name, of in cells.items()}
    columns = sum(math.prod(widths[factor.expr] for factor in term.factors) for term in terms[1:])
    if columns > MOST_COLUMNS:
        raise InputError(
            f"'{formula}' makes {columns:,} columns; a regression takes {MOST_COLUMNS} at most. "
            "Group the words first."
        )
    frame = DataFrame(
        {
            name: of if isinstance(of, np.ndarray) else Categorical(of, categories=sorted(set(of)))
            for name, of in cells.items()
        }
    )
    found = SimpleFormula(terms).get_model_matrix(frame, output="numpy", na_action="raise")
    whole = np.asarray(found, dtype=np.float64)
    scaled = whole / np.maximum(np.abs(whole).max(axis=0), 1e-300)
    if np.linalg.matrix_rank(scaled) < whole.shape[1]:
        raise InputError(
            f"The columns of '{formula}' say the same thing twice, or one of them has the same "
            "value for everybody; leave one out."
        )
    names = [_CODED.sub(r"\1", name) for name in found.model_spec.column_names[1:]]
    return whole, [INTERCEPT, *names]


def _cells(name: str, counts: Counts, formula: str) -> npt.NDArray[np.float64] | list[str]:
    """The numbers of a column, or its words."""
    if name not in counts.covariates:
        there = ", ".join(counts.covariates) or "none but the counts"
        raise InputError(
            Problem(
                f"The formula '{formula}' names the column '{name}', {NOT_THERE} {there}.",
                file=counts.file or None,
            )
        )
    cells = [str(cell) for cell in counts.covariates[name]]
    lines: Sequence[int | None] = counts.lines or [None] * len(cells)
    if problems := missing_in(name, cells, lines, counts.file):
        raise InputError(problems)
    try:
        numbers = np.array(cells, dtype=np.float64)
        if np.isfinite(numbers).all():
            return numbers
    except ValueError:
        pass
    values = len(set(cells))
    if values > MOST_VALUES:
        raise InputError(
            f"The column '{name}' has {values:,} different words; a regression takes "
            f"{MOST_VALUES} at most. Group them first."
        )
    if values == 1:
        raise InputError(f"The column '{name}' has the same value for everybody; leave it out.")
    return cells
