"""Hold every method against people whose true number is known.

    python -m benchmarks.known_truth [METHOD...]
    python -m benchmarks.known_truth learn

Of the people on one list L it is known how many they are. Keep only them, hide L, and estimate how
many they are from the other lists (Binette & Steorts 2022, JRSS A 185). Every table that ships is
used, its strata too, and every list of whose people at least 30 are on another. Lists that have
nobody left are dropped.

The prior of `shrinkage`, and so of `auto`, was set with these tables in view. Beside it stands
"auto, place left out": priors learned anew, each from all the other places (`learn` finds them).
Results go to benchmarks/results/known-truth-<date>.json, and a picture is drawn; 1 if a bar is
missed. The answers of the R packages, of their own runs, stand beside for the cases that they were
run on.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import gammaln

from benchmarks.growth import PLAIN, sheet, title
from benchmarks.speed import IMAGES, RESULTS, ROOT
from darkfigure import engine, tables
from darkfigure.errors import DarkfigureError
from darkfigure.histories import CaptureHistories
from darkfigure.report.svg import INK, QUIET, SEEN
from darkfigure.size.methods import METHODS
from darkfigure.size.shrinkage import USUAL, Prior, posterior

LEAST = 30
TRAFFICKING = {"uk", "netherlands", "new", "western", "australia", "korea"}
STRATIFIED = {
    "scotland-pwid-2006-stratified": ("Region", "Gender", "Age"),
    "spina-bifida-new-york-stratified": ("eth",),
}
PRIORS = Path(__file__).parent / "results" / "priors.json"
PEERS = Path(__file__).parent / "peers_known_truth.json"
LEFT_OUT = ", place left out"
ROUNDS = 40  # of the search for a prior

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """People on one list of a table, by the other lists.

    Attributes
    ----------
    table, hidden : str
        The table, and the list that is hidden.
    place : str
        Tables of one place are not independent: they are left out together.
    truth : int
    histories : CaptureHistories
    """

    table: str
    hidden: str
    place: str
    truth: int
    histories: CaptureHistories

    @property
    def shared(self) -> int:
        """How many people are on two lists or more."""
        return self.histories.observed - self.histories.people_on(1)

    @property
    def trafficking(self) -> bool:
        """Whether these are victims of trafficking."""
        return self.place in TRAFFICKING


def every_table() -> Iterator[tuple[str, CaptureHistories]]:
    """All tables that ship, and the strata of those that have any, each variable by itself and all
    together."""
    for name in tables.names():
        if name not in STRATIFIED and name != "artificial-3":
            yield name, tables.load(name)
    for name, columns in STRATIFIED.items():
        rows = pl.read_csv(tables.path(name))
        lists = [c for c in rows.columns if c not in (*columns, "count")]
        ways = {(c,) for c in columns} | {tuple(columns)}
        for by in sorted(ways):
            for values, part in rows.group_by(by, maintain_order=True):
                yield (
                    f"{name}: {', '.join(map(str, values))}",
                    CaptureHistories.from_patterns(
                        lists, part.select(lists).to_numpy(), part["count"].to_numpy()
                    ),
                )


def cases() -> list[Case]:
    """Every list of every table of whose people enough are on another."""
    found = []
    for name, table in every_table():
        if len(table.lists) < 3:
            continue
        for hidden in table.lists:
            left = table.given(hidden)
            for empty in [x for x in left.lists if left.size_of(x) == 0]:
                if len(left.lists) > 2:
                    left = left.drop(empty)
            if left.observed >= LEAST and all(left.size_of(x) for x in left.lists):
                place = name.split("-")[0]
                found.append(Case(name, hidden, place, table.size_of(hidden), left))
    return found


def answer(case: Case, method: str, prior: Prior | None = None) -> Row:
    """What a method says of a case."""
    options: dict[str, Any] = {"workers": 1, "seed": 1}
    if "bootstrap" in METHODS[method].options:
        options["bootstrap"] = 200
    if prior is not None:
        options["prior"] = prior
    row: Row = {"table": case.table, "hidden": case.hidden, "truth": case.truth, "method": method}
    try:
        found = METHODS[method].estimate(case.histories, **options)
    except DarkfigureError as error:
        return {**row, "refused": str(error).splitlines()[0]}
    upper = found.upper if math.isfinite(found.upper) else None
    return {**row, "total": found.total, "lower": found.lower, "upper": upper}


def summary(rows: Sequence[Row]) -> Row:
    """Error and coverage of what was answered: a refusal has neither error nor interval."""
    told = [row for row in rows if "total" in row]
    errors = np.array([math.log(row["total"] / row["truth"]) for row in told])
    held = [row["lower"] <= row["truth"] <= (row["upper"] or math.inf) for row in told]
    widths = [math.log((row["upper"] or 1e9) / row["lower"]) for row in told]
    if not told:
        return {"cases": len(rows), "answered": 0}
    return {
        "cases": len(rows),
        "answered": len(told),
        "rmse": round(float(np.sqrt(np.mean(errors**2))), 3),
        "bias": round(float(errors.mean()), 3),
        "coverage": round(sum(held) / len(told), 3),
        "median_log_width": round(float(np.median(widths)), 2),
    }


def moved(at: Any) -> Prior:
    """The prior that ships, moved: pairs' means and scatter (in logarithms), and the unseen."""
    pair, scatter, unseen, unseen_sd = (float(x) for x in at)
    regimes = tuple(
        replace(r, pair=r.pair * math.exp(pair), pair_sd=r.pair_sd * math.exp(scatter))
        for r in USUAL.regimes
    )
    return replace(
        USUAL,
        regimes=regimes,
        unseen=USUAL.unseen + unseen,
        unseen_sd=USUAL.unseen_sd * math.exp(unseen_sd),
    )


