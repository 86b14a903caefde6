"""A national study: a thousand strata, values missing, ten imputations, four lists.

    python -m benchmarks.national [--method M] [--strata N] [--imputations M] [--spark]

The people are made up, so their number is known: in each stratum 150 to 600, each list with a
chance of its own of finding one, and for one in ten the region or the kind of exploitation is
missing, more often for those on several lists. Runs on two cores; 1 if it takes longer than ten
minutes for a thousand strata and ten imputations, or if Spark's numbers are others.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time

import numpy as np

from darkfigure.size.methods import DEFAULT, compile_once
from darkfigure.size.strata import by_strata
from darkfigure.strata import Strata

LISTS = ("police", "shelters", "labour inspectors", "hotline")
CORES = 2
BAR = 600.0
"""Seconds for 10,000 strata and imputations, and as much less as there are fewer."""


def national(strata: int, seed: int = 1) -> tuple[Strata, int]:
    """A made-up country by region and form of exploitation, and how many people there are.

    Examples
    --------
    >>> made, truth = national(9)
    >>> made.observed < truth, 0.02 < made.missing["region"] / made.observed < 0.1
    (True, True)
    """
    rng = np.random.default_rng(seed)
    side = math.ceil(math.sqrt(strata))
    rows: list[tuple[tuple[str | None, str | None], int, int]] = []
    truth = 0
    for i in range(strata):
        kind = f"region {i // side:02}", f"kind {i % side:02}"
        people = int(rng.integers(150, 600))
        truth += people
        found = rng.random((people, len(LISTS))) < rng.uniform(0.1, 0.35, len(LISTS))
        masks = np.bincount(found @ (1 << np.arange(len(LISTS))), minlength=1 << len(LISTS))
        for mask in range(1, masks.size):
            lost = 0.04 + 0.02 * (mask.bit_count() > 1)
            known, region, form = rng.multinomial(masks[mask], [1 - 2 * lost, lost, lost])
            rows += [(kind, mask, int(known))]
            rows += [((None, kind[1]), mask, int(region)), ((kind[0], None), mask, int(form))]
    kinds, on, counts = zip(*rows, strict=True)
    return Strata(LISTS, ["region", "exploitation"], kinds, on, counts), truth


def main(arguments: list[str]) -> int:
    """Measure and print."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--method", default=DEFAULT)
    asked.add_argument("--strata", type=int, default=1_000)
    asked.add_argument("--imputations", type=int, default=10)
    asked.add_argument("--spark", action="store_true")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    compile_once(given.method)
    made, truth = national(given.strata, given.seed)
    clock, cpu = time.perf_counter(), time.process_time()
    found = by_strata(made, given.method, imputations=given.imputations)
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    total = found.total
    drawn = given.strata * given.imputations
    bar = BAR * drawn / 10_000
    print(f"{given.strata:,} strata, {given.imputations} imputations, {given.method}: {total}")
    print(f"There are {truth:,}; the interval {holds(total.lower, truth, total.upper)} that.")
    print(f"{clock:.1f} s ({cpu:.1f} s of the processors), bar {bar:.0f} s")
    print(f"{1000 * cpu / drawn:.1f} ms of a processor for each stratum and imputation")
    missed = clock > bar
    if given.spark:
        os.environ["SPARK_MASTER"] = f"local[{CORES}]"
        clock = time.perf_counter()
        there = by_strata(made, given.method, imputations=given.imputations, where="spark")
        same = there.total == total and there.rows() == found.rows()
        clock = time.perf_counter() - clock
        print(f"On Spark {clock:.1f} s, and {'the same' if same else 'OTHER'} numbers")
        missed |= not same
    return int(missed)


def holds(lower: float, truth: int, upper: float) -> str:
    return "holds" if lower <= truth <= upper else "misses"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
