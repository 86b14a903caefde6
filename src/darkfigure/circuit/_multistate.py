"""Compiled kernel behind `multistate`: the likelihood, and what happened as far as can be expected.

A sighting says where somebody is, so the hidden Markov chain starts anew there: all that counts of
a history are its steps from one sighting to the next (the m-array: Brownie et al. 1993). The
chance to be seen next on occasion u in city s, after t in r, is that of all ways between, by the
forward recursion; that of never being seen again, chi, is by the recursion backwards.
"""

import math

import numpy as np

from darkfigure._kernel import kernel


@kernel
def expected(again, never, last, survival, gone, movement, detection, missed):
    """The log likelihood, and the expected numbers of events given the data.

    With R cities and T occasions, U = T - 1 steps between them: `again` (U, R, U, R), people seen
    on occasion t in r and next on u + 1 in s; `never` (U, R), those never seen again; `last`
    (U, R), the last u at which `again` is not zero, or -1; `survival` and `gone` (U, R), adding up
    to one; `movement` (U, R, R), rows adding up to one; `detection` and `missed` (U, R), of
    occasion u + 1, adding up to one.

    Returns the log likelihood and `died` (U, R), `moved` (U, R, R), `seen` and `unseen` (U, R).
    By Fisher's identity the gradient in the logits is that of the data in which nothing is hidden,
    with these in the place of counts.
    """
    steps, cities = never.shape
    died = np.zeros((steps, cities))
    moved = np.zeros((steps, cities, cities))
    seen = np.zeros((steps, cities))
    unseen = np.zeros((steps, cities))
    step = np.empty((steps, cities, cities))
    chi = np.ones((steps + 1, cities))
    for t in range(steps - 1, -1, -1):
        for r in range(cities):
            total = gone[t, r]
            for s in range(cities):
                step[t, r, s] = survival[t, r] * movement[t, r, s]
                total += step[t, r, s] * missed[t, s] * chi[t + 1, s]
            chi[t, r] = total
    like = 0.0

    # Never seen again: where they were is a Markov chain given that, from the first step on.
    here = np.zeros((steps + 1, cities))
    for t in range(steps):
        for r in range(cities):
            if never[t, r] > 0.0:
                like += never[t, r] * math.log(chi[t, r])
            per = (here[t, r] + never[t, r]) / chi[t, r]
            died[t, r] += per * gone[t, r]
            for s in range(cities):
                share = per * step[t, r, s] * missed[t, s] * chi[t + 1, s]
                moved[t, r, s] += share
                unseen[t, s] += share
                here[t + 1, s] += share

    # Seen again: forward from the sighting, each occasion scaled to one, and back.
    begin = np.zeros((steps + 1, cities))
    reach = np.empty((steps, cities))
    scale = np.empty(steps)
    after = np.empty(cities)
    way = np.empty(cities)
    for t in range(steps):
        for r in range(cities):
            end = last[t, r]
            if end < 0:
                continue
            begin[t] = 0.0
            begin[t, r] = 1.0
            log_scale = 0.0
            for u in range(t, end + 1):
                reach[u] = 0.0
                for i in range(cities):
                    weight = begin[u, i]
                    if weight > 0.0:
                        for s in range(cities):
                            reach[u, s] += weight * step[u, i, s]
                total = 0.0
                for s in range(cities):
                    count = again[t, r, u, s]
                    if count > 0.0:
                        like += count * (math.log(reach[u, s] * detection[u, s]) + log_scale)
                        seen[u, s] += count
                    begin[u + 1, s] = reach[u, s] * missed[u, s]
                    total += begin[u + 1, s]
                scale[u] = total
                log_scale += math.log(total)
                for s in range(cities):
                    begin[u + 1, s] /= total
            after[:] = 0.0
            for u in range(end, t - 1, -1):
                for s in range(cities):
                    later = missed[u, s] * after[s] / scale[u]
                    unseen[u, s] += reach[u, s] * later
                    count = again[t, r, u, s]
                    way[s] = later + count / reach[u, s] if count > 0.0 else later
                for i in range(cities):
                    weight = begin[u, i]
                    total = 0.0
                    for s in range(cities):
                        on = step[u, i, s] * way[s]
                        total += on
                        moved[u, i, s] += weight * on
                    after[i] = total
    return like, died, moved, seen, unseen
