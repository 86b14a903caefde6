r"""Is it worse there, or do they only look harder? Places with one count for each year.

What a detection system s (a hotline, the police) reports of place i in year t is

    reported_its ~ NegativeBinomial(population_it rate_i share_its)
    log rate_i   = national + spread u_i
    log share_its = level_s + slope_s x_its + year_ts + own_s v_is,        u, v ~ N(0, 1),

with x the standardised logarithms of what drives reporting. Systems used together have the rate in
common. This is the Poisson-logistic (pogit) model of Winkelmann & Zimmermann (1993) and Dvorzak &
Wagner (2016), with a log link and more variation than Poisson's, for several systems at once.

Counts know the product only. Two things they cannot tell, however many there are:

- How high rates are, and how low shares: national + level_s is one number in the likelihood. It is
  split by a prior for the share of the first system (Stoner, Economou & Drummond da Silva 2019,
  section 2: an informative prior for the mean reporting rate is needed, and is enough), and by
  anchors, places whose rate is known from overlapping lists.
- Whether slope x is reporting or prevalence: for any part in [0, 1],
  part slope x + (1 - part) slope x is the same, so that no likelihood has anything to say of it.
  At 1 none of it is in the rate. At 0 all of it is, and the shares of systems that do not follow x
  fall by as much, for what they report is as it was. Where several systems have covariates, the
  rate gets what they say on average; in what they differ only reporting can.

So what is drawn by NUTS is what counts know: the sum `base` and the place effects,
place_i ~ N(base + slope x_i, spread² 11' + diag(own²)), a common factor. The rates are drawn after
it, exactly: given the place effects, log rate_i is Gaussian.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.compare import _awareness, _nuts
from darkfigure.compare._awareness import Split
from darkfigure.compare._nuts import Mixing
from darkfigure.compare.ranks import Ranks, ranks
from darkfigure.compare.reports import Reports, reports_table
from darkfigure.engine import Progress
from darkfigure.errors import InputError, NoEstimateError

__all__ = ["Anchor", "Awareness", "Reports", "Share", "fit", "reports_table"]

PARTS = (0.0, 0.25, 0.5, 0.75, 1.0)
LEVELS = 60  # quantiles of the prior for the share, among which it is drawn given all else
APART = 0.1  # overlap of prior and posterior of the share, below which anchors contradict it
LEAST_WORTH = 100.0  # draws that must be left of all, when anchors and share <= 1 have had a say
DOUBTFUL, IMPOSSIBLE = 0.5, 0.01  # of the prior of the share, how much must be possible

Floats = npt.NDArray[np.float64]
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """What is believed of the share of victims that the first system reports in an ordinary place.

    Parameters
    ----------
    median, lower, upper : float
        The middle and the 95 % range, 0 < lower < median < upper <= 1. Logarithms are normal on
        either side of the median.

    Examples
    --------
    >>> Share(0.1, 0.02, 0.4).quantiles(np.array([0.025, 0.5, 0.975])).round(3).tolist()
    [0.02, 0.1, 0.4]
    """

    median: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not 0 < self.lower < self.median < self.upper <= 1:
            raise InputError(
                "The share has a median within its range, all between 0 and 1, not "
                f"{self.median} within {self.lower} to {self.upper}."
            )

    def quantiles(self, q: npt.ArrayLike) -> Floats:
        """The share that is not exceeded with probability q."""
        from scipy.special import ndtri

        z = ndtri(np.asarray(q, np.float64))
        below, above = (abs(math.log(x / self.median)) / _Z95 for x in (self.lower, self.upper))
        shares: Floats = self.median * np.exp(np.where(z < 0, below, above) * z)
        return shares


@dataclass(frozen=True)
class Anchor:
    """A place whose rate is known otherwise, by overlapping lists.

    Parameters
    ----------
    place : str
        Its name among the reports' places.
    rate, lower, upper : float
        Its rate per person and year, and the 95 % limits; the logarithm is taken as normal.

    Examples
    --------
    >>> draws = np.exp(np.random.default_rng(1).normal(-9, 0.3, 4000))
    >>> round(float(np.log(Anchor.from_draws("Sacramento", draws).rate)), 1)
    -9.0
    """

    place: str
    rate: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not 0 < self.lower < self.rate < self.upper < math.inf:
            raise InputError(
                f"The rate of the anchor '{self.place}' must be a positive number within its "
                f"limits, not {self.rate} within {self.lower} to {self.upper}."
            )

    @classmethod
    def from_draws(cls, place: str, rates: npt.ArrayLike) -> Anchor:
        """An anchor from draws of its rate, shape (draws,), such as those of an estimate."""
        logs = np.log(np.asarray(rates, np.float64))
        mean, sd = float(logs.mean()), float(logs.std())
        return cls(place, *(math.exp(mean + k * sd) for k in (0.0, -_Z95, _Z95)))

    @property
    def error(self) -> float:
        """The standard error of the logarithm."""
        return math.log(self.upper / self.lower) / (2 * _Z95)


@dataclass(frozen=True, eq=False)
class Awareness:
    """What the counts, the prior and the anchors say together.

    Attributes
    ----------
    reports : Reports
        What it was fitted to.
    rate : array of float, shape (draws, places)
        Rates per person and year where all of the slopes is reporting, `rates(1)`.
    share : array of float, shape (draws, places, systems)
        The share that each system reports, over all years, along with `rate`.
    slopes : mapping of str to array, shape (draws,)
        "system: covariate" to the change of the logarithm of what is reported by one standard
        deviation of the logarithm of the covariate.
    overlap : mapping of str to float
        Of each main parameter the overlap of prior and posterior: 1 where nothing was learned, 0
        where the counts alone speak (Gimenez, Morgan & Brooks 2009).
    convergence : Mixing
        Worst R-hat, least effective size, divergences.
    warnings : tuple of str
    settings : mapping
        All that is needed to do it again.
    """

    reports: Reports
    rate: Floats
    share: Floats
    slopes: Mapping[str, Floats]
    overlap: Mapping[str, float]
    convergence: Mixing
    warnings: tuple[str, ...]
    settings: Mapping[str, Any]
    _split: Callable[[float], Split]
    _counted: _Counted

    def rates(self, part: float = 1.0) -> Floats:
        """Rates per person and year if this part of the slopes is reporting, the rest prevalence.

        Parameters
        ----------
        part : float
            1 where covariates drive reporting only, 0 where they stand for prevalence only: then
            the rate has the whole slope of the system with covariates, or the mean of those of
            several such, weighed by how little each has of its own. The counts cannot tell; the
            same fit serves for all.

        Returns
        -------
        array of float, shape (draws, places)

        Raises
        ------
        NoEstimateError
            If counts, share and anchors contradict each other under this assumption.
        InputError
            If the part is not between 0 and 1.
        """
        return self._split(part).rate

    def believing(self, share: Share, anchors: Sequence[Anchor] = ()) -> Awareness:
        """The same counts with another prior for the share and other anchors, without a new fit.

        Parameters and errors as for `fit`.
        """
        return self._counted.believing(share, anchors)

    def ranks(self, parts: Sequence[float] = PARTS, *, level: float = 0.95) -> dict[float, Ranks]:
        """The ranks of places along a grid of what part of the slopes is reporting.

        Parameters
        ----------
        parts : sequence of float
            Each between 0 and 1.
        level : float
            Of the limits of ranks, between 0 and 1.
        """
        return {part: ranks(self.rates(part), level=level) for part in parts}


def fit(
    reports: Reports,
    *,
    share: Share,
    anchors: Sequence[Anchor] = (),
    chains: int = 4,
    warmup: int = 500,
    draws: int = 600,
    seed: int = 1,
    progress: Progress | None = None,
) -> Awareness:
    """Fit rates and shares of places to their reports.

    Parameters
    ----------
    reports : Reports
        Counts by place, year and system; what was not counted is left out, not taken as zero.
    share : Share
        The prior for the share that the first system reports in a place with ordinary awareness.
        How high rates are comes from here, or from anchors, and never from the counts.
    anchors : sequence of Anchor
        Places whose rate is known otherwise.
    chains, warmup, draws : int
        How many chains, of how many moves each to set the steps, and of how many that are kept.
    seed : int
        The same seed gives the same draws, on any number of cores of like machines.
    progress : callable, optional
        Told when the chains are done, and when the rates are.

    Raises
    ------
    NoEstimateError
        If the chains do not agree (R-hat above 1.01) or go astray, even with shorter steps; if
        counts, share and anchors contradict each other.
    InputError
        If an anchor is no place of the reports, NumPyro is not installed, or a number is out of
        range.

    Notes
    -----
    Priors: base_s normal about the logarithm of the pooled rate reported, with standard deviation
    3; slopes N(0, 1); years N(0, 1) with sum zero; spread and own log-normal with median 0.4, 95 %
    range 0.1 to 1.6; excess (the negative binomial's variance is mean + excess mean²) log-normal
    with median 0.1 and 95 % range 0.014 to 0.71. Shares are at most 1, everywhere: the prior is
    conditioned on it.

    Winkelmann & Zimmermann (1993), Poisson-Logistic Regression; Dvorzak & Wagner (2016),
    Statistical Modelling 16; Stoner, Economou & Drummond da Silva (2019), Journal of the American
    Statistical Association 114, 1481-1492.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> counts = rng.poisson([[[20.0]], [[40.0]], [[80.0]], [[30.0]]], (4, 3, 1))
    >>> r = Reports("ABCD", [2014, 2015, 2016], ["hotline"], counts, np.full((4, 3), 1e6))
    >>> found = fit(r, share=Share(0.1, 0.02, 0.4), chains=2, warmup=300, draws=600)
    >>> int(found.ranks()[1.0].expected.argmin()), found.overlap["share"] > 0.9
    (2, True)
    """
    table = _awareness.table_of(reports)
    found = _nuts.sample(
        _awareness.model, table, _awareness.start(table),
        chains=chains, warmup=warmup, draws=draws, seed=seed,
    )  # fmt: skip
    if progress is not None:
        progress(1, 2)
    flat = {name: x.reshape(-1, *x.shape[2:]) for name, x in found.draws.items()}
    settings = {"chains": chains, "warmup": warmup, "draws": draws, "seed": seed}
    told = _Counted(reports, table, flat, found.mixing, settings).believing(share, anchors)
    if progress is not None:
        progress(2, 2)
    return told


@dataclass(frozen=True, eq=False)
class _Counted:
    """What the counts alone say: draws by name, with the chains that drew them."""

    reports: Reports
    table: _awareness.Table
    draws: Mapping[str, Floats]
    mixing: Mixing
    settings: Mapping[str, Any]

    def believing(self, share: Share, anchors: Sequence[Anchor]) -> Awareness:
        """Rates and shares, with what is believed beside the counts."""
        reports, table = self.reports, self.table
        names = [anchor.place for anchor in anchors]
        problems = [
            f"The anchor '{name}' is none of the places."
            if name not in reports.places
            else f"The anchor '{name}' is there more than once."
            for name in dict.fromkeys(names)
            if name not in reports.places or names.count(name) > 1
        ]
        if problems:
            raise InputError(problems)
        levels = np.log(share.quantiles((np.arange(LEVELS) + 0.5) / LEVELS))
        known = [(reports.places.index(a.place), math.log(a.rate), a.error) for a in anchors]
        seed = int(self.settings["seed"])

        def split(part: float) -> Split:
            if not 0 <= part <= 1:
                raise InputError(f"The part that is reporting lies between 0 and 1, not {part}.")
            done = _awareness.split(table, self.draws, levels, known, part, seed)
            _refuse(done, bool(anchors), part)
            return done

        all_reporting = split(1.0)
        overlaps = _overlaps(reports, table, self.draws, share, all_reporting)
        return Awareness(
            reports=reports,
            rate=all_reporting.rate,
            share=all_reporting.share,
            slopes={name: self.draws["slope"][:, k] for k, name in enumerate(table.covariates)},
            overlap=overlaps,
            convergence=self.mixing,
            warnings=_warnings(reports, share, anchors, all_reporting, overlaps["share"]),
            settings={
                "share": [share.median, share.lower, share.upper],
                "anchors": [[a.place, a.rate, a.lower, a.upper] for a in anchors],
                **self.settings,
            },
            _split=split,
            _counted=self,
        )


def _refuse(found: Split, anchored: bool, part: float) -> None:
    """Raise where hardly anything of the prior, or of the draws, is left."""
    if found.possible < IMPOSSIBLE or found.worth < LEAST_WORTH:
        who = (
            "The counts, the prior for the share and the anchors"
            if anchored
            else ("The counts and the prior for the share")
        )
        raise NoEstimateError(
            f"{who} contradict each other: {100 * found.possible:.2g} % of what is believed leaves "
            f"every place with a share of at most 1 (where {part:g} of the slopes is reporting), "
            f"and the draws left are worth {found.worth:,.0f}. No number is given. Lower the "
            "share, look whether anchors count the same people and the same time, or look for a "
            "place that reports far more than its people (such as a seat of the system itself)."
        )


def _warnings(
    reports: Reports, share: Share, anchors: Sequence[Anchor], found: Split, overlap: float
) -> tuple[str, ...]:
    first = reports.systems[0]
    said = [
        "How high rates are is not in the counts: it comes from the belief that, of all people in "
        f"this situation in an ordinary place, about {100 * share.median:.2g} % "
        f"({100 * share.lower:.2g} to {100 * share.upper:.2g} %) are among '{first}'"
        + (
            f", and from what is known otherwise of {', '.join(a.place for a in anchors)}."
            if anchors
            else "."
        )
    ]
    if any(reports.awareness.values()):
        said.append(
            "Whether what goes with the covariates is reporting or prevalence is not in the counts "
            "either; see how the order changes along the grid of assumptions."
        )
    if len(reports.systems) == 1:
        said.append(
            "With one system, how much places differ in rates and how much in reporting is the "
            "prior's guess."
        )
    if anchors and overlap < APART:
        said.append(
            "The anchors say another share than its prior: what is left of the prior is its edge. "
            "Look whether both count the same people and the same time."
        )
    if found.possible < DOUBTFUL:
        said.append(
            f"Only {100 * found.possible:.2g} % of what the prior for the share holds possible "
            "leaves every place with a share of at most 1; the rest was dropped."
        )
    return tuple(said)


def _overlaps(
    reports: Reports,
    table: _awareness.Table,
    flat: Mapping[str, Floats],
    share: Share,
    found: Split,
) -> dict[str, float]:
    """How much each main parameter's posterior is its prior."""
    rng = np.random.default_rng(np.random.SeedSequence(reports.counts.size, spawn_key=(2,)))
    normal = rng.normal(size=20_000)
    scales, excess = (m * np.exp(sd * normal) for m, sd in (_awareness.SPREAD, _awareness.EXCESS))
    shares = np.log(share.quantiles(rng.random(20_000)))
    pairs = {"share": (shares, found.level), "spread of rates": (scales, flat["spread"])}
    for s, system in enumerate(reports.systems):
        pairs[f"{system}: own spread"] = (scales, flat["own"][:, s])
        pairs[f"{system}: excess"] = (excess, flat["excess"][:, s])
    for k, name in enumerate(table.covariates):
        pairs[name] = (normal, flat["slope"][:, k])
    return {name: overlap(*pair) for name, pair in pairs.items()}


def overlap(prior: npt.ArrayLike, posterior: npt.ArrayLike) -> float:
    """The area that two densities have in common, by draws: 1 for the same, 0 for apart.

    Histograms of the two over one grid, fine enough for the narrower; Gimenez, Morgan & Brooks
    (2009) call a parameter weakly identifiable where it is above 0.35.

    Parameters
    ----------
    prior, posterior : array of float, shape (draws,)

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> same = overlap(rng.normal(size=20_000), rng.normal(size=2_000))
    >>> apart = overlap(rng.normal(size=20_000), rng.normal(3, 0.01, size=2_000))
    >>> same > 0.93, apart < 0.05
    (True, True)
    """
    a, b = np.asarray(prior, np.float64), np.asarray(posterior, np.float64)
    # Half the bins end at quantiles of the one and half at quantiles of the other, so that neither
    # density is lost in a bin of the other's width.
    q = np.linspace(0, 1, 21)
    inner = np.unique(np.concatenate([np.quantile(a, q), np.quantile(b, q)]))
    edges = np.concatenate([[-np.inf], inner[1:-1], [np.inf]])
    shares = [np.histogram(np.clip(x, -1e300, 1e300), edges)[0] / x.size for x in (a, b)]
    return float(np.minimum(*shares).sum())
