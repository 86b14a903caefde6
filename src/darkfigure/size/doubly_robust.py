"""Doubly robust: two lists that are independent among people who are alike.

Lists seldom miss people evenly. Where what is known of each person (sex, age, region) explains whom
they miss, two of them can still be taken as independent among people with the same covariates x.
Then the chance p_1(x) that the first list records a person can be learned from the people on the
second, and p_2(x) from those on the first, and the total is a sum over the people on either,

    sum of  Y_1 / p_1(x) + Y_2 / p_2(x) - Y_1 Y_2 / (p_1(x) p_2(x)),

with Y_j = 1 for a person on list j, else 0. The first term alone counts everybody if p_1 is right,
whatever p_2 is, for then the other two cancel on average; and the other way round. The error is a
product of the errors of p_1 and p_2: it is small if either is small, which is why p_1 and p_2 may
be learned by flexible methods that are each slow to converge.

This is the estimator of Das, Kennedy & Jewell (2023) from the efficient influence function of the
inverse capture probability. They write q_1, q_2 and q_12 for the chances among the people observed:
p_1 = q_12 / q_2 and p_2 = q_12 / q_1. People on neither list add 0 to the sum and to its variance,
so a pair of many lists needs only its own people.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.size._chances import KINDS, Floats, Learner, one_thread
from darkfigure.size._pairs import Answers, Pair, Split
from darkfigure.size._people import People, known
from darkfigure.size.refusal import refusals, refuse

Estimator = Literal["doubly robust", "targeted", "plug-in"]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)

LEAST_CHANCE = 0.005
"""No chance is taken to be smaller: nobody stands for more than 200 people on one list's word."""

LEAST_SHARED = 5  # people on both lists, to learn from


@dataclass(frozen=True)
class Sum:
    """The sum over the people on either of two lists, and what each of them adds.

    Attributes
    ----------
    total : float
        How many people there are; with "plug-in" and "targeted" never less than are seen.
    variance : float
        Of the total, the chance of who is seen included.
    adds : array, (rows,)
        What each person of a row adds to the doubly robust sum.
    """

    total: float
    variance: float
    adds: Floats


def total_of_pair(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    chance_first: npt.ArrayLike,
    chance_second: npt.ArrayLike,
    people: npt.ArrayLike | None = None,
    *,
    estimator: Estimator = "doubly robust",
) -> Sum:
    """How many people there are, when the chances of two lists have been learned.

    Parameters
    ----------
    first, second : array of bool, (rows,)
        Whether the people of each row are on the first and on the second list.
    chance_first, chance_second : array, (rows,)
        How likely the first list is to record such a person, and the second; above 0, at most 1.
    people : array, (rows,), optional
        How many people each row stands for; one each when left out.
    estimator : {'doubly robust', 'targeted', 'plug-in'}
        The sum above; the chances moved as little as makes it agree with the plug-in sum, which is
        then taken (targeted maximum likelihood); or the plug-in sum of 1 / P(on either list). The
        last has no double robustness, and the variance of the first.

    Raises
    ------
    InputError
        If a chance is none.
    NoEstimateError
        If no targeted chances are found.

    Notes
    -----
    Das, Kennedy & Jewell (2023). With a_i for what person i adds, the variance
    of the total is sum a_i**2 - total, which is their n (psi sigma**2 + (1 - psi) / psi). The
    targeted chances are found as by van der Laan & Rubin (2006), with weighted regressions.

    Examples
    --------
    Without covariates it is Lincoln and Petersen's: 50 on one list, 40 on the other, 20 on both.

    >>> rows = [True, False, True], [False, True, True]
    >>> found = total_of_pair(*rows, [20 / 40] * 3, [20 / 50] * 3, [30, 20, 20])
    >>> round(found.total, 6), round(found.variance, 6)  # 50 * 40 * 30 * 20 / 20**3
    (100.0, 150.0)
    """
    y1, y2 = np.asarray(first, bool), np.asarray(second, bool)
    p1, p2 = np.asarray(chance_first, np.float64), np.asarray(chance_second, np.float64)
    if not (np.all((p1 > 0) & (p1 <= 1)) and np.all((p2 > 0) & (p2 <= 1))):
        raise InputError("The chance that a list records a person is more than 0 and at most 1.")
    either = (y1 | y2).astype(np.float64)
    number = either if people is None else either * np.asarray(people, np.float64)
    if estimator == "targeted":
        p1, p2 = _targeted(y1, y2, p1, p2, number)
    adds = y1 / p1 + y2 / p2 - (y1 & y2) / (p1 * p2)
    robust = float(number @ adds)
    total = robust if estimator == "doubly robust" else float(number @ (1 / _seen(p1, p2)))
    return Sum(total, max(float(number @ adds**2) - total, 0.0), adds)


