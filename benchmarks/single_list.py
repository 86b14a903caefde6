"""Counts of one list whose truth is known: are intervals true, and what if the family is wrong?

    python -m benchmarks.single_list [--small | --speed]

Made-up people in worlds that go by one family each, and in some that go by none: arrests that
deter, rates that go by a covariate nobody wrote down, a few who are met all the time. In each
world every family is asked. The bar is that 95 % log-normal limits hold the number of people in 92
to 98 % of 500 worlds where the family is the one that made them. Where it is another, there is no
bar: the numbers say how far off one would be. Beside them stands the bootstrap, on fewer.

It begins with the time: a regression over 12,036 farms with three covariates in 0.5 s and 1,000
replicates of it in 20 s, of every family that takes covariates and all counts.

Written to benchmarks/results/single-list-<date>.json, with a picture of the tables whose truth is
known in docs/img; 1 if a bar is missed. `--small` tries a few
and writes nothing; `--speed` measures the time only.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt

from benchmarks.growth import PLAIN, sheet, title
from benchmarks.speed import IMAGES, RESULTS, ROOT, cpu
from darkfigure import engine
from darkfigure.demand.counts_table import Counts, read_counts
from darkfigure.demand.families import FAMILIES, family
from darkfigure.demand.people import AUTO
from darkfigure.demand.replicates import replicates, times_met
from darkfigure.demand.total import fit
from darkfigure.report.svg import QUIET, SEEN

SETS, WRONG_SETS, BOOTSTRAP_SETS, REPLICATES = 500, 100, 100, 100
HELD = (0.92, 0.98)
TRUTHS = {"edinburgh-taxicabs": 420, "golf-tees": 250, "accident-policies": 9461}
FARMS, FORMULA = "british-farm-submissions", "y ~ log_size + log_distance + c_type"
FIT_SECONDS, REPLICATES_SECONDS, TIMED_REPLICATES = 0.5, 20.0, 1000
PEOPLE = 5000
ASKED = (
    "auto", "chao", "oichao", "zelterman", "robust", "ztpoisson", "ztgeom", "ztnegbin",
    "oiztpoisson", "ztoipoisson", "oiztgeom", "ztoigeom",
)  # fmt: skip

Row = dict[str, Any]
Times = npt.NDArray[np.int64]


def of_family(name: str, rate: float, second: float = 0.0) -> Callable[..., Times]:
    """People of one family with one rate."""

    def make(rng: np.random.Generator) -> Times:
        rates, seconds = np.full(PEOPLE, rate), np.full(PEOPLE, second)
        return times_met(family(name), rates, seconds, "logit", rng)

    return make


def deterred(factor: float) -> Callable[..., Times]:
    """People whose later arrests come at a share of the rate of the first."""

    def make(rng: np.random.Generator) -> Times:
        rates = np.full(PEOPLE, 0.8)
        times, clock = np.zeros(PEOPLE, np.int64), rng.exponential(1 / rates)
        while (clock < 1).any():
            times[clock < 1] += 1
            clock = clock + np.where(clock < 1, rng.exponential(1 / (rates * factor)), 0)
        return times

    return make


def two_kinds(rng: np.random.Generator) -> Times:
    """Half of the people at a fifth of the rate of the others, and nobody wrote down who."""
    return rng.poisson(np.repeat([0.24, 1.2], PEOPLE // 2))


def a_few_often(rng: np.random.Generator) -> Times:
    """One in fifty is met ten times as often."""
    return rng.poisson(np.where(np.arange(PEOPLE) % 50 == 0, 6.0, 0.6))


RIGHT: dict[str, tuple[str, Callable[..., Times]]] = {
    "one rate": ("ztpoisson", of_family("ztpoisson", 0.6)),
    "one rate, Chao": ("chao", of_family("ztpoisson", 0.6)),
    "one rate, Zelterman": ("zelterman", of_family("ztpoisson", 0.6)),
    "one rate, met twice and three times": ("oichao", of_family("ztpoisson", 0.9)),
    "one rate, met twice and more": ("zotpoisson", of_family("ztpoisson", 0.9)),
    "exponential rates": ("ztgeom", of_family("ztgeom", 0.6)),
    "exponential rates, met twice and more": ("zotgeom", of_family("ztgeom", 0.9)),
    "gamma rates": ("ztnegbin", of_family("ztnegbin", 1.5, math.log(0.6))),
    "one rate, ones inflated last": ("oiztpoisson", of_family("oiztpoisson", 0.9, -1.0)),
    "one rate, ones inflated first": ("ztoipoisson", of_family("ztoipoisson", 0.9, -1.0)),
    "exponential rates, ones inflated last": ("oiztgeom", of_family("oiztgeom", 0.9, -1.0)),
    "exponential rates, ones inflated first": ("ztoigeom", of_family("ztoigeom", 0.9, -1.0)),
    "exponential rates, hurdle first": ("Hurdleztgeom", of_family("Hurdleztgeom", 0.9, -0.5)),
    "one rate, hurdle last": ("ztHurdlepoisson", of_family("ztHurdlepoisson", 0.9, 0.5)),
}
WRONG: dict[str, Callable[..., Times]] = {
    "one rate": of_family("ztpoisson", 0.6),
    "exponential rates": of_family("ztgeom", 0.6),
    "gamma rates": of_family("ztnegbin", 1.5, math.log(0.6)),
    "one rate, ones inflated last": of_family("oiztpoisson", 0.9, -1.0),
    "one rate, ones inflated first": of_family("ztoipoisson", 0.9, -1.0),
    "exponential rates, ones inflated first": of_family("ztoigeom", 0.9, -1.0),
    "arrests that halve the rate": deterred(0.5),
    "two kinds of people": two_kinds,
    "a few met all the time": a_few_often,
}


def world(make: Callable[..., Times], seed: int) -> Counts:
    """The counts of those who were met."""
    times = make(np.random.default_rng(seed))
    return Counts(*np.unique(times[times > 0], return_counts=True))


def right(job: tuple[str, int]) -> tuple[float, float, float]:
    """Limits and total by the family that made the world; infinite where there are none."""
    name, make = RIGHT[job[0]]
    found = fit(family(name), world(make, job[1]))
    if found.why_not:
        return -math.inf, math.inf, math.inf
    lower, upper = found.limits(0.95)
    return lower, found.total, upper


def wrong(job: tuple[str, int]) -> dict[str, tuple[float, float, float] | None]:
    """The same by every family that is asked."""
    counts = world(WRONG[job[0]], job[1])
    fits = {name: fit(family(name), counts) for name in ASKED if name != "auto"}
    usable = [fits[name] for name in AUTO if not fits[name].why_not]
    if usable:
        fits["auto"] = min(usable, key=lambda each: each.aic or math.inf)
    answers: dict[str, tuple[float, float, float] | None] = {}
    for name in ASKED:
        found = fits.get(name)
        answers[name] = None
        if found is not None and not found.why_not:
            lower, upper = found.limits(0.95)
            answers[name] = lower, found.total, upper
    return answers


def by_bootstrap(job: tuple[str, int]) -> bool:
    """Whether percentiles of semiparametric replicates hold the truth."""
    name, make = RIGHT[job[0]]
    found = fit(family(name), world(make, job[1]))
    draws = replicates(found, "semiparametric", REPLICATES, job[1], 1)
    lower, upper = np.quantile(draws, [0.025, 0.975], method="inverted_cdf")
    return bool(lower <= PEOPLE <= upper)


def timed(b: int = TIMED_REPLICATES) -> list[Row]:
    """Seconds of a fit and of its replicates, by family; the fit is from formula to total."""
    counts = read_counts(FARMS)
    fit(family("ztpoisson"), counts, FORMULA)  # so that what is loaded once is not measured
    rows: list[Row] = []
    print(f"{FARMS}, {counts.counts.size:,} rows: {'fit':>8}{f'{b:,} replicates':>18}")
    for name, of in FAMILIES.items():
        if not of.whole:
            continue
        start = time.perf_counter()
        found = fit(of, counts, FORMULA)
        seconds = {"fit": time.perf_counter() - start}
        if not found.why_not:
            start = time.perf_counter()
            replicates(found, "semiparametric", b, 1)
            seconds["replicates"] = (time.perf_counter() - start) * TIMED_REPLICATES / b
        ok = seconds["fit"] <= FIT_SECONDS and seconds.get("replicates", 0) <= REPLICATES_SECONDS
        rows.append({"family": name, **{k: round(v, 3) for k, v in seconds.items()}, "ok": ok})
        drawn = f"{seconds['replicates']:.1f} s" if "replicates" in seconds else found.why_not
        print(f"  {name:<36}{seconds['fit']:>6.3f} s{drawn:>16}{'' if ok else '  missed'}")
    return rows


def truths() -> str:
    """A picture of the tables whose number of people is known: by family, over the truth."""
    marks, orders = [], [name for name in ASKED if name not in ("auto", "ztnegbin", "zelterman")]
    for table, truth in TRUTHS.items():
        counts = read_counts(table)
        for name in orders:
            found = fit(family(name), counts)
            if not found.why_not:
                lower, upper = (each / truth for each in found.limits(0.95))
                row = {"family": name, "total": found.total / truth, "lower": lower, "upper": upper}
                marks.append({"table": f"{table}: {truth:,} people", **row})
    panels = []
    for table in dict.fromkeys(mark["table"] for mark in marks):
        base = alt.Chart(alt.InlineData([mark for mark in marks if mark["table"] == table]))
        x = alt.X(
            "lower:Q",
            title="people, over the truth",
            scale=alt.Scale(type="log", domain=[0.18, 2.5], nice=False),
            axis=alt.Axis(values=[0.25, 0.5, 1, 2], grid=False, **PLAIN),
        )
        y = alt.Y("family:N", sort=orders, title=None, axis=alt.Axis(grid=True))
        line = alt.Chart(alt.InlineData([{"x": 1}])).mark_rule(color=QUIET, strokeDash=[3, 3])
        panels.append(
            alt.layer(
                line.encode(x=alt.X("x:Q")),
                base.mark_rule(color=SEEN, strokeWidth=2).encode(x=x, x2="upper:Q", y=y),
                base.mark_circle(color=SEEN, size=46, opacity=1).encode(x=alt.X("total:Q"), y=y),
                title=title(*table.split(": ")),
            )
        )
    return sheet("known-counts", *panels)


def main() -> int:
    """Simulate, print and write; 1 if a bar is missed."""
    small = "--small" in sys.argv
    sets, wrong_sets, bootstrap_sets = (20, 5, 5) if small else (SETS, WRONG_SETS, BOOTSTRAP_SETS)
    began, clock = datetime.now(UTC), time.perf_counter()
    times = timed(100 if small else TIMED_REPLICATES)
    missed = sum(not row["ok"] for row in times)
    if "--speed" in sys.argv:
        return int(missed > 0)
    rows: list[Row] = []
    with ProcessPoolExecutor(engine.cores()) as pool:
        print(f"{'world':<42}{'family':<17}{'held':>7}{'median error':>14}{'no total':>10}")
        for name, (model, _) in RIGHT.items():
            found = np.array(list(pool.map(right, [(name, s) for s in range(sets)], chunksize=10)))
            there = np.isfinite(found[:, 1])
            held = (found[:, 0] <= PEOPLE) & (found[:, 2] >= PEOPLE)
            row = {
                "world": name,
                "family": model,
                "sets": sets,
                "coverage": round(float(held[there].mean()), 3),
                "median_error": round(float(np.median(found[there, 1])) / PEOPLE - 1, 4),
                "without_total": round(float(1 - there.mean()), 3),
            }
            row["ok"] = HELD[0] <= row["coverage"] <= HELD[1]
            missed += not row["ok"]
            rows.append(row)
            print(
                f"{name:<42}{model:<17}{100 * row['coverage']:>6.1f}%"
                f"{100 * row['median_error']:>13.1f}%{100 * row['without_total']:>9.1f}%"
            )
        bootstrapped = {}
        for name in ("one rate", "one rate, Chao", "exponential rates"):
            jobs = [(name, s) for s in range(bootstrap_sets)]
            bootstrapped[name] = float(np.mean(list(pool.map(by_bootstrap, jobs, chunksize=5))))
            print(f"{name}, {REPLICATES} semiparametric replicates: {bootstrapped[name]:.0%}")
        others: list[Row] = []
        for name in WRONG:
            jobs = [(name, 10_000 + s) for s in range(wrong_sets)]
            asked = list(pool.map(wrong, jobs, chunksize=5))
            print(f"\n{name}:")
            for model in ASKED:
                told = np.array([a[model] for a in asked if a[model] is not None], float)
                row = {"world": name, "family": model, "answers": len(told)}
                if len(told):
                    row["coverage"] = round(
                        float(np.mean((told[:, 0] <= PEOPLE) & (told[:, 2] >= PEOPLE))), 3
                    )
                    row["median_error"] = round(float(np.median(told[:, 1])) / PEOPLE - 1, 4)
                    print(
                        f"  {model:<17}{100 * row['coverage']:>6.1f}%"
                        f"{100 * row['median_error']:>13.1f}%{len(told):>6}"
                    )
                others.append(row)
    seconds = round(time.perf_counter() - clock, 1)
    print(f"{seconds} s; bars missed: {missed}")
    if small:
        return 0
    result = {
        "measured": began.isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "cpu": cpu(),
        "cores": engine.cores(),
        "python": platform.python_version(),
        "seconds": seconds,
        "people": PEOPLE,
        "families": list(FAMILIES),
        "times": times,
        "right": rows,
        "bootstrap": {"sets": bootstrap_sets, "replicates": REPLICATES, "coverage": bootstrapped},
        "wrong": others,
    }
    (IMAGES / "known-counts.svg").write_text(truths(), encoding="utf-8")
    written = RESULTS / f"single-list-{began:%Y-%m-%d}.json"
    written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written to {written.relative_to(ROOT)}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
