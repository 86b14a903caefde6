"""Measure how right linkage is, and how often the interval at its end holds the truth.

    python -m benchmarks.accuracy [--again]

Linkage is held against data whose truth is known: the FEBRL data sets, and made-up agencies' lists,
as they are and protected. Nothing is set for any of them. Everything is printed and written to
benchmarks/results/accuracy-<date>.json, and pictures are drawn; 1 if a bar is missed.

The study of coverage takes long, and its replicates are kept, see `coverage`. Here they are
counted, those that are missing are done, and the first of each kind is done once more and must come
out as it did. With --again all of them are done anew.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import agencies, calibration, coverage, febrl
from benchmarks.speed import IMAGES, RESULTS, ROOT, cpu
from darkfigure.lists.link import Links, link, link_protected
from darkfigure.lists.overlap import agreement, clusters, overlaps

FEBRL_BAR, PLAIN_BAR, PROTECTED_BAR = 0.97, 0.97, 0.93  # F1 over pairs of records
SEEDS = range(1, 6)
DRAWS = 200

Row = dict[str, Any]
Known = tuple[Links, npt.NDArray[np.int64]]


def main(arguments: list[str]) -> int:
    """Measure, print, write and draw."""
    began = datetime.now(UTC)
    series: dict[str, list[Known]] = {}
    rows: list[Row] = []
    print(
        f"{'':<4}{'records':<42}{'F1':>8}{'bar':>6}{'precision':>11}{'recall':>8}"
        f"{'people':>8}{'found':>8}{'drawn':>14}"
    )
    for of, row, known in linked():
        rows.append(row)
        series.setdefault(of, []).append(known)
        show(row)
    calibrated = {}
    for of, every in series.items():
        both = [calibration.pairs(links, person) for links, person in every]
        calibrated[of] = calibration.table(
            *(np.concatenate(side) for side in zip(*both, strict=True))
        )
        shares = [
            f"{r['probability']:.3f}: {r['share']:.3f} ({r['pairs']})" for r in calibrated[of]
        ]
        print(f"{of}, probability of a pair: share that is one person (pairs)")
        print("    " + ", ".join(shares))
    studies = {name: studied(name, again="--again" in arguments) for name in coverage.SCENARIOS}
    missed = sum(not row["ok"] for row in (*rows, *studies.values()))
    result = {
        "measured": began.isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "cpu": cpu(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("darkfigure", "splink", "duckdb", "polars", "numpy")},
        "linkage": rows,
        "calibration": calibrated,
        "coverage": studies,
    }
    RESULTS.mkdir(exist_ok=True)
    written = RESULTS / f"accuracy-{began:%Y-%m-%d}.json"
    written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(calibrated, studies)
    took = (datetime.now(UTC) - began).total_seconds()
    print(f"written to {written.relative_to(ROOT)}; bars missed: {missed}; {took:.0f} s in all")
    return int(missed > 0)


def linked() -> Iterator[tuple[str, Row, Known]]:
    """What is linked: of which kind, how right it came out, and the links with the truth."""
    for identifier in (True, False):
        of = f"FEBRL {'with' if identifier else 'without'} the identifier"
        for number in febrl.SETS:
            lists, person = febrl.read(number, identifier=identifier)
            yield of, *judged(f"FEBRL {number}{of[5:]}", link(lists), person, FEBRL_BAR)
    for seed in SEEDS:
        made = agencies.generator()
        plain = agencies.read(made.generate(seed=seed), made.write)
        hidden = agencies.protect(plain)
        words = f"nine agencies, seed {seed}"
        yield "nine agencies", *judged(words, link(plain.lists), plain.person, PLAIN_BAR)
        links = link_protected(hidden.lists)
        yield (
            "nine agencies, protected",
            *judged(f"{words}, protected", links, hidden.person, PROTECTED_BAR),
        )


def judged(what: str, links: Links, person: npt.NDArray[np.int64], bar: float) -> tuple[Row, Known]:
    """Precision, recall and F1 over pairs, and the number of people."""
    found = clusters(links)
    precision, recall, f1 = agreement(found, person)
    drawn = _drawn(links)
    row = {
        "what": what,
        "records": len(person),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(f1, 4),
        "bar": bar,
        "people": int(np.unique(person).size),
        "found": int(found.max()) + 1,
        "drawn": drawn,
        "ok": f1 >= bar,
    }
    return row, (links, person)


def _drawn(links: Links) -> list[int]:
    """The least and the most people over the draws."""
    if len(links.lists) == 1:  # no counts over lists come of one list
        links = replace(links, lists=(*links.lists, "none"))
    seen = [each.observed for each in overlaps(links, draws=DRAWS).each_draw()]
    return [min(seen), max(seen)]


def studied(name: str, *, again: bool) -> Row:
    """How often the interval held the truth, and whether the first replicate is as it was."""
    scenario = coverage.SCENARIOS[name]
    if again:
        coverage.file_of(name).unlink(missing_ok=True)
    rows = coverage.study(name)
    anew = coverage.replicate(name, rows[0]["seed"])
    same = all(anew[key] == rows[0][key] for key in anew if key != "seconds")
    told = coverage.summary(rows)
    held = told["linked"]["held"]
    row = {
        "what": scenario.words,
        "bar": scenario.bar,
        "ways": told,
        "first_the_same": same,
        "ok": same and (scenario.bar is None or held >= scenario.bar),
    }
    print(f"{'ok' if row['ok'] else 'NOT':<4}{len(rows)} replicates of {scenario.words}")
    for way, words in (
        ("linked", "the doubt of the links taken in"),
        ("certain", "the most probable links taken for certain"),
        ("known", "had it been known who is who"),
    ):
        t = told[way]
        bar = f" (bar {scenario.bar})" if way == "linked" and scenario.bar else ""
        share = f", {t['share']:.1%} of the doubt from the links" if way == "linked" else ""
        print(
            f"      {words}: {t['held']} of {t['of']} hold {rows[0]['people']:,}{bar}; mean width "
            f"{t['width']:,}, mean estimate {t['total']:,}{share}"
        )
    if not same:
        print(f"      the first replicate was {rows[0]}\n      and is now {anew}")
    return row


def draw(calibrated: dict[str, list[Row]], studies: dict[str, Row]) -> None:
    """The two pictures of the documentation."""
    words = {
        "FEBRL without the identifier": "FEBRL, without the identifier",
        "nine agencies": "Nine made-up agencies",
        "nine agencies, protected": "Nine made-up agencies, protected",
    }
    picture = calibration.picture([(said, calibrated[of]) for of, said in words.items()])
    (IMAGES / "accuracy-calibration.svg").write_text(picture, encoding="utf-8")
    panels = []
    for name in ("plain", "protected"):
        rows = coverage.study(name)
        told = studies[name]["ways"]["linked"]
        drawn = [
            {
                "total": row["linked"][0],
                "lower": row["linked"][1],
                "upper": row["linked"][2],
                "held": coverage.holds(row, "linked"),
            }
            for row in rows
            if row["linked"] is not None and row["linked"][2] is not None
        ]
        says = f"{told['held']} of {told['of']} intervals hold the truth"
        kind = "from raw records" if name == "plain" else "from protected records"
        panels.append(((says, kind), drawn, rows[0]["people"]))
    picture = calibration.caterpillar(panels)
    (IMAGES / "accuracy-coverage.svg").write_text(picture, encoding="utf-8")


def show(row: Row) -> None:
    """Print one row."""
    print(
        f"{'ok' if row['ok'] else 'NOT':<4}{row['what']:<42}{row['f1']:>8.4f}{row['bar']:>6}"
        f"{row['precision']:>11.4f}{row['recall']:>8.4f}{row['people']:>8,}{row['found']:>8,}"
        f"{row['drawn'][0]:>7,}{row['drawn'][1]:>7,}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
