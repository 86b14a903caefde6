"""The model of `awareness`, and how its draws are split into rates and shares; arrays only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.compare.reports import Reports

Floats = npt.NDArray[np.float64]
SPREAD, EXCESS = (0.4, 0.7), (0.1, 1.0)
"""Medians of the priors of `spread` and `own`, and of `excess`, with the standard deviations of
their logarithms. None is nothing: places all alike would be more than counts can say, and a corner
that no chain comes out of."""
BLOCK = 4_000_000  # numbers worked on at once where draws, levels and places meet


@dataclass(frozen=True, eq=False)
class Table:
    """Reports as the model takes them: P places, T years, S systems, K covariates of any system.

    Attributes
    ----------
    counts, known : array of float, shape (P, T, S)
        The counts, zero where there is none; 1 where there is one and else 0.
    weight : array of float, shape (P, T)
        Each year's share of a place's person-years, zero where its population is not known.
    log_people : array of float, shape (P, T)
    covariates : list of str
        "system: name" of each.
    of : array of float, shape (K, S)
        1 where a covariate is of a system.
    mean_x : array of float, shape (P, K)
        Standardised logarithms of covariates, the means over years with a count.
    x : array of float, shape (P, T, K)
        Their departures from that in each year.
    crude : array of float, shape (S,)
        The logarithm of all that was reported, per person-year.
    values : array of float, shape (V, 1)
        The different counts there are,
    times : array of float, shape (V, S)
        and how often each is there. Most places report few, so that a special function of each
        value saves one of each cell.
    """

    counts: Floats
    known: Floats
    weight: Floats
    log_people: Floats
    covariates: list[str]
    of: Floats
    mean_x: Floats
    x: Floats
    crude: Floats
    values: Floats
    times: Floats


def table_of(reports: Reports) -> Table:
    """Reports as arrays without gaps."""
    known = np.isfinite(reports.counts)
    counts = np.where(known, reports.counts, 0.0)
    people = np.where(np.isfinite(reports.population), reports.population, 0.0)
    names, columns, of = [], [], []
    for s, system in enumerate(reports.systems):
        there = known[:, :, s]
        for name, values in reports.awareness.get(system, {}).items():
            logs = np.log(values, where=there, out=np.zeros(values.shape))
            logs = (logs - logs[there].mean()) / logs[there].std()
            columns.append(np.where(there, logs, 0.0))  # zero is the mean
            names.append(f"{system}: {name}")
            of.append(np.arange(len(reports.systems)) == s)
    shape = (*people.shape, len(names))
    x = np.stack(columns, axis=2) if names else np.zeros(shape)
    systems = np.array(of, np.float64).reshape(len(names), len(reports.systems))
    counted = known @ systems.T  # (P, T, K): was there a count where the covariate matters
    mean_x = (x * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    values = np.unique(counts[known])
    at = np.searchsorted(values, counts)
    times = [
        np.bincount(at[..., s][known[..., s]], minlength=values.size) for s in range(len(systems.T))
    ]
    return Table(
        counts=counts,
        known=known.astype(np.float64),
        weight=people / people.sum(axis=1, keepdims=True),
        log_people=np.log(np.where(people > 0, people, 1.0)),
        covariates=names,
        of=systems,
        mean_x=mean_x,
        x=(x - mean_x[:, None, :]) * counted,
        crude=np.log(counts.sum(axis=(0, 1)) / (people[:, :, None] * known).sum(axis=(0, 1))),
        values=values[:, None],
        times=np.stack(times, axis=1).astype(np.float64),
    )


def model(table: Table) -> None:
    """The equations at the head of `awareness`, with the national level of rates integrated out.

    Place effects have their mean, and covariates each place's own, as zero: what counts pin down
    well, a place's level in each system, has a coordinate of its own.
    """
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from jax.lax import lgamma

    systems, years, covariates = table.times.shape[1], table.counts.shape[1], len(table.covariates)

    def anywhere(*shape: int) -> Any:
        return dist.ImproperUniform(dist.constraints.real, (), shape)

    def log_normal(name: str, prior: tuple[float, float], *shape: int) -> Any:
        scale = dist.LogNormal(np.log(prior[0]), prior[1]).expand(shape)
        return numpyro.sample(name, scale.to_event(len(shape)))

    base = numpyro.sample("base", dist.Normal(table.crude, 3.0).to_event(1))
    # Counts tell the first system's whole variance well, and how it is divided hardly: these two,
    # as a logarithm and a log odds, are the coordinates, of which the Jacobian is constant.
    total, divided = (numpyro.sample(x, anywhere()) for x in ("total", "divided"))
    spread = numpyro.deterministic("spread", jnp.exp(total - 0.5 * jnp.logaddexp(0.0, -divided)))
    others = numpyro.sample("others", anywhere(systems - 1))
    first = total - 0.5 * jnp.logaddexp(0.0, divided)
    own = numpyro.deterministic("own", jnp.exp(jnp.append(first, others)))
    scales = jnp.log(jnp.append(own, spread))
    numpyro.factor("scales", dist.Normal(np.log(SPREAD[0]), SPREAD[1]).log_prob(scales).sum())
    excess = log_normal("excess", EXCESS, systems)
    mean, within = base, 0.0
    if covariates:
        slope = numpyro.sample("slope", dist.Normal(0.0, 1.0).expand([covariates]).to_event(1))
        mean, within = base + (table.mean_x * slope) @ table.of, (table.x * slope) @ table.of
    if years > 1:
        zero_sum = dist.ZeroSumNormal(1.0, (years,)).expand([systems]).to_event(1)
        within = within + numpyro.sample("year", zero_sum).T
    place = numpyro.sample("place", anywhere(len(table.counts), systems))
    numpyro.factor("factor", common_factor(place - mean, spread, own))

    # reported ~ NegativeBinomial(mean, variance = mean + excess mean²), but for what is constant
    size, n = 1 / excess, table.known.sum(axis=(0, 1))
    log_mean = table.log_people[:, :, None] + place[:, None, :] + within
    y = table.counts
    both = (
        table.known * (y * log_mean - (y + size) * jnp.logaddexp(jnp.log(size), log_mean))
    ).sum()
    numpyro.factor(
        "reported",
        both
        + (table.times * lgamma(table.values + size)).sum()
        + (n * (size * jnp.log(size) - lgamma(size))).sum(),
    )


def common_factor(residual: Any, spread: Any, own: Any) -> Any:
    """The log density of N(0, spread² 11' + diag(own²)) at each place, but for what is constant.

    By the formulas of Sherman, Morrison and Woodbury the inverse and the determinant are those of
    the diagonal and of the number 1 + spread² sum_s 1 / own_s², the same for all places.
    """
    import jax.numpy as jnp

    weight = own**-2
    inner = 1 + spread**2 * weight.sum()
    along = (residual * weight).sum(axis=1)
    quadratic = (residual**2 * weight).sum() - spread**2 / inner * (along**2).sum()
    log_determinant = jnp.log(inner) + 2 * jnp.log(own).sum()
    return -0.5 * (quadratic + len(residual) * log_determinant)


def start(table: Table) -> dict[str, Floats]:
    """Likely values in unbounded coordinates: logarithms of what is positive, years by one less."""
    _, years, systems = table.counts.shape
    people = (np.exp(table.log_people)[:, :, None] * table.known).sum(axis=1)
    # Half a report more for everybody, at the pooled rate: no place starts at minus infinity.
    half = 0.5 * np.exp(-table.crude)
    at = {
        "base": table.crude,
        "total": np.array(np.log(math.sqrt(2) * SPREAD[0])),
        "divided": np.array(0.0),
        "others": np.full(systems - 1, np.log(SPREAD[0])),
        "excess": np.full(systems, np.log(EXCESS[0])),
        "place": np.log((table.counts.sum(axis=1) + 0.5) / (people + half)),
    }
    if table.covariates:
        at["slope"] = np.zeros(len(table.covariates))
    if years > 1:
        at["year"] = np.zeros((systems, years - 1))
    return at


@dataclass(frozen=True, eq=False)
class Split:
    """Draws of rates and shares.

    Attributes
    ----------
    rate : array of float, shape (draws, places)
        Per person-year.
    share : array of float, shape (draws, places, systems)
        Expected reports over all years by the people there are to be reported.
    level : array of float, shape (draws,)
        The logarithm of the first system's share in an ordinary place.
    possible : float
        How much of the prior leaves every share at most 1.
    worth : float
        What the draws are worth when weighed by what is possible and by the anchors.
    """

    rate: Floats
    share: Floats
    level: Floats
    possible: float
    worth: float


def split(
    table: Table,
    draws: Mapping[str, Floats],
    levels: Floats,
    anchors: Sequence[tuple[int, float, float]],
    part: float,
    seed: int,
) -> Split:
    """Rates and shares from draws of what counts know, exactly.

    Given the place effects, of which the residuals r_i have the covariance spread² 11' +
    diag(own²), the common factor is Gaussian (Bartholomew, Knott & Moustaki 2011, section 3.2):

        precision = 1 + spread² sum_s 1 / own_s²,   E u_i = spread sum_s r_is / own_s² / precision.

    With rate_i = exp(base_1 - level + spread u_i + shift_i), where `shift` is what is prevalence of
    the slopes: (1 - part) slope x of the system that has covariates, or the mean over those that
    have, weighed by 1 / own_s². A system without them then finds a share that falls as the rate
    rises by the shift. The level has its prior of equally likely `levels`; all that speaks against
    a level are the anchors, normal about log rate_i, and that no share is more than 1: log rate_i
    >= log of what any system reports per head. Both are normal probabilities for each place, so
    level and draw are weighed by their product, and u_i is drawn from what is left.

    Parameters
    ----------
    levels : array of float, shape (L,)
        Equally likely values of the logarithm of the share.
    anchors : sequence of (place, logarithm of the rate, its standard error)
    part : float
        What part of the slopes is reporting.
    """
    from scipy.special import log_ndtr, logsumexp

    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3,)))
    place, base, spread = draws["place"], draws["base"], draws["spread"]
    n, places, _ = place.shape
    slope = draws.get("slope", np.zeros((n, 0)))
    by_covariates = np.einsum("pk,dk,ks->dps", table.mean_x, slope, table.of, optimize=True)
    residual = place - base[:, None, :] - by_covariates
    weight = draws["own"] ** -2.0
    precision = 1 + spread**2 * weight.sum(axis=1)
    mean = spread[:, None] * np.einsum("dps,ds->dp", residual, weight) / precision[:, None]
    # All that the covariates say is of the rate where none of it is reporting; systems without any
    # have no say in it. Where several have, each is trusted by how little of its own it has.
    told_by = weight * (table.of.any(axis=0) if table.covariates else 1.0)
    told_by = told_by / told_by.sum(axis=1, keepdims=True)
    shift = (1 - part) * np.einsum("dps,ds->dp", by_covariates, told_by)
    centre = base[:, :1] + spread[:, None] * mean + shift  # of log rate + level
    sd = (spread / np.sqrt(precision))[:, None] * np.ones(places)
    floor = _reported(table, draws).max(axis=2)  # the least that log rate can be

    told, above = np.empty((2, n, levels.size))
    block = max(1, BLOCK // (places * levels.size))
    for begin in range(0, n, block):
        some = slice(begin, begin + block)
        middle, width = centre[some, None, :] - levels[:, None], sd[some, None, :].copy()
        told[some] = _tell(middle, width, anchors)
        above[some] = log_ndtr((middle - floor[some, None, :]) / width).sum(axis=2)
    log_weight = told + above
    possible = float(np.exp(logsumexp(log_weight) - logsumexp(told)))
    by_draw = logsumexp(log_weight, axis=1)
    chance = np.exp(by_draw - by_draw.max())
    chance /= chance.sum()
    worth = float(1 / (chance**2).sum())

    # As many draws as before, each as often as its weight says (systematic resampling).
    kept = np.searchsorted(np.cumsum(chance), (np.arange(n) + rng.random()) / n).clip(max=n - 1)
    gumbel = rng.gumbel(size=(n, levels.size))
    chosen = (log_weight[kept] + gumbel).argmax(axis=1)
    level = np.interp(chosen + rng.uniform(-0.5, 0.5, n), np.arange(levels.size), levels)
    middle, width = centre[kept] - level[:, None], sd[kept].copy()
    _tell(middle, width, anchors)
    log_rate = _above(middle, width, floor[kept], rng)
    share = np.exp(_reported(table, {k: v[kept] for k, v in draws.items()}) - log_rate[:, :, None])
    return Split(np.exp(log_rate), share, level, possible, worth)


def _tell(middle: Floats, width: Floats, anchors: Sequence[tuple[int, float, float]]) -> Floats:
    """How likely the anchors are, as a logarithm; `middle` and `width` of their places move."""
    likely = np.zeros(middle.shape[:-1])
    for at, rate, error in anchors:
        off, total = rate - middle[..., at], width[..., at] ** 2 + error**2
        likely -= 0.5 * (off**2 / total + np.log(total))
        middle[..., at] += width[..., at] ** 2 / total * off
        width[..., at] *= error / np.sqrt(total)
    return likely


def _above(middle: Floats, width: Floats, floor: Floats, rng: np.random.Generator) -> Floats:
    """Normal numbers that are more than `floor`, by the upper tail's inverse."""
    from scipy.special import log_ndtr, ndtri_exp

    tail = log_ndtr((middle - floor) / width) + np.log1p(-rng.random(middle.shape))
    found: Floats = middle - width * ndtri_exp(tail)
    return np.maximum(found, floor)


def _reported(table: Table, draws: Mapping[str, Floats]) -> Floats:
    """The logarithm of what each system reports per person-year over all years, (draws, P, S)."""
    place = draws["place"]
    total = np.zeros(place.shape)
    for t in range(table.counts.shape[1]):
        within = np.zeros(place.shape)
        if "slope" in draws:
            within += np.einsum(
                "pk,dk,ks->dps", table.x[:, t], draws["slope"], table.of, optimize=True
            )
        if "year" in draws:
            within += draws["year"][:, None, :, t]
        total += table.weight[:, t, None] * np.exp(within)
    found: Floats = place + np.log(total)
    return found
