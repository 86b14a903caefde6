"""Compiled kernel behind `search`: the best models, proven by branch and bound."""

import math

import numpy as np

from darkfigure._kernel import kernel
from darkfigure.size._loglinear import (
    ESTIMABLE,
    NO_MLE,
    UNDECIDED,
    fit_or_bound,
    start_from_counts,
    sum_over_supersets,
)
from darkfigure.size._space import TIE

OPEN, IN, OUT = 0, 1, 2  # what a node of the search has decided about a term


@kernel
def _inside(a, b):
    """Is the set a a proper subset of the set b?"""
    return a & b == a and a != b


@kernel
def _gather(n_lists, candidates, state, terms):
    """Put the masks of all terms that are not decided out into `terms`."""
    terms[0] = 0
    for j in range(n_lists):
        terms[1 + j] = 1 << j
    n = 1 + n_lists
    for i in range(candidates.size):
        if state[i] != OUT:
            terms[n] = candidates[i]
            n += 1
    return n


@kernel
def _keep(models, found, n, state, criterion, intercept, status):
    """Write one model down as number n; the arrays grow when they are full."""
    if n == models.shape[0]:
        wider = np.empty((2 * n, models.shape[1]), np.uint8)
        wider[:n] = models
        longer = np.empty((2 * n, 3))
        longer[:n] = found
        models, found = wider, longer
    for i in range(state.size):
        models[n, i] = state[i] != OUT
    found[n, 0], found[n, 1], found[n, 2] = criterion, intercept, status
    return models, found


@kernel
def _differ(a, b):
    """Do two states leave different terms in?"""
    different = False
    for i in range(a.size):
        different = different or (a[i] == OUT) != (b[i] == OUT)
    return different


@kernel
def _rank(lowest, criterion):
    """Put a criterion into the ordered array of the lowest ones."""
    i = lowest.size - 1
    if not criterion < lowest[i]:
        return
    while i > 0 and lowest[i - 1] > criterion:
        lowest[i] = lowest[i - 1]
        i -= 1
    lowest[i] = criterion


@kernel
def _limit(lowest, keep, within):
    """The highest criterion that a model still to be written down may have."""
    limit = lowest[0] + within
    if keep > 0:
        limit = min(limit, lowest[keep - 1])
    return limit + TIE


@kernel
def _extend(models, found, n, lowest, keep, within, candidates, idle, penalty):
    """Add to model n - 1 every set of idle terms that the limits allow, fewest first.

    Models written down are also the queue: each is extended by idle terms after its last one.
    """
    state = np.empty(candidates.size, np.uint8)
    front, most = n - 1, n - 1 + keep if keep > 0 else 1 << 62
    while front < n and n < most:
        criterion = found[front, 0] + penalty
        if criterion > _limit(lowest, keep, within):
            break
        last = -1
        for i in range(candidates.size):
            if idle[i] and models[front, i]:
                last = i
        for i in range(last + 1, candidates.size):
            ready = idle[i]
            for k in range(candidates.size):
                if ready and not models[front, k] and _inside(candidates[k], candidates[i]):
                    ready = False
            if ready:
                for k in range(candidates.size):
                    state[k] = IN if models[front, k] or k == i else OUT
                models, found = _keep(
                    models, found, n, state, criterion, found[front, 1], found[front, 2]
                )
                _rank(lowest, criterion)
                n += 1
        front += 1
    return models, found, n


@kernel
def _joinable(candidates, idle, state):
    """How many idle terms have none of the searched terms inside them decided out."""
    n = 0
    for i in range(candidates.size):
        joins = idle[i]
        for k in range(candidates.size):
            if joins and not idle[k] and state[k] == OUT and _inside(candidates[k], candidates[i]):
                joins = False
        n += joins
    return n


@kernel
def _log_add(a, b):
    """log(exp a + exp b)"""
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


@kernel
def _write(
    models, found, n, lowest, outside, keep, within, candidates, idle, penalty, state, result
):
    """Write a model down with all it leads to: `result` is criterion, intercept, status."""
    models, found = _keep(models, found, n, state, result[0], result[1], result[2])
    _rank(lowest, result[0])
    first = n
    models, found, n = _extend(
        models, found, n + 1, lowest, keep, within, candidates, idle, penalty
    )
    written = -math.inf
    for m in range(first, n):
        written = _log_add(written, -0.5 * found[m, 0])
    whole = (
        math.log1p(math.exp(-0.5 * penalty)) * _joinable(candidates, idle, state) - 0.5 * result[0]
    )
    if whole > written:
        outside = _log_add(outside, whole + math.log1p(-math.exp(written - whole)))
    return models, found, n, outside


