"""Made-up people whose number is known: where intervals hold it, and where they do not.

    python -m benchmarks.simulation [--anew | --small]

Each world is one way in which lists come about; from it tables are drawn, and every method is asked
how many people there are. In one kind of world the assumptions of `shrinkage`, and so of `auto`,
hold exactly: everything is drawn from its prior. All other worlds depart from them.

Written to benchmarks/results/simulation-<date>.json after each method and world, so that an
interrupt loses one of them and the next start goes on; `--anew` measures all again, `--small` tries
a little and writes nothing. The picture of docs/estimators/simulation.md is drawn; 1 if the bar is
missed: where the assumptions hold, 92 to 98 of 100 intervals hold the truth.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from benchmarks.growth import PLAIN, title
from benchmarks.speed import IMAGES, RESULTS, ROOT, cpu
from darkfigure import engine
from darkfigure.errors import DarkfigureError
from darkfigure.histories import CaptureHistories
from darkfigure.report.svg import INK, QUIET, WIDE, still
from darkfigure.size.methods import METHODS
from darkfigure.size.shrinkage import BEYOND, USUAL, WHOLE

KINDS = {
    "prior": "all drawn from the prior",
    "independent": "independent lists",
    "together": "one pair shares too many",
    "apart": "one pair shares too few",
    "differ": "people differ, sd 1",
    "invisible": "a third nearly invisible",
    "sparse": "ten people shared",
}
BAR = (0.92, 0.98)
ASSUMED, OFTEN, SELDOM, RARELY = 400, 200, 40, 20  # tables: from the prior; for auto; if it is slow
SPREAD = 1.4  # between the log odds of the longest list and of the shortest
ODDS_RATIO = 4.0  # of the pair that shares too many; its inverse of the one that shares too few
DIFFER = 1.0  # standard deviation of a person's log odds, the same for all lists
INVISIBLE, TENFOLD = 1 / 3, math.log(10.0)
SHARED = 10  # people on two lists or more, in sparse worlds on average, from the prior at least
LEAST_LIST = 0.05  # of those seen, on each list of a table from the prior
MAIN = (-9.0, 3.0)  # a main effect beyond meets the conditions so seldom that it is not tried

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]


@dataclass(frozen=True)
class World:
    """A way in which lists come about.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    lists : int
    people : int
        The true number; in the world of the prior, the number who are seen, on average.
    seen : float, optional
        The share who are on any list; left out where it follows from the rest: from the prior, or
        from the ten who are shared.
    """

    kind: str
    lists: int
    people: int = 1_000
    seen: float | None = 0.3

    @cache  # noqa: B019  (a world is small, and there are few)
    def cells(self) -> Floats:
        """The probability of each combination of lists, shape (2**lists,), that of none first."""

        def off(height: float) -> float:
            cells = self._at(height)
            if self.kind != "sparse":
                return float(1 - cells[0] - self.seen) if self.seen else math.nan
            shared = 1 - cells[0] - cells[1 << np.arange(self.lists)].sum()
            return float(math.log(self.people * shared / SHARED))

        return self._at(brentq(off, -12.0, 8.0, xtol=1e-12))

    def _at(self, height: float) -> Floats:
        """The same where the lists' log odds lie about this height."""
        weights, shifts = np.ones(1), np.zeros(1)
        if self.kind == "differ":
            nodes, weights = np.polynomial.hermite_e.hermegauss(40)
            weights, shifts = weights / weights.sum(), DIFFER * nodes
        elif self.kind == "invisible":
            weights, shifts = np.array([1 - INVISIBLE, INVISIBLE]), np.array([0.0, -TENFOLD])
        pair = {"together": math.log(ODDS_RATIO), "apart": -math.log(ODDS_RATIO)}
        terms = np.zeros((len(shifts), 1 << self.lists))
        reach = np.linspace(SPREAD / 2, -SPREAD / 2, self.lists)
        terms[:, 1 << np.arange(self.lists)] = height + reach + shifts[:, None]
        terms[:, 0b11] = pair.get(self.kind, 0.0)
        cells = np.exp(over_subsets(terms))
        return np.asarray(weights @ (cells / cells.sum(axis=1, keepdims=True)))

    def draw(self, replicate: int) -> tuple[int, CaptureHistories]:
        """The true number, and a table; the same number gives the same table."""
        share = round(1000 * (self.seen or 0))
        place = list(KINDS).index(self.kind)
        rng = np.random.default_rng([replicate, place, self.lists, self.people, share])
        if self.kind == "prior":
            counts = from_prior(self.lists, self.people, rng)
        else:
            counts = rng.multinomial(self.people, self.cells())
        names = [f"list {j + 1}" for j in range(self.lists)]
        return int(counts.sum()), CaptureHistories(names, [0, *counts[1:]])


