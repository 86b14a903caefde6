"""How far the number could move: with another model, and with other data by chance."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Protocol

import altair as alt
import numpy as np
import numpy.typing as npt

from darkfigure.estimate import Estimate
from darkfigure.report.svg import INK, LINE, NARROW, QUIET, Chart, drawn_twice, still
from darkfigure.report.words import counted, number_or_none, opened, rounded

MOST_BINS = 30


def alternatives(estimate: Estimate, others: Sequence[Estimate]) -> Chart:
    """What other defensible models say, beside the estimate of the page (a forest plot).

    Examples
    --------
    >>> e = Estimate(1295.0, 1150.0, 1480.0, 0.95, 670, "independent", ("a", "b"))
    >>> alternatives(e, []).title
    'Only one model was fitted'
    """
    models = [estimate, *others]
    names = ["The estimate on this page", *(_label(other) for other in others)]
    totals = [model.total for model in models]
    outside = sum(not estimate.lower <= other.total <= estimate.upper for other in others)
    if not others:
        title = "Only one model was fitted"
    elif outside:
        title = (
            f"{opened(counted(outside))} of {counted(len(others))} other models "
            f"{'falls' if outside == 1 else 'fall'} outside the range"
        )
    else:
        title = "Every other model falls within the range"
    return drawn_twice(
        "alternatives",
        title=title,
        caption="Each mark is what one model says, the line through it how far chance could have "
        "moved it. The diamond and the shaded band are the estimate of this page and its range. "
        "All these models can be defended.",
        alt=f"What each model says of the people in all, with its range: the estimate of this page "
        f"{rounded(estimate.total)}; the models together from {rounded(min(totals))} to "
        f"{rounded(max(totals))}.",
        draw=forest("alternatives", names, models, estimate),
        header=["Model", "People in all", "Lower limit", "Upper limit"],
        rows=[
            [name, f"{m.total:,.0f}", f"{m.lower:,.0f}", number_or_none(m.upper)]
            for name, m in zip(names, models, strict=True)
        ],
    )


class Mark(Protocol):
    """A number of people with its range."""

    @property
    def total(self) -> float: ...
    @property
    def lower(self) -> float: ...
    @property
    def upper(self) -> float: ...


def forest(
    name: str, names: Sequence[str], models: Sequence[Mark], ours: Mark | None = None
) -> Callable[[int], str]:
    """How to draw numbers with their ranges, one under the other, at a width.

    Parameters
    ----------
    name : str
        Of the chart, for its ids.
    names : sequence of str
        What stands above each mark.
    models : sequence of Mark
    ours : Mark, optional
        The one of `models` that is set off, with a band for its range.
    """
    totals = [model.total for model in models]
    ends = [limit for m in models for limit in (m.lower, m.upper) if math.isfinite(limit)]
    low, high = min([*ends, *totals]), max([*ends, *totals])
    logarithmic = high > 8 * max(low, 1)
    floor, ceiling = (
        (max(1.0, low / 1.1), high * 1.1)
        if logarithmic
        else (max(0.0, low - 0.06 * (high - low)), high + 0.06 * (high - low) + 1)
    )

    def draw(width: int) -> str:
        wrapped = [
            textwrap.wrap(text, 44 if width == NARROW else 76, max_lines=2, placeholder=" …")
            for text in names
        ]
        size = 15
        points, spans, words, arrows = [], [], [], []
        y = 4.0
        for model, lines in zip(models, wrapped, strict=True):
            y += 12
            for line in lines:
                words.append({"y": y + size / 2, "text": line, "ours": model is ours})
                y += size
            y += 10
            place = {"y": y, "ours": model is ours}
            points.append(place | {"x": model.total})
            spans.append(place | {"x": max(floor, model.lower), "x2": min(ceiling, model.upper)})
            if math.isinf(model.upper):
                arrows.append(place | {"x": ceiling})
            y += 11
        height = math.ceil(y + 6)
        scale = alt.Scale(
            type="log" if logarithmic else "linear", domain=[floor, ceiling], nice=False
        )
        axis = alt.Axis(
            title="people in all" + (" (each step multiplies)" if logarithmic else ""),
            format=",.0f",
            tickCount=3 if width == NARROW else 7,
            grid=False,
            values=round_values(floor, ceiling) if logarithmic else alt.Undefined,
        )
        x = alt.X("x:Q", scale=scale, axis=axis)
        at_y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False))
        inked = alt.value(INK)
        weight = alt.condition("datum.ours", alt.value(3.5), alt.value(2.0))
        shade = alt.condition("datum.ours", inked, alt.value(QUIET))
        band = [{"x": max(floor, m.lower), "x2": min(ceiling, m.upper)} for m in [ours] if m]
        layers: list[alt.Chart] = [
            *(
                alt.Chart(alt.InlineData([each]))
                .mark_rect(fill=LINE, opacity=0.45)
                .encode(x=x, x2="x2:Q")
                for each in band
            ),
            alt.Chart(alt.InlineData(spans))
            .mark_rule()
            .encode(x=x, x2="x2:Q", y=at_y, strokeWidth=weight, stroke=shade),
            alt.Chart(alt.InlineData(points))
            .mark_point(filled=True, opacity=1)
            .encode(
                x=x,
                y=at_y,
                size=alt.condition("datum.ours", alt.value(150), alt.value(70)),
                shape=alt.condition("datum.ours", alt.value("diamond"), alt.value("circle")),
                color=shade,
            ),
            *(
                alt.Chart(alt.InlineData([row for row in words if row["ours"] is bold]))
                .mark_text(align="left", baseline="middle", fontWeight=600 if bold else 400)
                .encode(x=alt.value(0), y=at_y, text="text:N")
                for bold in (True, False)
            ),
        ]
        if arrows:
            layers.append(
                alt.Chart(alt.InlineData(arrows))
                .mark_point(shape="triangle-right", filled=True, opacity=1, size=70, color=QUIET)
                .encode(x=x, y=at_y)
            )
        return still(alt.layer(*layers), width, height + 46, f"{name}-{width}")

    return draw


def round_values(floor: float, ceiling: float) -> list[float]:
    """A few round numbers for an axis on which each step multiplies.

    Examples
    --------
    >>> round_values(6_000, 250_000)
    [10000, 30000, 100000]
    """
    powers = range(math.floor(math.log10(floor)), math.ceil(math.log10(ceiling)) + 1)
    values: list[float] = []
    for digits in ((1,), (1, 3), (1, 2, 5)):
        values = [d * 10**p for p in powers for d in digits if floor <= d * 10**p <= ceiling]
        if len(values) >= 3:
            break
    return values


def replicates(estimate: Estimate) -> Chart | None:
    """How the estimate spreads over its replicates or draws; None when there are none to show.

    Examples
    --------
    >>> replicates(Estimate(500.0, 400.0, 700.0, 0.95, 120, "independent", ("a", "b"))) is None
    True
    """
    if estimate.draws is None:
        return None
    finite = estimate.draws[np.isfinite(estimate.draws)]
    if "posterior" in str(estimate.details.get("interval", "")):
        what = "draws"
        made = (
            f"The total drawn {finite.size:,} times: each time a model by its probability, then a "
            "number from what that model says."
        )
    else:
        what = "replicates"
        made = f"The estimate made again on {finite.size:,} redrawn sets of counts."
    if finite.size < 2:
        return None
    # A heavy upper tail would squeeze all else into one bar, so the last bin takes what is beyond.
    shown = np.minimum(finite, np.quantile(finite, 0.995, method="inverted_cdf"))
    counts, edges = np.histogram(shown, bins=_bins(shown))
    bars = [
        {"x": float(low), "x2": float(high), "y": int(count)}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    limits = [v for v in (estimate.lower, estimate.upper) if math.isfinite(v)]
    marks = [{"x": estimate.total, "ours": True}, *({"x": v, "ours": False} for v in limits)]

    def draw(width: int) -> str:
        x = alt.X(
            "x:Q",
            scale=alt.Scale(zero=False, nice=False, padding=6),
            axis=alt.Axis(
                title="people in all",
                format=",.0f",
                grid=False,
                tickCount=4 if width == NARROW else 8,
            ),
        )
        y = alt.Y("y:Q", axis=alt.Axis(title=what, tickCount=4, format=",d"))
        chart = alt.layer(
            alt.Chart(alt.InlineData(bars))
            .mark_rect(fill=QUIET, opacity=0.55)
            .encode(x=x, x2="x2:Q", y=y, y2=alt.datum(0)),
            *(
                alt.Chart(alt.InlineData([m for m in marks if m["ours"] is ours]))
                .mark_rule(
                    stroke=INK,
                    strokeWidth=2.5 if ours else 1.5,
                    strokeDash=[1, 0] if ours else [5, 4],
                )
                .encode(x=x)
                for ours in (True, False)
            ),
        )
        return still(chart, width, 250 if width > NARROW else 230, f"replicates-{width}")

    low, middle, high = np.quantile(finite, [0.05, 0.5, 0.95])
    failed = estimate.draws.size - finite.size
    rows = [
        [f"{low:,.0f} to {high:,.0f}", f"{int(count):,}"]
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    rows[-1][0] = f"{edges[-2]:,.0f} and more"
    if failed:
        rows.append(["no estimate", f"{failed:,}"])
    return drawn_twice(
        "replicates",
        title=f"Nine in ten {what} fall between {rounded(float(low))} and {rounded(float(high))}",
        caption=f"{made} The solid line is the estimate, the dashed lines are the limits of its "
        "interval. The last bar takes in the largest half of one per cent.",
        alt=opened(
            f"histogram of {finite.size:,} {what}, with the middle at "
            f"{rounded(float(middle))} people."
        ),
        draw=draw,
        header=["People in all", opened(what)],
        rows=rows,
    )


def _bins(values: npt.NDArray[np.float64]) -> int | npt.NDArray[np.float64]:
    """Bins of equal width; where the values are few and rounded, each holds as many of those."""
    different = np.unique(values)
    if not 1 < different.size <= 2 * MOST_BINS:
        return min(MOST_BINS, max(5, math.isqrt(values.size)))
    step = float(np.median(np.diff(different)))
    width = step * max(1, math.ceil(float(np.ptp(values)) / step / MOST_BINS))
    return np.arange(different[0] - step / 2, different[-1] + width, width)


def _label(other: Estimate) -> str:
    return str(other.details.get("label") or other.method)
