"""How likely a list is to record a person, learned from the people that another list recorded.

Everything here works on cells: kinds of people alike in every covariate, with the number of people
of each kind as weights. Where a covariate is a measurement, a cell is often one person.
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError, NoEstimateError

Floats = npt.NDArray[np.float64]

KINDS = ("logistic", "boosting", "forest", "strata")
PER_STRATUM = 5  # people that each stratum needs on average
LEAF = 20  # people in a leaf of a tree, or more


@dataclass(frozen=True)
class Covariates:
    """What is known of the people of each cell.

    `numbers`, (cells, a), are measurements with mean 0 and standard deviation 1 over the people;
    `groups`, (cells, b), are codes 0, 1, ... of the values of the other covariates.
    """

    numbers: Floats
    groups: npt.NDArray[np.int64]

    def strata(self) -> npt.NDArray[np.int64]:
        """The number of the combination of values that each cell has."""
        together = np.column_stack([self.numbers, self.groups])
        if not together.shape[1]:
            return np.zeros(len(together), np.int64)
        return np.unique(together, axis=0, return_inverse=True)[1].reshape(-1)

    def columns(self) -> Floats:
        """The measurements, and for each value of a group a column of 0 and 1."""
        each = [self.groups[:, [j]] == np.unique(self.groups[:, j]) for j in range(self.n_groups)]
        return np.column_stack([self.numbers, *each]).astype(np.float64)

    @property
    def n_groups(self) -> int:
        return int(self.groups.shape[1])


def one_thread(kind: str) -> AbstractContextManager[Any]:
    """Have "blas" or "openmp" add up in one order, which is the same on any number of cores."""
    limits: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api=kind)
    return limits


@functools.cache
def _libraries() -> Any:
    """The libraries that add up on several cores."""
    try:
        import sklearn.ensemble  # noqa: F401 (it brings OpenMP)
        import threadpoolctl
    except ImportError as error:
        raise InputError(
            f"Learning from covariates needs more than is installed ({error.name}); install it by: "
            "pip install 'darkfigure[covariates]'."
        ) from error
    return threadpoolctl.ThreadpoolController()


class Learner:
    """Learns the chance of a list from weighted cells, always of the same people.

    Parameters
    ----------
    kind : str or classifier
        One of `KINDS`, or an untrained classifier with the manners of scikit-learn.
    covariates : Covariates
    people : int
    seed : int
        Of the learners that draw random numbers.
    """

    def __init__(self, kind: Any, covariates: Covariates, people: int, seed: int) -> None:
        self.kind = kind
        self.seed = seed
        if kind == "strata":
            self.stratum = covariates.strata()
            strata = int(self.stratum.max()) + 1
            if strata > 1 and strata * PER_STRATUM > people:
                raise InputError(
                    f"The covariates split {people:,} people into {strata:,} strata, too many to "
                    "take each alone; name fewer, or learn by 'logistic'."
                )
        elif kind == "boosting":
            self.features = np.column_stack([covariates.groups, covariates.numbers])
            self.grouped = np.arange(self.features.shape[1]) < covariates.n_groups
        else:
            self.features = covariates.columns()

    def chance(
        self, on: npt.NDArray[np.bool_], weight: Floats, wanted: npt.NDArray[np.int64]
    ) -> Floats:
        """For each of the wanted cells the chance of being on a list.

        Parameters
        ----------
        on : array of bool, (cells,)
            Whether the people of the cell are on it.
        weight : array, (cells,)
            How many of them to learn from.
        wanted : array of int
            The places of cells.
        """
        if not len(wanted):
            return np.empty(0)
        overall = float(np.average(on, weights=weight)) if weight.any() else 0.0
        if overall in (0.0, 1.0):
            return np.full(len(wanted), overall)
        if self.kind == "strata":
            caught = np.bincount(self.stratum, weight * on)
            of = np.bincount(self.stratum, weight)
            # Where a stratum cannot say, the people as a whole do.
            share = np.divide(caught, of, out=np.full(len(of), overall), where=caught > 0)
            return np.asarray(share[self.stratum[wanted]], np.float64)
        rows, classifier = weight > 0, self._untrained(float(weight.sum()))
        features, target, times = self.features[rows], on[rows], weight[rows]
        if self.kind == "boosting":  # it limits its leaves by rows, not by weights
            repeated = np.repeat(np.arange(len(target)), times.astype(np.int64))
            features, target, times = features[repeated], target[repeated], np.ones(len(repeated))
        classifier.fit(features, target, sample_weight=times)
        if self.kind == "logistic" and classifier.n_iter_.max() >= classifier.max_iter:
            raise NoEstimateError("The logistic regression of a list's chances did not converge.")
        found = classifier.predict_proba(self.features[wanted])
        return np.asarray(found[:, list(classifier.classes_).index(True)], np.float64)

    def _untrained(self, people: float) -> Any:
        if self.kind == "logistic":
            from sklearn.linear_model import LogisticRegression

            return LogisticRegression(C=1.0, tol=1e-8, max_iter=2_000)
        if self.kind == "boosting":
            from sklearn.ensemble import HistGradientBoostingClassifier

            return HistGradientBoostingClassifier(
                learning_rate=0.05,
                max_iter=60,
                max_leaf_nodes=4,
                min_samples_leaf=LEAF,
                early_stopping=False,
                categorical_features=self.grouped,
                random_state=self.seed,
            )
        if self.kind == "forest":
            from sklearn.ensemble import RandomForestClassifier

            leaf = min(0.5, LEAF / people)
            return RandomForestClassifier(
                100, min_weight_fraction_leaf=leaf, random_state=self.seed, n_jobs=1
            )
        from sklearn.base import clone

        return clone(self.kind)