def over_subsets(terms: Floats) -> Floats:
    """For each set of lists the sum of the terms of its subsets; sets along the last axis."""
    cells = terms.copy()
    for j in range(cells.shape[-1].bit_length() - 1):
        halves = cells.reshape(*cells.shape[:-1], -1, 2, 1 << j)
        halves[..., 1, :] += halves[..., 0, :]
    return cells


def from_prior(n_lists: int, seen: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Counts of a table of which everything is as `shrinkage` assumes, the unseen in entry 0.

    Its intervals are then to hold the truth as often as they say, for this reason. The model has
    a log ratio of unseen to seen that is minus the log of S, the sum over all combinations of exp
    of the sum of their interactions, and two opinions of it: what the interactions' prior makes of
    it, and the normal prior of the ratio itself. The prior is their product, so that interactions
    are drawn from theirs and kept with the probability that the second gives them, relative to its
    height. Given the interactions, how many are seen says nothing of the ratio; so their expected
    number is fixed, and the truth, being the ratio times it, is drawn. (Were the truth fixed
    instead, and the share seen with it, no posterior would be calibrated.)

    Tables with a list of hardly anybody, or with fewer than ten shared, are drawn again. A
    posterior is calibrated among any tables that are chosen by what is seen of them.
    """
    for means in cells_from_prior(n_lists, rng):
        counts = rng.poisson(seen * means)
        if worth_asking(counts):
            return np.asarray(counts)
    raise AssertionError("unreachable")


def cells_from_prior(n_lists: int, rng: np.random.Generator) -> Iterator[Floats]:
    """People on each combination of lists for each one seen, the unseen in entry 0, on and on."""
    batch = max(1 << 12 >> n_lists, 8) * 64
    while True:
        terms = interactions(n_lists, batch, rng)
        cells = np.exp(np.minimum(over_subsets(terms), 60.0))
        ratio = -np.log(cells[:, 1:].sum(axis=1))
        off = (ratio - USUAL.unseen) / USUAL.unseen_sd
        for i in np.flatnonzero(rng.random(batch) < np.exp(-0.5 * off**2)):
            yield cells[i] * math.exp(ratio[i])


def worth_asking(counts: npt.NDArray[np.int64]) -> bool:
    """Whether no list has hardly anybody, and ten people or more are on two lists."""
    n_lists = len(counts).bit_length() - 1
    on = (np.arange(1 << n_lists)[:, None] >> np.arange(n_lists) & 1).astype(bool)
    shared = counts[np.bitwise_count(np.arange(1 << n_lists)) >= 2].sum()
    least = (counts[1:] @ on[1:]).min()
    return bool(least >= LEAST_LIST * counts[1:].sum() and shared >= SHARED)


def interactions(n_lists: int, number: int, rng: np.random.Generator) -> Floats:
    """Interactions of all sets of lists as usual, shape (number, 2**lists); entry 0 is zero."""
    sizes = np.bitwise_count(np.arange(1 << n_lists))
    weights = np.array([regime.weight for regime in USUAL.regimes])
    regimes = rng.choice(len(weights), number, p=weights / weights.sum())
    pair, pair_sd, higher_sd = (
        np.array([getattr(regime, name) for regime in USUAL.regimes])[regimes]
        for name in ("pair", "pair_sd", "higher_sd")
    )
    means = {
        2: pair + rng.normal(0, USUAL.pair_common_sd, number),
        3: USUAL.higher + rng.normal(0, USUAL.higher_common_sd, number),
    }
    terms = np.zeros((number, 1 << n_lists))
    for size in range(2, (n_lists if n_lists <= WHOLE else BEYOND) + 1):
        alike = np.flatnonzero(sizes == size)
        scatter = (pair_sd if size == 2 else higher_sd)[:, None]
        mean = means.get(size, np.zeros(number))[:, None]
        terms[:, alike] = mean + scatter * rng.normal(size=(number, alike.size))
    terms[:, 1 << np.arange(n_lists)] = _mains((number, n_lists), rng)
    return terms


def _mains(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Main effects between the limits."""
    drawn = rng.normal(USUAL.main, USUAL.main_sd, shape)
    while (out := (drawn < MAIN[0]) | (drawn > MAIN[1])).any():
        drawn[out] = rng.normal(USUAL.main, USUAL.main_sd, int(out.sum()))
    return drawn


def worlds() -> list[World]:
    """All worlds: by the number of lists, and four lists by the share seen and the people."""
    others = [kind for kind in KINDS if kind not in ("prior", "sparse")]
    found = [World("prior", k, 300, None) for k in (2, 3, 4, 5)]
    found += [World("prior", 4, seen, None) for seen in (100, 1_000, 3_000)]
    for k in (4, 3, 2, 5):
        found += [*(World(kind, k) for kind in others), World("sparse", k, 1_000, None)]
    found += [World(kind, 4, 1_000, share) for share in (0.1, 0.6) for kind in others]
    found += [World(kind, 4, 10_000) for kind in others]
    for k in (6, 9):
        found += [World("prior", k, 300, None), *(World(kind, k) for kind in others)]
    return [*found, World("sparse", 6, 1_000, None)]


def asked(world: World) -> dict[str, int]:
    """The methods and how many tables each gets.

    What is slow is asked of few lists alone, and where a thousand people are. Of six lists and nine
    the answers of `shrinkage` stand for those of `auto`, which are the same unless refused;
    where the bar is held against six lists, it is `auto` that is asked.
    """
    often = ASSUMED if world.kind == "prior" else OFTEN // max(world.lists - 3, 1)
    quick = ("independent", "stepwise", "chao")
    if world.lists >= 6:
        name = "auto" if (world.kind, world.lists) == ("prior", 6) else "shrinkage"
        return {name: often, **dict.fromkeys(quick, SELDOM)}
    if world.people > 1_000:
        return {"auto": often, **dict.fromkeys(quick, SELDOM)}
    usual = world.seen in (None, 0.3) and (world.kind != "prior" or world.people == 300)
    found = {"auto": often, **dict.fromkeys(quick, 2 * SELDOM), "decomposable": SELDOM}
    found |= {"threshold": SELDOM} if usual and world.lists <= 5 else {}
    if usual and world.lists in (3, 4):
        found |= {"heterogeneity": SELDOM}
    if usual and world.lists == 4:
        found |= {"latent-class": RARELY}
    return found | (
        dict.fromkeys(("averaged", "bic"), SELDOM) if usual and world.lists <= 4 else {}
    )


def answer(world: World, method: str, replicate: int) -> Row:
    """What a method says of one table: its total and interval, or nothing if it refuses."""
    truth, histories = world.draw(replicate)
    own = {"bootstrap": 200} if "bootstrap" in METHODS[method].options else {}
    shared = histories.observed - histories.people_on(1)
    row: Row = {"truth": truth, "seen": histories.observed, "shared": shared}  # as `grouped` reads
    try:
        found = METHODS[method].estimate(histories, seed=replicate + 1, workers=1, **own)
    except DarkfigureError:
        return row
    return row | {"total": found.total, "lower": found.lower, "upper": found.upper}


def judged(rows: Sequence[Row]) -> Row:
    """How often intervals hold the truth or miss it on either side, the error and the width.

    All of those tables that were answered; `log_width` is none if half the intervals have no end.
    """
    told = [row for row in rows if "total" in row]
    found: Row = {"tables": len(rows), "refused": round(1 - len(told) / len(rows), 4)}
    if not told:
        return found
    truth, total, lower, upper = (
        np.array([row[name] for row in told]) for name in ("truth", "total", "lower", "upper")
    )
    error = np.log(total / truth)
    width = float(np.median(np.log(upper / lower)))
    return found | {
        "coverage": round(float(((lower <= truth) & (truth <= upper)).mean()), 4),
        "too_high": round(float((lower > truth).mean()), 4),
        "too_low": round(float((upper < truth).mean()), 4),
        "rmse": round(float(np.sqrt((error**2).mean())), 4),
        "bias": round(float(error.mean()), 4),
        "log_width": round(width, 3) if math.isfinite(width) else None,
    }


GROUPS: dict[str, list[tuple[str, Callable[[Row], bool]]]] = {
    "shared": [
        ("10 to 29 shared", lambda row: row["shared"] < 30),
        ("30 to 99 shared", lambda row: 30 <= row["shared"] < 100),
        ("100 or more shared", lambda row: row["shared"] >= 100),
    ],
    "share": [
        ("under 10 % seen", lambda row: row["seen"] < 0.1 * row["truth"]),
        ("10 to 30 % seen", lambda row: 0.1 <= row["seen"] / row["truth"] < 0.3),
        ("30 to 60 % seen", lambda row: 0.3 <= row["seen"] / row["truth"] < 0.6),
        ("60 % or more seen", lambda row: row["seen"] >= 0.6 * row["truth"]),
    ],
}
"""Of tables from the prior: by what is seen of them, which leaves a posterior calibrated, and by
what is not, which shows where it errs when the truth is unusual."""


def study(
    some: Sequence[World], number: Callable[[World], dict[str, int]], known: Sequence[Row] = ()
) -> Iterator[Row]:
    """Each world and method, one row each, those that are known already as they were."""
    done = {(*_key(row), row["method"]): row for row in known}
    for world in some:
        for method, tables in number(world).items():
            row = done.get((*_key(vars(world)), method))
            if row is None or row["tables"] != tables:
                began = time.perf_counter()

                def ask(replicate: int, world: World = world, method: str = method) -> Row:
                    return answer(world, method, replicate)

                rows = list(engine.run(ask, range(tables)))
                row = {**vars(world), "method": method, **judged(rows)}
                row["mean_shared"] = round(float(np.mean([r["shared"] for r in rows])), 1)
                row["mean_seen"] = round(float(np.mean([r["seen"] / r["truth"] for r in rows])), 4)
                row["seconds_each"] = round((time.perf_counter() - began) / tables, 4)
                if world.kind == "prior" and method in ("auto", "shrinkage"):
                    row["answers"] = [[round(x) for x in r.values()] for r in rows]
            yield row


def _key(row: Row) -> tuple[Any, ...]:
    return row["kind"], row["lists"], row["people"], row["seen"]


def grouped(rows: Sequence[Row]) -> list[Row]:
    """Tables from the prior, `auto` and, of nine lists, `shrinkage`, by what they are like."""
    names = ("truth", "seen", "shared", "total", "lower", "upper")
    every = [dict(zip(names, a, strict=False)) for row in rows for a in row.get("answers", ())]
    return [
        {"group": words, **judged([answer for answer in every if belongs(answer)])}
        for groups in GROUPS.values()
        for words, belongs in groups
        if any(belongs(answer) for answer in every)
    ]


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write and draw."""
    if "--small" in arguments:
        for row in study([World("prior", 3, 300, None), World("differ", 3)], lambda _: SMALL):
            print(said(row))
        return 0
    began = datetime.now(UTC)
    kept = sorted(RESULTS.glob("simulation-*.json"))
    known, written = [], RESULTS / f"simulation-{began:%Y-%m-%d}.json"
    if kept and "--anew" not in arguments:
        written = kept[-1]
        known = json.loads(written.read_text(encoding="utf-8"))["rows"]
    about = {"machine": platform.machine(), "cpu": cpu(), "python": platform.python_version()}
    rows: list[Row] = []
    for row in study(worlds(), asked, known):
        rows.append(row)
        print(said(row), flush=True)
        later = [r for r in known if (*_key(r), r["method"]) not in _names(rows)]
        _write(written, {"measured": f"{began:%Y-%m-%d}", **about, "rows": [*rows, *later]})
    _write(written, {"measured": f"{began:%Y-%m-%d}", **about, "rows": rows})  # and none besides
    for group in grouped(rows):
        print(group)
    missed = [row for row in rows if "answers" in row and not BAR[0] <= row["coverage"] <= BAR[1]]
    for row in missed:
        print(f"NOT between 92 % and 98 %: {said(row)}")
    (IMAGES / "simulation.svg").write_text(picture(rows), encoding="utf-8")
    print(f"{len(missed)} missed; written to {written.relative_to(ROOT)}")
    return int(bool(missed))


SMALL = {"auto": 4, **dict.fromkeys(("independent", "stepwise", "chao", "decomposable"), 2)}


def _names(rows: Sequence[Row]) -> set[tuple[Any, ...]]:
    return {(*_key(row), row["method"]) for row in rows}


def _write(path: Path, result: Row) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    rows = ",\n".join(json.dumps(row) for row in result["rows"])
    head = json.dumps({name: value for name, value in result.items() if name != "rows"})
    part.write_text(f'{head[:-1]}, "rows": [\n{rows}\n]}}\n', encoding="utf-8")
    part.replace(path)


def said(row: Row) -> str:
    """One line of the table that is printed."""
    share = "" if row["seen"] is None else f"{row['seen']:.0%}"
    start = f"{row['kind']:<12}{row['lists']} lists{row['people']:>7,}{share:>5} "
    start += f"{row['method']:<13}{row['tables']:>4} tables, refused {row['refused']:4.0%}"
    if "coverage" not in row:
        return start
    width = "no end" if row["log_width"] is None else f"{row['log_width']:.2f}"
    return (
        f"{start}, holds {row['coverage']:6.1%} (high {row['too_high']:.1%}, low "
        f"{row['too_low']:.1%}), rmse {row['rmse']:.3f}, bias {row['bias']:+.3f}, width {width}"
    )


def picture(rows: Sequence[Row]) -> str:
    """Two panels: all methods with four lists, and the default by lists, people and share seen."""
    first = {
        (KINDS[row["kind"]], row["method"].replace("shrinkage", "auto")): row
        for row in rows
        if row["lists"] == 4
        and (row["people"], row["seen"]) in ((1_000, 0.3), (300, None), (1_000, None))
        and not (row["kind"] == "prior" and row["people"] != 300)
    }
    second = {}
    for row in rows:
        if row["method"] not in ("auto", "shrinkage"):
            continue
        if row["kind"] == "prior" or row["kind"] == "sparse":
            usual = row["people"] == (300 if row["kind"] == "prior" else 1_000)
            where = f"{row['lists']} lists" if usual else None
        elif row["people"] == 1_000:
            where = f"{row['lists']} lists" if row["seen"] == 0.3 else f"{row['seen']:.0%} seen"
        else:
            where = f"{row['people']:,}" if row["seen"] == 0.3 else None
        if where:
            second[KINDS[row["kind"]], where] = row
    methods = ["auto", "independent", "stepwise", "bic", "averaged", "decomposable", "threshold"]
    methods += ["chao", "heterogeneity", "latent-class"]
    wheres = [f"{k} lists" for k in (2, 3, 4, 5, 6, 9)]
    wheres += ["10% seen", "60% seen", "10,000"]
    panels = (
        _panel(first, methods, "Of 100 intervals, so many hold the truth: four lists"),
        _panel(second, wheres, "The default by lists; of four lists, by share seen and people"),
    )
    gap, height = 12, 370
    parts = []
    for i, chart in enumerate(panels):
        drawn = still(chart, WIDE, height, f"simulation-{i}")
        drawn = drawn.replace(' aria-hidden="true" focusable="false"', "", 1)
        top = gap + i * (height + gap)
        parts.append(drawn.replace("<svg ", f'<svg x="{gap}" y="{top}" overflow="visible" ', 1))
    width, tall = WIDE + 4 * gap, gap + len(panels) * (height + gap)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{tall}" '
        f'viewBox="0 0 {width} {tall}"><rect width="{width}" height="{tall}" fill="#fffefb"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _panel(cells: dict[tuple[str, str], Row], columns: list[str], words: str) -> alt.LayerChart:
    """Worlds down, columns across: the coverage as shade and number, and the width below it."""
    data = []
    for (kind, column), row in cells.items():
        told = row["refused"] <= 0.5
        width = row.get("log_width")
        factor = f"×{math.exp(width):.1f}" if width and width < 4.6 else "no end"
        data.append(
            {
                "kind": kind,
                "column": column,
                "coverage": row["coverage"] if told else None,
                "held": f"{100 * row['coverage']:.0f}" if told else "refused",
                "width": factor if told else "",
                "dark": told and row["coverage"] < 0.7,
            }
        )
    x = alt.X(
        "column:N",
        sort=columns,
        title=None,
        axis=alt.Axis(orient="top", labelAngle=-30, ticks=False, domain=False, **PLAIN),
    )
    y = alt.Y(
        "kind:N",
        sort=list(KINDS.values()),
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelLimit=200, **PLAIN),
    )
    shade = alt.Color(
        "coverage:Q",
        scale=alt.Scale(domain=[0.0, 0.6, 0.92, 1.0], range=["#003a52", "#2f87ab", "#e4eff3",
                                                              "#f3f6f4"]),
        legend=None,
    )  # fmt: skip
    base = alt.Chart(alt.InlineData(data)).encode(x=x, y=y)
    ink = alt.Color("dark:N", scale=alt.Scale(domain=[True, False], range=["#ffffff", INK]),
                    legend=None)  # fmt: skip
    return alt.layer(
        base.transform_filter("datum.coverage != null")
        .mark_rect(stroke="#fffefb", strokeWidth=2)
        .encode(color=shade),
        base.transform_filter("datum.coverage != null")
        .mark_text(dy=-5, fontWeight=600)
        .encode(text="held:N", color=ink),
        base.transform_filter("datum.coverage != null")
        .mark_text(dy=9, fontSize=11)
        .encode(text="width:N", color=ink),
        base.transform_filter("datum.coverage == null")
        .mark_text(color=QUIET, fontSize=11)
        .encode(text="held:N"),
        title=title(words, "and below it, how many times the upper limit is the lower one"),
    ).resolve_scale(color="independent")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
