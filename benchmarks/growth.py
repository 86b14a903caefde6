"""How the cost grows with the lists, the people and the replicates, and pictures of it.

    python -m benchmarks.growth lists|people

measures one series in this process and prints it as JSON; `make bench` calls it, and draws.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np

from benchmarks.jobs import COUNTS, TINY, peak_mib
from benchmarks.measured import said
from benchmarks.synthetic import synthetic
from darkfigure import tables
from darkfigure.errors import NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.report.svg import INK, NARROW, QUIET, SEEN, still
from darkfigure.size.search import best_models
from darkfigure.size.space import Space

LISTS = range(3, 12)
SEEDS = (1, 2, 3)
PEOPLE = (100, 1_000, 10_000, 100_000, 1_000_000)
LIMIT = 10.0  # seconds for one search, so that the whole measurement stays short
SERIES: dict[str, tuple[str, Callable[[Iterable[float]], float]]] = {
    "five": ("uk-2013-5lists, multiplied", min),  # its name stands below its marks
    "nine": ("nine lists, synthetic", max),
}
PLAIN: dict[str, Any] = {"labelFlush": False, "labelBound": False, "labelOverlap": False}
MILLIONS = "datum.value < 1e6 ? format(datum.value, ',d') : datum.value / 1e6 + ' million'"

Rows = list[dict[str, Any]]


def lists() -> Rows:
    """The exact best model of synthetic tables of 3 to 11 lists, three tables each."""
    best_models(TINY)
    rows = []
    for n_lists in LISTS:
        models = Space(n_lists).size()
        for seed in SEEDS:
            found = searched(synthetic(n_lists, seed))
            rows.append({"lists": n_lists, "seed": seed, "models": models, **found})
    return rows


def people() -> Rows:
    """The exact best model of a five-list table multiplied, and of nine synthetic lists."""
    best_models(TINY)
    five = tables.load("uk-2013-5lists")
    rows = []
    for observed in PEOPLE:
        counts = np.rint(five.known * observed / five.observed).astype(int)
        rows.append({"series": "five", **searched(CaptureHistories(five.lists, counts))})
        for seed in SEEDS:
            found = searched(synthetic(9, seed, observed=observed))
            rows.append({"series": "nine", "seed": seed, **found})
    return rows


def searched(histories: CaptureHistories) -> dict[str, Any]:
    """One search, at most ten seconds; the median of five if it is short."""
    took: list[float] = []
    while not took or (len(took) < 5 and sum(took) < 0.5):
        began = time.perf_counter()
        try:
            found = best_models(histories, time_limit=LIMIT)
        except NoEstimateError:
            return {"observed": histories.observed, "seconds": None}
        took.append(time.perf_counter() - began)
    return {
        "observed": histories.observed,
        "seconds": round(float(np.median(took)), 6),
        "fits": found.fits,
        "certified": found.certified,
        "gap": round(found.gap, 2) if found.gap < float("inf") else None,
        "peak_mib": peak_mib(),
    }


def draw(growth: dict[str, Rows], folder: Path) -> None:
    """The three pictures of the documentation."""
    for name, picture in (
        ("bench-lists", lists_picture(growth["lists"])),
        ("bench-people", people_picture(growth["people"])),
        ("bench-replicates", replicates_picture(growth["replicates"])),
    ):
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8")


def lists_picture(rows: Rows) -> str:
    """Seconds by the number of lists, one mark for each table."""
    ticks = list(LISTS)
    x = alt.X(
        "lists:Q",
        title="number of lists",
        scale=alt.Scale(domain=[2.7, max(ticks) + 0.3], nice=False),
        axis=alt.Axis(values=ticks, grid=False, format="d", **PLAIN),
    )
    y = _seconds([row["seconds"] for row in rows])
    base = alt.Chart(alt.InlineData(rows))
    far = max(n for n in ticks if all(row["certified"] for row in rows if row["lists"] == n))
    slowest = max(row["seconds"] for row in rows if row["lists"] <= far)
    ends = [
        {"lists": n, "seconds": float(np.median([r["seconds"] for r in rows if r["lists"] == n]))}
        for n in ticks
    ]
    top = _decades([row["seconds"] for row in rows])[1]
    notes = [
        {"lists": 6.4, "seconds": top, "text": "all orders"},
        {"lists": 6.6, "seconds": top, "text": "pairs only"},
    ]
    written = alt.Chart(alt.InlineData(notes)).encode(x=x, y=y, text="text:N")
    style: dict[str, Any] = {"dy": 8, "color": QUIET}
    return sheet(
        "bench-lists",
        alt.layer(
            alt.Chart(alt.InlineData(ends)).mark_line(color=SEEN, opacity=0.5).encode(x=x, y=y),
            alt.Chart(alt.InlineData([{"lists": 6.5}])).mark_rule(color=QUIET).encode(x=x),
            base.transform_filter("datum.certified")
            .mark_circle(color=SEEN, size=46, opacity=1)
            .encode(x=x, y=y),
            base.transform_filter("!datum.certified")
            .mark_point(color=INK, size=46, opacity=1)
            .encode(x=x, y=y),
            written.transform_filter("datum.lists < 6.5").mark_text(align="right", **style),
            written.transform_filter("datum.lists > 6.5").mark_text(align="left", **style),
            title=title(
                f"The best model of up to {far} lists", f"is proven in {said(slowest)} at most"
            ),
        ),
    )


def people_picture(rows: Rows) -> str:
    """Seconds by the number of people observed."""
    known = [row for row in rows if row["seconds"] is not None]
    x = alt.X(
        "observed:Q",
        title="people observed",
        scale=alt.Scale(type="log", domain=[70, 5_000_000], nice=False),
        axis=alt.Axis(values=list(PEOPLE[::2]), format=",d", grid=False, **PLAIN),
    )
    y = _seconds([row["seconds"] for row in known])
    middle: Rows = []
    for series in SERIES:
        for n in PEOPLE:
            at = [r for r in known if r["series"] == series and abs(r["observed"] / n - 1) < 0.2]
            if at:
                seconds = float(np.median([row["seconds"] for row in at]))
                middle.append({"series": series, "observed": at[0]["observed"], "seconds": seconds})
    names = {}
    for series, (words, end) in SERIES.items():
        edge = end(row["seconds"] for row in known if row["series"] == series)
        names[series] = [{"series": series, "observed": 90, "seconds": edge, "text": words}]
    colour = alt.Color(
        "series:N",
        scale=alt.Scale(domain=list(SERIES), range=[INK, SEEN]),
        legend=None,
    )

    def layer(data: Rows) -> alt.Chart:
        return alt.Chart(alt.InlineData(data)).encode(x=x, y=y, color=colour)

    return sheet(
        "bench-people",
        alt.layer(
            layer(middle).mark_line(opacity=0.5),
            layer(known).mark_circle(size=46, opacity=1),
            layer(names["five"]).mark_text(align="left", dy=16).encode(text="text:N"),
            layer(names["nine"]).mark_text(align="left", dy=-14).encode(text="text:N"),
            title=title("The time hangs on the lists,", "hardly on the number of people"),
        ),
    )


def replicates_picture(rows: Rows) -> str:
    """Seconds and memory by the number of replicates."""
    x = alt.X(
        "replicates:Q",
        title="bootstrap replicates",
        scale=alt.Scale(type="log", domain=[80, 16_000], nice=False),
        axis=alt.Axis(values=list(COUNTS), format=",d", grid=False, **PLAIN),
    )
    memory = alt.Y(
        "peak_mib:Q",
        title="memory, MiB",
        scale=alt.Scale(domain=[0, 1.25 * max(row["peak_mib"] for row in rows)], nice=True),
        axis=alt.Axis(tickCount=4, **PLAIN),
    )
    base = alt.Chart(alt.InlineData(rows))
    panels = []
    for y, words in (
        (_seconds([row["seconds"] for row in rows]), "Time grows with the replicates"),
        (memory, "Memory does not"),
    ):
        marks = base.encode(x=x, y=y)
        line = marks.mark_line(color=SEEN, opacity=0.5)
        points = marks.mark_circle(color=SEEN, size=46, opacity=1)
        panels.append(alt.layer(line, points, title=title(words)))
    return sheet("bench-replicates", *panels, height=190)


def linkage_picture(rows: Rows, beyond: dict[str, Any]) -> str:
    """Seconds from files to draws by the number of records; hollow where it is only reckoned."""
    a, b, c = beyond["parameters"]
    far = beyond["records"]
    least = min(row["records"] for row in rows)
    ticks = [10.0**k for k in range(round(np.log10(least)), round(np.log10(far)) + 1)]
    x = alt.X(
        "records:Q",
        title="records",
        scale=alt.Scale(type="log", domain=[0.7 * least, 4 * far], nice=False),
        axis=alt.Axis(values=ticks, labelExpr=MILLIONS, grid=False, **PLAIN),
    )
    y = _seconds([row["seconds"] for row in (*rows, beyond)])
    along = [float(n) for n in np.geomspace(least, far, 40)]
    fitted = [{"records": n, "seconds": a + b * (n / 1e6) ** c} for n in along]
    end = [{"records": far, "seconds": beyond["seconds"], "text": "reckoned, not measured"}]
    last = max(rows, key=lambda row: row["records"])
    marks = [{key: row[key] for key in ("records", "seconds")} for row in rows]

    def layer(data: Rows) -> alt.Chart:
        return alt.Chart(alt.InlineData(data)).encode(x=x, y=y)

    return sheet(
        "bench-linkage",
        alt.layer(
            layer([row for row in fitted if row["records"] <= last["records"]]).mark_line(
                color=SEEN, opacity=0.5
            ),
            layer([row for row in fitted if row["records"] >= 0.9 * last["records"]]).mark_line(
                color=QUIET, strokeDash=[3, 3]
            ),
            layer(marks).mark_circle(color=SEEN, size=46, opacity=1),
            layer(end).mark_point(color=INK, size=46, opacity=1),
            layer(end).mark_text(align="right", dx=-8, dy=-8, color=QUIET).encode(text="text:N"),
            title=title(
                f"{round(last['records'], -4):,} records are read,",
                f"linked and drawn in {said(last['seconds'])}",
            ),
        ),
    )


def sheet(name: str, *charts: alt.LayerChart | alt.FacetChart, height: int = 270) -> str:
    """Charts under each other, on paper of their own, so that dark pages do not swallow the ink."""
    gap = 12
    parts = []
    for i, chart in enumerate(charts):
        drawn = still(chart, NARROW, height, f"{name}-{i}")
        drawn = re.sub(r' (?:aria-hidden|focusable)="[^"]*"', "", drawn)
        top = gap + i * (height + gap)
        parts.append(drawn.replace("<svg ", f'<svg x="{gap}" y="{top}" ', 1))
    width, tall = NARROW + 2 * gap, gap + len(charts) * (height + gap)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{tall}" '
        f'viewBox="0 0 {width} {tall}"><rect width="{width}" height="{tall}" fill="#fffefb"/>'
        f"{''.join(parts)}</svg>\n"
    )


def title(*lines: str) -> alt.TitleParams:
    return alt.TitleParams(
        list(lines),
        anchor="start",
        fontSize=14,
        fontWeight=600,
        color=INK,
        frame="bounds",
        offset=10,
    )


def _decades(seconds: list[float]) -> tuple[float, float]:
    return 10.0 ** np.floor(np.log10(min(seconds) / 2)), 10.0 ** np.ceil(
        np.log10(max(seconds) * 1.5)
    )


def _seconds(seconds: list[float]) -> alt.Y:
    low, high = _decades(seconds)
    steps = range(round(np.log10(low)), round(np.log10(high)) + 1)
    return alt.Y(
        "seconds:Q",
        title="seconds",
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=alt.Axis(values=[10.0**i for i in steps], labelExpr="toString(datum.value)", **PLAIN),
    )


if __name__ == "__main__":
    print(json.dumps({"lists": lists, "people": people}[sys.argv[1]]()))
