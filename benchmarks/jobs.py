"""The jobs whose time and memory are measured, each in a process of its own.

    python -m benchmarks.jobs NAME

prints one line of JSON: the median of several runs in seconds, on the clock and of the processor,
the highest memory of the process in MiB, and what the job found. Before the clock starts the job
runs once on a tiny table, so that what was compiled is loaded.
"""

from __future__ import annotations

import json
import math
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.synthetic import synthetic
from darkfigure import _kernel, tables
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import bic, decomposable, stepwise
from darkfigure.size.decomposable import Posterior, posterior
from darkfigure.size.nested import nested_intervals
from darkfigure.size.search import BestModels, best_models
from darkfigure.size.space import EveryModel, every_model

TINY = CaptureHistories("abc", [0, 4, 4, 2, 4, 2, 2, 1])
MOST_RUNS, ENOUGH_SECONDS = 7, 5.0
COUNTS = (100, 300, 1000, 3000, 10_000)  # replicates; memory may not grow with them

Facts = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What is measured, on which table, and the most it may take.

    Parameters
    ----------
    what : str
    table : str
        A published table, or synthetic-LISTS-SEED.
    work : callable
        Does it; what it finds is written down by `facts`.
    bar, hoped : float, optional
        Seconds: the most it may take, and what to aim at.
    bar_mib : float, optional
        The most memory the process may take, in MiB.
    """

    what: str
    table: str
    work: Callable[[CaptureHistories], Any]
    bar: float | None = None
    hoped: float | None = None
    bar_mib: float | None = None


def nested(histories: CaptureHistories) -> list[Facts]:
    """The intervals of the best 1, 2, ... 100 models of at most three lists a term."""
    order = min(3, len(histories.lists) - 1)
    return nested_intervals(histories, 100, max_order=order, bootstrap=100)


def averages(histories: CaptureHistories) -> Estimate:
    """The average over the models, as 10,000 draws."""
    from darkfigure.size.averaged import averaged

    return averaged(histories, draws=10_000)


def one_by_one(histories: CaptureHistories) -> Posterior:
    """The posterior of the graphs as the peer has it: up to ten times the observed, each number."""
    return posterior(histories, missing=range(10 * histories.observed + 1))


def classes(histories: CaptureHistories) -> Estimate:
    """Latent classes, as 20,000 draws."""
    from darkfigure.size.latent_class import latent_class

    return latent_class(histories, draws=20_000)


def facts(found: Any) -> Facts:
    """What a job found, for the record."""
    if isinstance(found, EveryModel):
        n = len(found.models)
        return {"models": n, "fits": n, "estimable": found.admissible}
    if isinstance(found, BestModels):
        return {
            "models": found.space.size(),
            "fits": found.fits,
            "certified": found.certified,
            "model": str(found.model(0)),
            "total": round(float(found.total[0]), 1),
        }
    if isinstance(found, Estimate):
        limits = [round(x, 1) if math.isfinite(x) else None for x in (found.lower, found.upper)]
        own = {key: found.details[key] for key in ("rhat", "ess_bulk") if key in found.details}
        return {"total": round(found.total, 1), "interval": limits, **own}
    if isinstance(found, Posterior):
        return {"models": len(found.edges), "total": round(float(found.totals(0.5)), 1)}
    return {"models": len(found)}


every, best = every_model, best_models
whole_space = partial(bic, bootstrap=1000)
stepwise_interval = partial(stepwise, bootstrap=1000)

UK, NETHERLANDS, NEW_ORLEANS = "uk-2013", "netherlands-2010-2015", "new-orleans-2014"
FIVE = {name: f"{name}-5lists" for name in (UK, NETHERLANDS, NEW_ORLEANS)}

JOBS = {
    "every-uk5": Job("all 6,893 five-list models fitted", FIVE[UK], every, 0.2, 0.08),
    "every-no5": Job("all 6,893 five-list models fitted", FIVE[NEW_ORLEANS], every, 0.2, 0.08),
    "best-uk5": Job("exact best of 6,893 models", FIVE[UK], best, 0.01, 0.002),
    "best-nl5": Job("exact best of 6,893 models", FIVE[NETHERLANDS], best, 0.01, 0.002),
    "best-no5": Job("exact best of 6,893 models", FIVE[NEW_ORLEANS], best, 0.01, 0.002),
    "boot-uk5": Job("1,000 replicates, all models", FIVE[UK], whole_space, 6, 1),
    "boot-nl5": Job("1,000 replicates, all models", FIVE[NETHERLANDS], whole_space, 6, 1),
    "boot-no5": Job("1,000 replicates, all models", FIVE[NEW_ORLEANS], whole_space, 6, 1),
    "boot-kosovo": Job("1,000 replicates, all models", "kosovo-1999", whole_space, 6, 1),
    "best-uk6": Job("exact best of 7,785,061 models", UK, best, 0.5, 0.1, 300),
    "best-nl6": Job("exact best of 7,785,061 models", NETHERLANDS, best, 0.5, 0.1, 300),
    "boot-uk6": Job("1,000 replicates, all models", UK, whole_space, 180, 30),
    "boot-nl6": Job("1,000 replicates, all models", NETHERLANDS, whole_space, 180, 30),
    "best-no8": Job("exact best of 2^28 models of pairs", NEW_ORLEANS, best, 2, 0.3),
    "best-9a": Job("exact best of 2^36 models of pairs", "synthetic-9-1", best, 8, 1),
    "best-9b": Job("exact best of 2^36 models of pairs", "synthetic-9-2", best, 8, 1),
    "best-9c": Job("exact best of 2^36 models of pairs", "synthetic-9-3", best, 8, 1),
    "stepwise-uk5": Job("stepwise, 1,000 replicates", FIVE[UK], stepwise_interval),
    "stepwise-no8": Job("stepwise, 1,000 replicates", NEW_ORLEANS, stepwise_interval, 5, 1),
    "nested-uk5": Job("best 1, 2, ... 100 models, 100 replicates", FIVE[UK], nested),
    "averaged-uk5": Job("averaged, 10,000 draws", FIVE[UK], averages, 0.5),
    "graphs-uk5": Job("decomposable: 822 graphs", FIVE[UK], decomposable, 0.18, 0.02),
    "graphs-nl5": Job("decomposable: 822 graphs", FIVE[NETHERLANDS], decomposable, 0.6, 0.02),
    "graphs-uk5-each": Job("822 graphs, the peer's 27,441 numbers", FIVE[UK], one_by_one, 0.18),
    "graphs-nl5-each": Job(
        "822 graphs, the peer's 82,341 numbers", FIVE[NETHERLANDS], one_by_one, 0.6
    ),
    "graphs-uk6": Job("decomposable: 18,154 graphs", UK, decomposable, 5, 1, 300),
    "graphs-7": Job("decomposable: 617,675 graphs", "synthetic-7-1", decomposable, 300, 20, 500),
    "classes-uk6": Job("latent classes, 20,000 draws", UK, classes),
    "classes-kosovo": Job("latent classes, 20,000 draws", "kosovo-1999", classes),
    "classes-nl6": Job("latent classes, 20,000 draws", NETHERLANDS, classes),
}
REPLICATES = {
    f"replicates-{b}": Job(f"{b:,} replicates", FIVE[UK], partial(bic, bootstrap=b)) for b in COUNTS
}
WARM = "warm"
"""All jobs on a tiny table: what is compiled anew on a second run."""


def load(table: str) -> CaptureHistories:
    """A published table, or a synthetic one."""
    if table.startswith("synthetic-"):
        _, n_lists, seed = table.split("-")
        return synthetic(int(n_lists), int(seed))
    return tables.load(table)


def measure(job: Job) -> Facts:
    """Do a job several times."""
    histories = load(job.table)
    job.work(TINY)
    clock: list[float] = []
    processor: list[float] = []
    found: Any = None
    while len(clock) < MOST_RUNS and sum(clock) < ENOUGH_SECONDS:
        began, busy = time.perf_counter(), time.process_time()
        found = job.work(histories)
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - busy)
    return {
        "seconds": round(statistics.median(clock), 5),
        "cpu_seconds": round(statistics.median(processor), 5),
        "runs": len(clock),
        "peak_mib": peak_mib(),
        **facts(found),
    }


def warm() -> Facts:
    """Every job on a tiny table, and how many files of compiled code that makes or changes."""
    before = _compiled()
    for job in {**JOBS, **REPLICATES}.values():
        job.work(TINY)
    return {"new_files": len(_compiled() - before), "files": len(before), "peak_mib": peak_mib()}


def peak_mib() -> float:
    """The most memory that this process has had, in MiB.

    Linux counts what a parent held at the moment of the fork into a child's `ru_maxrss`; its own
    high-water mark starts anew with each program.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _compiled() -> set[tuple[str, int]]:
    if _kernel.FOLDER is None:
        return set()
    files = (file for file in _kernel.FOLDER.rglob("*") if file.is_file())
    return {(str(file), file.stat().st_mtime_ns) for file in files}


if __name__ == "__main__":
    name = sys.argv[1]
    print(json.dumps(warm() if name == WARM else measure({**JOBS, **REPLICATES}[name])))
