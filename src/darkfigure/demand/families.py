"""The families: what each says about how often people are met, and so about those never met.

Somebody is met at a rate lambda = exp(x'b); p_0, p_1, ... are the chances of no meeting, one, ...:

    Poisson              p_y = lambda^y exp(-lambda) / y!
    geometric            p_y = lambda^y / (1 + lambda)^(y + 1)       rates differ, exponentially
    negative binomial    p_y = prod_{j<y}(1 + alpha j) lambda^y / y! (1 + alpha lambda)^-(y+1/alpha)

A family is one of these and what is done about those met once: nothing (`zt`), leave them out
(`zot`), too many of them in one of two orders (`oizt`, `ztoi`), or a chance of their own
(`ztHurdle`, `Hurdlezt`). The families `chao`, `zelterman` and `oichao` look at two counts only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from darkfigure.demand import _taylor as t
from darkfigure.demand._taylor import Taylor
from darkfigure.errors import InputError

Ints = npt.NDArray[np.int64]
Base = Literal["poisson", "geometric", "negbin"]
Extra = Literal["", "alpha", "omega", "pi"]
Link = Literal["logit", "cloglog"]

OMEGA_LINKS: Mapping[str, Callable[[Taylor], tuple[Taylor, Taylor]]] = {
    "logit": lambda u: (share := t.log_expit(u), share - u),
    "cloglog": lambda u: (t.log_cloglog(u), -t.exp(u)),
}


@dataclass(frozen=True)
class Chances:
    """What a family says at given rates, each of shape (m,) with derivatives.

    Attributes
    ----------
    log_chance : Taylor
        Logarithm of the chance of the count, given that it is one of those looked at.
    log_seen : Taylor
        Logarithm of the chance that somebody's count is one of those the total is made from.
    missed : Taylor
        People never met for each person looked at: chance of none over chance of those counts.
    """

    log_chance: Taylor
    log_seen: Taylor
    missed: Taylor


@dataclass(frozen=True)
class Family:
    """One family.

    Attributes
    ----------
    name : str
        As in the R package singleRcapture.
    words, assumes : str
        What it is and what it takes for granted, in plain words.
    base : str
        The distribution of how often somebody is met.
    ones : str
        What is done about those met once.
    lower_bound : bool
        Whether its total is a bound from below where rates differ.
    extra : str
        Its second parameter: alpha, omega, pi or none.
    counts : tuple of int
        The first and the last count that its likelihood is about; the last is 0 for no end.
    mechanism : str
        The sentence about one-inflation that stands beside each result; empty for most.
    """

    name: str
    words: str
    assumes: str
    base: Base
    ones: str
    lower_bound: bool = False
    extra: Extra = ""
    counts: tuple[int, int] = (1, 0)
    mechanism: str = ""

    @property
    def links(self) -> str:
        """The links of its parameters, such as 'log' or 'log, logit'."""
        second = {"": "", "alpha": ", log", "omega": ", logit or cloglog", "pi": ", logit"}
        return "log" + second[self.extra]

    @property
    def whole(self) -> bool:
        """Whether its likelihood is of all counts from 1 on, so that its AIC can be compared."""
        return self.counts == (1, 0)

    def looks_at(self, counts: Ints) -> npt.NDArray[np.bool_]:
        """Which counts its likelihood is about."""
        first, last = self.counts
        return np.asarray((counts >= first) & ((counts <= last) | (last == 0)))

    def adds(self, counts: Ints) -> npt.NDArray[np.bool_]:
        """Which people stand for others that were never met."""
        return counts >= 1 if self.name == "zelterman" else self.looks_at(counts)


def family(name: str) -> Family:
    """A family by its name.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> family("chao").words
    'Chao: from those met once and twice'
    """
    if name not in FAMILIES:
        raise InputError(f"There is no family '{name}'; there are: {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def log_factorial(counts: Ints) -> npt.NDArray[np.float64]:
    """log y! of each count, from a table of those up to the highest."""
    upto = np.arange(int(counts.max()) + 1, dtype=np.float64)
    table: npt.NDArray[np.float64] = gammaln(upto + 1)
    return table[counts]


def _log_base(base: Base, counts: Ints, rate: Taylor, log_rate: Taylor, extra: Taylor) -> Taylor:
    """log p_y, accurate for y = 0 as well, less log y! where the distribution has it."""
    if base == "poisson":
        return log_rate * counts - rate - log_factorial(counts)
    if base == "geometric":
        return log_rate * counts - t.log1p(rate) * (counts + 1.0)
    alpha = t.exp(extra)
    spread = t.log1p(alpha * rate)
    power = t.exp(-extra) + counts
    return log_rate * counts - power * spread + t.log_rising(alpha, counts) - log_factorial(counts)


def chances(
    of: Family, counts: Ints, predictors: list[npt.NDArray[np.float64]], link: Link = "logit"
) -> Chances:
    """What a family says of people with these counts and linear predictors.

    Parameters
    ----------
    of : Family
    counts : array of int, shape (m,)
        Counts that the family looks at; others give no meaningful `log_chance`.
    predictors : list of array of float, shape (m,)
        Of log lambda, and of the second parameter if the family has one.
    link : "logit" or "cloglog"
        Of omega.
    """
    # What hangs on the rate alone is worked out in one variable: a quarter of the work.
    u, *rest = t.variables(*(predictors if of.extra == "alpha" else predictors[:1]))
    alpha = rest[0] if rest else u
    # lambda/2 is the odds of two meetings against one, lambda/3 of three against two: these are
    # what the two-count families regress on (Boehning & van der Heijden 2009).
    log_rate = u + {"chao": np.log(2.0), "zelterman": np.log(2.0), "oichao": np.log(3.0)}.get(
        of.name, 0.0
    )
    rate = t.exp(log_rate)
    none = _log_base(of.base, np.zeros_like(counts), rate, log_rate, alpha)
    if of.ones == "two":
        first = of.counts[0]
        log_chance = t.log_expit(u).at(counts == first + 1, t.log_expit(-u))
        if of.name == "zelterman":
            seen = t.log(t.one_less_exp(none))
            return Chances(log_chance, seen, t.exp(none - seen))
        # p_first + p_(first + 1)
        seen = log_rate * first - rate - float(gammaln(first + 1.0)) - t.log_expit(-u)
        return Chances(log_chance, seen, t.exp(none - seen))
    chance = _log_base(of.base, counts, rate, log_rate, alpha)
    if of.ones == "as all":
        seen = t.log(t.one_less_exp(none))
        return Chances(chance - seen, seen, t.exp(none - seen))
    if of.ones in ("left out", "hurdle last"):
        beyond_one = (
            t.log_poisson_beyond_one(rate)
            if of.base == "poisson"
            else (log_rate - t.log1p(rate)) * 2.0
        )
        if of.ones == "left out":
            return Chances(chance - beyond_one, beyond_one, t.exp(none - beyond_one))
    once = _log_base(of.base, np.ones_like(counts), rate, log_rate, alpha)
    is_one = counts == 1
    log_share, log_rest = (
        each.among(2, 1) for each in OMEGA_LINKS[link](t.variables(predictors[1])[0])
    )

    def both(one: Taylor) -> Taylor:
        return one.among(2, 0)

    if of.ones == "inflated last":
        seen = t.log(t.one_less_exp(none))
        inflated = t.log(t.exp(log_share) + t.exp(log_rest + both(once - seen)))
        log_chance = inflated.at(is_one, both(chance - seen) + log_rest)
        return Chances(log_chance, both(seen), both(t.exp(none - seen)))
    if of.ones == "inflated first":
        unseen = log_rest + both(none)
        seen = t.log(t.one_less_exp(unseen))
        inflated = t.log(t.exp(log_share) + t.exp(log_rest + both(once)))
        log_chance = inflated.at(is_one, both(chance) + log_rest) - seen
        return Chances(log_chance, seen, t.exp(unseen - seen))
    not_one = t.log(t.one_less_exp(once))
    if of.ones == "hurdle last":
        log_chance = log_share.at(is_one, both(chance - beyond_one) + log_rest)
        return Chances(log_chance, both(beyond_one - not_one), both(t.exp(none - beyond_one)))
    unseen = log_rest + both(none - not_one)
    seen = t.log(t.one_less_exp(unseen))
    log_chance = log_share.at(is_one, both(chance - not_one) + log_rest) - seen
    return Chances(log_chance, seen, t.exp(unseen - seen))


_LAST = (
    "One-inflation is taken to come last: a share of those met is met once only and never again "
    "(an arrest that stops people, names that are lost). Before that they were as easy to miss as "
    "anybody, so that each of them stands for others who were never met."
)
_FIRST = (
    "One-inflation is taken to come first: a share of all people is met exactly once whatever "
    "happens, and so can never be missed. Only the others can have been missed, and the total is "
    "the smaller one of the two orders."
)
_HURDLE_LAST = (
    "Being met once has a chance of its own among those met; among all others, never met or met "
    "twice and more, counts go by the distribution. For each person met, also for one met once, "
    "there are as many unmet as for those met more often."
)
_HURDLE_FIRST = (
    "Being met exactly once has a chance of its own among all people, met or not; everybody else "
    "is never met, or met twice and more, by the distribution. One-inflation comes first here."
)
_ALIKE = "people with the same covariates are met at the same rate, and one meeting changes nothing"
_DIFFER = "rates differ between people, most being low (exponential); one meeting changes nothing"


def _table() -> Mapping[str, Family]:
    bases: tuple[tuple[str, Base, str, str], ...] = (
        ("poisson", "poisson", "Poisson", _ALIKE),
        ("geom", "geometric", "geometric", _DIFFER),
    )
    every = [
        Family(
            "chao",
            "Chao: from those met once and twice",
            "at one and two meetings people go by Poisson; where rates differ it is a lower bound",
            "poisson",
            "two",
            lower_bound=True,
            counts=(1, 2),
        ),
        Family(
            "zelterman",
            "Zelterman: the rate from those met once and twice, applied to all",
            "as Chao; close to it where few are met twice, and no bound",
            "poisson",
            "two",
            counts=(1, 2),
        ),
        Family(
            "oichao",
            "Chao without those met once: from those met twice and three times",
            "as Chao at two and three meetings; those met once may be any number",
            "poisson",
            "two",
            lower_bound=True,
            counts=(2, 3),
        ),
        Family(
            "robust",
            "Chao with the number met once put right from those met two, three and four times",
            "counts fall off as Good and Turing say; the number met once may be any",
            "poisson",
            "put right",
            lower_bound=True,
            counts=(1, 4),
        ),
    ]
    for short, base, words, assumes in bases:
        every += [
            Family(f"zt{short}", f"{words}, nobody met zero times", assumes, base, "as all"),
            Family(
                f"zot{short}",
                f"{words}, from those met twice and more",
                f"{assumes}; those met once may be any number and stand for nobody else",
                base,
                "left out",
                counts=(2, 0),
            ),
            Family(
                f"oizt{short}",
                f"{words}, too many met once, among those met",
                f"{assumes}, but for a share of those met who are met once whatever their rate",
                base,
                "inflated last",
                extra="omega",
                mechanism=_LAST,
            ),
            Family(
                f"ztoi{short}",
                f"{words}, too many met once, among all people",
                f"{assumes}, but for a share of all people who are met exactly once",
                base,
                "inflated first",
                extra="omega",
                mechanism=_FIRST,
            ),
            Family(
                f"ztHurdle{short}",
                f"{words} with a chance of its own for one meeting, among those met",
                f"{assumes}, but for those met once",
                base,
                "hurdle last",
                extra="pi",
                mechanism=_HURDLE_LAST,
            ),
            Family(
                f"Hurdlezt{short}",
                f"{words} with a chance of its own for one meeting, among all people",
                f"{assumes}, but for those met once",
                base,
                "hurdle first",
                extra="pi",
                mechanism=_HURDLE_FIRST,
            ),
        ]
    every.append(
        Family(
            "ztnegbin",
            "negative binomial, nobody met zero times",
            "rates differ between people (gamma, estimated); one meeting changes nothing",
            "negbin",
            "as all",
            extra="alpha",
        )
    )
    return {each.name: each for each in every}


FAMILIES: Mapping[str, Family] = _table()
"""Every family by its name."""
