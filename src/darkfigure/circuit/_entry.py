"""Compiled kernels behind `entry` and `stock`: who entered, who was never seen, who was where.

xi_t(r) is the chance of somebody of the region to be in r on occasion t, not seen before; the
chance to be first seen there and then is xi_t(r) p_t(r). By Fisher's identity the gradient of its
logarithm in the logits is that of the data in which nothing is hidden, with expected numbers of
events in the place of counts, as in `_multistate`.
"""

import numpy as np

from darkfigure._kernel import kernel


@kernel
def never_seen(entry, survival, gone, movement, missed):
    """The chance never to be seen, and what such a person did.

    With R cities and T occasions: `entry` (T, R), adding up to one; `survival` and `gone`
    (T - 1, R); `movement` (T - 1, R, R); `missed` (T, R).

    Returns the chance, `xi` (T, R), and per person never seen the expected `entered` (T, R), `died`
    (T - 1, R), `moved` (T - 1, R, R) and `present` (T, R).
    """
    occasions, cities = entry.shape
    chi = np.ones((occasions, cities))
    for t in range(occasions - 2, -1, -1):
        for r in range(cities):
            total = gone[t, r]
            for s in range(cities):
                total += survival[t, r] * movement[t, r, s] * missed[t + 1, s] * chi[t + 1, s]
            chi[t, r] = total
    xi = entry.copy()
    chance = 1e-300
    for t in range(occasions):
        for r in range(cities):
            chance += entry[t, r] * missed[t, r] * chi[t, r]
            if t + 1 < occasions:
                on = xi[t, r] * missed[t, r] * survival[t, r]
                for s in range(cities):
                    xi[t + 1, s] += on * movement[t, r, s]
    entered = entry * missed * chi / chance
    present = xi * missed * chi / chance
    died = np.zeros((occasions - 1, cities))
    moved = np.zeros((occasions - 1, cities, cities))
    for t in range(occasions - 1):
        for r in range(cities):
            here = xi[t, r] * missed[t, r] / chance
            died[t, r] = here * gone[t, r]
            for s in range(cities):
                step = survival[t, r] * movement[t, r, s]
                moved[t, r, s] = here * step * missed[t + 1, s] * chi[t + 1, s]
    return chance, xi, entered, died, moved, present


@kernel
def before_seen(first, xi, entry, survival, movement, missed):
    """What people did until they were first seen, given when and where that was.

    `first` and `xi` (T, R), the rest as above. Returns the expected `entered` (T, R), `moved`
    (T - 1, R, R) and `present` (T, R), there but not seen yet.
    """
    occasions, cities = entry.shape
    entered = np.zeros((occasions, cities))
    present = np.zeros((occasions, cities))
    moved = np.zeros((occasions - 1, cities, cities))
    here = first.copy()
    for t in range(occasions - 1, -1, -1):
        for s in range(cities):
            if here[t, s] > 0.0 and xi[t, s] > 0.0:
                per = here[t, s] / xi[t, s]
                entered[t, s] = per * entry[t, s]
                if t > 0:
                    for r in range(cities):
                        came = xi[t - 1, r] * missed[t - 1, r] * survival[t - 1, r]
                        came *= per * movement[t - 1, r, s]
                        moved[t - 1, r, s] = came
                        present[t - 1, r] += came
                        here[t - 1, r] += came
    return entered, moved, present


@kernel
def staying(patterns, allowed, entry, survival, gone, movement, missed):
    """The chance, given the history, never to have been outside the allowed cities.

    `patterns` (rows, T) as in `Histories`; `allowed` (R,) of bool; the rest as above. A history is
    a product of chances from one sighting to the next, so that of those within is a product too.

    Returns the chances (rows,), zero for who was seen outside, and that of who was never seen.
    """
    occasions, cities = entry.shape
    chi = np.ones((2, occasions, cities))
    xi = np.zeros((2, occasions, cities))
    step = np.empty((2, occasions - 1, cities, cities))
    for k in range(2):
        for t in range(occasions - 1, -1, -1):
            for r in range(cities):
                free = k == 0 or allowed[r]
                xi[k, t, r] = entry[t, r] if free else 0.0
                if t + 1 == occasions:
                    continue
                total = gone[t, r]
                for s in range(cities):
                    within = k == 0 or (allowed[r] and allowed[s])
                    step[k, t, r, s] = survival[t, r] * movement[t, r, s] if within else 0.0
                    total += step[k, t, r, s] * missed[t + 1, s] * chi[k, t + 1, s]
                chi[k, t, r] = total
    chance = np.zeros(2)
    for k in range(2):
        for t in range(occasions):
            for r in range(cities):
                on = xi[k, t, r] * missed[t, r]
                if k == 0 or allowed[r]:
                    chance[k] += entry[t, r] * missed[t, r] * chi[k, t, r]
                if t + 1 < occasions:
                    for s in range(cities):
                        xi[k, t + 1, s] += on * step[k, t, r, s]

    # From each sighting on to the next: the share of all ways that stay within.
    needed = np.zeros((occasions, cities), np.int64)
    for row in range(patterns.shape[0]):
        before = -1
        for t in range(occasions):
            if patterns[row, t] > 0:
                if before >= 0:
                    i = patterns[row, before] - 1
                    needed[before, i] = max(needed[before, i], t)
                before = t
    within = np.zeros((occasions, cities, occasions, cities))
    for t in range(occasions):
        for i in range(cities):
            if needed[t, i] == 0 or not allowed[i]:
                continue
            here = np.zeros((2, cities))
            here[:, i] = 1.0
            for u in range(t, needed[t, i]):
                there = np.zeros((2, cities))
                for k in range(2):
                    for r in range(cities):
                        if here[k, r] > 0.0:
                            for s in range(cities):
                                there[k, s] += here[k, r] * step[k, u, r, s]
                scale = 0.0
                for s in range(cities):
                    if there[0, s] > 0.0:
                        within[t, i, u + 1, s] = there[1, s] / there[0, s]
                    here[0, s] = there[0, s] * missed[u + 1, s]
                    here[1, s] = there[1, s] * missed[u + 1, s]
                    scale += here[0, s]
                here /= max(scale, 1e-300)
    chances = np.zeros(patterns.shape[0])
    for row in range(patterns.shape[0]):
        share = 1.0
        before = -1
        for t in range(occasions):
            city = patterns[row, t] - 1
            if city < 0:
                continue
            if not allowed[city]:
                share = 0.0
                break
            if before < 0:
                share *= xi[1, t, city] / max(xi[0, t, city], 1e-300)
            else:
                share *= within[before, patterns[row, before] - 1, t, city]
            before = t
        if share > 0.0:
            city = patterns[row, before] - 1
            share *= chi[1, before, city] / chi[0, before, city]
        chances[row] = share
    return chances, chance[1] / max(chance[0], 1e-300)


