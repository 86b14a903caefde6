"""The jobs of `benchmarks.linkage`, each in a process of its own.

    python -m benchmarks.linkage_jobs write FOLDER PEOPLE
    python -m benchmarks.linkage_jobs whole|protect|protected|spark FOLDER

The first makes the lists of nine agencies, about 155 records for each thousand of so many people,
and is never timed. Each other prints one line of JSON: the seconds that its part of the work took,
on the clock and of the processor, the most memory that its process had, and what came of it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import agencies
from benchmarks.agencies import KEY, Lists
from benchmarks.jobs import peak_mib
from darkfigure import engine
from darkfigure.lists import overlap
from darkfigure.lists.link import Links, link, link_protected
from darkfigure.lists.protect import protect as encode
from darkfigure.lists.records import read_records

DRAWS = 20
TRUTH = "truth.npz"

Facts = dict[str, Any]


class Clock:
    """Seconds by stage: each begins where the one before ends."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self.began = self.since = time.perf_counter()
        self.busy = time.process_time()
        self.stage = ""

    def watch(self, what: str) -> None:
        """A stage begins."""
        now = time.perf_counter()
        if self.stage:
            self.stages[self.stage] = round(self.stages.get(self.stage, 0) + now - self.since, 2)
        self.stage, self.since = what, now

    def facts(self) -> Facts:
        """The clock is stopped here."""
        self.watch("")
        return {
            "seconds": round(time.perf_counter() - self.began, 2),
            "cpu_seconds": round(time.process_time() - self.busy, 2),
            "stages": self.stages,
            "peak_mib": peak_mib(),
        }


def write(folder: Path, people: str) -> Facts:
    """The lists as CSV files, and beside them who each record is about."""
    made = agencies.generator().generate(int(people), seed=1)
    for name, table in made.records.items():
        table.write_csv(folder / f"{name}.csv")
    np.savez(folder / TRUTH, **made.person)
    return {"records": sum(table.height for table in made.records.values())}


def read(folder: Path) -> Lists:
    """The lists, whose fields are known by their headers, and who each record is about."""
    files = sorted(folder.glob("*.csv"))
    lists = list(engine.run(lambda file: read_records(file, file.stem), files))  # as `run` does
    with np.load(folder / TRUTH) as truth:
        person = [truth[each.name][each.frame["row"].to_numpy() - 2] for each in lists]
    return Lists(lists, np.concatenate(person))


def whole(folder: Path) -> Facts:
    """From files to draws of who is who."""
    clock = Clock()
    clock.watch("Reading the lists.")
    lists = read(folder)
    links = link(lists.lists, watch=clock.watch)
    clock.watch("Drawing who is who.")
    drawn = overlap.overlaps(links, draws=DRAWS)
    facts = clock.facts()
    return {**facts, **said(links, lists), "drawn": [h.observed for h in drawn.each_draw()]}


def protect(folder: Path) -> Facts:
    """What agencies do: encode records that are read already."""
    lists = read(folder).lists
    encode(lists[0].frame[:100], KEY, name="warm")
    clock = Clock()
    clock.watch("Protecting the lists.")
    made = [encode(each.frame, KEY, name=each.name) for each in lists]
    return {**clock.facts(), "records": sum(each.frame.height for each in made)}


def protected(folder: Path) -> Facts:
    """Protected lists are linked, and who is who is drawn."""
    lists = agencies.protect(read(folder))
    clock = Clock()
    links = link_protected(lists.lists, watch=clock.watch)
    clock.watch("Drawing who is who.")
    overlap.overlaps(links, draws=DRAWS)
    return {**clock.facts(), **said(links, lists)}


def spark(folder: Path) -> Facts:
    """On Spark the links, the people and the draws are the same as here; Spark is timed."""
    lists = read(folder)
    here = link(lists.lists)
    clock = Clock()
    there = link(lists.lists, where="spark", watch=clock.watch)
    facts = clock.facts()
    del facts["peak_mib"], facts["cpu_seconds"]  # Java's are its own
    same = {
        "links": all(
            np.array_equal(getattr(here, part), getattr(there, part))
            for part in ("left", "right", "log_odds")
        ),
        "people": np.array_equal(overlap.clusters(here), overlap.clusters(there)),
        "draws": np.array_equal(*(overlap.overlaps(x, draws=DRAWS).draws for x in (here, there))),
    }
    return {**facts, **said(there, lists), "cores": engine.cores(), "same": same}


def said(links: Links, lists: Lists) -> Facts:
    """What was found, and how right it is."""
    precision, recall, f1 = overlap.agreement(overlap.clusters(links), lists.person)
    return {
        "records": len(links.on),
        "compared": sum(rule["pairs"] for rule in links.rules if rule["used"]),
        "pairs": len(links.left),
        "people": int(overlap.clusters(links).max()) + 1,
        "truly": int(np.unique(lists.person).size),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(f1, 4),
    }


JOBS: dict[str, Callable[..., Facts]] = {
    "write": write,
    "whole": whole,
    "protect": protect,
    "protected": protected,
    "spark": spark,
}

if __name__ == "__main__":
    job, folder, *more = sys.argv[1:]
    print(json.dumps(JOBS[job](Path(folder), *more)))
