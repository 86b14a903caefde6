"""From the sums of several pairs of lists, each split many ways, to one answer and interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from darkfigure.errors import NoEstimateError
from darkfigure.size._chances import Floats
from darkfigure.size._people import People

FEW_SHARED = 20  # people on both lists for each thing that is learned of a list
TRUNCATED = 0.01  # share of the people whose chances were raised
ON_FEW = 0.10  # share of the total that rests on one person in a hundred
APART = 1.5  # the largest pair's answer over the smallest
IN_GROUP = 10  # people of a group on either list, of whom none is on both

Pair = tuple[str, str]


@dataclass(frozen=True)
class Split:
    """What all pairs answer under one way of splitting the people."""

    totals: dict[str, Floats]  # of each estimator, (pairs,)
    covariance: Floats  # (pairs, pairs), of the totals of the estimator that was asked for
    truncated: Floats  # (pairs,) share of the people whose chances were below the least
    on_few: Floats  # (pairs,) share of the total that rests on one person in a hundred


class Answers:
    """What the pairs say, each and together.

    Parameters
    ----------
    people : People
    pairs : list of pairs
    splits : list of Split
        The totals are averaged; their variance is the mean of the splits', and that between them
        (Chernozhukov et al. 2018, with means).
    estimator : str
    level : float
    """

    def __init__(
        self, people: People, pairs: list[Pair], splits: list[Split], estimator: str, level: float
    ) -> None:
        self.people = people
        self.z = NormalDist().inv_cdf((1 + level) / 2)
        each = {name: np.stack([s.totals[name] for s in splits]) for name in splits[0].totals}
        seen = np.array([float(people.on_either(*pair).sum()) for pair in pairs])
        possible = each[estimator].mean(axis=0) >= seen - 1e-6
        self.impossible = [pair for pair, fine in zip(pairs, possible, strict=True) if not fine]
        if not possible.any():
            a, b = self.impossible[0]
            raise NoEstimateError(
                f"There is no total for '{a}' and '{b}', or one below the {seen[0]:,.0f} people on "
                "them: they share too few people for what is to be learned from these covariates. "
                "Name fewer covariates, or other lists."
            )
        self.pairs = [pair for pair in pairs if pair not in self.impossible]
        self.seen = seen[possible]
        self.shared = [people.histories.shared(*pair) for pair in self.pairs]
        each = {name: values[:, possible] for name, values in each.items()}
        self.totals = {name: values.mean(axis=0) for name, values in each.items()}
        self.total = self.totals[estimator]
        between = each[estimator] - self.total
        self.between = np.sqrt(np.mean(between**2, axis=0))
        within = np.mean([s.covariance for s in splits], axis=0)[np.ix_(possible, possible)]
        self.covariance = within + between.T @ between / len(splits)
        self.se = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        self.truncated = np.mean([s.truncated for s in splits], axis=0)[possible]
        self.on_few = np.mean([s.on_few for s in splits], axis=0)[possible]

    def together(self) -> tuple[float, float, float, float | None]:
        """The total, its limits, and the spread of the pairs' logarithms (None of one pair)."""
        if len(self.pairs) == 1:
            return (float(self.total[0]), *self._limits(0), None)
        logs = np.log(self.total)
        cov = self.covariance / np.outer(self.total, self.total)
        own = np.maximum(np.diag(cov), 1e-12)
        # The moment estimate of DerSimonian & Laird (1986) with the covariances in its expectation.
        w = 1 / own
        a = np.diag(w) - np.outer(w, w) / w.sum()
        tau2 = max(0.0, float(logs @ a @ logs - np.trace(a @ cov)) / float(np.trace(a)))
        u = 1 / (own + tau2)
        u /= u.sum()
        total = float(np.exp(u @ logs))
        sd = math.sqrt(max(float(u @ cov @ u), 0.0) + tau2 * (1 + float(u @ u)))
        lower, upper = log_normal(total, total * sd, float(self.seen.max()), self.z)
        return total, lower, upper, math.sqrt(tau2)

    def _limits(self, i: int) -> tuple[float, float]:
        return log_normal(float(self.total[i]), float(self.se[i]), float(self.seen[i]), self.z)

    def table(self) -> list[dict[str, Any]]:
        """What each pair answers, for the details of an estimate."""
        rows = []
        for i, (a, b) in enumerate(self.pairs):
            lower, upper = self._limits(i)
            sizes = self.people.histories.size_of(a) * self.people.histories.size_of(b)
            rows.append(
                {
                    "lists": [a, b],
                    "people": int(self.seen[i]),
                    "shared": self.shared[i],
                    "total": float(self.total[i]),
                    "lower": lower,
                    "upper": upper,
                    "se": float(self.se[i]),
                    **{
                        name.replace(" ", "_").replace("-", "_"): _or_none(float(values[i]))
                        for name, values in self.totals.items()
                    },
                    "without_covariates": sizes / self.shared[i],
                }
            )  # fmt: skip
        return rows

    def doubts(self) -> list[str]:
        """What should make a reader careful, in sentences."""
        said = [
            f"Left out '{a}' and '{b}': there is no total, or one below the people on them, for "
            "they share too few people for these covariates."
            for a, b in self.impossible
        ]
        for i, (a, b) in enumerate(self.pairs):
            names = f"'{a}' and '{b}'"
            if self.shared[i] == min(map(self.people.histories.size_of, (a, b))):
                said.append(
                    f"One of {names} has nobody whom the other has not: whatever is unseen, their "
                    "answer is the larger list, and its interval has no width."
                )
            needed = FEW_SHARED * (1 + self.people.learned)
            if self.shared[i] < needed:
                said.append(
                    f"{names} share only {self.shared[i]} people; with these covariates {needed} "
                    "or more are needed for an interval that can be relied on."
                )
            said.extend(
                f"Of {IN_GROUP} or more people whose {covariate} is '{value}', {names} share "
                "nobody; what is said of people like them is borrowed from the others."
                for covariate, value in self.people.sharing_nobody(a, b, IN_GROUP)
            )
            if self.truncated[i] > TRUNCATED:
                said.append(
                    f"For {100 * self.truncated[i]:.0f} % of the people on {names} the chance of "
                    "being recorded came out near zero and was raised to the least that is "
                    "allowed; the total is lower for it."
                )
            if self.on_few[i] > ON_FEW:
                said.append(
                    f"{100 * self.on_few[i]:.0f} % of the total of {names} rests on one person in "
                    "a hundred, whose like are hardly ever recorded."
                )
            apart = abs(self.totals["plug-in"][i] - self.totals["doubly robust"][i])
            if apart > 2 * self.se[i]:
                said.append(
                    f"For {names} the chances as learned give {self.totals['plug-in'][i]:,.0f} "
                    f"people and the doubly robust sum {self.totals['doubly robust'][i]:,.0f}: the "
                    "chances fit badly; learn them in another way too."
                )
            if 2 * self.between[i] > self.se[i] > 0:
                said.append(
                    f"The answer of {names} depends on how the people happen to be split; ask for "
                    "more splits."
                )
        low, high = int(np.argmin(self.total)), int(np.argmax(self.total))
        if self.total[high] > APART * self.total[low]:
            (a, b), (c, d) = self.pairs[low], self.pairs[high]
            said.append(
                f"The pairs disagree: '{a}' and '{b}' answer {self.total[low]:,.0f}, '{c}' and "
                f"'{d}' {self.total[high]:,.0f}. Some lists depend on each other even among people "
                "alike in the covariates; name the pair that has least to do with each other."
            )
        return said


def _or_none(total: float) -> float | None:
    return total if math.isfinite(total) else None


def log_normal(total: float, se: float, seen: float, z: float) -> tuple[float, float]:
    """The limits of a total, log-normal on the unseen (Chao 1987).

    Examples
    --------
    >>> log_normal(100, 12.25, 70, 1.96)
    (83.8..., 134.7...)
    """
    unseen = total - seen
    if unseen <= 0 or se <= 0:
        return total, total
    reach = math.exp(z * math.sqrt(math.log1p((se / unseen) ** 2)))
    return seen + unseen / reach, seen + unseen * reach
