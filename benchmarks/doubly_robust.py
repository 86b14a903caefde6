"""Does the doubly robust interval hold the truth, where plug-in sums and plain lists miss it?

    python -m benchmarks.doubly_robust [STUDY...]

Three studies of made-up people whose number is known.

- errors: the chances of the lists are the true ones with errors of N**-alpha on the logit scale, a
  common shift and noise of that size for each list, in the manner of Das, Kennedy & Jewell (2023).
- wrong: the chances of one list, of the other or of both have nothing to do with the people.
- learned: the whole method, from people with covariates to an interval.

Everything is printed and written to benchmarks/results/doubly-robust-<date>.json, and the picture
of docs/estimators/doubly-robust.md is drawn; 1 if a bar is missed. Takes some minutes.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.growth import PLAIN, Rows, sheet, title
from benchmarks.speed import IMAGES, RESULTS, cpu
from darkfigure.errors import NoEstimateError
from darkfigure.report.svg import INK, QUIET, SEEN
from darkfigure.size._pairs import log_normal
from darkfigure.size.doubly_robust import ESTIMATORS, doubly_robust, total_of_pair

REPLICATES = 200  # of what is learned, fewer
ALPHAS = (0.1, 0.2, 0.3, 0.4, 0.5)
PEOPLE = (2_000, 10_000)
LEAST_COVERED, RATE = (
    0.92,
    0.25,
)  # from this rate on the doubly robust interval is to hold the truth
Z = 1.959963984540054
COLOURS = {"doubly robust": SEEN, "targeted": INK, "plug-in": QUIET}

Floats = npt.NDArray[np.float64]


def main(studies: Sequence[str]) -> int:
    """Measure, print, write and draw; the studies that are not named stay as they were measured."""
    result: dict[str, Any] = newest()
    for name in studies or STUDIES:
        began = datetime.now(UTC)
        result[name] = []
        for row in STUDIES[name]():
            print(name, row, flush=True)
            result[name].append(row)
        result |= {
            "measured": began.isoformat(timespec="seconds"),
            "machine": platform.machine(),
            "cpu": cpu(),
            "python": platform.python_version(),
            **{each: version(each) for each in ("darkfigure", "scikit-learn", "polars", "numpy")},
        }
        RESULTS.mkdir(exist_ok=True)
        written = RESULTS / f"doubly-robust-{began:%Y-%m-%d}.json"
        written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    drawn = picture(result["errors"])
    (IMAGES / "accuracy-doubly-robust.svg").write_text(drawn, encoding="utf-8")
    missed = sum(not row.get("ok", True) for name in STUDIES for row in result.get(name, ()))
    print(f"{missed} missed")
    return int(missed > 0)


def newest() -> dict[str, Any]:
    """The newest result, or none."""
    files = sorted(RESULTS.glob("doubly-robust-*.json"))
    return dict(json.loads(files[-1].read_text(encoding="utf-8"))) if files else {}


def made_up(n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Two measurements of each of n people, and the true chances of two lists.

    The chances go from about 0.1 to 0.8, and both lists find the same people easily, so that
    without covariates the total is too low.
    """
    x = rng.uniform(-1.7, 1.7, size=(n, 2))
    p1 = expit(-0.3 + 0.8 * x[:, 0] + 0.3 * x[:, 1])
    p2 = expit(-0.5 + 0.7 * x[:, 0] - 0.3 * x[:, 1])
    return x, p1, p2


def expit(x: npt.ArrayLike) -> Floats:
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def logit(p: Floats) -> Floats:
    return np.log(p / (1 - p))


def with_errors() -> Iterator[dict[str, Any]]:
    """Error and coverage of the three sums by the size of the chances' errors."""
    for n in PEOPLE:
        for alpha in ALPHAS:
            rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ESTIMATORS}
            for seed in range(REPLICATES):
                rng = np.random.default_rng([seed, n])
                _, p1, p2 = made_up(n, rng)
                y1, y2 = rng.random(n) < p1, rng.random(n) < p2
                size = n**-alpha
                moved = [expit(logit(p) + rng.normal(size, size, n)) for p in (p1, p2)]
                for name in ESTIMATORS:
                    rows[name].append(answer(y1, y2, moved, name))
            for name, answers in rows.items():
                row = {"people": n, "alpha": alpha, "estimator": name, **judged(answers, n)}
                if name != "plug-in" and alpha > RATE:
                    row["ok"] = row["coverage"] >= LEAST_COVERED
                yield row


def with_one_wrong(n: int = 5_000) -> Iterator[dict[str, Any]]:
    """The same with the chances of one list or of both made up of nothing."""
    for case in ("neither", "first", "second", "both"):
        rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ESTIMATORS}
        for seed in range(REPLICATES):
            rng = np.random.default_rng([seed, 1])
            x, p1, p2 = made_up(n, rng)
            y1, y2 = rng.random(n) < p1, rng.random(n) < p2
            bad1, bad2 = expit(-0.2 - 0.5 * x[:, 0]), expit(-0.4 - 0.5 * x[:, 0])
            used = [
                bad1 if case in ("first", "both") else p1,
                bad2 if case in ("second", "both") else p2,
            ]
            for name in ESTIMATORS:
                rows[name].append(answer(y1, y2, used, name))
        for name, answers in rows.items():
            row = {"people": n, "wrong": case, "estimator": name, **judged(answers, n)}
            if name == "doubly robust" and case != "both":
                row["ok"] = row["coverage"] >= LEAST_COVERED
            yield row


