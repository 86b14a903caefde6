"""The fits that `benchmarks.circuit` times, each in a process that loads nothing else."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from darkfigure.circuit import entry
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import fit
from darkfigure.circuit.sightings import read_histories
from darkfigure.circuit.stock import stock_and_flow
from darkfigure.tables import sheets

Row = dict[str, Any]

PLAINLY = {"people": 10_000, "occasions": 12, "cities": 4}
JOBS: dict[str, tuple[str, tuple[str, ...], float]] = {
    "geese-12": ("geese", ("city", "city", "city"), 2.0),
    "geese-24": ("geese", ("city+time", "city+time", "city+time"), 60.0),
    "geese-60": ("geese", ("city*time", "city*time", "city*time"), 60.0),
    "made-up-156": ("60 occasions, 12 cities", ("city", "city", "city"), 300.0),
    "made-up-274": ("60 occasions, 12 cities", ("city+time", "city+time", "city"), 300.0),
    "entry-169": ("12 occasions, 12 cities", ("constant", "city", "city", "city"), 30.0),
}


def made_up(people: int, occasions: int, cities: int, seed: int = 1) -> Histories:
    """People who stay in 9 of 10 steps, move in 3 of 10 of those, and are seen 3 times of 10."""
    rng = np.random.default_rng([seed, people, occasions, cities])
    weights = rng.uniform(0.5, 1.5, (cities, cities))
    np.fill_diagonal(weights, 0.0)
    moves = 0.3 * weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    np.fill_diagonal(moves, 1.0 - moves.sum(axis=1))
    begins = rng.integers(0, occasions - 1, people)
    patterns = np.zeros((people, occasions), np.int64)
    place = rng.integers(0, cities, people)
    patterns[np.arange(people), begins] = place + 1
    alive = np.ones(people, bool)
    ladder = np.cumsum(moves, axis=1)
    ladder[:, -1] = 1.0
    for t in range(1, occasions):
        on = begins < t
        alive &= ~on | (rng.random(people) < 0.9)
        drawn = (rng.random(people)[:, None] > ladder[place]).sum(axis=1)
        place = np.where(on, drawn, place)
        here = on & alive & (rng.random(people) < 0.3)
        patterns[here, t] = place[here] + 1
    names = [f"city {r + 1}" for r in range(cities)]
    return Histories(names, [str(t + 1) for t in range(occasions)], patterns)


def histories_of(table: str) -> Histories:
    """A published table, or 10,000 people of so many months in so many cities."""
    if table == "geese":
        return read_histories(sheets.path(table))
    occasions, cities = (int(word) for word in re.findall("[0-9]+", table))
    return made_up(10_000, occasions, cities)


def one_job(name: str) -> Row:
    """One fit in this process; with entry, the numbers of people as well."""
    table, terms, bar = JOBS[name]
    histories = histories_of(table)
    began, used = time.perf_counter(), time.process_time()
    if len(terms) > 3:
        found = entry.fit(histories, *terms)
        stock_and_flow(histories, found)
    else:
        found = fit(histories, *terms)
    return {
        "job": name,
        "table": table,
        "people": histories.people,
        "model": found.model,
        "parameters": found.parameters,
        "estimable": found.estimable,
        "minus2loglik": round(found.minus2loglik, 4),
        "starts_at_best": found.found,
        "fit_seconds": round(time.perf_counter() - began, 3),
        "fit_cpu_seconds": round(time.process_time() - used, 3),
        "peak_mib": peak_mib(),
        "bar": bar,
    }


def growth_of(dimension: str, size: int) -> Row:
    """One fit of made-up people, all cities alike but for the one dimension."""
    histories = made_up(**{**PLAINLY, dimension: size})
    began, used = time.perf_counter(), time.process_time()
    found = fit(histories, "city", "city", "city")
    return {
        "dimension": dimension,
        "size": size,
        "parameters": found.parameters,
        "starts_at_best": found.found,
        "fit_seconds": round(time.perf_counter() - began, 3),
        "fit_cpu_seconds": round(time.process_time() - used, 3),
        "peak_mib": peak_mib(),
    }


def peak_mib() -> float | None:
    """The most memory that this process has had, in MiB, where Linux says it."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return round(int(found[0]) / 1024, 1) if found else None
