"""Compiled kernels behind `latent_class`: Hamiltonian Monte Carlo on a ladder of temperatures.

A chain's state is a point of C - 1 + J * C coordinates. What could be integrated out exactly has
been: who belongs to which class, the number of the unseen, and alpha. With p(x) the chance of the
combination x over all classes, what is left of the likelihood is

    log L = sum_x n(x) log p(x) - n log(1 - p(0)),

for the sum over N of (1 / N) binom(N, n) p(0)^(N - n) is (1 / n) (1 - p(0))^-n. The sticks V_k are
kept as t_k = log s_k with s_k = -log(1 - V_k), which is exponential with rate alpha; so with
alpha ~ Gamma(a, b)

    log p(t) = sum_k t_k - (a + C - 1) log(b + sum_k s_k).

The chances lambda_jk that a person of class k is on list j are kept as logits.
"""

import math
from functools import partial

import numpy as np

from darkfigure import _kernel

# A division by zero is infinite, or no number: such points are refused as a whole.
kernel = partial(_kernel.kernel, error_model="numpy")


@kernel
def _exp(x, out, bits, power):
    """exp(x) into another array, to 14 digits, in a form that compiles to many at once.

    x = m log 2 + r with m whole: a polynomial in r, and m put where a float keeps its power of two;
    `power` is `bits` seen as floats. Beyond e^700 all is the same.
    """
    for i in range(x.size):
        y = x[i]
        y = y if y < 700.0 else 700.0
        y = y if y > -700.0 else -700.0
        m = np.floor(y * 1.4426950408889634 + 0.5)
        r = y - m * 0.693147180369123816490 - m * 1.90821492927058770002e-10
        e = 1.0 + r * (1 / 11) * (1.0 + r * (1 / 12))
        e = 1.0 + r * (1 / 9) * (1.0 + r * (1 / 10) * e)
        e = 1.0 + r * (1 / 7) * (1.0 + r * (1 / 8) * e)
        e = 1.0 + r * (1 / 5) * (1.0 + r * (1 / 6) * e)
        e = 1.0 + r * (1 / 3) * (1.0 + r * (1 / 4) * e)
        out[i] = 1.0 + r * (1.0 + r * (1 / 2) * e)
        bits[i] = (np.int64(m) + 1023) << 52
    for i in range(x.size):
        out[i] *= power[i]


@kernel
def _room(cells, lists, classes):
    """Arrays for the kernels to write into."""
    size = classes - 1 + lists * classes
    half = (lists + 1) // 2
    bits = np.zeros(size, np.int64)
    return (
        np.empty((4, size)),  # of exponentials: arguments, values e, 1 / (1 + e), e / (1 + e)
        bits,
        bits.view(np.float64),
        np.empty((4, classes)),  # V, 1 - V, s, pi
        np.empty((2, classes)),  # the chance, within a class, of being on a list, and of not
        np.empty((2, 1 << half, classes)),  # the first lists together, and the others
        np.empty((2, 1 << half, classes)),  # people expected there
        np.empty((cells, classes)),  # chances of the combinations that occur, by class
        np.empty(cells),  # and over all classes
    )


