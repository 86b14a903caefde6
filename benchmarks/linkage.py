"""Measure how long records take to be read, linked, drawn and protected, and with how much memory.

    python -m benchmarks.linkage [--small] [JOB...]

Every job runs on two cores in a process of its own, on files that were written before, see
`linkage_jobs`. Everything is printed and written to benchmarks/results/linkage-<date>.json, and the
picture of how the cost grows is drawn; 1 if a bar is missed. With names of jobs, only these are
measured again and the others stay as today's file has them. With --small, for trying it out,
there are a hundredth of the records and nothing is written.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from benchmarks import growth
from benchmarks.speed import IMAGES, RESULTS, ROOT, alone, cpu, show
from darkfigure import engine

CORES = 2
RECORDS_A_PERSON = 0.155  # hardly less than the example's generator makes
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
BEYOND = 10_000_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What is measured, on how many records, and the most it may take.

    Parameters
    ----------
    what : str
    work : str
        One of `linkage_jobs`.
    records : int
    bar : float, optional
        Seconds.
    bar_mib : float, optional
        The memory of the process.
    """

    what: str
    work: str
    records: int
    bar: float | None = None
    bar_mib: float | None = None


JOBS = {
    "protect": Job("records protected", "protect", 100_000, bar=60),
    "protected": Job("protected records linked, 20 draws", "protected", 20_000, bar=120),
    "spark": Job("on Spark the same, to the last draw", "spark", 100_000),
    **{f"whole-{n}": Job("read, linked, 20 draws", "whole", n) for n in SIZES[:-1]},
    f"whole-{SIZES[-1]}": Job("read, linked, 20 draws", "whole", SIZES[-1], 60, 6 * 1024),
}


def main(arguments: list[str]) -> int:
    """Measure, print, write and draw."""
    began = datetime.now(UTC)
    shrink = 100 if "--small" in arguments else 1
    load = os.getloadavg()[0]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # and all that are begun
    print(
        f"{'':<4}{'what':<44}{'records':<30}{'measured':>12}{'bar':>10}{'hoped':>10}{'memory':>10}"
    )
    written = RESULTS / f"linkage-{began:%Y-%m-%d}.json"
    again = [name for name in arguments if name in JOBS]
    before = json.loads(written.read_text(encoding="utf-8"))["timings"] if again else []
    timings = [row for row in before if row["job"] not in again]
    for row in measured(shrink, again or list(JOBS)):
        timings.append(row)
        show(row)
        if "stages" in row:
            print(
                " " * 6 + ", ".join(f"{s.rstrip('.')} {t:.1f} s" for s, t in row["stages"].items())
            )
    timings.sort(key=lambda row: (row["records"], list(JOBS).index(row["job"])))
    grown = [row for row in timings if row["work"] == "whole" and "seconds" in row]
    beyond = reckoned(grown, BEYOND // shrink)
    print(
        f"    {beyond['records']:,} records would take {beyond['seconds']:,.0f} s: reckoned by "
        f"{beyond['formula']}, fitted to the times above, NOT measured;\n    "
        f"{beyond['in_proportion']:,.0f} s if from the last on all grew in proportion"
    )
    missed = sum(not row["ok"] for row in timings)
    took = (datetime.now(UTC) - began).total_seconds()
    if shrink == 1:
        result = {
            "measured": began.isoformat(timespec="seconds"),
            "machine": platform.machine(),
            "cpu": cpu(),
            "cores": engine.cores(),
            "load_before": round(load, 2),
            "python": platform.python_version(),
            **{
                name: version(name)
                for name in ("darkfigure", "splink", "duckdb", "polars", "pyspark")
            },
            "timings": timings,
            "reckoned": beyond,
        }
        RESULTS.mkdir(exist_ok=True)
        written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        picture = growth.linkage_picture(grown, beyond)
        (IMAGES / "bench-linkage.svg").write_text(picture, encoding="utf-8")
        print(f"written to {written.relative_to(ROOT)}", end="; ")
    print(f"bars missed: {missed}; {took:.0f} s in all")
    return int(missed > 0)


def measured(shrink: int, names: list[str]) -> Iterator[Row]:
    """These jobs; one that fails has missed its bar."""
    for records in sorted({JOBS[name].records for name in names}):
        with lists(records // shrink) as folder:
            for name, job in JOBS.items():
                if job.records != records or name not in names:
                    continue
                row: Row = {"job": name, **vars(job), "table": f"{records // shrink:,}"}
                try:
                    row |= alone("benchmarks.linkage_jobs", job.work, folder)
                except RuntimeError as error:
                    yield {**row, "error": str(error).splitlines()[-1], "ok": False}
                    continue
                row["ok"] = bool(
                    (job.bar is None or row["seconds"] <= job.bar)
                    and (job.bar_mib is None or row["peak_mib"] <= job.bar_mib)
                    and all(row.get("same", {}).values())
                )
                yield row


@contextmanager
def lists(records: int) -> Iterator[str]:
    """A folder with the lists of nine agencies, with at least about so many records in all."""
    with tempfile.TemporaryDirectory() as folder:
        people = round(records / RECORDS_A_PERSON)
        alone("benchmarks.linkage_jobs", "write", folder, str(people))
        yield folder


def reckoned(rows: list[Row], records: int) -> Row:
    """What so many records would take, if the cost goes on to grow as it did.

    A power of the number of records on top of what a run costs in any case, `a + b n^c`, fitted by
    least squares of the logarithms.
    """
    n = np.array([row["records"] for row in rows]) / 1e6
    seconds = np.log([row["seconds"] for row in rows])

    def off(parameters: Any) -> Any:
        return np.log(curve(parameters, n)) - seconds

    fit = least_squares(off, [np.log(2), np.log(60), 1.0], bounds=([-9, -9, 0.3], [9, 9, 2.5]))
    a, b, c = np.exp(fit.x[0]), np.exp(fit.x[1]), fit.x[2]
    last = max(rows, key=lambda row: row["records"])
    return {
        "records": records,
        "seconds": round(float(curve(fit.x, records / 1e6)), 1),
        "in_proportion": round(last["seconds"] * records / last["records"], 1),
        "formula": f"{a:.1f} + {b:.1f} (n/1,000,000)^{c:.2f} seconds",
        "parameters": [round(float(x), 4) for x in (a, b, c)],
    }


def curve(parameters: Any, millions: Any) -> Any:
    """The fitted cost of so many million records."""
    return np.exp(parameters[0]) + np.exp(parameters[1]) * millions ** parameters[2]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
