"""The table of methods: a new estimator is one file beside this one and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from darkfigure import _kernel
from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.averaged import averaged
from darkfigure.size.bic import bic
from darkfigure.size.independent import independent
from darkfigure.size.latent_class import latent_class
from darkfigure.size.stepwise import stepwise


@dataclass(frozen=True)
class Method:
    """An estimator, what it does in plain words, and the options it has beside level and seed."""

    estimate: Callable[..., Estimate]
    words: str
    options: frozenset[str]


METHODS = {
    "independent": Method(
        independent,
        "as if the lists had nothing to do with each other",
        frozenset({"bootstrap", "resume"}),
    ),
    "stepwise": Method(
        stepwise,
        "pairs of lists that depend on each other, found one by one",
        frozenset({"bootstrap", "resume", "threshold"}),
    ),
    "bic": Method(
        bic,
        "the best balance of fit and simplicity among all models",
        frozenset({"bootstrap", "resume", "max_order", "nested", "time_limit", "watch"}),
    ),
    "averaged": Method(
        averaged,
        "all models together, each as probable as the data make it",
        frozenset({"max_order", "draws", "weights"}),
    ),
    "latent-class": Method(
        latent_class,
        "people of several kinds, some easier to find than others",
        frozenset({"draws"}),
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
    return _kernel.FOLDER is not None and any(_kernel.FOLDER.rglob("_search.search*.nbi"))


def compile_once(*names: str) -> None:
    """Load the kernels of some methods, or of all, compiling those that never ran here."""
    tiny = CaptureHistories("abc", np.array([0, 4, 4, 2, 4, 2, 2, 1]))
    for name in names or METHODS:
        chosen = method(name)
        own = {"bootstrap": 20} if "bootstrap" in chosen.options else {}
        chosen.estimate(tiny, workers=1, **own)
