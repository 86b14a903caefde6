"""The table of methods: a new estimator is one file beside this one and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _loglinear
from darkfigure.size.bic import bic
from darkfigure.size.independent import independent
from darkfigure.size.stepwise import stepwise


@dataclass(frozen=True)
class Method:
    """An estimator, what it does in plain words, and the options it has of its own."""

    estimate: Callable[..., Estimate]
    words: str
    options: frozenset[str] = frozenset()


METHODS = {
    "independent": Method(independent, "as if the lists had nothing to do with each other"),
    "stepwise": Method(
        stepwise,
        "pairs of lists that depend on each other, found one by one",
        frozenset({"threshold"}),
    ),
    "bic": Method(
        bic, "the best balance of fit and simplicity among all models", frozenset({"max_order"})
    ),
}

DEFAULT = "bic"


def method(name: str) -> Method:
    """The method of that name.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> method("stepwise").words
    'pairs of lists that depend on each other, found one by one'
    """
    if name not in METHODS:
        raise InputError(f"There is no method '{name}'; the methods are {', '.join(METHODS)}.")
    return METHODS[name]


def compiled() -> bool:
    """Have the kernels been compiled on this machine before?"""
    cache = Path(str(_loglinear.fit_terms.stats.cache_path))
    return any(cache.glob("_search.best_totals*.nbi"))


def compile_once(*names: str) -> None:
    """Load the kernels of some methods, or of all, compiling those that never ran here."""
    tiny = CaptureHistories("abc", np.array([0, 4, 4, 2, 4, 2, 2, 1]))
    for name in names or METHODS:
        method(name).estimate(tiny, bootstrap=20, workers=1)
