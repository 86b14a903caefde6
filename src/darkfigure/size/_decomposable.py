"""Compiled kernels behind `decomposable`: enumerate chordal graphs, and weigh them on a grid.

A graph over K lists is a bit mask of its edges, (0, 1) first, then (0, 2), ..., (1, 2), ...; a set
of lists is a bit mask too. A graph is decomposable exactly when it is chordal, and its probability
is then a product over its cliques divided by one over its separators (Dawid & Lauritzen 1993).
"""

import math

import numpy as np

from darkfigure._kernel import kernel

HEADROOM = 50.0  # how far a logarithm may rise above the reference before all is scaled anew
STIRLING = 30.0  # from here on three terms of the series are exact to 1e-13


@kernel
def _size(members):
    """How many lists a set has."""
    size = 0
    while members:
        members &= members - 1
        size += 1
    return size


@kernel
def cliques_and_separators(edges, n_lists, adjacent, cliques, separators):
    """Fill the maximal cliques and the separators between them; how many there are of each.

    No cliques when the graph is not chordal. Maximum cardinality search (Tarjan & Yannakakis 1984):
    visit next the list with most visited neighbours. The graph is chordal when these neighbours are
    a clique every time; where they are no more than the time before, a clique is complete, and they
    are the separator that joins the next one to those before (Blair & Peyton 1993, theorem 4.2).
    Empty separators, between parts that do not touch, are left out.
    """
    adjacent[:] = 0
    bit = 0
    for i in range(n_lists):
        for j in range(i + 1, n_lists):
            if edges >> bit & 1:
                adjacent[i] |= 1 << j
                adjacent[j] |= 1 << i
            bit += 1
    visited = 0
    current = 0
    before = -1
    n_cliques = 0
    n_separators = 0
    for _ in range(n_lists):
        chosen = -1
        most = -1
        for v in range(n_lists):
            if visited >> v & 1 == 0:
                size = _size(adjacent[v] & visited)
                if size > most:
                    chosen, most = v, size
        earlier = adjacent[chosen] & visited
        for u in range(n_lists):
            if earlier >> u & 1 and earlier & ~(adjacent[u] | 1 << u):
                return 0, 0
        if most <= before:
            cliques[n_cliques] = current
            n_cliques += 1
            if earlier:
                separators[n_separators] = earlier
                n_separators += 1
        current = earlier | 1 << chosen
        visited |= 1 << chosen
        before = most
    cliques[n_cliques] = current
    return n_cliques + 1, n_separators


@kernel
def chordal_graphs(n_lists):
    """The edges of every chordal graph, in ascending order."""
    adjacent = np.empty(n_lists, np.int64)
    cliques = np.empty(n_lists, np.int64)
    separators = np.empty(n_lists, np.int64)
    every = 1 << n_lists * (n_lists - 1) // 2
    found = np.empty(every, np.uint32)
    n = 0
    for edges in range(every):
        if cliques_and_separators(edges, n_lists, adjacent, cliques, separators)[0] > 0:
            found[n] = edges
            n += 1
    return found[:n].copy()


@kernel
def _log_ratio(y, d):
    """log gamma(y) - log gamma(y + d) for y, d >= 0, exact also where the two are all but equal: by
    Stirling's series, with what they have in common taken away."""
    x = y + d
    if y < STIRLING:
        return math.lgamma(y) - math.lgamma(x)
    leading = (y - 0.5) * math.log1p(-d / x) + d - d * math.log(x)
    return leading + _stirling(y) - _stirling(x)


@kernel
def _stirling(x):
    squared = x * x
    return (1 / 12 - (1 / 360 - 1 / (1260 * squared)) / squared) / x


@kernel
def log_marginals(counts, n_lists, delta, missing, table, seen):
    """The log marginal of every set of lists (rows) for every number of people missing (columns).

    The cells of a set's own table have the prior delta 2**(K - |set|) each, the sum over the cells
    of the whole table that fall into one. Only its cell of those on none of the set depends on how
    many are missing. `seen` receives how many people are on any list of the set.
    """
    everything = counts.size
    whole = delta * everything
    observed = counts[1:].sum()
    marginal = np.empty(everything)
    for members in range(everything):
        marginal[:] = 0.0
        for mask in range(1, everything):
            marginal[mask & members] += counts[mask]
        alpha = delta * (1 << n_lists - _size(members))
        constant = math.lgamma(whole) - math.lgamma(alpha)
        cell = members
        while cell:
            constant += math.lgamma(alpha + marginal[cell]) - math.lgamma(alpha)
            cell = (cell - 1) & members
        seen[members] = observed - marginal[0]
        less = seen[members] + whole - alpha
        for t in range(missing.size):
            table[members, t] = constant + _log_ratio(alpha + marginal[0] + missing[t], less)


