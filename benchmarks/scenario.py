"""How long a scenario takes: the draws, the runs behind the Sobol indices, and the whole way.

    python -m benchmarks.scenario [--small]

The example with a third county: 10,000 draws over 10 years under both allocations of hours, and a
Sobol design of at most 2**14 runs, both on two cores; `darkfigure demand scenario` as a process of
its own; and that one core and two come to the same. Written to
benchmarks/results/scenario-<date>.json, with two charts of the example in docs/img; 1 if a bar is
missed. `--small` tries a little and writes nothing.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.speed import IMAGES, RESULTS, ROOT, cpu
from darkfigure.demand.scenario import Scenario
from darkfigure.demand.scenario_file import load
from darkfigure.demand.shift import run
from darkfigure.report.scenario_charts import helps, matters

EXAMPLE = ROOT / "examples/focus-on-demand/scenario.toml"
CORES = 2
BARS = {"draws": 10.0, "sobol": 60.0}
"""Seconds at most."""


def three(draws: int, sobol_runs: int) -> Scenario:
    """The example with a third county like the second, an hour further."""
    told = EXAMPLE.read_text("utf-8")
    second = told[told.index('[cities."River County".') : told.index("[movement]")]
    third = second.replace("River County", "Lake County")
    rows = told[told.index("[movement.rows]") : told.index("[parameters.stay]")]
    moves = """[movement.rows]
"Capital County" = { "Capital County" = 0.97, "River County" = 0.02, "Lake County" = 0.01 }
"River County" = { "Capital County" = 0.04, "River County" = 0.95, "Lake County" = 0.01 }
"Lake County" = { "Capital County" = 0.02, "River County" = 0.01, "Lake County" = 0.97 }

"""
    told = told.replace(rows, moves).replace(second, second + third)
    told = told.replace("draws = 10_000", f"draws = {draws}\nsobol_runs = {sobol_runs}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "scenario.toml")
        file.write_text(told, "utf-8")
        return load(file)


def timed(scenario: Scenario, workers: int = CORES) -> tuple[float, dict[str, Any], int]:
    """Seconds, what is told, and how many Sobol runs there were."""
    began = time.perf_counter()
    outcome = run(scenario, workers=workers)
    return time.perf_counter() - began, outcome.told(), outcome.runs


def main() -> int:
    """Measure, print and write; 1 if a bar is missed."""
    small = "--small" in sys.argv
    draws, runs = (1_000, 2**9) if small else (10_000, 2**14)
    began, load_before = datetime.now(UTC), os.getloadavg()[0]
    run(three(100, 0), workers=1)  # compile before the clock
    seconds, told, _ = timed(three(draws, 0))
    same = timed(three(1_000, 0), 1)[1] == timed(three(1_000, 0), CORES)[1]
    both, _, made = timed(three(100, runs))
    rows: list[dict[str, Any]] = [
        {"job": "draws", "draws": draws, "years": 10, "cities": 3, "seconds": seconds},
        {"job": "sobol", "runs": made, "years": 10, "cities": 3, "seconds": both},
    ]
    if not small:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            command = [sys.executable, *["-m", "darkfigure", "demand", "scenario"], EXAMPLE]
            subprocess.run([*command, "--out", folder], check=True, capture_output=True)
            rows.append({"job": "command", "seconds": time.perf_counter() - start})
            example = json.loads(Path(folder, "scenario.json").read_text("utf-8"))
            hangs = matters(example, "harm")
            assert hangs is not None
            for name, chart in (("shift-helps", helps(example)), ("shift-matters", hangs)):
                (IMAGES / f"{name}.svg").write_text(chart.wide_svg, "utf-8")
    missed = not same
    for row in rows:
        bar = BARS.get(row["job"])
        missed |= bar is not None and row["seconds"] > bar
        limit = "" if bar is None else f"  (bar {bar:g} s)"
        print(f"{row['job']:<10}{row['seconds']:>8.2f} s{limit}")
    print(f"one core and {CORES} come to the same: {same}")
    if not small:
        result = {
            "measured": began.isoformat(timespec="seconds"),
            "cpu": cpu(),
            "cores": CORES,
            "load_before": load_before,
            "python": platform.python_version(),
            "timings": rows,
            "same_on_any_cores": same,
            "outcomes": told["outcomes"],
        }
        file = RESULTS / f"scenario-{began:%Y-%m-%d}.json"
        file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