@kernel
def _unfold(theta, table, lists, classes, chance, room):
    """Work out the chances of all that was seen, at a point.

    Returns the chance of being on a list, and b + sum s.
    """
    _, masks, _ = table
    _, b = chance
    power_of, bits, power, stick, found, half, _, cell, total = room
    e, on, off = power_of[1], power_of[2], power_of[3]
    at = classes - 1
    for i in range(at):
        power_of[0, i] = theta[i]
    for i in range(at, theta.size):
        power_of[0, i] = -theta[i]
    _exp(power_of[0], e, bits, power)
    left = b
    for k in range(at):
        stick[2, k] = e[k]
        power_of[0, k] = -e[k]
        left += e[k]
    _exp(power_of[0, :at], stick[1, :at], bits, power)
    rest = 1.0
    for k in range(at):
        s = stick[2, k]
        # 1 - exp(-s), without loss where s is small
        series = s * (1.0 - s * 0.5 * (1.0 - s * (1 / 3) * (1.0 - s * 0.25 * (1.0 - s * 0.2))))
        stick[0, k] = series if s < 1e-3 else 1.0 - stick[1, k]
        stick[3, k] = rest * stick[0, k]
        rest *= stick[1, k]
    stick[3, at] = rest
    for i in range(at, theta.size):
        on[i] = 1.0 / (1.0 + e[i])
    for k in range(classes):
        half[0, 0, k] = stick[3, k]
        half[1, 0, k] = 1.0
        found[0, k] = 0.0
        found[1, k] = 1.0
    first = (lists + 1) // 2
    for j in range(lists):
        for k in range(classes):
            off[at + k] = on[at + k] * e[at + k]
            found[0, k] += found[1, k] * on[at + k]
            found[1, k] *= off[at + k]
        side, bit = (0, 1 << j) if j < first else (1, 1 << (j - first))
        for x in range(bit):
            for k in range(classes):
                half[side, x + bit, k] = half[side, x, k] * on[at + k]
            for k in range(classes):
                half[side, x, k] *= off[at + k]
        at += classes
    visible = 0.0
    for k in range(classes):
        visible += stick[3, k] * found[0, k]
    low = (1 << first) - 1
    for c in range(masks.size):
        x, y = masks[c] & low, masks[c] >> first
        for k in range(classes):
            cell[c, k] = half[0, x, k] * half[1, y, k]
        p = 0.0
        for k in range(classes):
            p += cell[c, k]
        total[c] = p
    return visible, left


@kernel
def _heights(theta, table, lists, classes, chance, room, visible, left):
    """The log likelihood and the log prior of the coordinates, after `_unfold`."""
    counts, _, seen = table
    power_of, _, _, _, _, _, _, _, total = room
    a, _ = chance
    like = -seen * math.log(visible)
    for c in range(counts.size):
        like += counts[c] * math.log(total[c])
    height = -(a + classes - 1.0) * math.log(left)
    for k in range(classes - 1):
        height += theta[k]
    at = classes - 1
    for _ in range(lists):
        both = 1.0
        for k in range(classes):
            both *= power_of[2, at + k] * power_of[3, at + k]
        height += math.log(both)
        at += classes
    return like, height


@kernel
def _slope(theta, table, heat, visible, left, lists, classes, a, room, slope):
    """The gradient of heat * log L + log prior, after `_unfold`.

    It is that of a table in which everybody's class is known, with the expected numbers in place of
    counts, the unseen among them.
    """
    counts, masks, seen = table
    power_of, _, _, stick, found, _, people, cell, total = room
    on = power_of[2]
    first = (lists + 1) // 2
    low = (1 << first) - 1
    for x in range(low + 1):
        for k in range(classes):
            people[0, x, k] = people[1, x, k] = 0.0
    for c in range(masks.size):
        x, y = masks[c] & low, masks[c] >> first
        per = heat * counts[c] / total[c]
        for k in range(classes):
            people[0, x, k] += cell[c, k] * per
        for k in range(classes):
            people[1, y, k] += cell[c, k] * per
    at = classes - 1 + lists * classes
    for j in range(lists - 1, -1, -1):
        at -= classes
        side, bit = (0, 1 << j) if j < first else (1, 1 << (j - first))
        for k in range(classes):
            slope[at + k] = 0.0
        for x in range(bit):
            for k in range(classes):
                slope[at + k] += people[side, x + bit, k]
            for k in range(classes):
                people[side, x, k] += people[side, x + bit, k]
    unseen = heat * seen / visible
    for k in range(classes):
        people[0, 0, k] += unseen * stick[3, k] * found[1, k]
    for _ in range(lists):
        for k in range(classes):
            v = on[at + k]
            slope[at + k] += 1.0 - v * (2.0 + people[0, 0, k])
        at += classes
    beyond = people[0, 0, classes - 1]
    per = (a + classes - 1.0) / left
    for k in range(classes - 2, -1, -1):
        v, u, s = stick[0, k], stick[1, k], stick[2, k]
        slope[k] = (people[0, 0, k] * u / v - beyond - per) * s + 1.0
        beyond += people[0, 0, k]


