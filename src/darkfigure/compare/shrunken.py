"""Rates of places that lend each other strength: a small place's rate is drawn to that of the rest.

A place with few people has a rate that jumps, and so stands at the head or at the foot of any list.
With events_i of trials_i,

    events_i ~ Binomial(trials_i, rate_i),     logit rate_i ~ Normal(mu, sigma²)

places are exchangeable: a rate is drawn to the mean as far as its own count says little (the model
"Surgical" of Spiegelhalter, Thomas, Best & Gilks 1996, BUGS Examples Volume 1). `independent` has
each place alone, for comparison. Where trials are inhabitants and events cases on record, this is
the shrinkage of simple rates; it knows nothing of what share is recorded (see `awareness`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.compare import _nuts
from darkfigure.compare._nuts import Mixing
from darkfigure.errors import InputError

SPREAD = 1.0  # the scale of the half-normal prior of sigma, on the logit scale
VAGUE = 3.0  # the standard deviation of the prior of mu about the logit of the pooled rate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shrunken:
    """Draws of the rates of places that are exchangeable.

    Attributes
    ----------
    rate : array of float, shape (draws, places)
        Events per trial.
    mu, sigma : array of float, shape (draws,)
        Mean and standard deviation of the places' logits.
    convergence : Mixing
        Worst R-hat, least effective size, divergences.
    settings : mapping
        All that is needed to do it again.
    """

    rate: Floats
    mu: Floats
    sigma: Floats
    convergence: Mixing
    settings: Mapping[str, Any]


def independent(
    events: Sequence[int] | npt.ArrayLike,
    trials: Sequence[int] | npt.ArrayLike,
    *,
    a: float = 1.0,
    b: float = 1.0,
    draws: int = 10_000,
    seed: int = 1,
) -> Floats:
    """Draws of rates, each place by itself: Beta(a + events, b + trials - events).

    Parameters
    ----------
    events, trials : array of int, shape (places,)
        0 <= events <= trials, trials more than zero.
    a, b : float
        Of the beta prior, uniform by default.
    draws : int
    seed : int

    Returns
    -------
    array of float, shape (draws, places)

    Raises
    ------
    InputError
        If counts are no counts, events are more than trials, or the prior is no prior.

    Examples
    --------
    >>> independent([0, 18], [47, 148]).mean(axis=0).round(2).tolist()
    [0.02, 0.13]
    """
    y, n = _counts(events, trials)
    if not (0 < a < math.inf and 0 < b < math.inf) or draws < 1:
        raise InputError("The prior's a and b, and the draws, must be more than zero.")
    rng = np.random.default_rng(seed)
    return rng.beta(a + y, b + n - y, size=(draws, y.size))


def exchangeable(
    events: Sequence[int] | npt.ArrayLike,
    trials: Sequence[int] | npt.ArrayLike,
    *,
    precision: tuple[float, float] | None = None,
    chains: int = 4,
    warmup: int = 500,
    draws: int = 1_000,
    seed: int = 1,
) -> Shrunken:
    """Draws of rates that are drawn together as far as the counts let them.

    Parameters
    ----------
    events, trials : array of int, shape (places,)
        0 <= events <= trials, trials more than zero; two places or more.
    precision : tuple of two floats, optional
        Shape and rate of a gamma prior of 1 / sigma², in place of sigma's own; (0.001, 0.001) is
        the one of BUGS, which with few places hardly lets them be alike (Gelman 2006).
    chains, warmup, draws : int
        How many chains, of how many moves each to set the steps, and of how many that are kept.
    seed : int
        The same seed gives the same draws.

    Raises
    ------
    NoEstimateError
        If the chains do not agree or go astray.
    InputError
        As for `independent`; and for one place only, or no events at all.

    Notes
    -----
    Priors: mu normal about the logit of the pooled rate with standard deviation 3, sigma
    half-normal with scale 1 unless `precision` says otherwise.

    Examples
    --------
    >>> alone, all_events = [0.0, 0.12], [0, 18, 8, 46]
    >>> found = exchangeable(all_events, [47, 148, 119, 810], chains=2, draws=500)
    >>> low, high = found.rate.mean(axis=0)[:2]
    >>> bool(alone[0] < low < high < alone[1])
    True
    """
    y, n = _counts(events, trials)
    if y.size < 2:
        raise InputError("There is only one place; two or more are needed to compare.")
    if not y.any() or (y == n).all():
        raise InputError("There are no events at all, or nothing else; no rate can be told.")
    pooled = math.log(y.sum() / (n - y).sum())
    if precision is not None and not all(0 < x < math.inf for x in precision):
        raise InputError("The shape and rate of the precision's prior must be more than zero.")
    data = (y.astype(np.float64), n.astype(np.float64), pooled, precision)
    start = {"mu": np.array(pooled), "sigma": np.array(math.log(0.5)), "z": np.zeros(y.size)}
    found = _nuts.sample(model, data, start, chains=chains, warmup=warmup, draws=draws, seed=seed)
    mu, sigma, z = (
        found.draws[k].reshape(-1, *found.draws[k].shape[2:]) for k in ("mu", "sigma", "z")
    )
    return Shrunken(
        rate=1 / (1 + np.exp(-(mu[:, None] + sigma[:, None] * z))),
        mu=mu,
        sigma=sigma,
        convergence=found.mixing,
        settings={
            "precision": precision,
            "chains": chains,
            "warmup": warmup,
            "draws": draws,
            "seed": seed,
        },
    )


def model(data: tuple[Floats, Floats, float, tuple[float, float] | None]) -> None:
    """The equation at the head of this file."""
    import numpyro
    import numpyro.distributions as dist

    events, trials, pooled, precision = data
    mu = numpyro.sample("mu", dist.Normal(pooled, VAGUE))
    spread = dist.HalfNormal(SPREAD)
    if precision is not None:
        root = dist.transforms.PowerTransform(0.5)
        spread = dist.TransformedDistribution(dist.InverseGamma(*precision), root)
    sigma = numpyro.sample("sigma", spread)
    # Apart from their mean and spread, so that the chains also go where sigma is small.
    z = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([len(events)]).to_event(1))
    rate = dist.Binomial(total_count=trials, logits=mu + sigma * z).to_event(1)
    numpyro.sample("events", rate, obs=events)


def _counts(
    events: npt.ArrayLike, trials: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    y, n = np.asarray(events, np.float64), np.asarray(trials, np.float64)
    if y.ndim != 1 or y.shape != n.shape or not y.size:
        raise InputError("There must be as many events as trials, one of each for every place.")
    if not (np.isfinite(y) & np.isfinite(n) & (y == np.floor(y)) & (n == np.floor(n))).all():
        raise InputError("Events and trials must be whole numbers, and none may be missing.")
    if (y < 0).any() or (y > n).any() or (n <= 0).any():
        raise InputError("Events lie between zero and trials, and trials are more than zero.")
    return y.astype(np.int64), n.astype(np.int64)