def _seen(p1: Floats, p2: Floats) -> Floats:
    """The chance of being on either list."""
    return 1 - (1 - p1) * (1 - p2)


def _targeted(
    y1: npt.NDArray[np.bool_], y2: npt.NDArray[np.bool_], p1: Floats, p2: Floats, number: Floats
) -> tuple[Floats, Floats]:
    """The chances moved until what the influence function adds to the plug-in sum is nothing.

    Given the covariates that is -h_1 Y_2 (Y_1 - p_1) - h_2 Y_1 (Y_2 - p_2). Two logistic
    regressions with no covariate but the chances as they are, weighted by h, make both parts 0. (As
    a covariate in place of a weight h would carry small chances off to 0.)
    """
    p1, p2 = np.clip(p1, 1e-9, 1 - 1e-9), np.clip(p2, 1e-9, 1 - 1e-9)
    for _ in range(100):
        seen = _seen(p1, p2)
        h1, h2 = (1 - p2) / (p2 * seen), (1 - p1) / (p1 * seen)
        parts = np.array([h1 * y2 * (y1 - p1), h2 * y1 * (y2 - p2)])
        scale = math.sqrt(float(number @ parts.sum(axis=0) ** 2))
        if np.all(np.abs(parts @ number) <= 1e-4 * scale + 1e-6):
            return p1, p2
        p1, p2 = _moved(p1, h1, y1, number * y2), _moved(p2, h2, y2, number * y1)
    raise NoEstimateError(
        "The chances cannot be moved so that the plug-in sum and the doubly robust one agree: the "
        "lists share too few people, or the chances were learned badly."
    )


def _moved(p: Floats, h: Floats, y: npt.NDArray[np.bool_], number: Floats) -> Floats:
    """Chances moved by as much for everybody, on the logit scale, until sum h (y - p) is 0."""
    from scipy.special import expit, logit

    offset, step = logit(p), 0.0
    used = number > 0
    weight, on, start = (number * h)[used], y[used], offset[used]
    for _ in range(60):  # Newton's method; where all are on the list, or none, it stops far out
        now = expit(start + step)
        move = float(weight @ (on - now)) / max(float(weight @ (now * (1 - now))), 1e-300)
        step += min(max(move, -1.0), 1.0)
        if abs(move) < 1e-9 or abs(step) > 30:
            break
    return np.asarray(np.clip(expit(offset + step), 1e-9, 1 - 1e-9), np.float64)