@kernel
def _log_weights(stick, log_weight):
    """The logarithms of the weights, however small these are."""
    rest = 0.0
    for k in range(log_weight.size):
        log_weight[k] = rest
        if k < log_weight.size - 1:
            log_weight[k] += math.log(stick[0, k])
            rest -= stick[2, k]


@kernel
def _sticks(log_weight, order, chance, t):
    """Find the t_k of weights, in any scale, that are taken in an order.

    Returns the log density of the weights under the prior, in terms of the logs of their ratios:
    with r_k the sum of those from k on, and r_1 one, (b - log r_C)^-(a + C - 1) / (r_2 ... r_C)
    times all weights.
    """
    a, b = chance
    classes = log_weight.size
    bottom = log_weight[order[classes - 1]]
    rest, sums, product = bottom, bottom, bottom
    for k in range(classes - 2, -1, -1):
        above = log_weight[order[k]] - rest
        s = math.log1p(math.exp(above)) if above < 30.0 else above
        t[k] = math.log(s)
        rest += s
        product += log_weight[order[k]]
        if k > 0:
            sums += rest
    return product - rest - sums - (a + classes - 1.0) * math.log(b - bottom + rest)


@kernel
def _relabel(theta, lists, classes, chance, stick, moved, rng):
    """Put the classes into another order, in which they come by their sizes; a Metropolis step.

    In the density of `_sticks` the product 1 / (r_2 ... r_C) is what the chance of an order that is
    biased by size is proportional to: it is proposed as it would be drawn (Gumbel's trick), and
    only the last weight decides.
    """
    a, b = chance
    log_weight = np.empty(classes)
    key = np.empty(classes)
    _log_weights(stick, log_weight)
    for k in range(classes):
        key[k] = math.log(-math.log(1.0 - rng.random())) - log_weight[k]
    order = np.argsort(key)
    was, last = log_weight[classes - 1], log_weight[order[classes - 1]]
    ratio = (a + classes - 1.0) * (math.log(b - was) - math.log(b - last))
    if math.log(1.0 - rng.random()) >= ratio:
        return
    if not _sticks(log_weight, order, chance, moved) > -math.inf:
        return
    at = classes - 1
    for _ in range(lists):
        for k in range(classes):
            moved[at + k] = theta[at + order[k]]
        at += classes
    theta[:] = moved


@kernel
def _trade(theta, lists, classes, chance, stick, moved, rng):
    """Propose to make the largest class larger and harder to see, or the other way about.

    Its weight against all others and the odds of its lambda change by inverse factors, so that
    about as many of it are seen as before: from thousands to millions of unseen in one step.
    Returns the log ratio of the prior, minus infinity where there is no way back.
    """
    log_weight = np.empty(classes)
    _log_weights(stick, log_weight)
    largest = np.argmax(log_weight)
    shift = rng.standard_normal() * math.exp(-3.0 + 5.0 * rng.random())
    order = np.arange(classes)
    before = _sticks(log_weight, order, chance, moved)
    log_weight[largest] -= shift
    if np.argmax(log_weight) != largest:
        return -math.inf
    ratio = _sticks(log_weight, order, chance, moved) - before
    at = classes - 1
    moved[at:] = theta[at:]
    for _ in range(lists):
        x = theta[at + largest]
        y = x + shift
        moved[at + largest] = y
        # the logistic density, of either sign
        ratio += (
            abs(x) - abs(y) + 2.0 * (math.log1p(math.exp(-abs(x))) - math.log1p(math.exp(-abs(y))))
        )
        at += classes
    return ratio


