"""Measure how long the commands and the search take on this machine.

    python -m benchmarks.speed

Commands run as cold processes, as a person would start them. The figures are printed and written to
benchmarks/results/speed-<date>.json; 1 if one is over its bar.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from darkfigure import engine, tables
from darkfigure.size.search import best_model, every_model

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
STUDY = ROOT / "examples" / "uk-2013" / "study.toml"


@dataclass(frozen=True)
class Timing:
    """The median of several runs, in seconds, and the most it may be."""

    what: str
    seconds: float
    runs: int
    bar: float | None
    ok: bool


def timed(what: str, work: Callable[[], object], runs: int, bar: float | None) -> Timing:
    """Do something several times."""
    took = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    seconds = statistics.median(took)
    return Timing(what, round(seconds, 4), runs, bar, bar is None or seconds <= bar)


def command(*arguments: str) -> Callable[[], object]:
    """The command line, as a process of its own."""

    def call() -> object:
        script = Path(sys.executable).with_name("darkfigure")
        done = subprocess.run([script, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"darkfigure {' '.join(arguments)} failed:\n{done.stderr}")
        return done

    return call


def main() -> int:
    """Measure, print and write."""
    five = tables.load("uk-2013-5lists")
    every_model(five)  # compile before the clock starts
    best_model(five)
    with tempfile.TemporaryDirectory() as folder:
        timings = [
            timed("darkfigure --help", command("--help"), 5, 0.3),
            timed(
                "darkfigure size uk-2013 --method stepwise",
                command("size", "uk-2013", "--method", "stepwise"),
                5,
                1.5,
            ),
            timed("all 6,893 models of five lists", lambda: every_model(five), 5, None),
            timed("all 6,893, one core", lambda: every_model(five, workers=1), 5, None),
            timed("best of 6,893, proven", lambda: best_model(five), 5, None),
            timed(
                "darkfigure run examples/uk-2013/study.toml",
                command("run", str(STUDY), "--out", str(Path(folder) / "out")),
                1,
                20.0,
            ),
        ]
    now = datetime.now(UTC)
    print(f"{'':<4}{'what':<48}{'seconds':>9}{'bar':>7}")
    for t in timings:
        bar = "" if t.bar is None else f"{t.bar:g}"
        print(f"{'ok' if t.ok else 'NOT':<4}{t.what:<48}{t.seconds:>9.3f}{bar:>7}")
    RESULTS.mkdir(exist_ok=True)
    written = RESULTS / f"speed-{now:%Y-%m-%d}.json"
    result = {
        "measured": now.isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "cores": engine.cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "timings": [asdict(t) for t in timings],
    }
    written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written to {written.relative_to(ROOT)}")
    return int(not all(t.ok for t in timings))


if __name__ == "__main__":
    sys.exit(main())
