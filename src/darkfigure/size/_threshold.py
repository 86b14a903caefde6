"""Behind `threshold`: the posterior of one Poisson log-linear model, and draws from it.

The log posterior is concave, so it has one mode, found by Newton's method. In coordinates whitened
by the curvature there the posterior is nearly a standard normal, for which Hamiltonian dynamics
over a quarter of a period carry any point to one that is almost independent of it (Neal 2011,
section 5.4.1). The period is jittered, so that no direction comes back to where it was.
"""

import math

import numpy as np
import numpy.typing as npt

from darkfigure._kernel import kernel
from darkfigure.size._loglinear import (
    cholesky_solve,
    predictor,
    start_from_counts,
    sum_over_supersets,
)

WARM_UP = 500  # draws that are thrown away, over which the step is tuned
ACCEPTED = 0.9  # the share of proposals aimed at
MOST_STEPS = 64
MAX_ITERATIONS = 200


@kernel
def _height(margins, alive, terms, precision, beta, eta):
    """The log posterior less its constant; `eta` gets the linear predictor."""
    predictor(terms, terms.size, beta, eta)
    value = 0.0
    for i in range(terms.size):
        value += beta[i] * margins[terms[i]] - 0.5 * precision[i] * beta[i] ** 2
    for w in range(1, alive.size):
        if alive[w]:
            if eta[w] > 600.0:
                return -math.inf
            value -= math.exp(eta[w])
    return value


@kernel
def _slope(margins, alive, terms, precision, beta, eta, mean, gradient):
    """The gradient of the log posterior, from the linear predictor in `eta`."""
    for w in range(alive.size):
        mean[w] = math.exp(eta[w]) if alive[w] else 0.0
    sum_over_supersets(mean)
    for i in range(terms.size):
        gradient[i] = margins[terms[i]] - mean[terms[i]] - precision[i] * beta[i]


@kernel
def mode(counts, alive, terms, precision, beta, curvature):
    """The posterior mode in `beta`, minus the second derivatives there in `curvature`.

    `terms` are the masks of the parameters, the empty set first; `precision` is that of each one's
    normal prior about zero, 0 for a flat one; cells that are not `alive` have mean zero for sure.
    Returns whether it converged.
    """
    p = terms.size
    cells = counts.size
    margins = counts.copy()
    sum_over_supersets(margins)
    info = np.empty((p + 1, p))
    step = np.empty(p)
    gradient = np.empty(p)
    moved = np.empty(p)
    eta = np.empty(cells)
    mean = np.empty(cells)
    # The first step is least squares on the starting means, which follow no model.
    start_from_counts(counts, eta)
    for w in range(cells):
        mean[w] = math.exp(eta[w]) * (eta[w] - 1.0) + counts[w] if alive[w] else 0.0
    sum_over_supersets(mean)
    for i in range(p):
        step[i] = mean[terms[i]]
    _curved(alive, terms, precision, eta, mean, info)
    cholesky_solve(info, step, p)
    beta[:] = step
    value = _height(margins, alive, terms, precision, beta, eta)
    if value == -math.inf:
        beta[:] = 0.0
        value = _height(margins, alive, terms, precision, beta, eta)
    for _ in range(MAX_ITERATIONS):
        _slope(margins, alive, terms, precision, beta, eta, mean, gradient)
        step[:] = gradient
        _curved(alive, terms, precision, eta, mean, info)
        dependent = cholesky_solve(info, step, p)
        if dependent > 0:
            return False
        scale = 1.0
        while True:
            moved[:] = beta + scale * step
            reached = _height(margins, alive, terms, precision, moved, eta)
            if reached >= value - 1e-9 * (1.0 + abs(value)) or scale < 1e-8:
                break
            scale *= 0.5
        beta[:] = moved
        value = reached
        if scale == 1.0 and np.max(np.abs(step)) < 1e-6:
            _curved(alive, terms, precision, eta, mean, info)
            for i in range(p):
                for j in range(i, p):
                    curvature[i, j] = info[i, j]
                    curvature[j, i] = info[i, j]
            return True
    return False


@kernel
def _curved(alive, terms, precision, eta, mean, info):
    """The information plus the prior's precision, upper triangle and diagonal."""
    p = terms.size
    for w in range(alive.size):
        mean[w] = math.exp(eta[w]) if alive[w] else 0.0
    sum_over_supersets(mean)
    for i in range(p):
        for j in range(i, p):
            info[i, j] = mean[terms[i] | terms[j]]
        info[i, i] += precision[i]
        info[p, i] = info[i, i]