def answer(
    y1: npt.NDArray[np.bool_], y2: npt.NDArray[np.bool_], chances: list[Floats], name: Any
) -> tuple[float, float, float]:
    seen = y1 | y2
    found = total_of_pair(y1[seen], y2[seen], *(p[seen] for p in chances), estimator=name)
    return found.total, *log_normal(found.total, found.variance**0.5, seen.sum(), Z)


LEARNED: dict[str, tuple[int, dict[str, Any]]] = {
    "without covariates": (200, {}),
    "logistic": (200, {"splits": 1}),
    "logistic, the plain sum": (200, {"splits": 1, "estimator": "doubly robust"}),
    "logistic, few on both lists": (200, {"n": 1_000, "share": 0.5}),
    "the plain sum, few on both lists": (
        200,
        {"n": 1_000, "share": 0.5, "estimator": "doubly robust"},
    ),
    "logistic, bent covariates": (200, {"splits": 1, "bent": True}),
    "boosting, bent covariates": (40, {"splits": 1, "bent": True, "nuisance": "boosting"}),
    "forest, bent covariates": (20, {"splits": 1, "bent": True, "nuisance": "forest"}),
}


def from_people() -> Iterator[dict[str, Any]]:
    """The whole method on people with two measurements, as they are or bent out of shape."""
    for words, (number, options) in LEARNED.items():
        own = dict(options)
        n, bent, share = own.pop("n", 3_000), own.pop("bent", False), own.pop("share", 1.0)
        covariates = [] if words == "without covariates" else ["x", "y"]
        answers, refused = [], 0
        began = time.process_time()
        for seed in range(number):
            rng = np.random.default_rng([seed, 2])
            x, p1, p2 = made_up(n, rng)
            y1, y2 = rng.random(n) < share * p1, rng.random(n) < share * p2
            if bent:
                x = np.column_stack([np.exp(x[:, 0]), x[:, 1] / (1 + np.exp(x[:, 0])) + 3])
            people = pl.DataFrame({"a": y1, "b": y2, "x": x[:, 0], "y": x[:, 1]})
            people = people.filter(pl.col("a") | pl.col("b"))
            try:
                found = doubly_robust(people, ["a", "b"], covariates, workers=1, **own)
            except NoEstimateError:
                refused += 1
                continue
            answers.append((found.total, found.lower, found.upper))
        row = {"people": n, "learned": words, **judged(answers, n), "refused": refused}
        row["cpu_seconds_each"] = round((time.process_time() - began) / (len(answers) + refused), 3)
        if words == "logistic":
            row["ok"] = row["coverage"] >= LEAST_COVERED
        yield row


def judged(answers: list[tuple[float, float, float]], n: int) -> dict[str, Any]:
    """Mean and root mean square of log(total / truth), and how often the interval holds it."""
    total, lower, upper = np.array(answers).T
    error = np.log(total / n)
    return {
        "bias": round(float(error.mean()), 4),
        "rmse": round(float(np.sqrt((error**2).mean())), 4),
        "coverage": round(float(((lower <= n) & (n <= upper)).mean()), 4),
        "width": round(float(np.median((upper - lower) / n)), 4),
        "replicates": len(answers),
    }


def picture(rows: Rows) -> str:
    """The error and the coverage by the rate alpha, for the larger number of people."""
    shown = [row for row in rows if row["people"] == max(PEOPLE)]
    x = alt.X(
        "alpha:Q",
        title="rate r: the chances are off by N to the minus r",
        scale=alt.Scale(domain=[0.08, 0.52], nice=False),
        axis=alt.Axis(values=[0.1, 0.2, 0.3, 0.4, 0.5], grid=False, **PLAIN),
    )
    colour = alt.Color(
        "estimator:N",
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
        legend=None,
    )
    panels = []
    for field, words, heading in (
        (
            "bias",
            "total beside the truth, on average",
            "Only the plug-in sum errs as its chances do",
        ),
        ("coverage", "intervals that hold the truth", "and its interval then misses the truth"),
    ):
        ends_at = [min(row["bias"] for row in shown), 0.02] if field == "bias" else [0, 1]
        scale = alt.Scale(domain=ends_at, nice=False)
        y = alt.Y(f"{field}:Q", title=words, scale=scale, axis=alt.Axis(format="%", grid=False))
        base = alt.Chart(alt.InlineData(shown)).encode(x=x, y=y, color=colour)
        ends = [{**row, "label": row["estimator"]} for row in shown if row["alpha"] == min(ALPHAS)]
        layers = [
            base.mark_line(),
            base.mark_circle(size=46, opacity=1),
            *(
                alt.Chart(alt.InlineData([end]))
                .mark_text(align="left", dx=8, dy=14 if end["label"] == "doubly robust" else -10)
                .encode(x=x, y=y, color=colour, text="label:N")
                for end in ends
            ),
        ]
        if field == "coverage":
            line = alt.Chart(alt.InlineData([{"coverage": 0.95}]))
            layers.append(line.mark_rule(color=QUIET, strokeDash=[3, 3]).encode(y=y))
        panels.append(alt.layer(*layers, title=title(heading)))
    return sheet("accuracy-doubly-robust", *panels, height=250)


STUDIES: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "errors": with_errors,
    "wrong": with_one_wrong,
    "learned": from_people,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