@kernel
def _climb(counts, margins, n_lists, candidates, idle, penalty, state, strength, result):
    """A good model to start from, stepwise both ways: its `state` and its `result`, as in `_write`.

    The term whose lists share most unexpectedly many or few people joins if that lowers the
    criterion (the three most unexpected are tried), then any term may leave; until nothing moves.
    `strength` receives how unexpected each term is under independence. Returns the number of fits.
    """
    t = candidates.size
    eta = np.empty(counts.size)
    expected = np.empty(counts.size)
    surprise = np.empty(t)
    state[:] = OUT
    start_from_counts(counts, eta)
    result[0], result[1], result[2] = math.inf, math.nan, NO_MLE
    _try(counts, margins, n_lists, candidates, state, penalty, eta, result)
    fits = 1
    moved = True
    while moved:
        moved = False
        for w in range(counts.size):
            expected[w] = math.exp(eta[w]) if w else 0.0
        sum_over_supersets(expected)
        for i in range(t):
            c = candidates[i]
            surprise[i] = abs(margins[c] - expected[c]) / math.sqrt(expected[c] + 0.5)
        if fits == 1:
            strength[:] = surprise
        tried = 0
        for i in np.argsort(-surprise):
            ready = tried < 3 and state[i] == OUT and not idle[i]
            for k in range(t):
                if ready and state[k] == OUT and _inside(candidates[k], candidates[i]):
                    ready = False
            if ready and not moved:
                tried += 1
                fits += 1
                state[i] = IN
                moved = _try(counts, margins, n_lists, candidates, state, penalty, eta, result)
                if not moved:
                    state[i] = OUT
        for i in range(t):
            removable = state[i] == IN
            for k in range(t):
                if removable and state[k] == IN and _inside(candidates[i], candidates[k]):
                    removable = False
            if removable:
                fits += 1
                state[i] = OUT
                if _try(counts, margins, n_lists, candidates, state, penalty, eta, result):
                    moved = True
                else:
                    state[i] = IN
    return fits


@kernel
def _try(counts, margins, n_lists, candidates, state, penalty, eta, result):
    """Fit a neighbour of the model of `result`; move there if it is better."""
    terms = np.empty(1 + n_lists + candidates.size, np.int64)
    trial = np.empty(counts.size)
    n_terms = _gather(n_lists, candidates, state, terms)
    for w in range(eta.size):
        trial[w] = max(eta[w], -3.0)
    status, loglik, intercept, _ = fit_or_bound(
        counts, margins, terms, n_terms, trial, -math.inf, 0.5 * (penalty * n_terms - result[0])
    )
    criterion = -2.0 * loglik + penalty * n_terms
    estimable = status == ESTIMABLE or (status != UNDECIDED and result[2] != ESTIMABLE)
    if not (estimable and criterion < result[0] - TIE):
        return False
    eta[:] = trial
    result[0], result[1], result[2] = criterion, intercept, status
    return True


