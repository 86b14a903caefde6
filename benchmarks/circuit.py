"""The multistate model: is the highest maximum found from every start, and how long does it take?

    python -m benchmarks.circuit [--small]

1. Every model of the geese, all kinds of survival, detection and movement, fitted from a cold start
   with 20 seeds; beside it the best of 40 climbs from places scattered far apart.
2. Fits as processes of their own, from the first line of Python to the answer: with the kernel
   compiled before, and compiled anew; 10,000 people over 60 months in 12 cities among them.
3. The cost against people, occasions and cities, drawn for docs/circuit/multistate.md.

Written to benchmarks/results/circuit-<date>.json; 1 if a bar is missed. `--small` tries a little
and writes nothing.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import altair as alt
import numpy as np
import numpy.typing as npt

from benchmarks.circuit_jobs import JOBS, Row, histories_of
from benchmarks.growth import MILLIONS, PLAIN, sheet, title
from benchmarks.speed import IMAGES, RESULTS, ROOT, cpu
from darkfigure import engine
from darkfigure.circuit.design import TERMS, Design
from darkfigure.circuit.m_array import m_array
from darkfigure.circuit.maximum import SAME, climb
from darkfigure.circuit.multistate import fit
from darkfigure.report.svg import INK, SEEN

SEEDS = range(1, 21)
SCATTERED, SPREADS = 40, (0.5, 1.0, 2.0, 3.0)
EVERY = list(itertools.product(TERMS, TERMS, TERMS))
GROWTH: dict[str, tuple[int, ...]] = {
    "people": (1_000, 10_000, 100_000, 1_000_000),
    "occasions": (6, 12, 24, 48, 96),
    "cities": (2, 4, 8, 16),
}


def cold_starts(seeds: range, terms: list[tuple[str, ...]]) -> Iterator[Row]:
    """Each model of the geese from 20 cold starts."""
    geese = histories_of("geese")
    counts = m_array(geese)
    for each in terms:
        design = Design(5, 3, *each)
        rng = np.random.default_rng(99)
        far = [
            2 * climb(rng.normal(0.0, SPREADS[k % len(SPREADS)], design.size), counts, design)[1]
            for k in range(SCATTERED)
        ]
        began = time.process_time()
        found = [fit(geese, *each, seed=seed) for seed in seeds]
        heights = [one.minus2loglik for one in found]
        best = min(*heights, *far)
        yield {
            "model": found[0].model,
            "parameters": found[0].parameters,
            "estimable": sorted({one.estimable for one in found}),
            "best": round(best, 4),
            "runs": len(found),
            "best_found": sum(height - best < SAME for height in heights),
            "worst_run": round(max(heights) - best, 6),
            "starts_at_best": sum(one.found for one in found)
            / sum(one.settings["starts"] for one in found),
            "scattered_at_best": float(np.mean(np.array(far) - best < SAME)),
            "scattered_worst": round(max(far) - best, 2),
            "cpu_seconds_a_run": round((time.process_time() - began) / len(found), 3),
        }


def alone(call: str, *, compiled: bool = True) -> Row:
    """A job as a process of its own; `seconds` are from its start to the fit, imports included.

    `cpu_seconds` are those of the processors, which say more where others are at work as well.
    """
    forget = "" if compiled else "from darkfigure import _kernel; _kernel.FOLDER = None; "
    code = (
        f"{forget}from benchmarks import circuit_jobs as c; row = c.{call}; "
        "import json, time; ended, cpu = time.time(), time.process_time(); "
        "print(json.dumps({**row, 'cpu_seconds': round(cpu, 3), 'ended': ended}))"
    )
    began = time.time()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    row = json.loads(done.stdout)
    seconds = round(row.pop("ended") - began, 3)
    return {**row, "compiled_before": compiled, "seconds": seconds}


def picture(rows: list[Row]) -> str:
    """Seconds of the processors against people, occasions and cities."""
    seconds: npt.NDArray[np.float64] = np.array([row["fit_cpu_seconds"] for row in rows])
    low = 10.0 ** np.floor(np.log10(seconds.min()))
    high = 10.0 ** np.ceil(np.log10(seconds.max()))
    decades = [10.0**i for i in range(round(np.log10(low)), round(np.log10(high)) + 1)]
    y = alt.Y(
        "fit_cpu_seconds:Q",
        title="processor seconds",
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=alt.Axis(values=decades, labelExpr="toString(datum.value)", **PLAIN),
    )
    panels = []
    for dimension, words in (
        ("people", "More people hardly cost anything"),
        ("occasions", "More occasions cost little"),
        ("cities", "Cities cost most: each pair is a parameter"),
    ):
        mine = [row for row in rows if row["dimension"] == dimension]
        sizes = [row["size"] for row in mine]
        x = alt.X(
            "size:Q",
            title=dimension,
            scale=alt.Scale(type="log", domain=[0.8 * min(sizes), 1.8 * max(sizes)], nice=False),
            axis=alt.Axis(values=sizes, labelExpr=MILLIONS, grid=False, **PLAIN),
        )
        marks = alt.Chart(alt.InlineData(mine)).encode(x=x, y=y)
        panels.append(
            alt.layer(
                marks.mark_line(color=SEEN, opacity=0.5),
                marks.mark_circle(color=INK, size=46, opacity=1),
                title=title(words),
            )
        )
    return sheet("bench-circuit", *panels, height=190)


def main() -> int:
    """Measure, print, write and draw; 1 if a bar is missed."""
    small = "--small" in sys.argv
    began, load = datetime.now(UTC), os.getloadavg()[0]
    missed = 0
    jobs = []
    for name in JOBS:
        if small and name.startswith("made"):
            continue
        alone(f"one_job({name!r})") if name == "geese-12" else None  # compile before the clock
        for compiled in (True, False):
            row = alone(f"one_job({name!r})", compiled=compiled)
            row["ok"] = min(row["seconds"], row["cpu_seconds"]) <= row["bar"]
            missed += compiled and not row["ok"]
            jobs.append(row)
            print(
                f"{name:<13}{'' if compiled else 'cold':<5}{row['seconds']:>8.2f} s in all "
                f"({row['cpu_seconds']:.2f} of processors), {row['fit_seconds']:.2f} s the fit "
                f"({row['fit_cpu_seconds']:.2f}), -2 log L {row['minus2loglik']:,.3f}, "
                f"{row['starts_at_best']} starts led there",
                flush=True,
            )
    starts = []
    for row in cold_starts(SEEDS[:2] if small else SEEDS, EVERY[-2:] if small else EVERY):
        starts.append(row)
        missed += row["best_found"] < row["runs"]
        print(
            f"{row['model']:<66}{row['parameters']:>3}{row['best']:>12,.3f} found in "
            f"{row['best_found']} of {row['runs']} runs, {100 * row['starts_at_best']:.0f} % of "
            f"starts, {100 * row['scattered_at_best']:.0f} % of far ones "
            f"({row['cpu_seconds_a_run']:.2f} s)",
            flush=True,
        )
    grown = [
        alone(f"growth_of({dimension!r}, {size})")
        for dimension, sizes in GROWTH.items()
        for size in (sizes[:1] if small else sizes)
    ]
    for row in grown:
        print(f"{row['size']:>9,} {row['dimension']:<10}{row['fit_cpu_seconds']:>8.2f} s")
    if small:
        return int(missed > 0)
    result = {
        "measured": began.isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "cpu": cpu(),
        "cores": engine.cores(),
        "load_before": round(load, 2),
        "python": platform.python_version(),
        "jobs": jobs,
        "cold_starts": starts,
        "growth": grown,
    }
    written = RESULTS / f"circuit-{began:%Y-%m-%d}.json"
    written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw()
    print(f"written to {written.relative_to(ROOT)}; bars missed: {missed}")
    return int(missed > 0)


def newest() -> Path:
    """The last result that was written."""
    return max(RESULTS.glob("circuit-*.json"))


def draw() -> None:
    """The picture of the documentation, from the newest result."""
    rows = json.loads(newest().read_text(encoding="utf-8"))["growth"]
    (IMAGES / "bench-circuit.svg").write_text(picture(rows), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