def loss(prior: Prior, some: Sequence[Case]) -> float:
    """Twice the squared error less the logarithm of the probability of the truth, on average.

    Each place counts by the root of its number of cases, and the victims of trafficking, for whom
    this is made, for half.
    """
    of = Counter(case.place for case in some)
    lost: dict[bool, list[float]] = {True: [], False: []}
    weight: dict[bool, list[float]] = {True: [], False: []}
    for case in some:
        found = posterior(case.histories, prior)
        unseen = case.truth - case.histories.observed
        mass = np.diff(found.below)
        at = 0.5 * (found.log_unseen[1:] + found.log_unseen[:-1])
        terms = unseen * at - np.exp(at) - gammaln(unseen + 1)
        probable = float(np.sum(np.exp(terms) * mass))
        middle = float(np.interp(0.5, found.below, found.log_unseen))
        error = math.log((case.histories.observed + math.exp(middle)) / case.truth)
        score = math.log(max(probable * max(unseen, 0.5), 1e-6))
        lost[case.trafficking].append(2 * error**2 - score)
        weight[case.trafficking].append(1 / math.sqrt(of[case.place]))
    return sum(float(np.average(lost[kind], weights=weight[kind])) for kind in (True, False)) / 2


def learned(some: Sequence[Case]) -> Prior:
    """The prior under which known truths are the most probable and the errors small."""
    start = np.zeros(4)
    found = minimize(
        lambda at: loss(moved(at), some) + 0.05 * float(np.sum(at**2)),
        start,
        method="Nelder-Mead",
        options={
            "maxfev": ROUNDS,
            "initial_simplex": np.vstack([start, 0.25 * np.eye(4)]),
        },
    )
    return moved(found.x)


def learn() -> None:
    """Priors with each place left out, and with none, into a file."""
    every = [case for case in cases() if case.shared]  # the others are refused
    places = [None, *sorted({case.place for case in every})]
    priors = {}
    for place in places:
        found = learned([case for case in every if case.place != place])
        priors[place or "none"] = as_numbers(found)
        print(place or "none left out", priors[place or "none"], flush=True)
        PRIORS.write_text(json.dumps(priors, indent=1) + "\n", encoding="utf-8")


def as_numbers(prior: Prior) -> Row:
    """What `learn` moves of a prior."""
    return {
        "pair": [round(r.pair, 3) for r in prior.regimes],
        "pair_sd": [round(r.pair_sd, 3) for r in prior.regimes],
        "unseen": round(prior.unseen, 3),
        "unseen_sd": round(prior.unseen_sd, 3),
    }


def prior_without(place: str) -> Prior:
    """The prior learned from all other places."""
    kept = json.loads(PRIORS.read_text(encoding="utf-8"))[place]
    regimes = tuple(
        replace(r, pair=pair, pair_sd=sd)
        for r, pair, sd in zip(USUAL.regimes, kept["pair"], kept["pair_sd"], strict=True)
    )
    return replace(USUAL, regimes=regimes, unseen=kept["unseen"], unseen_sd=kept["unseen_sd"])


def peers() -> dict[str, list[Row]]:
    """The answers of the R packages by design, as rows."""
    kept = json.loads(PEERS.read_text(encoding="utf-8"))["designs"]
    found: dict[str, list[Row]] = {}
    for design, every in kept.items():
        for case in every:
            if not case["published"]:
                continue
            for method, (total, lower, upper) in case["methods"].items():
                row = {"table": case["table"], "truth": case["truth"], "method": method}
                told = {"total": total, "lower": lower, "upper": upper} if total else {}
                found.setdefault(design, []).append({**row, **told})
    return found


