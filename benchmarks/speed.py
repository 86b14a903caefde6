"""Measure how long the commands and the estimators take on this machine, and with how much memory.

    python -m benchmarks.speed

Commands run as cold processes, as a person would start them; each other job runs in a process of
its own, see `jobs`. Everything is printed and written to benchmarks/results/speed-<date>.json, the
pictures and the table of docs/every-model.md are drawn and written anew; 1 if a bar is missed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import growth, measured
from benchmarks.jobs import COUNTS, JOBS, REPLICATES, WARM
from darkfigure import engine

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
IMAGES = ROOT / "docs" / "img"
STUDY = ROOT / "examples" / "uk-2013" / "study.toml"
COMMANDS = (
    (("--help",), 5, 0.3),
    (("size", "uk-2013", "--method", "stepwise"), 5, 1.5),
    (("run", str(STUDY.relative_to(ROOT))), 1, 20.0),
)
COLD_BAR = 30.0  # seconds of the first command on a machine, which compiles
GROWTH_BAR = 20.0  # MiB more for 10,000 replicates than for 100

Row = dict[str, Any]


def main() -> int:
    """Measure, print and write."""
    began = datetime.now(UTC)
    load = os.getloadavg()[0]
    print(f"{'':<4}{'what':<44}{'table':<30}{'measured':>12}{'bar':>10}{'hoped':>10}{'memory':>10}")
    checks: list[Row] = []
    timings: list[Row] = []
    for row in (*commands(), *jobs(), cold()):
        timings.append(row)
        show(row)
    replicates = [
        {"replicates": b, "table": job.table, **alone("benchmarks.jobs", name)}
        for b, (name, job) in zip(COUNTS, REPLICATES.items(), strict=True)
    ]
    for row in (memory(replicates), recompiled()):
        checks.append(row)
        show(row)
    print("how the cost grows with the lists and the people")
    grown = {name: alone("benchmarks.growth", name) for name in ("lists", "people")}
    result: Row = {
        "measured": began.isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "cpu": cpu(),
        "cores": engine.cores(),
        "load_before": round(load, 2),
        "python": platform.python_version(),
        **{name: version(name) for name in ("darkfigure", "numpy", "scipy", "numba")},
        "timings": timings,
        "checks": checks,
        "growth": {**grown, "replicates": replicates},
    }
    RESULTS.mkdir(exist_ok=True)
    written = RESULTS / f"speed-{began:%Y-%m-%d}.json"
    written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    growth.draw(result["growth"], IMAGES)
    measured.main()
    missed = sum(not row["ok"] for row in timings + checks)
    took = (datetime.now(UTC) - began).total_seconds()
    print(f"written to {written.relative_to(ROOT)}; bars missed: {missed}; {took:.0f} s in all")
    return int(missed > 0)


def commands() -> Iterator[Row]:
    """The command line, each time as a process of its own."""
    script = str(Path(sys.executable).with_name("darkfigure"))
    for arguments, runs, bar in COMMANDS:
        took = []
        for _ in range(1 + runs):  # the first may compile
            with tempfile.TemporaryDirectory() as out:
                extra = ("--out", out) if arguments[0] == "run" else ()
                start = time.perf_counter()
                done = subprocess.run(
                    [script, *arguments, *extra], capture_output=True, text=True, cwd=ROOT
                )
                took.append(time.perf_counter() - start)
            if done.returncode:
                raise SystemExit(f"darkfigure {' '.join(arguments)} failed:\n{done.stderr}")
        seconds = round(statistics.median(took[1:]), 4)
        yield {
            "job": "-".join(("command", arguments[0].strip("-"))),
            "what": " ".join(("darkfigure", *arguments)),
            "table": "",
            "seconds": seconds,
            "runs": runs,
            "bar": bar,
            "hoped": None,
            "ok": seconds <= bar,
        }


def jobs() -> Iterator[Row]:
    """The estimators; a job that fails has missed its bar."""
    with contextlib.suppress(RuntimeError):  # the job itself says what failed
        alone("benchmarks.jobs", WARM)  # compile before any clock starts
    for name, job in JOBS.items():
        row: Row = {"job": name, **{k: v for k, v in asdict(job).items() if k != "work"}}
        try:
            row |= alone("benchmarks.jobs", name)
        except RuntimeError as error:
            yield {**row, "error": str(error).splitlines()[-1], "ok": False}
            continue
        row["ok"] = bool(
            (job.bar is None or row["seconds"] <= job.bar)
            and (job.bar_mib is None or row["peak_mib"] <= job.bar_mib)
            and row.get("certified", True)
        )
        yield row


def cold() -> Row:
    """The first command on a machine where nothing has been compiled."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src", source, ignore=ignored)
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "darkfigure", "size", "korea-palembang", "--method", "bic"],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(source), "HOME": folder},
        )
        seconds = round(time.perf_counter() - start, 2)
        compiled = any(source.rglob("kernels-*/**/*.nbi"))
    said = re.search(r"ompil.*\bonce\b", done.stderr) is not None
    return {
        "job": "cold",
        "what": "first command of all, compiling",
        "table": "korea-palembang",
        "seconds": seconds,
        "runs": 1,
        "bar": COLD_BAR,
        "hoped": None,
        "says_so": said,
        "ok": seconds <= COLD_BAR and said and compiled and done.returncode == 0,
    }


def memory(replicates: list[Row]) -> Row:
    """Memory is flat in the number of replicates."""
    few, many = replicates[0], replicates[-1]
    more = round(many["peak_mib"] - few["peak_mib"], 1)
    return {
        "what": f"memory, {many['replicates']:,} replicates less {few['replicates']:,}",
        "table": few["table"],
        "measured": more,
        "unit": "MiB",
        "bar": GROWTH_BAR,
        "ok": more <= GROWTH_BAR,
    }


def recompiled() -> Row:
    """A second process compiles nothing."""
    start = time.perf_counter()
    try:
        found = alone("benchmarks.jobs", WARM)
    except RuntimeError as error:
        found = {"error": str(error).splitlines()[-1], "new_files": -1}
    return {
        "what": "compiled anew on a second run",
        "table": "all jobs, tiny",
        "measured": found["new_files"],
        "unit": "files",
        "bar": 0,
        "seconds_of_process": round(time.perf_counter() - start, 2),
        **found,
        "ok": "error" not in found and found["files"] > 0 and found["new_files"] == 0,
    }


def alone(module: str, *arguments: str) -> Any:
    """What a module prints as JSON, in a process of its own.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, cwd=ROOT
    )
    if done.returncode:
        said = " ".join((module, *arguments))
        raise RuntimeError(done.stderr.strip() or f"{said} failed")
    return json.loads(done.stdout.splitlines()[-1])


def show(row: Row) -> None:
    """Print one row."""
    figure = "failed"
    if "seconds" in row:
        figure = f"{row['seconds']:.4f} s"
    elif "measured" in row:
        figure = f"{row['measured']:g} {row['unit']}"
    bars = [f"{row[k]:g}" if row.get(k) is not None else "" for k in ("bar", "hoped")]
    peak = f"{row['peak_mib']:.0f} MiB" if "seconds" in row and "peak_mib" in row else ""
    mark = "ok" if row["ok"] else "NOT"
    line = f"{mark:<4}{row['what']:<44}{row['table']:<30}{figure:>12}{bars[0]:>10}{bars[1]:>10}"
    print(f"{line}{peak:>10}", flush=True)
    if "error" in row:
        print(f"      {row['error']}", flush=True)


def cpu() -> str:
    """The processor's name."""
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