@kernel
def spread(weight, first, again, never, last, entry, survival, gone, movement, missed):
    """Mean and variance, given the data, of a sum over the occasions on which people were missed.

    `weight` (T, R), what a person counts who is in r on occasion t and not seen; `first`, `again`,
    `never` and `last` as in `MArray`; the rest as above. All that lies between two sightings is
    independent of the rest.

    Returns mean and variance summed over all who were seen, and the first two moments of one who
    never was.
    """
    occasions, cities = entry.shape
    mean = 0.0
    variance = 0.0
    here = np.zeros((3, cities))
    there = np.zeros((3, cities))

    # until the first sighting, and never
    total = np.zeros(3)
    for t in range(occasions):
        there[:] = 0.0
        there[0] = entry[t]
        if t > 0:
            for r in range(cities):
                for s in range(cities):
                    step = survival[t - 1, r] * movement[t - 1, r, s]
                    for k in range(3):
                        there[k, s] += here[k, r] * step
        for s in range(cities):
            if first[t, s] > 0.0 and there[0, s] > 0.0:
                m = there[1, s] / there[0, s]
                mean += first[t, s] * m
                variance += first[t, s] * (there[2, s] / there[0, s] - m * m)
            w = weight[t, s]
            here[0, s] = there[0, s] * missed[t, s]
            here[1, s] = (there[1, s] + w * there[0, s]) * missed[t, s]
            here[2, s] = (there[2, s] + 2 * w * there[1, s] + w * w * there[0, s]) * missed[t, s]
            ends = gone[t, s] if t + 1 < occasions else 1.0
            for k in range(3):
                total[k] += here[k, s] * ends
    unseen = total[1:] / max(total[0], 1e-300)

    # from each sighting on
    for t in range(occasions - 1):
        for i in range(cities):
            end = last[t, i] if never[t, i] == 0.0 else occasions - 2
            if end < 0:
                continue
            here[:] = 0.0
            here[0, i] = 1.0
            total[:] = 0.0
            scale = 1.0
            for u in range(t, end + 1):
                for r in range(cities):
                    for k in range(3):
                        total[k] += scale * here[k, r] * gone[u, r]
                there[:] = 0.0
                for r in range(cities):
                    if here[0, r] > 0.0:
                        for s in range(cities):
                            step = survival[u, r] * movement[u, r, s]
                            for k in range(3):
                                there[k, s] += here[k, r] * step
                size = 0.0
                for s in range(cities):
                    count = again[t, i, u, s]
                    if count > 0.0:
                        m = there[1, s] / there[0, s]
                        mean += count * m
                        variance += count * (there[2, s] / there[0, s] - m * m)
                    w = weight[u + 1, s]
                    here[0, s] = there[0, s] * missed[u + 1, s]
                    here[1, s] = (there[1, s] + w * there[0, s]) * missed[u + 1, s]
                    here[2, s] = there[2, s] + 2 * w * there[1, s] + w * w * there[0, s]
                    here[2, s] *= missed[u + 1, s]
                    size += here[0, s]
                here /= max(size, 1e-300)
                scale *= size
            if never[t, i] > 0.0:
                for r in range(cities):
                    for k in range(3):
                        total[k] += scale * here[k, r]
                m = total[1] / total[0]
                mean += never[t, i] * m
                variance += never[t, i] * (total[2] / total[0] - m * m)
    return mean, variance, unseen
