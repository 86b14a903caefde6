"""Have several Markov chains met, and how many independent draws are theirs worth?

Rank-normalised split R-hat and effective sizes of bulk and tail (Vehtari, Gelman, Simpson,
Carpenter & Bürkner 2021, Bayesian Analysis 16). Ranks in place of values: a heavy tail cannot hide
that chains differ. Halves of chains in place of chains: a chain that drifts differs from itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Chains = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Convergence:
    """What the chains say of themselves.

    Attributes
    ----------
    rhat : float
        The larger of the rank-normalised split R-hat of the values and of their distances from the
        median; 1 when the chains agree, 1.01 is the most to be trusted.
    ess_bulk, ess_tail : float
        The number of independent draws that would tell as much of the middle, and of the 5 % and
        95 % quantiles.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float


def convergence(chains: npt.ArrayLike) -> Convergence:
    """R-hat and effective sizes of one quantity.

    Parameters
    ----------
    chains : array of float, shape (chains, draws)
        Two or more chains of eight or more draws each, finite.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = convergence(rng.normal(size=(4, 1000)))
    >>> found.rhat < 1.01, 3000 < found.ess_bulk < 5000
    (True, True)
    >>> convergence(rng.normal(size=(4, 1000)) + [[0], [0], [0], [2]]).rhat > 1.1
    True
    """
    x = np.asarray(chains, dtype=np.float64)
    if np.ptp(x) == 0.0:  # a quantity that never varies has nothing left to find
        return Convergence(1.0, float(x.size), float(x.size))
    halves = _split(x)
    normal = _rank_normalised(halves)
    folded = _rank_normalised(np.abs(halves - np.median(halves)))
    tails = (_effective(_split((x <= q).astype(float))) for q in np.quantile(x, (0.05, 0.95)))
    return Convergence(max(_rhat(normal), _rhat(folded)), _effective(normal), min(tails))


def _split(x: Chains) -> Chains:
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def _rank_normalised(x: Chains) -> Chains:
    """Normal scores of the ranks among all draws (equation 14)."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(x).reshape(x.shape)
    scores: Chains = ndtri((ranks - 0.375) / (x.size + 0.25))
    return scores


def _rhat(x: Chains) -> float:
    """Equations 1 to 4."""
    n = x.shape[1]
    within = float(x.var(axis=1, ddof=1).mean())
    between = n * float(x.mean(axis=1).var(ddof=1))
    if not np.ptp(x, axis=1).any():  # every chain stands still
        return 1.0 if np.ptp(x) == 0.0 else math.inf
    return float(math.sqrt((between / within + n - 1) / n))


def _effective(x: Chains) -> float:
    """Equations 10 to 13: the autocorrelations of all chains together, as far as they are signal.

    They are summed in pairs, which must be positive and fall (Geyer 1992), and the last positive
    one beyond is added.
    """
    m, n = x.shape
    if np.ptp(x) == 0.0:
        return float(x.size)
    centred = x - x.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred, 2 * n, axis=1)) ** 2
    covariance = np.fft.irfft(power, 2 * n, axis=1)[:, :n].mean(axis=0) / n
    within = covariance[0] * n / (n - 1)
    whole = covariance[0] + float(x.mean(axis=1).var(ddof=1))
    rho = 1 - (within - covariance) / whole
    rho[0] = 1.0
    pairs = rho[: n - n % 2].reshape(-1, 2).sum(axis=1)[: max(1, n // 2 - 1)]
    signal = int(np.argmax(pairs < 0)) if (pairs < 0).any() else pairs.size
    signal = max(signal, 1)
    beyond = max(float(rho[2 * signal]), 0.0) if 2 * signal < n else 0.0
    tau = -1 + 2 * float(np.minimum.accumulate(pairs[:signal]).sum()) + beyond
    return float(m * n / max(tau, 1 / math.log10(m * n)))
