"""Are the draws of who is who calibrated: of pairs with probability p, is the share p one person?

The probability of a pair is the share of 200 draws in which the two records are one person's. All
pairs are looked at that can be one person's in any draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt

from benchmarks.growth import PLAIN, Rows, sheet, title
from darkfigure.lists.link import Links
from darkfigure.lists.overlap import forest, people
from darkfigure.report.svg import INK, QUIET, SEEN

DRAWS = 200
EDGES = (0.005, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 0.995)
"""Below the first and above the last hardly anything is open to doubt."""

FEW = 10  # pairs, of which a share says nothing; they are told, and not drawn
Z = 1.96

Chances = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


def pairs(links: Links, person: npt.NDArray[np.int64]) -> tuple[Chances, Truths]:
    """Of each pair that can be one person, how probable that is over the draws, and whether it is.

    Parameters
    ----------
    links : Links
    person : array of int, (records,)
        Who each record is truly about.
    """
    branches = forest(links)
    drawn = np.empty((DRAWS, len(person)), np.int64)
    for draw in range(DRAWS):
        noise = np.random.default_rng([1, draw]).logistic(size=len(branches[0]))
        drawn[draw] = people(links, branches, noise)
    everything = (links.left, links.right, np.ones(len(links.left)))
    together = people(Links(links.lists, links.on, *everything), everything)
    order = np.argsort(together, kind="stable")
    chances, truths = [np.empty(0)], [np.empty(0, bool)]
    for group in np.split(order, np.flatnonzero(np.diff(together[order])) + 1):
        one, other = (group[side] for side in np.triu_indices(len(group), 1))
        chances.append((drawn[:, one] == drawn[:, other]).mean(axis=0))
        truths.append(person[one] == person[other])
    return np.concatenate(chances), np.concatenate(truths)


def table(chances: Chances, truths: Truths) -> Rows:
    """For each range of probabilities, their mean, the share that is one person, and how many.

    `lower` and `upper` are Wilson's 95 % interval of the share.
    """
    rows = []
    which = np.searchsorted(EDGES, chances)
    for i in range(len(EDGES) + 1):
        here = which == i
        n = int(here.sum())
        if not n:
            continue
        share = float(truths[here].mean())
        middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
        rows.append(
            {
                "probability": round(float(chances[here].mean()), 4),
                "share": round(share, 4),
                "lower": round(max(float(middle - half), 0.0), 4),
                "upper": round(min(float(middle + half), 1.0), 4),
                "pairs": n,
            }
        )
    return rows


def picture(series: Sequence[tuple[str, Rows]]) -> str:
    """One panel for each kind of lists: the share that is one person by the probability of it."""
    panels = []
    for words, rows in series:
        shown = [row for row in rows if row["pairs"] >= FEW]
        base = alt.Chart(alt.InlineData(shown))
        x, y = (_axis(f"{part}:Q", said) for part, said in (
            ("probability", "probability over the draws"), ("share", "share that is one person"),
        ))  # fmt: skip
        same = alt.Chart(
            alt.InlineData([{"probability": 0, "share": 0}, {"probability": 1, "share": 1}])
        )
        panels.append(
            alt.layer(
                same.mark_line(color=QUIET, strokeDash=[3, 3]).encode(x=x, y=y),
                base.mark_rule(color=SEEN, opacity=0.6).encode(
                    x=x, y=alt.Y("lower:Q"), y2="upper:Q"
                ),
                base.mark_circle(color=SEEN, size=46, opacity=1).encode(x=x, y=y),
                title=title(words),
            )
        )
    return sheet("accuracy-calibration", *panels, height=250)


def _axis(field: str, words: str) -> Any:
    kind: Any = alt.X if field.startswith("probability") else alt.Y
    return kind(
        field,
        title=words,
        scale=alt.Scale(domain=[-0.02, 1.02], nice=False),
        axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="%", grid=False, **PLAIN),
    )


def caterpillar(panels: Sequence[tuple[Sequence[str], list[dict[str, Any]], int]]) -> str:
    """The intervals of many replicates beside the truth, in the order of their estimates.

    Parameters
    ----------
    panels : sequence of (lines of the title, rows, truth)
        Each row has `total`, `lower`, `upper` and `held`.
    """
    drawn = []
    for words, rows, truth in panels:
        ranked = sorted(rows, key=lambda row: row["total"])
        data = [{**row, "rank": rank} for rank, row in enumerate(ranked, start=1)]
        x = alt.X(
            "rank:Q",
            title=f"{len(rows)} replicates, by their estimate",
            scale=alt.Scale(domain=[0, len(rows) + 1], nice=False),
            axis=alt.Axis(labels=False, ticks=False, grid=False),
        )
        top = 1.05 * max(row["upper"] for row in rows)
        y = alt.Y(
            "lower:Q",
            title="people",
            scale=alt.Scale(domain=[0, top], nice=True),
            axis=alt.Axis(tickCount=5, format=",d", **PLAIN),
        )
        colour = alt.Color(
            "held:N", scale=alt.Scale(domain=[True, False], range=[SEEN, INK]), legend=None
        )
        base = alt.Chart(alt.InlineData(data)).encode(x=x, color=colour)
        line = alt.Chart(alt.InlineData([{"lower": truth}])).mark_rule(color=QUIET).encode(y=y)
        drawn.append(
            alt.layer(
                base.mark_rule(strokeWidth=1.5).encode(y=y, y2="upper:Q"),
                base.mark_circle(size=8, opacity=1).encode(y="total:Q"),
                line,
                title=title(*words),
            )
        )
    return sheet("accuracy-coverage", *drawn, height=250)
