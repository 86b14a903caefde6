"""Regions whose lists have different territories: how often does the interval hold the truth?

    python -m benchmarks.territories [--small]

Made-up regions of four cities and three lists. List a and list b depend on each other, alike in
every city; all three lists work in two of the cities, which tells how much; one city has a and b
alone, and another lacks a. Each list finds another share of people in each city, or the same in
all. Besides the interval of `regional` (bootstrap, model chosen anew) these stand beside it: Wald's
interval, and what comes out if a list that does not work is taken to have found nobody there: the
best log-linear model of all people together, and of each city by itself.

Written to benchmarks/results/territories-<date>.json; 1 if a bar is missed. `--small` tries a few
and writes nothing.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.speed import RESULTS, ROOT, cpu
from darkfigure import engine
from darkfigure.errors import DarkfigureError
from darkfigure.size.bic import bic
from darkfigure.size.regional import regional
from darkfigure.strata import Strata

SIMULATIONS, REPLICATES = 200, 100
HELD = (0.92, 0.98)
LISTS = ("a", "b", "c")
CITIES = ("East", "North", "South", "West")
WHERE = {
    "a": ["East", "North", "South"],
    "b": ["East", "North", "South", "West"],
    "c": ["East", "North", "West"],
}
PEOPLE = np.array([900, 700, 800, 600])
USUAL = np.array([-1.2, -1.5, -1.0])  # log-odds of being on a list, for those on no other
PAIR = 0.9  # logarithm of the odds ratio of a and b
APART = np.array([[0, 0, 0], [0.4, -0.3, 0.2], [-0.3, 0.3, 0], [0.2, 0.1, -0.4]])
WORLDS = {"lists alike in all cities": 0.0, "lists differ by city": 1.0}

Row = dict[str, Any]


def region(spread: float, seed: int) -> Strata:
    """One region as its agencies would count it."""
    rng = np.random.default_rng(seed)
    masks = np.arange(8)
    on = masks[:, None] >> np.arange(3) & 1
    rows: list[tuple[tuple[str], int, int]] = []
    for s, city in enumerate(CITIES):
        works = sum(1 << j for j, name in enumerate(LISTS) if city in WHERE[name])
        weight = np.exp(on @ (USUAL + spread * APART[s]) + PAIR * (masks & 3 == 3))
        people = rng.multinomial(PEOPLE[s], weight / weight.sum())
        seen = np.bincount(masks & works, people, 8).astype(int)
        rows.extend(((city,), mask, int(seen[mask])) for mask in range(1, 8) if seen[mask])
    kinds, of, counts = zip(*rows, strict=True)
    return Strata(LISTS, ["city"], kinds, of, counts)


def answers(job: tuple[str, int]) -> Row:
    """What is said of one region, by city and in all."""
    world, seed = job
    strata = region(WORLDS[world], seed)
    found = regional(strata, WHERE, bootstrap=REPLICATES, seed=seed, workers=1)
    wald = regional(strata, WHERE, bootstrap=0).total
    every = [*(each.estimate for each in found.strata), found.total]
    return {
        "world": world,
        "limits": [[e.lower, e.total, e.upper] for e in every if e is not None],
        "wald": [wald.lower, wald.total, wald.upper],
        "dependence_found": found.total.details["model"] == "[12,3]",
        "as_zero_together": _best(strata.whole),
        "as_zero_by_city": sum(_best(h) for h in strata.split().values()),
    }


def _best(histories: Any) -> float:
    """The best log-linear model by BIC, a list that nobody is on left out."""
    for name in histories.lists:
        if histories.size_of(name) == 0:
            histories = histories.drop(name)
    try:
        return bic(histories, bootstrap=0).total
    except DarkfigureError:
        return float("nan")


def summary(world: str, rows: list[Row]) -> Row:
    """Coverage and error over the simulations of a world."""
    mine = [row for row in rows if row["world"] == world]
    limits = np.array([row["limits"] for row in mine], float)  # simulations, cities and all, 3
    truth = np.append(PEOPLE, PEOPLE.sum())
    held = (limits[:, :, 0] <= truth) & (truth <= limits[:, :, 2])
    wald = np.array([row["wald"] for row in mine])

    def error(totals: npt.ArrayLike) -> float:
        return round(float(np.nanmean(np.asarray(totals, float)) / truth[-1] - 1), 4)

    return {
        "world": world,
        "simulations": len(mine),
        "coverage": round(float(held[:, -1].mean()), 3),
        "coverage_of_cities": dict(
            zip(CITIES, np.round(held[:, :-1].mean(axis=0), 3).tolist(), strict=True)
        ),
        "median_width": round(float(np.median(limits[:, -1, 2] - limits[:, -1, 0])), 1),
        "error": error(limits[:, -1, 1]),
        "wald_coverage": round(
            float(np.mean((wald[:, 0] <= truth[-1]) & (truth[-1] <= wald[:, 2]))), 3
        ),
        "dependence_found": round(float(np.mean([row["dependence_found"] for row in mine])), 3),
        "error_as_zero_together": error([row["as_zero_together"] for row in mine]),
        "error_as_zero_by_city": error([row["as_zero_by_city"] for row in mine]),
    }


def main() -> int:
    """Simulate, print and write; 1 if a bar is missed."""
    small = "--small" in sys.argv
    simulations = 10 if small else SIMULATIONS
    began, clock = datetime.now(UTC), time.perf_counter()
    jobs = [(world, seed) for world in WORLDS for seed in range(1, simulations + 1)]
    answers(jobs[0])  # compile once
    with ProcessPoolExecutor(engine.cores()) as pool:
        rows = list(pool.map(answers, jobs, chunksize=5))
    worlds = [summary(world, rows) for world in WORLDS]
    missed = 0
    for each in worlds:
        each["ok"] = HELD[0] <= each["coverage"] <= HELD[1]
        missed += not each["ok"]
        cities = ", ".join(f"{c} {100 * x:.1f}" for c, x in each["coverage_of_cities"].items())
        print(
            f"{each['world']}: the region is held in {100 * each['coverage']:.1f} % (cities: "
            f"{cities}), error {100 * each['error']:+.1f} %; Wald's interval holds it in "
            f"{100 * each['wald_coverage']:.1f} %; missing taken as zero: error "
            f"{100 * each['error_as_zero_together']:+.1f} % together, "
            f"{100 * each['error_as_zero_by_city']:+.1f} % city by city"
        )
    seconds = round(time.perf_counter() - clock, 1)
    print(f"{seconds} s; bars missed: {missed}")
    if small:
        return 0
    result = {
        "measured": began.isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "cpu": cpu(),
        "cores": engine.cores(),
        "python": platform.python_version(),
        "seconds": seconds,
        "people": int(PEOPLE.sum()),
        "replicates": REPLICATES,
        "worlds": worlds,
    }
    written = RESULTS / f"territories-{began:%Y-%m-%d}.json"
    written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written to {written.relative_to(ROOT)}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