@kernel
def run(
    table,
    lists,
    classes,
    chance,
    heats,
    steps,
    leaps,
    thetas,
    likes,
    slot,
    turns,
    tune,
    rng,
    odds,
    used,
    swapped,
):
    """Move one chain on all its rungs; its state, and what the first rung says, are left.

    Parameters: `table`, the counts that are not zero, their masks and their sum; `chance` (a, b);
    `heats` (R,) powers of the likelihood, from one downwards; `steps` (R,) sizes of the leapfrog
    steps, set anew where `tune`; `leaps` (R,) the most of them in a trajectory; `thetas` (R, D)
    points; `likes` (R,) their log likelihoods; `slot` (R,) whose point stands on which rung;
    `turns` moves on the first rung between two exchanges.

    Results: `odds` gets p(0) / (1 - p(0)) after each move of the first rung, `used` how many
    classes have a hundredth of the people or more; `swapped` (R - 1,) the share of exchanges with
    the next rung that came about.
    """
    rungs, size = thetas.shape
    a, _ = chance
    _, masks, _ = table
    sweeps = odds.size // turns
    room = _room(masks.size, lists, classes)
    stick = room[3]
    slope = np.empty(size)
    place = np.empty(size)
    speed = np.empty(size)
    swapped[:] = 0.0
    for sweep in range(sweeps):
        for r in range(rungs):
            theta = thetas[slot[r]]
            for turn in range(turns if r == 0 else 1):
                heat = heats[r]
                _unfold(theta, table, lists, classes, chance, room)
                _relabel(theta, lists, classes, chance, stick, place, rng)
                visible, left = _unfold(theta, table, lists, classes, chance, room)
                like, height = _heights(theta, table, lists, classes, chance, room, visible, left)
                before = height + heat * like
                for i in range(size):
                    place[i] = theta[i]
                    speed[i] = rng.standard_normal()
                    before -= 0.5 * speed[i] * speed[i]
                step = steps[r] * (0.8 + 0.4 * rng.random())
                count = int(leaps[r] * (0.5 + 0.5 * rng.random()))
                short = rng.random() < 0.1
                if short:  # out of narrow places, to which a chain may have come from its start
                    step *= math.exp(-5.0 * rng.random())
                    count = min(count, 10)
                for leap in range(count + 1):
                    _slope(place, table, heat, visible, left, lists, classes, a, room, slope)
                    part = 0.5 * step if leap == 0 or leap == count else step
                    for i in range(size):
                        speed[i] += part * slope[i]
                    if leap < count:
                        for i in range(size):
                            place[i] += step * speed[i]
                        visible, left = _unfold(place, table, lists, classes, chance, room)
                after_like, height = _heights(
                    place, table, lists, classes, chance, room, visible, left
                )
                after = height + heat * after_like
                for i in range(size):
                    after -= 0.5 * speed[i] * speed[i]
                accept = 0.0
                if after - before > -700.0:  # not so where it is no number
                    accept = math.exp(min(0.0, after - before))
                if rng.random() < accept:
                    theta[:] = place
                    like = after_like
                if tune and not short:
                    steps[r] *= math.exp(0.1 * (accept - 0.8))
                # A class anew from the prior: of small classes the counts say next to nothing.
                k = int(rng.random() * classes)
                place[:] = theta
                for j in range(lists):
                    u = rng.random()
                    place[classes - 1 + j * classes + k] = math.log((1.0 - u) / (u + 1e-300))
                visible, left = _unfold(place, table, lists, classes, chance, room)
                anew, _ = _heights(place, table, lists, classes, chance, room, visible, left)
                if math.log(1.0 - rng.random()) < heat * (anew - like):
                    theta[:] = place
                    like = anew
                _unfold(theta, table, lists, classes, chance, room)
                ratio = _trade(theta, lists, classes, chance, stick, place, rng)
                if ratio > -math.inf:
                    visible, left = _unfold(place, table, lists, classes, chance, room)
                    anew, _ = _heights(place, table, lists, classes, chance, room, visible, left)
                    if math.log(1.0 - rng.random()) < ratio + heat * (anew - like):
                        theta[:] = place
                        like = anew
                likes[slot[r]] = like
                if r == 0:
                    visible, _ = _unfold(theta, table, lists, classes, chance, room)
                    odds[sweep * turns + turn], used[sweep * turns + turn] = 0.0, 0
                    for k in range(classes):
                        odds[sweep * turns + turn] += stick[3, k] * room[4][1, k] / visible
                        if stick[3, k] >= 0.01:
                            used[sweep * turns + turn] += 1
        for r in range(sweep % 2, rungs - 1, 2):
            ratio = (heats[r] - heats[r + 1]) * (likes[slot[r + 1]] - likes[slot[r]])
            accept = math.exp(min(0.0, ratio))
            swapped[r] += accept
            if rng.random() < accept:
                slot[r], slot[r + 1] = slot[r + 1], slot[r]
    swapped /= 0.5 * sweeps
