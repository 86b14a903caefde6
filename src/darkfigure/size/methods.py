"""The table of methods: a new estimator is one file beside this one and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from darkfigure import _kernel
from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import MAX_LISTS, CaptureHistories
from darkfigure.size.auto import auto
from darkfigure.size.averaged import averaged
from darkfigure.size.bic import bic
from darkfigure.size.chao import chao
from darkfigure.size.decomposable import MOST_LISTS as MOST_FOR_GRAPHS
from darkfigure.size.decomposable import decomposable
from darkfigure.size.doubly_robust import doubly_robust
from darkfigure.size.heterogeneity import heterogeneity
from darkfigure.size.independent import independent
from darkfigure.size.latent_class import MOST_LISTS as MOST_FOR_CLASSES
from darkfigure.size.latent_class import latent_class
from darkfigure.size.shrinkage import MAX_LISTS as MOST_FOR_SHRINKAGE
from darkfigure.size.shrinkage import shrinkage
from darkfigure.size.space import MAX_LISTS as MOST_FOR_SEARCH
from darkfigure.size.stepwise import stepwise
from darkfigure.size.threshold import MOST_LISTS as MOST_FOR_THRESHOLD
from darkfigure.size.threshold import threshold


@dataclass(frozen=True)
class Method:
    """An estimator: what it does in plain words, options beside level and seed, and its reach.

    `beside` tells whether its answer stands beside another method's as one that can be defended: a
    lower bound does not, nor a model that is known to be unstable, nor chains that take long.
    `alike` tells that it leans on what is usual elsewhere, so that it is wrong of all strata of a
    place at once, if of one.
    """

    estimate: Callable[..., Estimate]
    words: str
    options: frozenset[str]
    most_lists: int = MAX_LISTS
    least_lists: int = 2
    beside: bool = True
    alike: bool = False

    def takes(self, lists: int) -> bool:
        """Whether it works over so many lists."""
        return self.least_lists <= lists <= self.most_lists


DEFAULT = "auto"

METHODS = {
    "auto": Method(
        auto,
        "the method that errs least where the truth is known, or a refusal with a lower bound",
        frozenset({"draws"}),
        most_lists=MOST_FOR_SHRINKAGE,
        beside=False,
        alike=True,
    ),
    "shrinkage": Method(
        shrinkage,
        "all dependences among the lists at once, each drawn toward what is usual elsewhere",
        frozenset({"draws"}),
        most_lists=MOST_FOR_SHRINKAGE,
        alike=True,
    ),
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
        most_lists=MOST_FOR_SEARCH,
    ),
    "averaged": Method(
        averaged,
        "all models together, each as probable as the data make it",
        frozenset({"max_order", "draws", "weights"}),
        most_lists=MOST_FOR_SEARCH,
    ),
    "threshold": Method(
        threshold,
        "pairs of lists that surely depend on each other, as a posterior has it",
        frozenset({"draws", "prior"}),
        most_lists=MOST_FOR_THRESHOLD,
    ),
    "heterogeneity": Method(
        heterogeneity,
        "as if some people were easier to find than others, on every list alike",
        frozenset({"bootstrap", "resume", "kind"}),
        least_lists=3,
        beside=False,
    ),
    "chao": Method(
        chao,
        "a lower bound: at least so many, however people differ",
        frozenset({"bootstrap", "resume"}),
        beside=False,
    ),
    "decomposable": Method(
        decomposable,
        "all graphs of lists that depend on each other, each as probable as the data make it",
        frozenset({"draws", "delta"}),
        most_lists=MOST_FOR_GRAPHS,
    ),
    "latent-class": Method(
        latent_class,
        "people of several kinds, some easier to find than others",
        frozenset({"draws"}),
        most_lists=MOST_FOR_CLASSES,
        least_lists=3,
        beside=False,
    ),
}

OF_PEOPLE = {
    "doubly-robust": Method(
        doubly_robust,
        "lists as independent among people who are alike",
        frozenset({"covariates", "pair", "nuisance"}),
    ),
}
"""Methods that take a frame of people with covariates, not counts."""


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
    if name in OF_PEOPLE:
        raise InputError(
            f"The method '{name}' needs to know more of the people than which lists they are on: "
            "give it a table with columns such as sex and age, and name them, as in: darkfigure "
            f"size TABLE --method {name} --covariates sex,age."
        )
    if name not in METHODS:
        known = ", ".join([*METHODS, *OF_PEOPLE])
        raise InputError(f"There is no method '{name}'; the methods are {known}.")
    return METHODS[name]


def compiled(name: str) -> bool:
    """Have the kernels of a method, or of what goes by that name, been compiled here before?"""
    return _kernel.FOLDER is not None and (_kernel.FOLDER / f"{name}.compiled").exists()


def remember_compiled(name: str) -> None:
    """Have `compiled` say so from now on, for as long as the kernels are the same."""
    if _kernel.FOLDER is not None and not compiled(name):
        (_kernel.FOLDER / f"{name}.compiled").touch()


def compile_once(*names: str) -> None:
    """Load the kernels of some methods, or of all, compiling those that never ran here."""
    tiny = CaptureHistories("abc", np.array([0, 4, 4, 2, 4, 2, 2, 1]))
    for name in names or METHODS:
        chosen = method(name)
        own = {"bootstrap": 20} if "bootstrap" in chosen.options else {}
        chosen.estimate(tiny, workers=1, **own)
        remember_compiled(name)
