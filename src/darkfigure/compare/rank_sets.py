"""Confidence sets for ranks: which ranks of a place go with the estimates and their errors.

An estimate with a standard error has a rank without one. Place k is ahead of place j where the
difference of their estimates, over its standard error, is larger than chance makes the largest of
all differences that are looked at:

    |x_k - x_j| / se_jk  >  c,    c the quantile of max |X_k - X_j| / se_jk for X normal about 0.

The rank of j is then no less than one more than the number of places ahead of it, and no more than
the number of places less those behind it. For one place that was named beforehand the largest is
over its own differences ("marginal"), for the whole ranking over those of all pairs
("simultaneous"). "k is ahead of j" and "j is ahead of k" are two hypotheses; those that were told
are left out of the largest, c falls, and perhaps more can be told (stepdown). These are the sets of
Mogstad, Romano, Shaikh & Wilhelm (2024).

The joint intervals of Klein, Wright & Wieczorek (2020) need no random numbers: if all places are
within their intervals at once, a place whose interval is wholly above another's is ahead of it.
They are wider, for two intervals overlap sooner than their difference is in doubt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from darkfigure.errors import InputError

DRAWS = 100_000
_BLOCK = 2048  # draws at a time: the differences of a place with all others stay in the cache
_BEYOND = 10
"""So many draws at least lie beyond the quantile, or it is a quantile of nothing."""
_NOTHING = 1e-12
"""A variance of a difference below this share of the two variances is rounding, and taken as 0."""

_LARGEST = 1e100
"""Squares of larger numbers overflow, and would make what is unknown look known."""

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RankSets:
    """The rank of each place and the ranks that it may have.

    Parameters
    ----------
    ranks : array of int, shape (places,)
        One more than the number of places whose estimates are ahead; places with the same estimate
        share the least of their ranks.
    lower, upper : array of int, shape (places,)
        The limits of each set, both in it, from 1 to the number of places.
    """

    ranks: _Ints
    lower: _Ints
    upper: _Ints


def rank_sets(
    estimates: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    *,
    level: float = 0.95,
    simultaneous: bool = False,
    highest_first: bool = True,
    draws: int = DRAWS,
    seed: int = 1,
) -> RankSets:
    """The ranks that each place may have, by differences that are beyond chance.

    Parameters
    ----------
    estimates : array of float, shape (places,)
        One number for each of two places or more, all in the same unit.
    standard_errors : array of float, shape (places,) or (places, places)
        The standard error of each estimate, independent of one another; or the covariance matrix
        of the estimates. An error of zero is a number that is known; see the notes.
    level : float
        The confidence, between 0 and 1.
    simultaneous : bool
        False: each set alone has its place's true rank with probability `level`; for a place that
        was chosen before the estimates were seen. True: all sets at once have; for statements
        about the whole ranking or about whoever came first.
    highest_first : bool
        Whether rank 1 is the highest estimate or the lowest.
    draws : int
        How many draws make the critical values; ten or more must lie beyond the level.
    seed : int
        Of the draws. The same sets come out for the same seed, in whatever order the places are.

    Raises
    ------
    InputError
        For fewer than two places, as many estimates as errors are not, numbers that are not
        finite, errors below zero, a matrix that is no covariance, a level outside 0 to 1, or too
        few draws.

    Notes
    -----
    Mogstad, Romano, Shaikh & Wilhelm (2024), Review of Economic Studies 91, section 3: two-sided
    sets from symmetric, studentised differences with the stepwise improvement, and a parametric
    bootstrap. Estimates are taken to be about normal.

    The rank of a place is one more than the number of places that are truly ahead. Where two
    numbers are known without error (or err as one), their difference is known too: it takes no
    part in what chance may do, and of a tie neither is ahead.

    Examples
    --------
    >>> found = rank_sets([9.1, 7.9, 4.2], [0.5, 0.5, 0.3])
    >>> for rank, lower, upper in zip(found.ranks, found.lower, found.upper):
    ...     print(rank, "of", lower, "to", upper)
    1 of 1 to 2
    2 of 1 to 2
    3 of 3 to 3
    """
    pairs = _Pairs.of(estimates, standard_errors, level, highest_first, draws, seed)
    return pairs.simultaneous(level) if simultaneous else pairs.marginal(level)


def best(
    estimates: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    number: int,
    *,
    level: float = 0.95,
    highest_first: bool = True,
    draws: int = DRAWS,
    seed: int = 1,
) -> _Ints:
    """The places that may be among the first `number`, by their index, the first of them first.

    With probability `level` all places that truly are among the first `number` are in the set; it
    may well have more, and never fewer.

    Parameters
    ----------
    estimates, standard_errors, level, highest_first, draws, seed
        As for `rank_sets`.
    number : int
        How many are looked for, from 1 to the number of places.

    Returns
    -------
    array of int
        Indices into `estimates`.

    Raises
    ------
    InputError
        As for `rank_sets`, and for a `number` that is out of range.

    Notes
    -----
    Mogstad, Romano, Shaikh & Wilhelm (2024), section 3.3, by projection: the places whose
    simultaneous lower limit is no more than `number`. The one-sided hypotheses behind those limits
    are the same as of two-sided sets: for each two places, that the one or the other is ahead.

    Examples
    --------
    >>> best([4.2, 9.1, 7.9], [0.3, 0.5, 0.5], 1)
    array([1, 2])
    """
    pairs = _Pairs.of(estimates, standard_errors, level, highest_first, draws, seed)
    places = len(pairs.order)
    if not 1 <= number <= places:
        raise InputError(f"There are {places} places; the best {number} of them cannot be told.")
    found = pairs.simultaneous(level)
    return pairs.order[found.lower[pairs.order] <= number]


def joint_intervals(
    estimates: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    *,
    level: float = 0.95,
    highest_first: bool = True,
) -> RankSets:
    """The ranks that all places may have at once, in closed form, from intervals that overlap.

    Parameters
    ----------
    estimates : array of float, shape (places,)
        One number for each of two places or more, all in the same unit.
    standard_errors : array of float, shape (places,)
        The standard error of each, independent of one another; zero for a number that is known.
    level : float
        The confidence that all true ranks are within their limits, between 0 and 1.
    highest_first : bool
        Whether rank 1 is the highest estimate or the lowest.

    Raises
    ------
    InputError
        For fewer than two places, as many estimates as errors are not, numbers that are not
        finite, errors below zero, or a level outside 0 to 1.

    Notes
    -----
    Klein, Wright & Wieczorek (2020), Journal of the Royal Statistical Society C 69, section 3: of
    K places, each has an interval at level ** (1 / K), so that all hold at once with probability
    `level`; the rank of a place is from one more than the number of intervals wholly ahead of its
    own to K less the number wholly behind it.

    Examples
    --------
    >>> found = joint_intervals([16.9, 17.0, 18.1, 24.5], [0.3, 0.4, 0.2, 0.1], highest_first=False)
    >>> found.lower, found.upper
    (array([1, 1, 1, 4]), array([3, 3, 3, 4]))
    """
    x, errors = _numbers(estimates, standard_errors, level)
    if errors.ndim == 2:
        raise InputError(
            "Joint intervals take one standard error for each place, for estimates that are "
            "independent; with a covariance matrix use simultaneous rank sets."
        )
    score = x if highest_first else -x
    reach = ndtri((1 + level ** (1 / len(x))) / 2) * errors
    ahead = score[None, :] - reach[None, :] > (score + reach)[:, None]
    return RankSets(
        _ranks(score),
        1 + ahead.sum(axis=1, dtype=np.int64),
        len(x) - ahead.sum(axis=0, dtype=np.int64),
    )


@dataclass(frozen=True)
class _Pairs:
    """The differences of all pairs of places, and what chance does to them.

    The places are sorted, the first first, so that the draws of a place do not hang on where it was
    in the input.

    Parameters
    ----------
    order : array of int, shape (places,)
        Where each of the sorted places was, the first first.
    gap : array of float, shape (places, places)
        By how much the place of the column is ahead of the place of the row.
    spread : array of float, shape (places, places)
        The standard error of that; 0 where the difference is known.
    noise : array of float, shape (places, draws)
        Errors of the estimates, as chance makes them.
    """

    order: _Ints
    gap: _Floats
    spread: _Floats
    noise: _Floats

    @classmethod
    def of(
        cls,
        estimates: npt.ArrayLike,
        standard_errors: npt.ArrayLike,
        level: float,
        highest_first: bool,
        draws: int,
        seed: int,
    ) -> _Pairs:
        x, errors = _numbers(estimates, standard_errors, level)
        if draws * (1 - level) < _BEYOND * (1 - 1e-9):
            enough = math.ceil(_BEYOND / (1 - level) - 1e-6)
            raise InputError(
                f"{draws:,} draws are too few for a level of {level:g}; take {enough:,} or more."
            )
        covariance = np.diag(errors**2) if errors.ndim == 1 else errors
        order = np.lexsort((np.diag(covariance), -x if highest_first else x))
        score = (x if highest_first else -x)[order]
        covariance = covariance[np.ix_(order, order)]
        both = np.add.outer(np.diag(covariance), np.diag(covariance))
        variance = both - 2 * covariance
        variance[variance <= _NOTHING * both] = 0.0
        noise = np.random.default_rng(seed).standard_normal((len(x), draws))
        if errors.ndim == 1:
            noise *= errors[order, None]
        else:
            values, vectors = np.linalg.eigh(covariance)
            noise = (vectors * np.sqrt(np.maximum(values, 0.0))) @ noise
        return cls(order, np.subtract.outer(-score, -score), np.sqrt(variance), noise)

    def marginal(self, level: float) -> RankSets:
        """Each set by the differences of its own place."""
        uncertain = self.spread > 0
        apart = np.zeros_like(uncertain)
        for j in range(len(apart)):
            own = np.zeros_like(uncertain)
            own[j] = uncertain[j]
            apart |= self._told_apart(own, level)
        return self._limits(apart)

    def simultaneous(self, level: float) -> RankSets:
        """All sets by the differences of all pairs."""
        apart = self._told_apart(np.triu(self.spread > 0), level)
        return self._limits(apart | apart.T)

    def _told_apart(self, pairs: _Bools, level: float) -> _Bools:
        """Which of these pairs differ by more than chance makes the largest of them differ.

        Of the two hypotheses of a pair, only that the estimates are in the true order can ever be
        told; the other one stays in the largest at every step.
        """
        size = np.zeros_like(self.gap)
        np.divide(np.abs(self.gap), self.spread, out=size, where=pairs)
        left = pairs
        largest, largest_reversed = self._largest(left)
        while left.any():
            both = np.maximum(largest, largest_reversed)
            found = left & (size > np.quantile(both, level, method="inverted_cdf"))
            if not found.any():
                break
            left = left & ~found
            largest, _ = self._largest(left)
        return pairs & ~left

    def _largest(self, pairs: _Bools) -> tuple[_Floats, _Floats]:
        """By how many standard errors chance puts the first of a pair ahead at most, over these
        pairs, and by how many behind; shapes (draws,)."""
        ahead, behind = np.full((2, self.noise.shape[1]), -np.inf)
        for start in range(0, len(ahead), _BLOCK):
            block = slice(start, start + _BLOCK)
            noise = self.noise[:, block]
            for j in np.flatnonzero(pairs.any(axis=1)):
                k = np.flatnonzero(pairs[j])
                difference = noise[k]
                difference -= noise[j]
                difference *= (np.where(k > j, -1.0, 1.0) / self.spread[j, k])[:, None]
                np.maximum(ahead[block], difference.max(axis=0), out=ahead[block])
                np.maximum(behind[block], -difference.min(axis=0), out=behind[block])
        return ahead, behind

    def _limits(self, apart: _Bools) -> RankSets:
        """The rank sets, in the order of the input, that go with the pairs told apart."""
        known = self.spread == 0
        np.fill_diagonal(known, False)
        ahead = (self.gap > 0) & (apart | known)
        not_ahead = ((self.gap < 0) & apart) | ((self.gap <= 0) & known)
        lower, upper, ranks = np.empty((3, len(self.order)), np.int64)
        lower[self.order] = 1 + ahead.sum(axis=1)
        upper[self.order] = len(self.order) - not_ahead.sum(axis=1)
        ranks[self.order] = 1 + (self.gap > 0).sum(axis=1)
        return RankSets(ranks, lower, upper)


def _ranks(score: _Floats) -> _Ints:
    """One more than how many are ahead."""
    ahead: _Ints = (score[None, :] > score[:, None]).sum(axis=1, dtype=np.int64)
    return ahead + 1


def _numbers(
    estimates: npt.ArrayLike, standard_errors: npt.ArrayLike, level: float
) -> tuple[_Floats, _Floats]:
    """The estimates and their errors (or covariance) as arrays, or what is wrong with them."""
    if not 0 < level < 1:
        raise InputError(f"The level is a confidence between 0 and 1, such as 0.95, not {level:g}.")
    try:
        x, errors = np.asarray(estimates, np.float64), np.asarray(standard_errors, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("Estimates and their standard errors must be numbers.") from error
    if x.ndim != 1 or len(x) < 2:
        raise InputError("Two places or more are needed, each with one estimate.")
    if errors.shape not in (x.shape, (len(x), len(x))):
        raise InputError(
            f"There are {len(x)} estimates, but the standard errors have shape {errors.shape}; "
            "give one for each, or a covariance matrix with a row and a column for each."
        )
    for what, numbers in (("estimate", x), ("standard error", errors)):
        if not np.all(np.isfinite(numbers)):
            where = int(np.argwhere(~np.isfinite(numbers))[0][0]) + 1
            raise InputError(f"The {what} of place {where} is missing or not finite; leave it out.")
        if np.any(np.abs(numbers) > _LARGEST):
            article = "an" if what == "estimate" else "a"
            raise InputError(
                f"There is {article} {what} beyond {_LARGEST:g}; give them in a larger unit."
            )
    if errors.ndim == 1:
        if np.any(errors < 0):
            where = int(np.flatnonzero(errors < 0)[0])
            raise InputError(
                f"The standard error of place {where + 1} is {errors[where]:g}; none is below 0."
            )
        return x, errors
    size = float(np.abs(errors).max())
    if not np.allclose(errors, errors.T, rtol=0, atol=1e-9 * size):
        raise InputError("The covariance matrix is not symmetric; a covariance always is.")
    errors = (errors + errors.T) / 2
    if np.linalg.eigvalsh(errors).min() < -1e-9 * size:
        raise InputError(
            "The matrix is no covariance: some difference of the estimates would have a variance "
            "below zero. Check that it holds covariances, not correlations or standard errors."
        )
    return x, errors
