r"""Which unknown matters most: variance-based sensitivity indices of first order and in total.

With A and B two independent samples of all unknowns, and :math:`A_B^{(i)}` the sample A with its
i-th column from B, the first-order index is
:math:`S_i = \overline{f(B)\,(f(A_B^{(i)}) - f(A))} / V` (Saltelli et al. 2010, table 2 b) and the
total index :math:`T_i = \overline{(f(A) - f(A_B^{(i)}))^2} / 2V` (Jansen 1999), both by
`scipy.stats.sobol_indices`. S is the share of the variance that would go if the unknown alone were
known; T the share that would be left if all others were known. The points are laid out here, so
that they run in pieces beside the draws, and so are the resamples: those of scipy take no seed.

Sources: Sobol' (2001), Mathematics and Computers in Simulation 55, 271–280; Saltelli and others
(2010), Computer Physics Communications 181, 259–270; Jansen (1999), same journal, 117, 35–43.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc, sobol_indices

from darkfigure.errors import InputError

Floats = npt.NDArray[np.float64]


def design(unknowns: int, runs: int, seed: int) -> Floats:
    """The points to run: A, B and each A with a column of B, one after the other.

    Parameters
    ----------
    unknowns : int
        How many there are, d.
    runs : int
        How many points there may be at most.
    seed : int
        Of the scrambling of the Sobol' sequence.

    Returns
    -------
    array, shape (d + 2, base, d)
        Between 0 and 1; base is the largest power of two that fits.

    Examples
    --------
    >>> design(3, 100, seed=1).shape
    (5, 16, 3)
    """
    most = runs // (unknowns + 2)
    if unknowns < 1 or most < 2:
        raise InputError(
            f"{runs:,} runs are too few to tell {unknowns} unknowns apart; "
            f"{2 * (unknowns + 2):,} are the least."
        )
    power = most.bit_length() - 1
    both = qmc.Sobol(2 * unknowns, scramble=True, rng=np.random.default_rng(seed))
    points = both.random_base2(power)
    a, b = points[:, :unknowns], points[:, unknowns:]
    mixed = np.repeat(a[None], unknowns, axis=0)
    for i in range(unknowns):
        mixed[i, :, i] = b[:, i]
    return np.asarray(np.clip(np.concatenate([a[None], b[None], mixed]), 1e-12, 1 - 1e-12))


@dataclass(frozen=True, eq=False)
class Indices:
    """Indices of d unknowns, with the standard errors of both; zero where nothing varies."""

    first: Floats
    total: Floats
    first_se: Floats
    total_se: Floats


def indices(values: Floats, *, resamples: int = 200, seed: int = 1) -> Indices:
    """The indices from what was run at the points of `design`.

    Parameters
    ----------
    values : array, shape (d + 2, base)
    resamples : int
        Bootstrap samples of the points, for the standard errors.
    seed : int

    Examples
    --------
    >>> x = design(2, 4096, seed=1)
    >>> found = indices(3 * x[..., 0] + 4 * x[..., 1])
    >>> found.first.round(2).tolist(), found.total.round(2).tolist()
    ([0.36, 0.64], [0.36, 0.64])
    """
    rng = np.random.default_rng(seed)
    base = values.shape[1]
    first, total = _both(values)
    some = [_both(values[:, rng.integers(0, base, base)]) for _ in range(resamples)]
    errors = [np.std([each[k] for each in some], axis=0, ddof=1) for k in (0, 1)]
    return Indices(first, total, errors[0], errors[1])


def _both(values: Floats) -> tuple[Floats, Floats]:
    pooled = values[:2]
    mean = pooled.mean()
    if pooled.var() <= 1e-12 * float(np.abs(pooled).max()) ** 2:
        return np.zeros(len(values) - 2), np.zeros(len(values) - 2)
    if len(values) == 3:  # one unknown, to which all is due; scipy has no answer for one
        return np.ones(1), np.ones(1)
    # Centred, which changes no expectation and lessens the spread of the first-order index.
    a, b, mixed = (
        part[..., None, :] for part in (values[0] - mean, values[1] - mean, values[2:] - mean)
    )
    found = sobol_indices(func={"f_A": a, "f_B": b, "f_AB": mixed}, n=values.shape[1])
    return found.first_order, found.total_order
