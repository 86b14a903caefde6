"""From raw records to an interval, many times over made-up lists: how often does it hold the truth?

    python -m benchmarks.coverage SCENARIO...

Each replicate makes nine agencies' lists, writes and reads them in the agencies' own ways, links
the records, draws who is who 20 times, and estimates with `stepwise` and 1,000 replicates, as the
example's study does. The true number is always 13,079. Beside that interval stand two others, of
the same records: had it been known who is who, and had the most probable answer been taken for
certain. A replicate is appended to benchmarks/results/coverage-SCENARIO.jsonl as soon as it is
done, and one that stands there is not done again. `benchmarks.accuracy` holds the bars.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import agencies
from darkfigure.errors import DarkfigureError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.lists import overlap
from darkfigure.lists.link import link, link_protected
from darkfigure.size import stepwise

RESULTS = Path(__file__).parent / "results"
DRAWS, BOOTSTRAP, LEVEL = 20, 1000, 0.95
WAYS = ("linked", "certain", "known")
"""Who is who: drawn, the most probable taken for certain, and as it truly is."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """Lists of one kind.

    Parameters
    ----------
    words : str
    replicates : int
        Their seeds are 1, 2, ...
    bar : int, optional
        In so many the interval must hold the truth.
    protected : bool
        Whether the lists are protected before they are linked.
    harder : dict
        What `agencies.generator` makes harder.
    """

    words: str
    replicates: int
    bar: int | None = None
    protected: bool = False
    harder: dict[str, Any] = field(default_factory=dict)


SCENARIOS = {
    "plain": Scenario("lists as they are", 100, bar=90),
    "protected": Scenario("protected lists", 10, bar=9, protected=True),
    "mistakes": Scenario(
        "three times as many mistakes and gaps", 8, harder={"times": 3.0, "at_most": 0.95}
    ),
    "names": Scenario("sixty given and sixty family names", 8, harder={"names": 60}),
}


def main(names: Sequence[str]) -> int:
    """Do what is not done yet of some scenarios."""
    for name in names or SCENARIOS:
        rows = study(name)
        for way, told in summary(rows).items():
            print(f"{name}: {way} {told}")
    return 0


def file_of(name: str) -> Path:
    """Where the replicates of a scenario are kept."""
    return RESULTS / f"coverage-{name}.jsonl"


def study(name: str) -> list[Row]:
    """All replicates of a scenario, by seed; those that are missing are done, and kept at once."""
    file = file_of(name)
    file.parent.mkdir(exist_ok=True)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    rows = {row["seed"]: row for row in map(json.loads, filter(None, lines))}
    for seed in range(1, 1 + SCENARIOS[name].replicates):
        if seed not in rows:
            rows[seed] = replicate(name, seed)
            with file.open("a", encoding="utf-8") as written:
                written.write(json.dumps(rows[seed]) + "\n")
            print(f"{name} {seed}: {rows[seed]}", flush=True)
    return [rows[seed] for seed in sorted(rows)]


def replicate(name: str, seed: int) -> Row:
    """One replicate: what was found, and the interval of each way, `[total, lower, upper]`."""
    began = time.perf_counter()
    scenario = SCENARIOS[name]
    made = agencies.generator(**scenario.harder)
    people = made.generate(seed=seed)
    lists = agencies.read(people, made.write)
    if scenario.protected:
        lists = agencies.protect(lists)
    links = (link_protected if scenario.protected else link)(lists.lists, seed=seed)
    drawn = overlap.overlaps(links, draws=DRAWS, seed=seed)
    truth = overlap.count(links.on, lists.person, len(links.lists))
    histories = {
        "linked": drawn,
        "certain": drawn.settled,
        "known": CaptureHistories(links.lists, truth),
    }
    precision, recall, f1 = overlap.agreement(overlap.clusters(links), lists.person)
    row: Row = {
        "seed": seed,
        "people": people.people,
        "records": len(links.on),
        "seen": histories["known"].observed,
        "found": drawn.observed,
        "drawn": [f(each.observed for each in drawn.each_draw()) for f in (min, max)],
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(f1, 4),
    }
    for way in WAYS:
        try:
            found = stepwise(histories[way], bootstrap=BOOTSTRAP, level=LEVEL, seed=seed)
        except DarkfigureError as error:
            row |= {way: None, f"{way}_failed": str(error)}
            continue
        row[way] = rounded(found)
        if way == "linked":
            row["share"] = round(found.details["linkage"]["share"], 4)
    row["seconds"] = round(time.perf_counter() - began, 1)
    return row


def rounded(estimate: Estimate) -> list[float | None]:
    """The total and its limits."""
    ends = (estimate.total, estimate.lower, estimate.upper)
    return [round(x, 1) if np.isfinite(x) else None for x in ends]


def holds(row: Row, way: str) -> bool:
    """Whether an interval holds the true number; one without an estimate does not."""
    if row[way] is None:
        return False
    _, lower, upper = row[way]
    return bool(lower <= row["people"] <= (np.inf if upper is None else upper))


def summary(rows: list[Row]) -> dict[str, Row]:
    """For each way how often the truth was held, how wide the interval is, and the mean total.

    `share` is the mean part of the doubt that comes from the links.
    """
    told: dict[str, Row] = {}
    for way in WAYS:
        found = [row[way] for row in rows if row[way] is not None]
        widths = [upper - lower for _, lower, upper in found if upper is not None]
        told[way] = {
            "held": sum(holds(row, way) for row in rows),
            "of": len(rows),
            "width": round(float(np.mean(widths))) if widths else None,
            "total": round(float(np.mean([total for total, _, _ in found]))) if found else None,
        }
    shares = [row["share"] for row in rows if "share" in row]
    told["linked"]["share"] = round(float(np.mean(shares)), 4) if shares else None
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
