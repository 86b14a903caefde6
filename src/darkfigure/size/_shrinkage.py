"""Compiled kernel behind `shrinkage`: how probable each number of unseen people is."""

import math

import numpy as np

from darkfigure._kernel import kernel
from darkfigure.size._loglinear import cholesky_solve, sum_over_subsets, sum_over_supersets

MOST_STEPS = 200
CLOSE = 1e-9
LARGEST = 60.0  # of a linear predictor: far beyond any count, and its exponential is finite


@kernel
def _height(counts, terms, mean, precision, beta, intercept, eta, expected):
    """The log posterior at these parameters; the predictor and the expected counts are left."""
    eta[:] = 0.0
    eta[0] = intercept
    for i in range(terms.size):
        eta[terms[i]] = beta[i]
    sum_over_subsets(eta)
    height = 0.0
    for w in range(1, counts.size):
        eta[w] = min(eta[w], LARGEST)
        expected[w] = math.exp(eta[w])
        height += counts[w] * eta[w] - expected[w]
    expected[0] = 0.0
    for i in range(terms.size):
        off = beta[i] - mean[i]
        row = 0.0
        for j in range(terms.size):
            row += precision[i, j] * (beta[j] - mean[j])
        height -= 0.5 * off * row
    return height


@kernel
def marginal(counts, terms, mean, precision, intercepts, start, log_density, mode):
    """The log posterior of the intercept, all other parameters integrated out by Laplace's method.

    counts, shape (2**K,), entry 0 unused; terms, the masks of the other parameters, which are
    normal beforehand with this mean and precision; intercepts, increasing, where it is wanted,
    beginning at the place `start` and from there to both ends; `mode` gets where the other
    parameters have their mode at the start. Exact as far as they are normal about their mode, given
    the intercept (Tierney & Kadane 1986, equation 2.4).
    """
    p = terms.size
    margins = counts.copy()
    margins[0] = 0.0
    sum_over_supersets(margins)
    beta = mean.copy()
    moved = np.empty(p)
    step = np.empty(p)
    info = np.empty((p + 1, p))
    eta = np.empty(counts.size)
    expected = np.empty(counts.size)
    summed = np.empty(counts.size)
    for place in range(intercepts.size):
        g = start + place if start + place < intercepts.size else intercepts.size - 1 - place
        if g == start - 1:
            beta[:] = mode
        b0 = intercepts[g]
        height = _height(counts, terms, mean, precision, beta, b0, eta, expected)
        half_log_det = 0.0
        for _ in range(MOST_STEPS):
            summed[:] = expected
            sum_over_supersets(summed)
            for i in range(p):
                s = margins[terms[i]] - summed[terms[i]]
                for j in range(p):
                    s -= precision[i, j] * (beta[j] - mean[j])
                step[i] = s
                for j in range(i, p):
                    info[i, j] = summed[terms[i] | terms[j]] + precision[i, j]
                info[p, i] = info[i, i]
            slope = 0.0
            moved[:] = step
            cholesky_solve(info, step, p)
            half_log_det = 0.0
            for i in range(p):
                slope += moved[i] * step[i]
                half_log_det += 0.5 * math.log(info[i, i])
            if slope < CLOSE:
                break
            scale = 1.0
            while True:
                for i in range(p):
                    moved[i] = beta[i] + scale * step[i]
                trial = _height(counts, terms, mean, precision, moved, b0, eta, expected)
                if trial >= height + 0.1 * scale * slope or scale < 1e-6:
                    break
                scale *= 0.5
            beta[:] = moved
            height = trial
        if g == start:
            mode[:] = beta
        log_density[g] = height - half_log_det