@kernel
def _ways(missing, observed, base):
    """Add the logarithm of how many ways there are to choose those missing among all."""
    for t in range(missing.size):
        base[t] -= _log_ratio(missing[t] + 1.0, observed)


@kernel
def _joint(edges, n_lists, table, seen, work, row):
    """Add a graph's log marginal to a row of the grid; how many people `seen` by its cliques, less
    those by its separators."""
    cliques, separators = work[1], work[2]
    n_cliques, n_separators = cliques_and_separators(edges, n_lists, work[0], cliques, separators)
    counted = 0.0
    for i in range(n_cliques):
        members = cliques[i]
        counted += seen[members]
        for t in range(row.size):
            row[t] += table[members, t]
    for i in range(n_separators):
        members = separators[i]
        counted -= seen[members]
        for t in range(row.size):
            row[t] -= table[members, t]
    return counted


@kernel
def _highest(row):
    """The highest of a row, four at a time, for each comparison waits for the one before."""
    a = b = c = d = -math.inf
    whole = row.size - row.size % 4
    for t in range(0, whole, 4):
        a = max(a, row[t])
        b = max(b, row[t + 1])
        c = max(c, row[t + 2])
        d = max(d, row[t + 3])
    for t in range(whole, row.size):
        a = max(a, row[t])
    return max(max(a, b), max(c, d))


@kernel
def _exponentials(row, reference):
    """Replace each x of a row by exp(x - reference), to 1e-13, below 1e-300 by next to nothing.

    The series of exp(x / 1024) to its tenth term, squared ten times: without a branch or a call, so
    that the processor does several at once. A library's exp would be half of all the work.
    """
    for t in range(row.size):
        x = max(row[t] - reference, -700.0) / 1024
        y = 1 + x * (1 / 9)
        y = 1 + x * (1 / 8) * y
        y = 1 + x * (1 / 7) * y
        y = 1 + x * (1 / 6) * y
        y = 1 + x * (1 / 5) * y
        y = 1 + x * (1 / 4) * y
        y = 1 + x * (1 / 3) * y
        y = 1 + x * (1 / 2) * y
        y = 1 + x * y
        for _ in range(10):
            y *= y
        row[t] = y


@kernel
def weigh(
    counts, n_lists, graphs, delta, missing, log_width, floor, log_density, log_mass, found_again
):
    """Sum the joint probability of counts, graph and number missing, over the graphs and over it.

    `missing` are the nodes of a grid, `log_width` the logarithms of how many numbers each stands
    for, times the prior. A graph that nowhere rises above `floor` adds nothing. The results go into
    `log_density`, per node over all graphs; `log_mass`, per graph over all nodes; and
    `found_again`, how many people tell of those missing under a graph: those seen by its cliques,
    less those by its separators and all who were observed.
    """
    nodes = missing.size
    table = np.empty((counts.size, nodes))
    seen = np.empty(counts.size)
    log_marginals(counts, n_lists, delta, missing, table, seen)
    observed = counts[1:].sum()
    base = log_width.copy()
    _ways(missing, observed, base)
    work = np.empty((3, n_lists), np.int64)
    row = np.empty(nodes)
    density = np.zeros(nodes)
    mass = np.zeros(graphs.size)
    reference = -math.inf
    for g in range(graphs.size):
        row[:] = base
        counted = _joint(np.int64(graphs[g]), n_lists, table, seen, work, row)
        found_again[g] = round(counted - observed)
        high = _highest(row)
        if high <= floor:
            continue
        if high > reference + HEADROOM:
            scale = math.exp(reference - high)
            density *= scale
            mass[:g] *= scale
            reference = high
        _exponentials(row, reference)
        for t in range(nodes):
            density[t] += row[t]
        mass[g] = row.sum()
    for t in range(nodes):
        log_density[t] = reference + math.log(density[t]) if density[t] > 0 else -math.inf
    for g in range(graphs.size):
        log_mass[g] = reference + math.log(mass[g]) if mass[g] > 0 else -math.inf


@kernel
def densities(counts, n_lists, graphs, delta, missing, log_width, log_density):
    """The joint probability of the counts and the number missing under each graph apart (rows)."""
    table = np.empty((counts.size, missing.size))
    seen = np.empty(counts.size)
    log_marginals(counts, n_lists, delta, missing, table, seen)
    base = log_width.copy()
    _ways(missing, counts[1:].sum(), base)
    work = np.empty((3, n_lists), np.int64)
    for g in range(graphs.size):
        log_density[g] = base
        _joint(np.int64(graphs[g]), n_lists, table, seen, work, log_density[g])
