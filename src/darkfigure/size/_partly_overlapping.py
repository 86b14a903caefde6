"""The compiled kernel behind `partly_overlapping`: Fisher scoring of counts that are sums of cells.

Each observed count is Poisson, and its mean is the sum of the means of the cells of the completed
table that cannot be told apart: those that differ only on lists which do not work in the stratum.
"""

import math

import numpy as np

from darkfigure._kernel import kernel
from darkfigure.size._loglinear import cholesky_solve

ESTIMABLE = 0
NO_MLE = 1  # a parameter runs away: the likelihood has no maximum
NOT_IDENTIFIED = 2  # the information of the observed counts is singular

MAX_ITERATIONS = 100
VANISHED = 1e-4  # people; where parameters run away together, some mean has fallen below
DEPENDENT = 1e-9  # of a parameter's information so much is its own, or it counts as another's


@kernel
def means(design, place, theta, mean, mu):
    """Fill the means of the completed cells and of the observed counts."""
    mu[:] = 0.0
    for c in range(design.shape[0]):
        eta = 0.0
        for j in range(theta.size):
            eta += design[c, j] * theta[j]
        mean[c] = math.exp(min(eta, 60.0))
        if place[c] >= 0:
            mu[place[c]] += mean[c]


@kernel
def likelihood(counts, mu):
    """The log-likelihood less its constant."""
    total = 0.0
    for o in range(counts.size):
        total += counts[o] * math.log(max(mu[o], 1e-300)) - mu[o]
    return total


@kernel
def derivatives(design, place, mean, mu, counts, info, gradient):
    """Fill the expected information of the observed counts, and the gradient."""
    p = gradient.size
    slope = np.zeros((counts.size, p))
    for c in range(design.shape[0]):
        o = place[c]
        if o >= 0:
            for j in range(p):
                slope[o, j] += mean[c] * design[c, j]
    info[:] = 0.0
    gradient[:] = 0.0
    for o in range(counts.size):
        if mu[o] <= 0.0:
            continue
        for i in range(p):
            s = slope[o, i]
            if s == 0.0:
                continue
            gradient[i] += (counts[o] / mu[o] - 1.0) * s
            for j in range(i, p):
                info[i, j] += s * slope[o, j] / mu[o]


@kernel
def score(design, place, counts, theta, path):
    """Climb from `theta`, in place, to the maximum: its log-likelihood, the status, the steps.

    `path` receives the log-likelihood after each step, as far as it is long enough.
    """
    p = theta.size
    mean = np.empty(design.shape[0])
    mu = np.empty(counts.size)
    info = np.empty((p + 1, p))
    gradient = np.empty(p)
    trial = np.empty(p)
    means(design, place, theta, mean, mu)
    height = likelihood(counts, mu)
    dependent = 0
    steps = 0
    converged = False
    while steps < MAX_ITERATIONS:
        derivatives(design, place, mean, mu, counts, info, gradient)
        for i in range(p):
            info[p, i] = info[i, i]  # the diagonal as it was, to judge the pivots by
        step = gradient.copy()
        dependent = cholesky_solve(info, step, p, DEPENDENT)
        gain = 0.0
        longest = 0.0
        for j in range(p):
            gain += gradient[j] * step[j]
            longest = max(longest, abs(step[j]))
        scale = min(1.0, 4.0 / max(longest, 1e-300))
        rises = False
        while scale > 1e-7:
            for j in range(p):
                trial[j] = theta[j] + scale * step[j]
            means(design, place, trial, mean, mu)
            new = likelihood(counts, mu)
            if new >= height - 1e-12 * (1.0 + abs(height)):
                rises = True
                break
            scale *= 0.5
        if not rises:
            means(design, place, theta, mean, mu)
            converged = gain < 1e-6
            break
        theta[:] = trial
        height = max(height, new)
        if steps < path.size:
            path[steps] = height
        steps += 1
        if gain < 1e-10 and longest < 1e-5:
            converged = True
            break
    empty = math.inf  # the smallest mean of a count of nobody
    for o in range(counts.size):
        if counts[o] == 0.0:
            empty = min(empty, mu[o])
    if dependent > 0 and empty > VANISHED:
        return height, NOT_IDENTIFIED, steps
    if dependent > 0 or not converged:
        return height, NO_MLE, steps
    return height, ESTIMABLE, steps
