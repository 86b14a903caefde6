"""How long does the model of places with one count take, and does it find what is known?

    python -m benchmarks.awareness [STUDY...]

Made-up counts throughout.

- states: 51 places, 5 years, 2 systems; at most 60 seconds, compilation included.
- counties: 3,142 places, 5 years, 1 system, most counts zero; at most 10 minutes.
- coverage: 50 sets of 20 places; do intervals of relative rates hold the truth?

The first two run in a process of their own each. Everything is printed and written to
benchmarks/results/awareness-<date>.json; 1 if a bar is missed.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.speed import RESULTS, cpu
from darkfigure import engine
from darkfigure.compare.awareness import Reports, Share, fit

SHARE = Share(0.1, 0.02, 0.4)
SETS = 50
SPREAD, OWN, SLOPE, EXCESS = 0.4, 0.2, 0.4, 0.05

Floats = npt.NDArray[np.float64]


def made_up(
    places: int, years: int, systems: int, people: float, seed: int
) -> tuple[Reports, Floats]:
    """Reports by the model's own equations, and the logarithms of the relative rates."""
    rng = np.random.default_rng(seed)
    population = people * np.exp(rng.normal(size=(places, 1))) * np.ones(years)
    x = rng.normal(size=(places, 1, systems)) + 0.3 * rng.normal(size=(places, years, systems))
    x = (x - x.mean((0, 1))) / x.std((0, 1))
    log_rate = SPREAD * rng.normal(size=places)
    own = OWN * rng.normal(size=(places, systems))
    crude = np.log([2e-5, 5e-6][:systems])
    log_mean = crude + log_rate[:, None, None] + own[:, None, :] + SLOPE * x
    mean = population[:, :, None] * np.exp(log_mean)
    counts = rng.poisson(mean * rng.gamma(1 / EXCESS, EXCESS, mean.shape)).astype(float)
    names = ["hotline", "police"][:systems]
    return (
        Reports(
            [f"place {i}" for i in range(places)],
            range(2012, 2012 + years),
            names,
            counts,
            population,
            {name: {"effort": np.exp(x[:, :, s])} for s, name in enumerate(names)},
        ),
        log_rate - log_rate.mean(),
    )


def held(rate: Floats, log_rate: Floats) -> list[bool]:
    """Does the 95 % interval of each relative rate hold the truth?"""
    relative = np.log(rate)
    relative -= relative.mean(axis=1, keepdims=True)
    lower, upper = np.quantile(relative, (0.025, 0.975), axis=0)
    return [bool(x) for x in (lower <= log_rate) & (log_rate <= upper)]


def timed(places: int, systems: int, people: float, bar: float, **options: int) -> dict[str, Any]:
    """One fit, its time and how its chains mixed."""
    reports, log_rate = made_up(places, 5, systems, people, 1)
    began, used = time.perf_counter(), time.process_time()
    found = fit(reports, share=SHARE, **options)
    seconds = time.perf_counter() - began
    mixing = found.convergence
    return {
        "places": places, "years": 5, "systems": systems,
        "zero": round(float((reports.counts == 0).mean()), 3), **options,
        "seconds": round(seconds, 1), "cpu_seconds": round(time.process_time() - used, 1),
        "rhat": round(mixing.rhat, 4), "ess": round(mixing.ess), "leaps": round(mixing.leaps, 1),
        "divergences": mixing.divergences, "accept": mixing.accept,
        "held": round(float(np.mean(held(found.rate, log_rate))), 3),
        "ok": seconds <= bar and mixing.rhat <= 1.01 and not mixing.divergences,
    }  # fmt: skip


def states() -> dict[str, Any]:
    return timed(51, 2, 3e6, 60.0)


def counties() -> dict[str, Any]:
    return timed(3142, 1, 4e4, 600.0, warmup=300, draws=500)


def coverage() -> dict[str, Any]:
    """Coverage of the logarithms of relative rates over many sets."""
    inside: list[bool] = []
    refused = 0
    for seed in range(SETS):
        reports, log_rate = made_up(20, 3, 2, 3e6, seed)
        try:
            inside += held(fit(reports, share=SHARE, seed=seed + 1).rate, log_rate)
        except Exception as error:
            refused += 1
            print(seed, error, flush=True)
        print(seed, round(float(np.mean(inside)), 3), flush=True)
    covered = float(np.mean(inside))
    return {
        "sets": SETS, "places": 20, "refused": refused, "coverage": round(covered, 3),
        "ok": 0.92 <= covered <= 0.98 and not refused,
    }  # fmt: skip


STUDIES: dict[str, Callable[[], dict[str, Any]]] = {
    "states": states,
    "counties": counties,
    "coverage": coverage,
}


def main(studies: Sequence[str]) -> int:
    """Measure, print and write; studies that are not named stay as they were measured."""
    files = sorted(RESULTS.glob("awareness-*.json"))
    result = dict(json.loads(files[-1].read_text(encoding="utf-8"))) if files else {}
    for name in studies or STUDIES:
        began = datetime.now(UTC)
        code = f"import json; from benchmarks.awareness import {name} as s; print(json.dumps(s()))"
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
        )
        row = json.loads(done.stdout.splitlines()[-1])
        print(name, row, flush=True)
        result |= {
            name: row,
            "measured": began.isoformat(timespec="seconds"),
            "counts": "made up",
            "machine": platform.machine(),
            "cpu": cpu(),
            "cores": engine.cores(),
            "python": platform.python_version(),
            **{each: version(each) for each in ("darkfigure", "numpyro", "jax", "numpy")},
        }
        RESULTS.mkdir(exist_ok=True)
        written = RESULTS / f"awareness-{began:%Y-%m-%d}.json"
        written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    missed = sum(not result[name]["ok"] for name in STUDIES if name in result)
    print(f"{missed} missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
