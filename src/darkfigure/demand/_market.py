"""Compiled kernel behind `market`: one market, month by month, in whole people.

Every draw of every flow has a random number of its own, found by hashing the key, the month, the
city and the flow (splitmix64: Steele, Lea and Flood 2014), and is the inverse of its distribution
there. So two allocations of hours meet the same chance, flow by flow, and differ only in what the
hours do.
"""

import math

import numpy as np

from darkfigure._kernel import kernel

(
    STAY,
    ENTRY_RATIO,
    VISIBLE_SHARE,
    CONTROLLED,
    SUPPLY_ELASTICITY,
    HOURS_PER_EXPLOITED_ARREST,
    HOURS_PER_BUYER_ARREST,
    HOURS_PER_TRAFFICKER_ARREST,
    HIDDEN_EXPOSURE,
    BUYER_CAREER,
    SPECIFIC_DETERRENCE,
    DETERRENCE_YEARS,
    GENERAL_DETERRENCE,
    TRAFFICKER_CAREER,
    REPLACEMENT,
    REPLACEMENT_YEARS,
    FREED_BY_TRAFFICKER_ARREST,
    CUSTODY_DAYS,
    EXIT_AT_ARREST,
    INDOORS_PER_EXPLOITED_ARREST,
    INDOORS_PER_BUYER_ARREST,
    DISPLACEMENT,
    HARM_HIDDEN,
    HARM_OF_ARREST,
    HARM_OF_BUYER_FOCUS,
    COST_PER_HOUR,
    COST_PER_ARREST,
) = range(27)

