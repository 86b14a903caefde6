"""A national study: a thousand strata, values missing, ten imputations, four lists.

    python -m benchmarks.national [--method M] [--strata N...] [--imputations M] [--spark N]

The people are made up, so their number is known: in each stratum 150 to 600, each list with a
chance of its own of finding one, and for one in ten the region or the kind of exploitation is
missing, more often for those on several lists. Runs on two cores; 1 if it takes longer than ten
minutes for a thousand strata and ten imputations, or if Spark's numbers are others. Without
arguments the results are written to benchmarks/results/national-<date>.json, and drawn.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

import altair as alt
import numpy as np

from benchmarks.growth import PLAIN, sheet, title
from benchmarks.speed import IMAGES, RESULTS, ROOT, cpu
from darkfigure.report.svg import SEEN
from darkfigure.size.methods import DEFAULT, compile_once
from darkfigure.size.strata import by_strata
from darkfigure.strata import Strata

LISTS = ("police", "shelters", "labour inspectors", "hotline")
CORES = 2
SIZES = [30, 100, 300, 1_000]
ON_SPARK = 100
BAR = 600.0
"""Seconds for 10,000 strata and imputations, and as much less as there are fewer."""

Row = dict[str, Any]


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
    """Measure, print, write and draw."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--method", default=DEFAULT)
    asked.add_argument("--strata", type=int, nargs="+", default=SIZES)
    asked.add_argument("--imputations", type=int, default=10)
    asked.add_argument("--spark", type=int, default=ON_SPARK, help="strata; 0 for none")
    given = asked.parse_args(arguments)
    began = datetime.now(UTC)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    compile_once(given.method)
    rows = [measured(n, given.imputations, given.method) for n in given.strata]
    if given.spark:
        rows.append(measured(given.spark, given.imputations, given.method, spark=True))
    if not arguments:
        written = RESULTS / f"national-{began:%Y-%m-%d}.json"
        made_by = {"measured": began.isoformat(timespec="seconds"), "cpu": cpu()}
        result = {**made_by, "method": given.method, "rows": rows}
        written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        (IMAGES / "bench-national.svg").write_text(picture(rows), encoding="utf-8")
        print(f"written to {written.relative_to(ROOT)}")
    return int(not all(row["ok"] for row in rows))


def measured(strata: int, imputations: int, name: str, *, spark: bool = False) -> Row:
    """One study on two cores; with `spark` once more there, to the same numbers."""
    made, truth = national(strata)
    clock, busy = time.perf_counter(), time.process_time()
    found = by_strata(made, name, imputations=imputations)
    clock, busy = time.perf_counter() - clock, time.process_time() - busy
    total, drawn = found.total, strata * imputations
    row: Row = {
        "strata": strata,
        "imputations": imputations,
        "seconds": round(clock, 2),
        "bar": round(BAR * drawn / 10_000, 1),
        "milliseconds_a_stratum": round(1000 * clock / strata, 1),
        "truth": truth,
        "total": [round(x) for x in (total.total, total.lower, total.upper)],
        "ok": clock <= BAR * max(drawn, 1_000) / 10_000,
    }
    print(f"{strata:,} strata, {imputations} imputations, {name}: {total}")
    print(f"    there are {truth:,}; the interval {holds(total.lower, truth, total.upper)} that")
    print(
        f"    {clock:.1f} s ({busy:.1f} s of the processors), bar {row['bar']:.0f} s; "
        f"{1000 * busy / drawn:.1f} ms of a processor for each stratum and imputation",
        flush=True,
    )
    if spark:
        os.environ["SPARK_MASTER"] = f"local[{CORES}]"
        clock = time.perf_counter()
        there = by_strata(made, name, imputations=imputations, where="spark")
        same = there.total == total and there.rows() == found.rows()
        row |= {"spark_seconds": round(time.perf_counter() - clock, 1), "spark_same": same}
        row["ok"] &= same
        print(
            f"    on Spark {row['spark_seconds']} s, and {'the same' if same else 'OTHER'} numbers"
        )
    return row


def picture(rows: list[Row]) -> str:
    """Milliseconds on the clock for each stratum, by how many there are."""
    data = [row for row in rows if "spark_same" not in row]
    x = alt.X(
        "strata:Q",
        title="strata, each with ten imputations",
        scale=alt.Scale(type="log", domain=[20, 1500], nice=False),
        axis=alt.Axis(values=[row["strata"] for row in data], format=",d", grid=False, **PLAIN),
    )
    y = alt.Y(
        "milliseconds_a_stratum:Q",
        title="milliseconds for each stratum",
        scale=alt.Scale(domainMin=0),
        axis=alt.Axis(tickCount=4, **PLAIN),
    )
    base = alt.Chart(alt.InlineData(data)).encode(x=x, y=y)
    chart = alt.layer(
        base.mark_line(color=SEEN, opacity=0.5),
        base.mark_circle(color=SEEN, size=60, opacity=1),
        title=title(
            f"{data[-1]['strata']:,} strata are estimated", f"in {data[-1]['seconds']:.0f} s"
        ),
    )
    return sheet("bench-national", chart)


def holds(lower: float, truth: int, upper: float) -> str:
    return "holds" if lower <= truth <= upper else "misses"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