@kernel
def chain(counts, alive, terms, precision, centre, spread, normals, uniforms, out):
    """One chain of Hamiltonian Monte Carlo; the share of proposals that were accepted.

    A parameter vector is centre + spread z, `spread` a square root of the inverse curvature.
    `normals`, shape (1 + WARM_UP + n, p), and `uniforms`, shape (WARM_UP + n, 2), are all the
    chance there is; the first row of `normals` is the start. `out` receives n draws.
    """
    p = terms.size
    margins = counts.copy()
    sum_over_supersets(margins)
    eta = np.empty(counts.size)
    mean = np.empty(counts.size)
    gradient = np.empty(p)
    z = 1.5 * normals[0]  # further out than the posterior reaches
    beta = centre + spread @ z
    value = _height(margins, alive, terms, precision, beta, eta)
    while value == -math.inf:
        z *= 0.5
        beta = centre + spread @ z
        value = _height(margins, alive, terms, precision, beta, eta)
    _slope(margins, alive, terms, precision, beta, eta, mean, gradient)
    slope = spread.T @ gradient
    log_step = math.log(0.4)
    accepted = 0.0
    for t in range(uniforms.shape[0]):
        step = math.exp(log_step)
        length = (0.75 + 0.5 * uniforms[t, 0]) * math.pi / 2
        steps = min(MOST_STEPS, max(1, math.ceil(length / step)))
        step = min(step, length / steps)
        momentum = normals[1 + t].copy()
        before = value - 0.5 * np.dot(momentum, momentum)
        at = z.copy()
        pull = slope.copy()
        reached = value
        for _ in range(steps):
            momentum += 0.5 * step * pull
            at += step * momentum
            beta[:] = centre + spread @ at
            reached = _height(margins, alive, terms, precision, beta, eta)
            if reached == -math.inf:
                break
            _slope(margins, alive, terms, precision, beta, eta, mean, gradient)
            pull[:] = spread.T @ gradient
            momentum += 0.5 * step * pull
        rise = reached - 0.5 * np.dot(momentum, momentum) - before
        share = math.exp(min(0.0, rise)) if reached > -math.inf else 0.0
        if uniforms[t, 1] < share:
            z[:] = at
            slope[:] = pull
            value = reached
        if t < WARM_UP:
            log_step += (share - ACCEPTED) / (1.0 + t) ** 0.6
        else:
            out[t - WARM_UP] = centre + spread @ z
            accepted += share
    return accepted / max(1, out.shape[0])


def r_hat(draws: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Split R-hat of each parameter, from draws of shape (chains, n, p): Gelman et al. (2013),
    section 11.4. One where the chains tell the same."""
    half = draws.shape[1] // 2
    split = np.concatenate([draws[:, :half], draws[:, half : 2 * half]])
    within = split.var(axis=1, ddof=1).mean(axis=0)
    between = split.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt((half - 1) / half + between / within)
    return np.where(within > 0, found, np.inf)


def effective_size(draws: npt.NDArray[np.float64]) -> float:
    """How many independent draws are worth as much, from draws of shape (chains, n).

    The autocorrelations, pooled over split chains, are summed in pairs while those are positive,
    and made to fall (Geyer 1992; Vehtari et al. 2021, equations 10 and 11). At most the number of
    draws.
    """
    half = draws.shape[1] // 2
    split = np.concatenate([draws[:, :half], draws[:, half : 2 * half]])
    centred = split - split.mean(axis=1, keepdims=True)
    padded = np.fft.rfft(centred, n=2 * half, axis=1)
    lagged = np.fft.irfft(np.abs(padded) ** 2, axis=1)[:, :half] / half
    within = split.var(axis=1, ddof=1).mean()
    if not within > 0:
        return 0.0
    pooled = within * (half - 1) / half + split.mean(axis=1).var(ddof=1)
    correlation = 1.0 - (within - lagged.mean(axis=0) * half / (half - 1)) / pooled
    correlation[0] = 1.0
    pairs = correlation[: half // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    pairs = np.minimum.accumulate(pairs[: negative[0] if negative.size else pairs.size])
    return float(split.size / max(1.0, 2.0 * pairs.sum() - 1.0))
