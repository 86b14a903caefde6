"""Compiled kernels behind `heterogeneity` and `chao`: arrays in, arrays out.

The models have a main effect b_j for each list and what depends on the number of lists alone:

    log mu_w = a + sum of b_j over the lists j in w + sum of c_i g_i(|w|).

So cells need never be visited one by one. With theta_j = exp(b_j) and e_k the elementary symmetric
polynomial, the sum over all sets of k of the product of their theta, the people on exactly k lists
have mean exp(a + c.g(k)) e_k(theta), and those of them on list j have theta_j times the e_(k-1) of
the other lists in its place (as in the Rasch model: Andersen 1972). A fit takes the sizes of the
lists and the numbers on 1, 2, ..., K lists, whatever K is.
"""

import math

import numpy as np

from darkfigure._kernel import kernel
from darkfigure.size._loglinear import cholesky_solve

MAX_ITERATIONS = 100


@kernel
def _symmetric(theta, without, and_without, e):
    """Fill e with e_0, ..., e_K of theta, two places left out (-1 for none); only sums of
    positive numbers, so that nothing cancels."""
    e[:] = 0.0
    e[0] = 1.0
    for j in range(theta.size):
        if j not in (without, and_without):
            for k in range(theta.size, 0, -1):
                e[k] += theta[j] * e[k - 1]


@kernel
def _likelihood(x, sizes, layers, first, columns, theta, e, layer):
    """The Poisson log-likelihood less its constant; `layer` gets exp(a + c.g(k))."""
    k_lists = sizes.size
    value = 0.0
    for j in range(k_lists):
        if sizes[j] > 0:
            theta[j] = math.exp(x[1 + j])
            value += sizes[j] * x[1 + j]
        else:
            theta[j] = 0.0
    _symmetric(theta, -1, -1, e)
    for k in range(first, k_lists + 1):
        height = x[0]
        for i in range(columns.shape[1]):
            height += columns[k, i] * x[1 + k_lists + i]
        if height > 600.0:
            return -math.inf
        layer[k] = math.exp(height)
        value += layers[k] * height - layer[k] * e[k]
    return value if value > -math.inf else -math.inf


