"""Small made-up regions whose truth is known: how often the limits of stock and flow hold it.

Each region has three cities, eight occasions and about 1,500 people, with rates of its own, and the
model that is fitted is true. `benchmarks.regions` is the long study, with larger ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from darkfigure import engine
from darkfigure.circuit import entry
from darkfigure.circuit.amounts import StockAndFlow
from darkfigure.circuit.simulation import Region, simulate
from darkfigure.circuit.stock import stock_and_flow

CITIES = ("Harbour", "Junction", "Valley")
OCCASIONS = tuple(f"month {t + 1}" for t in range(8))
TERMS = ("city", "city", "city", "city")


def region(seed: int, people: int = 1_500) -> Region:
    """A region with rates of its own: four of five stay, and one or two of five are seen."""
    rng = np.random.default_rng([7, seed])
    weights = rng.dirichlet([6.0] * 3)
    first, later = 0.25 * rng.dirichlet([6.0] * 3), 0.75 * weights
    entries = np.vstack([first, np.tile(later / 7, (7, 1))])
    moves = np.array([np.insert(rng.uniform(0.05, 0.2, 2), r, 0.0) for r in range(3)])
    np.fill_diagonal(moves, 1 - moves.sum(axis=1))
    survival, detection = rng.uniform(0.7, 0.9, 3), rng.uniform(0.2, 0.45, 3)
    return simulate(CITIES, OCCASIONS, people, entries, survival, moves, detection, seed=seed)


def truths(made: Region, told: StockAndFlow) -> Iterator[tuple[str, float, float, float, float]]:
    """Kind, truth, estimate and limits of each amount whose truth is known."""
    for each in told.amounts:
        place = slice(None) if each.city is None else [CITIES.index(each.city)]
        if each.what == "stock":
            there = made.stock[:, place].sum(axis=1)
            kind = "stock" if each.occasion else "mean stock"
            truth = there[OCCASIONS.index(each.occasion)] if each.occasion else there.mean()
        elif each.what == "flow":
            kind = "flow" if each.city else "people"
            truth = made.ever[place].sum() if each.city else made.people
        elif each.what == "counted more than once":
            kind, truth = each.what, made.ever.sum() - made.people
        elif each.what == "share elsewhere too":
            kind, truth = each.what, 1 - (made.only[place] / made.ever[place]).sum()
        elif each.what == "share in several cities":
            kind, truth = each.what, 1 - made.only.sum() / made.people
        else:
            continue
        assert each.estimate is not None
        assert each.lower is not None
        assert each.upper is not None
        yield kind, float(truth), each.estimate, each.lower, each.upper


def trial(seed: int) -> tuple[list[tuple[str, bool, float]], float]:
    """One region: of each amount whether it is held and how far off; and the naive sum's excess."""
    made = region(seed)
    found = entry.fit(made.histories, *TERMS, starts=1, workers=1)
    told = stock_and_flow(made.histories, found, workers=1)
    rows = [
        (kind, lower <= truth <= upper, estimate / truth - 1)
        for kind, truth, estimate, lower, upper in truths(made, told)
    ]
    twice = told.of("counted more than once").observed or 0.0
    return rows, twice / made.histories.people


def coverage(regions: int, workers: int | None = None) -> dict[str, tuple[int, float, float]]:
    """By kind: how many amounts, the share held, and the mean relative error; and the excess."""
    found: dict[str, list[tuple[bool, float]]] = {}
    for rows, excess in engine.run(trial, range(regions), workers=workers):
        for kind, held, off in rows:
            found.setdefault(kind, []).append((held, off))
        found.setdefault("naive sum over people seen", []).append((True, excess))
    return {
        kind: (len(each), *np.mean(each, axis=0).tolist()) for kind, each in found.items()
    }  # fmt: skip
