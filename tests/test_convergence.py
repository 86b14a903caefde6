"""R-hat and effective sizes, against chains whose answers are known."""

import math

import numpy as np
import pytest

from darkfigure.convergence import convergence


def autoregressive(rho, chains=4, draws=20_000, seed=1):
    rng = np.random.default_rng(seed)
    x = np.empty((chains, draws))
    x[:, 0] = rng.normal(size=chains)
    noise = rng.normal(size=(chains, draws)) * math.sqrt(1 - rho**2)
    for t in range(1, draws):
        x[:, t] = rho * x[:, t - 1] + noise[:, t]
    return x


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.6, 0.9])
def test_an_autoregression_is_worth_as_much_as_its_formula_says(rho):
    x = autoregressive(rho)
    assert convergence(x).ess_bulk == pytest.approx(x.size * (1 - rho) / (1 + rho), rel=0.08)
    assert convergence(x).rhat < 1.005


def direct(x):
    """Equations 1 to 13 of Vehtari et al. (2021) with Geyer's sequence, one lag after the other."""
    m, n = x.shape
    means = x.mean(axis=1)
    lags = [
        [sum((c[: -t or None] - u) * (c[t:] - u)) / n for c, u in zip(x, means, strict=True)]
        for t in range(n)
    ]
    covariance = np.mean(lags, axis=1)
    within = covariance[0] * n / (n - 1)
    whole = within * (n - 1) / n + means.var(ddof=1)
    rho = [1.0] + [1 - (within - covariance[t]) / whole for t in range(1, n)]
    tau, least, t = -1.0, math.inf, 0
    while t + 1 < n - 2 and rho[t] + rho[t + 1] >= 0:
        least = min(least, rho[t] + rho[t + 1])
        tau += 2 * least
        t += 2
    tau += max(rho[t], 0.0)
    return m * n / max(tau, 1 / math.log10(m * n)), math.sqrt(whole / within)


def test_it_is_the_formula_lag_by_lag():
    from darkfigure import convergence as room

    for rho in (0.3, 0.8, 0.97):
        x = autoregressive(rho, draws=200)
        effective, rhat = direct(x)
        assert room._effective(x) == pytest.approx(effective, rel=1e-9)
        assert room._rhat(x) == pytest.approx(rhat, rel=1e-9)


def test_only_ranks_count():
    x = autoregressive(0.5, draws=500)
    assert convergence(np.exp(5 * x)).ess_bulk == convergence(x).ess_bulk
    assert convergence(np.exp(5 * x)).ess_tail == convergence(x).ess_tail


def test_a_chain_elsewhere_is_seen():
    x = autoregressive(0.2, draws=1000)
    x[3] += 2
    assert convergence(x).rhat > 1.2
    assert convergence(x).ess_bulk < 40


def test_a_chain_that_is_wider_is_seen():
    x = autoregressive(0.2, draws=1000)
    x[3] *= 4
    assert convergence(x).rhat > 1.05


def test_a_chain_that_drifts_is_seen():
    x = autoregressive(0.2, draws=1000) + np.linspace(0, 3, 1000)
    assert convergence(x).rhat > 1.2


def test_chains_that_stand_still_in_different_places_never_agree():
    found = convergence(np.repeat([[1.0], [2.0], [3.0], [4.0]], 100, axis=1))
    assert found.rhat == math.inf
    assert found.ess_bulk < 10


def test_a_quantity_without_variation_is_known():
    assert convergence(np.ones((4, 50))).rhat == 1.0