@kernel
def search(counts, n_lists, candidates, penalty, keep, within, every, budget, desk):
    """The estimable models of lowest -2 log-likelihood + penalty x parameters, proven.

    Branch and bound over (terms decided in, terms decided out). The largest model under a node has
    the highest likelihood of all models there and the terms decided in are the fewest parameters,
    so the two together bound every model under the node from below. A model is thus written down
    unless its criterion is more than `within` above the lowest, or above the `keep`-th lowest.
    With `every`, so are models without an estimate that lie as low.

    A term above one whose lists share nobody changes no mean and costs its penalty: such terms stay
    out of the search, and join the models found afterwards where the limits allow.

    The search ends early after `budget` fits or when somebody puts a one on desk[0]; desk[1] tells
    how many models have been fitted.

    Returns models (rows of 0/1 over the candidates), found (criterion without the likelihood's
    constant, intercept, status), how many models were fitted, how many fits that and the first good
    model took, a floor below which no other model lies (lower than the limits only if the search
    ended early), and the logarithm of an upper bound on the sum of exp(-criterion / 2) over all
    models not written down.
    """
    cells, t, main = counts.size, candidates.size, 1 + n_lists
    margins = counts.copy()
    sum_over_supersets(margins)
    terms = np.empty(main + t, np.int64)

    state = np.zeros((t + 2, t), np.uint8)
    idle = np.zeros(t, np.bool_)
    for i in range(t):
        for k in range(t):
            if margins[candidates[k]] == 0 and _inside(candidates[k], candidates[i]):
                state[0, i] = OUT
                idle[i] = True
                break
    # What one more free choice can add to the sum of exp(-criterion / 2), as a factor's logarithm.
    choice = math.log1p(math.exp(-0.5 * penalty))

    lowest = np.full(max(keep, 1), math.inf)
    models = np.empty((64, t), np.uint8)
    found = np.empty((64, 3))
    n = 0
    outside = -math.inf

    # Decide first what the model found on foot has, then what the counts speak of most clearly. In
    # either part larger terms come after the smaller ones inside them.
    first_state = np.empty(t, np.uint8)
    strength = np.empty(t)
    result = np.empty(3)
    fits = _climb(
        counts, margins, n_lists, candidates, idle, penalty, first_state, strength, result
    )
    if result[2] == ESTIMABLE:
        models, found, n, outside = _write(
            models,
            found,
            n,
            lowest,
            outside,
            keep,
            within,
            candidates,
            idle,
            penalty,
            first_state,
            result,
        )
    for i in range(t):
        c = candidates[i]
        size = 0 if first_state[i] == OUT else -n_lists
        while c:
            size += c & 1
            c >>= 1
        strength[i] -= 1e9 * size
    order = np.argsort(-strength)

    here = np.empty(cells)
    here_state = np.empty(t, np.uint8)
    at = np.zeros(t + 2, np.int64)
    bound = np.full(t + 2, -math.inf)  # of the node above: -2 log-likelihood, no penalty
    eta = np.empty((t + 2, cells))
    start_from_counts(counts, eta[0])
    top = 1
    fitted = 0
    limit = math.inf
    while top > 0:
        limit = _limit(lowest, keep, within)
        if fits >= budget or desk[0] > 0:
            break
        top -= 1
        here_state[:] = state[top]
        position, deviance = at[top], bound[top]
        size, open_terms = main, 0
        for i in range(t):
            size += here_state[i] == IN
            open_terms += here_state[i] == OPEN
        if deviance + penalty * size <= limit:
            here[:] = eta[top]
            n_terms = _gather(n_lists, candidates, here_state, terms)
            status, loglik, intercept, _ = fit_or_bound(
                counts,
                margins,
                terms,
                n_terms,
                here,
                0.5 * (penalty * size - limit),
                0.5 * (penalty * n_terms - limit),
            )
            fits += 1
            fitted += 1
            desk[1] = fitted
            deviance = -2.0 * loglik
            criterion = deviance + penalty * n_terms
            known = n > 0 and result[2] == ESTIMABLE and not _differ(here_state, first_state)
            allowed = status == ESTIMABLE or (every and status != UNDECIDED)
            if allowed and not known and criterion <= limit:
                models, found, n, outside = _write(
                    models,
                    found,
                    n,
                    lowest,
                    outside,
                    keep,
                    within,
                    candidates,
                    idle,
                    penalty,
                    here_state,
                    np.array([criterion, intercept, status]),
                )
            for w in range(cells):  # a mean that vanished above need not vanish below
                here[w] = max(here[w], -3.0)
        while deviance + penalty * size <= limit and position < t:
            # the child without the next term is put by; the walk goes on to the child with it
            i = order[position]
            position += 1
            if here_state[i] != OPEN:
                continue
            state[top] = here_state
            for k in range(t):
                if candidates[k] & candidates[i] == candidates[i]:
                    state[top, k] = OUT
            at[top], bound[top], eta[top] = position, deviance, here
            top += 1
            here_state[i] = IN
            size += 1
            open_terms -= 1
        if deviance + penalty * size > limit:
            open_terms += _joinable(candidates, idle, here_state)
            log_mass = -0.5 * (deviance + penalty * size) + choice * open_terms
            outside = _log_add(outside, log_mass)
    floor = limit
    while top > 0:  # what an early end has left open: how much could it still hold?
        top -= 1
        size, open_terms = main, _joinable(candidates, idle, state[top])
        for i in range(t):
            size += state[top, i] == IN
            open_terms += state[top, i] == OPEN
        n_terms = _gather(n_lists, candidates, state[top], terms)
        _, loglik, _, _ = fit_or_bound(
            counts, margins, terms, n_terms, eta[top], 0.5 * (penalty * size - limit), math.inf
        )
        fits += 1
        least = -2.0 * loglik + penalty * size
        floor = min(floor, least)
        outside = _log_add(outside, -0.5 * least + choice * open_terms)
    return models[:n], found[:n], fitted, fits, floor, outside