MONTHS = 12
OUTCOMES, GROUPS, LEDGER = 8, 3, 5
MOST = 10.0
"""Entries do not grow by more than this factor, however little is bought today."""
FLOWS = 24
"""Random numbers of a city and month, beside those of movement, which has 4 for each city."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)
S30, S27, S31, S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@kernel
def mixed(z):
    """A hash of 64 bits (the finaliser of splitmix64)."""
    z = (z ^ (z >> S30)) * FIRST
    z = (z ^ (z >> S27)) * SECOND
    return z ^ (z >> S31)


@kernel
def uniform(key, index):
    """A number between 0 and 1, neither of them, for this key and index."""
    z = mixed(key + np.uint64(index + 1) * GOLDEN)
    return (np.float64(z >> S11) + 0.5) * 1.1102230246251565e-16


@kernel
def normal(p):
    """The normal quantile to seven digits (Wichura 1988, AS 241, PPND7)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = ((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179
        return q * top / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0)
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        top = ((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777
        value = top / ((0.12021132975 * r + 0.73700164250) * r + 1.0)
    else:
        r -= 5.0
        top = ((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150
        value = top / ((0.012258202635 * r + 0.24197894225) * r + 1.0)
    return -value if q < 0.0 else value


@kernel
def _lower_half(n, p, u):
    """The binomial quantile for p up to a half: summed, or by Cornish and Fisher's expansion."""
    mean = n * p
    variance = mean * (1.0 - p)
    if variance >= 10.0:
        z = normal(u)
        x = mean + math.sqrt(variance) * z + (1.0 - 2.0 * p) * (z * z - 1.0) / 6.0
        return min(n, max(0.0, math.floor(x + 0.5)))
    chance = math.exp(n * math.log1p(-p))
    odds = p / (1.0 - p)
    k = 0.0
    while u > chance and k < n:
        u -= chance
        k += 1.0
        chance *= odds * (n - k + 1.0) / k
        if chance < 1e-18:
            break
    return k


@kernel
def binomial(n, p, u):
    """How many of n people, each with chance p: the quantile at u, a whole number."""
    if n <= 0.0 or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    return n - _lower_half(n, 1.0 - p, 1.0 - u) if p > 0.5 else _lower_half(n, p, u)


@kernel
def poisson(mean, u):
    """How many come where so many are expected: the quantile at u, a whole number."""
    if mean <= 0.0:
        return 0.0
    if mean >= 10.0:
        z = normal(u)
        return max(0.0, math.floor(mean + math.sqrt(mean) * z + (z * z - 1.0) / 6.0 + 0.5))
    chance = math.exp(-mean)
    k = 0.0
    while u > chance:
        u -= chance
        k += 1.0
        chance *= mean / k
        if chance < 1e-18:
            break
    return k


@kernel
def within(rate, years):
    """The chance that something of this rate a year happens in this time."""
    return 1.0 - math.exp(-rate * years)


@kernel
def still_deterred(buyers, arrests, ratio, relapse, leave):
    """How many of these buyers are deterred where arrests go on as they do: the steady state."""
    deterred = 0.0
    for _ in range(60):
        weight = buyers - deterred + ratio * deterred
        risk = min(1.0, arrests / weight) if weight > 0.0 else 0.0
        stay = (1.0 - leave) * (1.0 - (1.0 - ratio * risk) * relapse)
        came = (1.0 - leave) * risk
        deterred = 0.5 * (deterred + buyers * came / max(1.0 - stay + came, 1e-300))
    return math.floor(deterred + 0.5)


@kernel
def demand(active, deterred, hours, p, leaving, bought, lost):
    """How much is bought in each city, and how much less than its buyers would; in buyers' worth.

    `active` and `deterred` (C,) are buyers, `hours` (C, 3) those of the allocation, `leaving`
    (C, C) where buying goes that a city loses. Fills `bought` and `lost` (C,).
    """
    cities = active.shape[0]
    for c in range(cities):
        every = active[c] + deterred[c]
        arrests = min(every, hours[c, 1] / p[HOURS_PER_BUYER_ARREST])
        risk = 100.0 * arrests / every if every > 0.0 else 0.0
        still = active[c] + p[SPECIFIC_DETERRENCE] * deterred[c]
        bought[c] = still * math.exp(-0.01 * p[GENERAL_DETERRENCE] * risk)
        lost[c] = every - bought[c]
    for c in range(cities):
        for d in range(cities):
            bought[d] += p[DISPLACEMENT] * lost[c] * leaving[c, d]


@kernel
def moved(people, move, key, base, slot, after):
    """Each city's people sent on by its row of `move` (C, C); adds where they are to `after`."""
    cities = people.shape[0]
    for c in range(cities):
        rest, left = people[c], 1.0
        for d in range(cities):
            if d == c or rest <= 0.0 or move[c, d] <= 0.0:
                continue
            u = uniform(key, base + (c * cities + d) * 4 + slot)
            go = binomial(rest, min(1.0, move[c, d] / left), u)
            after[d] += go
            rest -= go
            left -= move[c, d]
        after[c] += rest


@kernel
def one(p, sizes, today, hours, move, years, key, out, ledger, path):
    """One market: parameters `p`, `sizes` (C, 3) of exploited, buyers and traffickers at the start,
    `today` and `hours` (C, 3) a year, `move` (C, C) a month.

    Adds to `out` (C, OUTCOMES) and `ledger` (C, GROUPS, LEDGER), and fills `path` (years + 1).
    """
    cities = sizes.shape[0]
    step = 1.0 / MONTHS
    leave = within(1.0 / p[STAY], step)
    quit_buying = within(1.0 / p[BUYER_CAREER], step)
    quit_trade = within(1.0 / p[TRAFFICKER_CAREER], step)
    relapse = within(1.0 / p[DETERRENCE_YEARS], step)
    filled = within(1.0 / p[REPLACEMENT_YEARS], step)
    let_go = within(365.25 / p[CUSTODY_DAYS], step)
    # Who is arrested on any day of a month is still held at its end with the mean of e^(-rd).
    kept = let_go * p[CUSTODY_DAYS] / (365.25 * step)
    exposure, controlled = p[HIDDEN_EXPOSURE], p[CONTROLLED]
    per = (p[HOURS_PER_EXPLOITED_ARREST], p[HOURS_PER_BUYER_ARREST], p[HOURS_PER_TRAFFICKER_ARREST])

    leaving = np.zeros((cities, cities))
    away = np.zeros(cities)
    for c in range(cities):
        others = 0.0
        for d in range(cities):
            others += move[c, d] if d != c else 0.0
        if others > 0.0:
            away[c] = p[DISPLACEMENT]
            for d in range(cities):
                leaving[c, d] = move[c, d] / others if d != c else 0.0

    visible, hidden, custody = np.empty(cities), np.empty(cities), np.empty(cities)
    active, deterred = np.empty(cities), np.empty(cities)
    traffickers, vacant, first = np.empty(cities), np.empty(cities), np.empty(cities)
    shown = np.empty(cities)
    focus = np.zeros(cities)

    # Today's market is taken to stand still, but for `entry_ratio`: what comes is what goes.
    new_visible, new_hidden = np.zeros(cities), np.zeros(cities)
    new_buyers, new_traffickers = np.zeros(cities), np.zeros(cities)
    surface = np.zeros(cities)
    gone_v, gone_h, gone_t = np.zeros(cities), np.zeros(cities), np.zeros(cities)
    opening = np.zeros(cities)
    for c in range(cities):
        every = math.floor(sizes[c, 0] + 0.5)
        visible[c] = math.floor(every * p[VISIBLE_SHARE] + 0.5)
        hidden[c] = every - visible[c]
        buyers = math.floor(sizes[c, 1] + 0.5)
        traffickers[c] = math.floor(sizes[c, 2] + 0.5)
        first[c] = traffickers[c]
        caught = today[c, 1] / per[1] * step
        deterred[c] = still_deterred(buyers, caught, p[SPECIFIC_DETERRENCE], relapse, quit_buying)
        active[c] = buyers - deterred[c]
        new_buyers[c] = buyers * quit_buying
        weight = visible[c] + exposure * hidden[c]
        shown[c] = visible[c] / weight if weight > 0.0 else 0.0
        risk = min(1.0, today[c, 0] / per[0] * step / weight) if weight > 0.0 else 0.0
        a_v, a_h = visible[c] * risk, hidden[c] * min(1.0, exposure * risk)
        custody[c] = math.floor((a_v + a_h) * kept / let_go + 0.5)
        caught = min(caught, buyers)
        at_risk = min(1.0, today[c, 2] / per[2] * step / max(traffickers[c], 1e-300))
        taken = traffickers[c] * at_risk
        free = 1.0 - (1.0 - leave) * (1.0 - at_risk * controlled * p[FREED_BY_TRAFFICKER_ARREST])
        again = (a_v + a_h) * (1.0 - p[EXIT_AT_ARREST])
        v = (visible[c] - a_v + again * shown[c]) * (1.0 - free)
        h = (hidden[c] - a_h + again * (1.0 - shown[c])) * (1.0 - free)
        push = p[INDOORS_PER_EXPLOITED_ARREST] * (a_v + a_h) + p[INDOORS_PER_BUYER_ARREST] * caught
        indoors = v * within(push / v, 1.0) if v > 0.0 else 0.0
        surface[c] = min(1.0, indoors / h) if h > 0.0 else 0.0
        back = surface[c] * h
        for d in range(cities):
            gone_v[d] += (v - indoors + back) * move[c, d]
            gone_h[d] += (h + indoors - back) * move[c, d]
            gone_t[d] += (traffickers[c] - taken) * (1.0 - quit_trade) * move[c, d]
            opening[d] += taken * p[REPLACEMENT] * away[c] * leaving[c, d]
        opening[c] += taken * p[REPLACEMENT] * (1.0 - away[c])
        # What of a city's hours goes to buyers, against today.
        share, before = hours[c].sum(), today[c].sum()
        focus[c] = (hours[c, 1] / share if share > 0.0 else 0.0) - (
            today[c, 1] / before if before > 0.0 else 0.0
        )
    for c in range(cities):
        new_visible[c] = p[ENTRY_RATIO] * max(0.0, visible[c] - gone_v[c])
        new_hidden[c] = p[ENTRY_RATIO] * max(0.0, hidden[c] - gone_h[c])
        new_traffickers[c] = max(0.0, traffickers[c] - gone_t[c] - opening[c])
        vacant[c] = math.floor(opening[c] / filled + 0.5)
        ledger[c, 0, 0] = visible[c] + hidden[c] + custody[c]
        ledger[c, 1, 0] = active[c] + deterred[c]
        ledger[c, 2, 0] = traffickers[c]

    bought, lost, at_first = np.zeros(cities), np.zeros(cities), np.zeros(cities)
    demand(active, deterred, today, p, leaving, at_first, lost)
    after_v, after_h, after_t = np.empty(cities), np.empty(cities), np.empty(cities)
    opens = np.empty(cities)
    width = cities * FLOWS + 4 * cities * cities
    path[0] = visible.sum() + hidden.sum()
    for t in range(years * MONTHS):
        base = t * width
        demand(active, deterred, hours, p, leaving, bought, lost)
        opens[:] = 0.0
        for c in range(cities):
            i = base + c * FLOWS
            out[c, 5] += (active[c] + deterred[c] - bought[c]) * step / years
            out[c, 0] += 0.5 * step * visible[c]
            out[c, 1] += 0.5 * step * hidden[c]
            harm = max(0.0, 1.0 + p[HARM_OF_BUYER_FOCUS] * focus[c])
            out[c, 6] += 0.5 * step * (harm * visible[c] + p[HARM_HIDDEN] * hidden[c])

            # Buyers: arrested, deterred for a while, gone, come.
            weight = active[c] + p[SPECIFIC_DETERRENCE] * deterred[c]
            risk = min(1.0, hours[c, 1] / per[1] * step / weight) if weight > 0.0 else 0.0
            caught = binomial(active[c], risk, uniform(key, i))
            once_more = binomial(deterred[c], risk * p[SPECIFIC_DETERRENCE], uniform(key, i + 1))
            forgot = binomial(deterred[c] - once_more, relapse, uniform(key, i + 2))
            active[c] += forgot - caught
            deterred[c] += caught - forgot
            stop = binomial(active[c], quit_buying, uniform(key, i + 3))
            stop_too = binomial(deterred[c], quit_buying, uniform(key, i + 4))
            came = poisson(new_buyers[c], uniform(key, i + 5))
            active[c] += came - stop
            deterred[c] -= stop_too
            ledger[c, 1, 1] += came
            ledger[c, 1, 2] += stop + stop_too
            of_buyers = caught + once_more
            out[c, 3] += of_buyers

            # Traffickers: arrested, and their places filled here or in the next city.
            risk = min(1.0, hours[c, 2] / per[2] * step / max(traffickers[c], 1e-300))
            taken = binomial(traffickers[c], risk, uniform(key, i + 6))
            share_taken = taken / traffickers[c] if traffickers[c] > 0.0 else 0.0
            out[c, 4] += taken
            replaced = binomial(taken, p[REPLACEMENT], uniform(key, i + 7))
            elsewhere = binomial(replaced, away[c], uniform(key, i + 8))
            opens[c] += replaced - elsewhere
            left = 1.0
            for d in range(cities):
                if leaving[c, d] > 0.0 and elsewhere > 0.0:
                    u = uniform(key, base + cities * FLOWS + (c * cities + d) * 4 + 3)
                    go = binomial(elsewhere, min(1.0, leaving[c, d] / left), u)
                    opens[d] += go
                    elsewhere -= go
                    left -= leaving[c, d]
            opens[c] += elsewhere
            ratio = bought[c] / at_first[c] if at_first[c] > 0.0 else 1.0
            pull = min(MOST, ratio ** p[SUPPLY_ELASTICITY])
            hold = traffickers[c] / first[c] if first[c] > 0.0 else pull
            fill = binomial(vacant[c], filled, uniform(key, i + 9))
            retired = binomial(traffickers[c] - taken, quit_trade, uniform(key, i + 10))
            came = poisson(new_traffickers[c] * pull, uniform(key, i + 11)) + fill
            vacant[c] -= fill
            traffickers[c] -= taken + retired
            ledger[c, 2, 1] += came
            ledger[c, 2, 2] += taken + retired
            after_t[c] = came

            # Exploited people: arrested, out of custody, free, indoors or in sight, new.
            weight = visible[c] + exposure * hidden[c]
            risk = min(1.0, hours[c, 0] / per[0] * step / weight) if weight > 0.0 else 0.0
            a_v = binomial(visible[c], risk, uniform(key, i + 15))
            a_h = binomial(hidden[c], exposure * risk, uniform(key, i + 16))
            out[c, 2] += a_v + a_h
            held = binomial(a_v + a_h, kept, uniform(key, i + 23))
            out_of = binomial(custody[c], let_go, uniform(key, i + 12)) + a_v + a_h - held
            freed = binomial(out_of, p[EXIT_AT_ARREST], uniform(key, i + 13))
            back_v = binomial(out_of - freed, shown[c], uniform(key, i + 14))
            custody[c] += a_v + a_h - out_of
            visible[c] += back_v - a_v
            hidden[c] += out_of - freed - back_v - a_h
            free = 1.0 - (1.0 - leave) * (
                1.0 - share_taken * controlled * p[FREED_BY_TRAFFICKER_ARREST]
            )
            free_v = binomial(visible[c], free, uniform(key, i + 17))
            free_h = binomial(hidden[c], free, uniform(key, i + 18))
            visible[c] -= free_v
            hidden[c] -= free_h
            push = p[INDOORS_PER_EXPLOITED_ARREST] * (a_v + a_h)
            push += p[INDOORS_PER_BUYER_ARREST] * of_buyers
            in_chance = within(push / visible[c], 1.0) if visible[c] > 0.0 else 0.0
            indoors = binomial(visible[c], in_chance, uniform(key, i + 19))
            back = binomial(hidden[c], surface[c], uniform(key, i + 20))
            visible[c] += back - indoors
            hidden[c] += indoors - back
            come = pull * (1.0 - controlled) + controlled * hold
            after_v[c] = poisson(new_visible[c] * come, uniform(key, i + 21))
            after_h[c] = poisson(new_hidden[c] * come, uniform(key, i + 22))
            ledger[c, 0, 1] += after_v[c] + after_h[c]
            ledger[c, 0, 2] += freed + free_v + free_h
            arrests = a_v + a_h + of_buyers + taken
            out[c, 6] += p[HARM_OF_ARREST] * (a_v + a_h)
            out[c, 7] += p[COST_PER_HOUR] * hours[c].sum() * step + p[COST_PER_ARREST] * arrests
            ledger[c, 0, 3] -= visible[c] + hidden[c] + after_v[c] + after_h[c]
            ledger[c, 2, 3] -= traffickers[c] + after_t[c]
        vacant += opens
        roads = base + cities * FLOWS
        moved(visible, move, key, roads, 0, after_v)
        moved(hidden, move, key, roads, 1, after_h)
        moved(traffickers, move, key, roads, 2, after_t)
        for c in range(cities):
            ledger[c, 0, 3] += after_v[c] + after_h[c]
            ledger[c, 2, 3] += after_t[c]
            visible[c], hidden[c], traffickers[c] = after_v[c], after_h[c], after_t[c]
            out[c, 0] += 0.5 * step * visible[c]
            out[c, 1] += 0.5 * step * hidden[c]
            harm = max(0.0, 1.0 + p[HARM_OF_BUYER_FOCUS] * focus[c])
            out[c, 6] += 0.5 * step * (harm * visible[c] + p[HARM_HIDDEN] * hidden[c])
        if (t + 1) % MONTHS == 0:
            path[(t + 1) // MONTHS] = visible.sum() + hidden.sum()
    for c in range(cities):
        ledger[c, 0, 4] = visible[c] + hidden[c] + custody[c]
        ledger[c, 1, 4] = active[c] + deterred[c]
        ledger[c, 2, 4] = traffickers[c]


@kernel
def many(p, sizes, today, hours, move, years, keys, out, ledger, path):
    """As `one`, for each row of `p` (n, 27), `sizes` (n, C, 3) and `keys` (n,)."""
    for k in range(p.shape[0]):
        one(p[k], sizes[k], today, hours, move, years, keys[k], out[k], ledger[k], path[k])
