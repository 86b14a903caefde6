"""Do the intervals of stock, flow and movement hold the truth, in made-up regions?

    python -m benchmarks.regions [REGIONS]

200 regions of three to six cities and twelve occasions, in which the model is true: who enters
where, how long people stay, where they go and how often they are seen is drawn anew for each. Of
95 % intervals 92 to 98 % have to hold

- the stock of a city (its mean over the occasions), and that of the region on each occasion,
- the flow of a city: how many different people were ever there,
- movement from city to city,
- the region's total, the people who were ever in any of the cities.

What the cities would count together if each counted its own people without a mistake is printed
too, over the people there are. Written to benchmarks/results/regions-<date>.json; 1 if a bar is
missed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.speed import RESULTS, cpu
from darkfigure import engine
from darkfigure.circuit import entry
from darkfigure.circuit.simulation import Region, simulate
from darkfigure.circuit.stock import stock_and_flow
from darkfigure.errors import NoEstimateError

Floats = npt.NDArray[np.float64]

REGIONS = 200
OCCASIONS = tuple(f"month {t}" for t in range(1, 13))
HOLD = (0.92, 0.98)


def made_up(seed: int) -> tuple[Region, Floats]:
    """A region whose rates are drawn, and its movement."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(7,)))
    size = int(rng.integers(3, 7))
    cities = tuple("ABCDEF"[:size])
    at_first = rng.uniform(0.15, 0.4)
    share = rng.dirichlet(np.full(size, 4.0))
    enter = np.tile((1 - at_first) / (len(OCCASIONS) - 1) * share, (len(OCCASIONS), 1))
    enter[0] = at_first * rng.dirichlet(np.full(size, 4.0))
    survival = rng.uniform(0.7, 0.92)
    movement = np.array([rng.dirichlet(np.full(size, 1.5)) for _ in range(size)])
    movement = 0.65 * np.eye(size) + 0.35 * movement
    detection = rng.uniform(0.1, 0.4, size)
    people = int(rng.integers(1_500, 5_000))
    made = simulate(cities, OCCASIONS, people, enter, survival, movement, detection, seed=seed)
    return made, movement


def measured(seed: int) -> dict[str, Any]:
    """What the intervals of one region hold."""
    made, movement = made_up(seed)
    histories = made.histories
    try:
        found = entry.fit(histories, "constant", "city", "city", "city", starts=3, workers=1)
        told = stock_and_flow(histories, found, workers=1)
    except NoEstimateError as error:
        return {"seed": seed, "refused": str(error)}
    held: dict[str, list[bool]] = {}

    def hold(what: str, truth: float, lower: float | None, upper: float | None) -> None:
        if lower is not None and upper is not None:
            held.setdefault(what, []).append(bool(lower <= truth <= upper))

    for r, city in enumerate(histories.cities):
        each = told.of("stock", city)
        hold("stock of a city", made.stock[:, r].mean(), each.lower, each.upper)
        each = told.of("flow", city)
        hold("flow of a city", made.ever[r], each.lower, each.upper)
        for s, to in enumerate(histories.cities):
            rate = found.of("movement", city, to)[0]
            hold("movement", movement[r, s], rate.lower, rate.upper)
    for t, when in enumerate(OCCASIONS):
        each = told.of("stock", None, when)
        hold("stock of the region", made.stock[t].sum(), each.lower, each.upper)
    times = np.count_nonzero(histories.patterns, axis=1)
    each = told.of("flow")
    hold("total of the region", made.people, each.lower, each.upper)
    return {
        "seed": seed,
        "held": held,
        "error": float(np.log((each.estimate or np.nan) / made.people)),
        "naive": float(made.ever.sum() / made.people),
        "recorded": histories.people / made.people,
        "seen_twice": float(histories.freq @ (times > 1) / histories.people),
    }


def main(given: Sequence[str]) -> int:
    """Measure, print and write."""
    regions = int(given[0]) if given else REGIONS
    began, clock = datetime.now(UTC), time.perf_counter()
    done = []
    for each in engine.run(measured, range(1, regions + 1)):
        done.append(each)
        if len(done) % 20 == 0:
            print(f"{len(done)} of {regions}", file=sys.stderr, flush=True)
    fine = [each for each in done if "held" in each]
    rows, missed = [], 0
    for what in fine[0]["held"]:
        inside = [x for each in fine for x in each["held"][what]]
        share = float(np.mean(inside))
        ok = HOLD[0] <= share <= HOLD[1]
        missed += not ok
        rows.append({"what": what, "intervals": len(inside), "coverage": round(share, 4), "ok": ok})
        print(f"{what:<24}{len(inside):>7} intervals{share:>9.1%}{'' if ok else '  missed'}")
    naive = [each["naive"] for each in fine]
    error = [each["error"] for each in fine]
    result = {
        "regions": regions,
        "refused": regions - len(fine),
        "coverage": rows,
        "naive_over_truth": {
            "least": round(min(naive), 2),
            "median": round(float(np.median(naive)), 2),
            "most": round(max(naive), 2),
        },
        "error_of_total": {
            "mean_log": round(float(np.mean(error)), 4),
            "rmse_log": round(float(np.sqrt(np.mean(np.square(error)))), 4),
        },
        "recorded": round(float(np.mean([each["recorded"] for each in fine])), 3),
        "seen_twice": round(float(np.mean([each["seen_twice"] for each in fine])), 3),
        "people": "made up",
        "seconds": round(time.perf_counter() - clock, 1),
        "measured": began.isoformat(timespec="seconds"),
        "cpu": cpu(),
        "cores": engine.cores(),
        "darkfigure": version("darkfigure"),
    }
    print(
        f"The cities' own counts add up to {min(naive):.2f} to {max(naive):.2f} times the people "
        f"(median {np.median(naive):.2f}); {regions - len(fine)} regions refused."
    )
    RESULTS.mkdir(exist_ok=True)
    written = RESULTS / f"regions-{began:%Y-%m-%d}.json"
    written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return int(missed > 0 or min(naive) <= 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