def doubly_robust(
    people: Any,
    lists: Sequence[str],
    covariates: Sequence[str] = (),
    *,
    count: str | None = None,
    pair: Sequence[str] | None = None,
    nuisance: Any = "logistic",
    estimator: Estimator = "targeted",
    folds: int = 5,
    splits: int = 5,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Estimate:
    """Estimate the total from lists that are independent among people alike in their covariates.

    Parameters
    ----------
    people : dataframe
        One row per person, or per kind of person with a count. Anything narwhals understands:
        polars, pandas, pyarrow and others.
    lists : sequence of str
        The columns that are lists, 2 to 20: 0/1 or false/true.
    covariates : sequence of str
        Columns of what is known of each person. Numbers are taken as measurements, words and
        false/true as groups; write codes as words. None may be missing. Without any, every pair
        gives Lincoln and Petersen's estimate.
    count : str, optional
        The column with the number of people of each row.
    pair : two of the lists, optional
        The lists that are independent among people who are alike. Without it all pairs answer; see
        below.
    nuisance : str or classifier
        How the chances of the lists are learned. "logistic": logistic regression on the covariates,
        measurements standardised, coefficients with a standard normal prior; right where each
        list's chance is logistic. "boosting" and "forest": trees, which find interactions and bends
        and want thousands of people. "strata": the shares in each combination of values. Or an
        untrained classifier of scikit-learn.
    estimator : {'targeted', 'doubly robust', 'plug-in'}
        As for `total_of_pair`. The first two are doubly robust and agree where lists share many
        people; where they share few "targeted" errs less, and it is never below the people seen.
    folds : int
        Parts the people are split into, 2 to 50; the chances in each are learned from the others. 1
        learns from the same people, which is right only for "strata" with few strata.
    splits : int
        How often the people are split anew, 1 to 100; the totals are averaged.
    level : float
        Confidence of the interval, between 0 and 1.
    seed : int
        The same seed gives the same answer on any number of cores and in any order of the rows.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how many splits are done.

    Returns
    -------
    Estimate
        In `details`, `pairs`: for each pair its `lists`, `people` on either, `shared`, `total`,
        `lower`, `upper`, `se`, and of the three estimators and `without_covariates` the totals.
        `spread`: the standard deviation between pairs of the logarithm of the total, beyond chance;
        None of one pair.

        With a pair, or two lists, the interval is log-normal on the unseen (Chao 1987). Otherwise
        the total is the mean over the pairs of its logarithm, weighted by precision with the spread
        between pairs in the weights (DerSimonian & Laird 1986, for estimates that share people).
        Nobody knows which pair is right, so the interval is one for the answer of another such
        pair: it holds the whole spread.

    Raises
    ------
    NoEstimateError
        If the two lists share nobody or hardly anybody, one is a copy of another or, of two, inside
        the other, or the answer is below the people seen.
    InputError
        If a column is missing, empty, or not what was expected, or a parameter is out of range.

    Notes
    -----
    M. Das, E. H. Kennedy & N. P. Jewell (2023): Doubly robust capture-recapture methods for
    estimating population size. Journal of the American Statistical Association 118. Splitting many
    times: Chernozhukov et al. (2018), The Econometrics Journal 21, with means.

    Examples
    --------
    Women are seldom on the police's list, men seldom on the shelters'. Two hundred of each:

    >>> import polars as pl
    >>> rows = pl.DataFrame({
    ...     "sex": ["f", "f", "f", "m", "m", "m"],
    ...     "police": [1, 0, 1, 1, 0, 1],
    ...     "shelter": [0, 1, 1, 0, 1, 1],
    ...     "people": [20, 80, 20, 80, 20, 20],
    ... })
    >>> together = doubly_robust(rows, ["police", "shelter"], count="people")
    >>> alike = doubly_robust(rows, ["police", "shelter"], ["sex"], count="people",
    ...                       nuisance="strata", folds=1)
    >>> round(together.total, 6), round(alike.total, 6)
    (490.0, 400.0)
    """
    _check_options(nuisance, estimator, folds, splits, level)
    covariates = (covariates,) if isinstance(covariates, str) else covariates
    known_people = known(people, lists, covariates, count)
    every = list(combinations(known_people.lists, 2))
    if pair is not None:
        every = [each for each in every if set(each) == set(pair)]
        if not every or len(pair) != 2:
            raise InputError(
                f"The pair must be two of the lists {', '.join(map(repr, known_people.lists))}, "
                f"not {' and '.join(map(repr, pair))}."
            )
    pairs, doubts = _that_can_answer(known_people, every)
    histories = known_people.histories
    refuse(histories, [reason for reason in refusals(histories) if reason.hard])
    if not known_people.names:  # three shares are all there is to learn, from everybody
        nuisance, folds = "strata", 1
    if folds == 1:
        splits = 1
    learner = Learner(nuisance, known_people.covariates, known_people.observed, seed)

    def split(number: int) -> Split:
        return _under_split(known_people, pairs, learner, estimator, folds, (seed, number))

    with one_thread("blas"):
        found = list(engine.run(split, range(splits), workers=workers, progress=progress))
    answers = Answers(known_people, pairs, found, estimator, level)
    total, lower, upper, spread = answers.together()
    observed = known_people.observed
    if total < observed - 1e-6:
        raise NoEstimateError(
            f"The answer would be {total:,.0f}, fewer than the {observed:,} people seen: these "
            "lists depend on each other, even among people alike in the covariates."
        )
    total = max(total, observed)
    how = "log-normal on the unseen" if spread is None else "log-normal, with the pairs' spread"
    return Estimate(
        total=total,
        lower=max(min(lower, total), observed),
        upper=max(upper, total),
        level=level,
        observed=observed,
        method="doubly-robust",
        lists=tuple(lists),
        settings={
            "covariates": list(covariates),
            "pair": None if pair is None else list(pair),
            "nuisance": nuisance if isinstance(nuisance, str) else repr(nuisance),
            "estimator": estimator,
            "folds": folds,
            "splits": splits,
            "least_chance": LEAST_CHANCE,
            "level": level,
            "seed": seed,
        },
        details={"pairs": answers.table(), "spread": spread, "interval": how},
        warnings=(*known_people.notes, *doubts, *answers.doubts()),
    )


def _check_options(nuisance: Any, estimator: str, folds: int, splits: int, level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if not 1 <= folds <= 50:
        raise InputError(f"The people are split into 2 to 50 folds, or 1 for none, not {folds}.")
    if not 1 <= splits <= 100:
        raise InputError(f"The people are split anew 1 to 100 times, not {splits}.")
    if estimator not in ESTIMATORS:
        one_of = ", ".join(map(repr, ESTIMATORS))
        raise InputError(f"The estimator is one of {one_of}, not '{estimator}'.")
    if nuisance not in KINDS if isinstance(nuisance, str) else not hasattr(nuisance, "fit"):
        one_of = ", ".join(map(repr, KINDS))
        raise InputError(
            f"The chances are learned by one of {one_of} or a classifier of scikit-learn, not by "
            f"{nuisance!r}."
        )


def _that_can_answer(people: People, every: list[Pair]) -> tuple[list[Pair], list[str]]:
    """The pairs that share enough people, and what to say about the others."""
    least = LEAST_SHARED if people.names else 1
    shared = {pair: people.histories.shared(*pair) for pair in every}
    enough = [pair for pair in every if shared[pair] >= least]
    if not enough:
        a, b = max(every, key=lambda pair: shared[pair])
        more = ", and no other pair shares more" if len(every) > 1 else ""
        if not shared[a, b]:
            raise NoEstimateError(
                f"'{a}' and '{b}' share nobody{more}; lists that share nobody say nothing of how "
                "many people are on neither."
            )
        raise NoEstimateError(
            f"'{a}' and '{b}' share only {shared[a, b]} people{more}; at least {least} are needed "
            "to learn whom a list records. Without covariates the lists could be compared as they "
            "are."
        )
    left = [f"'{a}' and '{b}'" for a, b in every if shared[a, b] < least]
    if not left:
        return enough, []
    few = "nobody" if least == 1 else f"nobody or fewer than {least} people"
    return enough, [
        f"Left out the pairs that share {few}: {', '.join(left)}. Lists that avoid each other "
        "would make the total larger."
    ]


def _under_split(
    people: People,
    pairs: list[Pair],
    learner: Learner,
    estimator: Estimator,
    folds: int,
    seed: tuple[int, int],
) -> Split:
    """What all pairs answer when the people are split into folds in one way."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(np.repeat(np.arange(len(people.masks)), people.number))
    # Dealt out history by history, so that each fold has its share of the people on both lists.
    dealt = shuffled[np.argsort(people.masks[shuffled], kind="stable")]
    own = dealt * folds + np.arange(len(dealt)) % folds
    where = np.bincount(own, minlength=folds * len(people.masks)).reshape(-1, folds)
    cell, fold = np.nonzero(where)
    # Shares of the very people they are used for are never near zero by mistake.
    least = 0.0 if learner.kind == "strata" and folds == 1 else LEAST_CHANCE
    number = where[cell, fold].astype(np.float64)

    totals: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
    adds, truncated, on_few = [], [], []
    for pair in pairs:
        with one_thread("openmp"):
            learned = [p[cell, fold] for p in _chances(people, pair, learner, where)]
        p1, p2 = (np.clip(p, least, 1.0) for p in learned)
        y1, y2 = (people.on(name)[cell] for name in pair)
        for name in ESTIMATORS:
            try:
                found = total_of_pair(y1, y2, p1, p2, number, estimator=name)
            except NoEstimateError:
                found = Sum(math.nan, math.nan, np.zeros(len(cell)))
            totals[name].append(found.total)
            if name == estimator:
                adds.append(found.adds * (y1 | y2))
        either = y1 | y2
        truncated.append(np.average(np.minimum(*learned) < least, weights=number * either))
        on_few.append(_resting_on_few(1 / _seen(p1, p2), number * either))
    each_adds, total = np.stack(adds), np.array(totals[estimator])
    return Split(
        {name: np.array(values) for name, values in totals.items()},
        # Of two pairs as of one: sum a_i b_i - N, for E(a) = E(b) = 1 over all people.
        (each_adds * number) @ each_adds.T - np.sqrt(np.maximum(np.outer(total, total), 0.0)),
        np.array(truncated),
        np.array(on_few),
    )


def _chances(
    people: People, pair: Pair, learner: Learner, where: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """How likely each of two lists is to record the people of each cell, (cells, folds).

    What is used in a fold is learned from the other folds: of one list from the people on the
    other.
    """
    first, second = (people.on(name) for name in pair)
    p1, p2 = np.ones(where.shape), np.ones(where.shape)
    for fold in range(where.shape[1]):
        train = people.number - (where[:, fold] if where.shape[1] > 1 else 0)
        rows = np.flatnonzero((where[:, fold] > 0) & (first | second))
        p1[rows, fold] = learner.chance(first, (train * second).astype(np.float64), rows)
        p2[rows, fold] = learner.chance(second, (train * first).astype(np.float64), rows)
    return p1, p2


def _resting_on_few(each: Floats, number: Floats) -> float:
    """The share of a sum that comes from the one per cent of the people who add most to it."""
    order = np.argsort(-each, kind="stable")
    upto = np.cumsum(number[order])
    taken = np.diff(np.minimum(upto, math.ceil(upto[-1] / 100)), prepend=0.0)
    return float(taken @ each[order] / (number @ each))