def main(arguments: list[str]) -> int:
    """Measure, print, write and draw."""
    if arguments == ["learn"]:
        learn()
        return 0
    began = datetime.now(UTC)
    every = cases()
    rows: list[Row] = []
    for method in arguments or [f"auto{LEFT_OUT}", *METHODS]:

        def ask(case: Case, method: str = method) -> Row:
            name = method.removesuffix(LEFT_OUT)
            prior = prior_without(case.place) if name != method else None
            return {**answer(case, name, prior), "method": method}

        rows += list(engine.run(ask, every))
        for words, some in sets(every).items():
            among = {(case.table, case.hidden) for case in some}
            told = summary(
                [r for r in rows if r["method"] == method and (r["table"], r["hidden"]) in among]
            )
            print(f"{method:<24}{words:<14}" + "  ".join(f"{k} {v}" for k, v in told.items()))
    design_rows = peers()
    for design, theirs in design_rows.items():
        there = {(row["table"], row["truth"]) for row in theirs}
        print(f"design {design}, {len(there)} cases")
        for who in dict.fromkeys(row["method"] for row in theirs):
            told = summary([row for row in theirs if row["method"] == who])
            print(f"    R: {who:<21}" + "  ".join(f"{k} {v}" for k, v in told.items()))
        for who in dict.fromkeys(row["method"] for row in rows):
            mine = [r for r in rows if r["method"] == who and (r["table"], r["truth"]) in there]
            print(f"    {who:<24}" + "  ".join(f"{k} {v}" for k, v in summary(mine).items()))
    if arguments:
        return 0
    told = {m: summary([r for r in rows if r["method"] == m]) for m in METHODS}
    ok = [better(words, some, rows) for words, some in sets(every).items() if words != "others"]
    ok += [better(f"design {d}", theirs, rows, theirs) for d, theirs in design_rows.items()]
    written = RESULTS / f"known-truth-{began:%Y-%m-%d}.json"
    result = {"cases": len(every), "summary": told, "rows": rows}
    written.write_text(json.dumps(result, indent=0) + "\n", encoding="utf-8")
    (IMAGES / "known-truth.svg").write_text(picture(told), encoding="utf-8")
    print(f"written to {written.relative_to(ROOT)}")
    return int(not all(ok))


def better(
    words: str, some: Sequence[Case | Row], rows: Sequence[Row], peers: Sequence[Row] = ()
) -> bool:
    """Whether `auto` errs less than every other method, and its coverage is nearer to 95 %.

    Over some cases, with the R packages' own answers beside ours where there are any; and of these
    over the cases that both answered, so that refusing what is hard is no merit.
    """
    at = {(c.table, c.truth) if isinstance(c, Case) else (c["table"], c["truth"]) for c in some}
    told: dict[str, dict[tuple[str, int], Row]] = {}
    for source, all_of in (("", rows), ("R: ", peers)):
        for row in all_of:
            case = row["table"], row["truth"]
            if case in at and "total" in row:
                told.setdefault(source + row["method"], {})[case] = row
    ok = True
    for who, answered in told.items():
        both = [case for case in answered if case in told["auto"]]
        if who.startswith(("auto", "shrinkage")) or not both:
            continue
        mine = summary([told["auto"][case] for case in both])
        theirs = summary([answered[case] for case in both])
        errs_less = mine["rmse"] < theirs["rmse"]
        nearer = abs(mine["coverage"] - 0.95) < abs(theirs["coverage"] - 0.95)
        if not (errs_less and nearer):
            ok = False
            print(
                f"NOT better than {who}, {words}: error {mine['rmse']} to {theirs['rmse']}, "
                f"coverage {mine['coverage']} to {theirs['coverage']}"
            )
    if ok:
        print(f"ok  auto is better than every other method in both, {words}")
    return ok


def picture(told: dict[str, Row]) -> str:
    """Error and coverage of every method, the smallest error first."""
    data = [
        {"method": name, **row, "ours": name == "auto"}
        for name, row in sorted(told.items(), key=lambda pair: float(pair[1]["rmse"]))
        if row["answered"] > row["cases"] / 2
    ]
    names = [row["method"] for row in data]
    hue = alt.Color("ours:N", scale=alt.Scale(domain=[True, False], range=[SEEN, INK]), legend=None)
    y = alt.Y("method:N", sort=names, title=None, axis=alt.Axis(grid=True, ticks=False, **PLAIN))

    def panel(field: str, words: str, ticks: list[float], form: str, said: str) -> alt.LayerChart:
        scale = alt.Scale(domain=[ticks[0], ticks[-1]], nice=False)
        axis = alt.Axis(values=ticks, format=form, grid=False, **PLAIN)
        x = alt.X(f"{field}:Q", title=words, scale=scale, axis=axis)
        dots = alt.Chart(alt.InlineData(data)).mark_circle(size=70, opacity=1)
        layers: list[Any] = [dots.encode(x=x, y=y, color=hue)]
        if field == "coverage":
            promised = alt.Chart(alt.InlineData([{"coverage": 0.95}]))
            layers.insert(0, promised.mark_rule(color=QUIET, strokeDash=[3, 3]).encode(x=x))
        return alt.layer(*layers, title=title(said))

    return sheet(
        "known-truth",
        panel(
            "rmse",
            "error: root mean square of log(estimate / truth)",
            [0.0, 0.2, 0.4, 0.6, 0.8],
            ".1f",
            "The default errs least",
        ),
        panel(
            "coverage",
            "95 % intervals that hold the truth",
            [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
            ".0%",
            "and its intervals hold what they promise",
        ),
    )


def sets(every: Sequence[Case]) -> dict[str, list[Case]]:
    """The cases over which methods are compared."""
    return {
        "all": list(every),
        "trafficking": [case for case in every if case.trafficking],
        "others": [case for case in every if not case.trafficking],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