@kernel
def fit_layers(sizes, layers, first, columns, bounded, x):
    """Fit by Newton's method: whether it converged, log-likelihood less its constant, and the
    variance of the intercept.

    `sizes` are the people on each of the K lists, `layers` those on exactly 0, ..., K of them, from
    `first` on (0 where the unseen are counted, else 1); `columns` has g_i(k), shape (K + 1, m).
    With `bounded` no c_i is below zero: steps are projected, and parameters that would leave are
    held (Bertsekas 1982). `x` gives the start and receives a, b and c; b_j is meaningless where
    list j has nobody.

    Without a maximum some direction can be followed for ever, a step of about one at a time, until
    the information is singular: no convergence, and no estimate.
    """
    k_lists = sizes.size
    m = columns.shape[1]
    p = 1 + k_lists + m
    theta = np.empty(k_lists)
    e = np.empty(k_lists + 1)
    layer = np.zeros(k_lists + 1)
    gradient = np.empty(p)
    full = np.empty((p, p))
    info = np.empty((p + 1, p))
    step = np.empty(p)
    free = np.empty(p, np.int64)
    trial = np.empty(p)
    value = _likelihood(x, sizes, layers, first, columns, theta, e, layer)
    if value == -math.inf:
        return False, value, math.nan
    for _ in range(MAX_ITERATIONS):
        value = _likelihood(x, sizes, layers, first, columns, theta, e, layer)
        full[:] = 0.0
        gradient[:] = 0.0
        for k in range(first, k_lists + 1):
            mean = layer[k] * e[k]
            gradient[0] += layers[k] - mean
            full[0, 0] += mean
            for i in range(m):
                gradient[1 + k_lists + i] += (layers[k] - mean) * columns[k, i]
                full[0, 1 + k_lists + i] += mean * columns[k, i]
                for h in range(i, m):
                    full[1 + k_lists + i, 1 + k_lists + h] += mean * columns[k, i] * columns[k, h]
        for j in range(k_lists):
            if sizes[j] <= 0:
                continue
            gradient[1 + j] = sizes[j]
            _symmetric(theta, j, -1, e)
            for k in range(1, k_lists + 1):
                mean = layer[k] * theta[j] * e[k - 1]
                gradient[1 + j] -= mean
                full[0, 1 + j] += mean
                full[1 + j, 1 + j] += mean
                for i in range(m):
                    full[1 + j, 1 + k_lists + i] += mean * columns[k, i]
            for h in range(j + 1, k_lists):
                if sizes[h] > 0:
                    _symmetric(theta, j, h, e)
                    for k in range(2, k_lists + 1):
                        full[1 + j, 1 + h] += layer[k] * theta[j] * theta[h] * e[k - 2]

        n_free = 0
        for i in range(p):
            absent = 1 <= i <= k_lists and sizes[i - 1] <= 0
            held = bounded and i > k_lists and x[i] <= 0.0 and gradient[i] <= 0.0
            if not (absent or held):
                free[n_free] = i
                n_free += 1
        for i in range(n_free):
            step[i] = gradient[free[i]]
            for h in range(i, n_free):
                info[i, h] = full[free[i], free[h]]
            info[n_free, i] = info[i, i]
        dependent = cholesky_solve(info, step, n_free)
        if dependent > 0:
            return False, value, math.nan

        scale = 1.0
        while True:
            trial[:] = x
            gain = 0.0
            for i in range(n_free):
                at = free[i]
                trial[at] += scale * step[i]
                if bounded and at > k_lists and trial[at] < 0.0:
                    trial[at] = 0.0
                gain += gradient[at] * (trial[at] - x[at])
            reached = _likelihood(trial, sizes, layers, first, columns, theta, e, layer)
            if reached >= value + 1e-4 * gain - 1e-9 * (1.0 + abs(value)) or scale < 1e-8:
                break
            scale *= 0.5
        change = 0.0
        for k in range(k_lists + 1):
            moved = trial[0] - x[0]
            for i in range(m):
                moved += columns[k, i] * (trial[1 + k_lists + i] - x[1 + k_lists + i])
            change = max(change, abs(moved))
        for j in range(k_lists):
            if sizes[j] > 0:
                change = max(change, abs(trial[1 + j] - x[1 + j]))
        x[:] = trial
        # Convergence is quadratic: after a full step this small the next would be below 1e-9.
        if scale == 1.0 and gain < 1e-8 and change < 1e-5:
            unit = np.zeros(n_free)
            unit[0] = 1.0
            for i in range(n_free):
                for h in range(i, n_free):
                    info[i, h] = full[free[i], free[h]]
                info[n_free, i] = info[i, i]
            cholesky_solve(info, unit, n_free)
            return True, reached, unit[0]
    return False, value, math.nan


@kernel
def start(sizes, people, x):
    """Independent lists that, together, have seen about half of all."""
    x[:] = 0.0
    x[0] = math.log(2.0 * people)
    for j in range(sizes.size):
        share = min(0.9, max(sizes[j], 0.5) / (2.0 * people))
        x[0] += math.log(1.0 - share)
        x[1 + j] = math.log(share / (1.0 - share))


@kernel
def margins_of(counts, sizes, layers):
    """The people on each list, and on exactly so many lists."""
    sizes[:] = 0.0
    layers[:] = 0.0
    for w in range(1, counts.size):
        on = 0
        for j in range(sizes.size):
            if w >> j & 1:
                sizes[j] += counts[w]
                on += 1
        layers[on] += counts[w]


@kernel
def layer_totals(tables, n_lists, columns, bounded):
    """The total from each table of counts, shape (tables, 2**K); infinite where there is none."""
    totals = np.full(tables.shape[0], math.inf)
    sizes = np.empty(n_lists)
    layers = np.empty(n_lists + 1)
    x = np.empty(1 + n_lists + columns.shape[1])
    for t in range(tables.shape[0]):
        margins_of(tables[t], sizes, layers)
        people = layers.sum()
        if people == 0.0:
            continue
        start(sizes, people, x)
        found, _, _ = fit_layers(sizes, layers, 1, columns, bounded, x)
        if found:
            totals[t] = people + math.exp(x[0])
    return totals
