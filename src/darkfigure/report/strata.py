"""Each kind of people on its own: a picture and a table of the strata."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from darkfigure.report.spread import forest
from darkfigure.report.svg import Chart, drawn_twice
from darkfigure.report.words import between, counted, listed, number_or_none, opened, rounded

MOST_DRAWN = 24


class Shown(Protocol):
    """A stratum as it may be shown; None where a number must not be, or there is none."""

    @property
    def name(self) -> str: ...
    @property
    def observed(self) -> int | None: ...
    @property
    def total(self) -> float | None: ...
    @property
    def lower(self) -> float | None: ...
    @property
    def upper(self) -> float | None: ...


@dataclass(frozen=True)
class Section:
    """What the page says of the strata."""

    head: str
    text: tuple[str, ...]
    chart: Chart | None


@dataclass(frozen=True)
class _Mark:
    name: str
    total: float
    lower: float
    upper: float


def by_strata(by: Sequence[str], strata: Sequence[Shown]) -> Section:
    """The part of the page about the strata.

    Parameters
    ----------
    by : sequence of str
        The variables.
    strata : sequence of Shown

    Examples
    --------
    >>> from types import SimpleNamespace as Row
    >>> rows = [Row(name="f", observed=None, total=90.0, lower=70.0, upper=130.0)]
    >>> section = by_strata(["sex"], [*rows, Row(**{**vars(rows[0]), "name": "m", "total": 40.0})])
    >>> section.head, section.chart.title
    ('By sex', 'The most seem to be f: between 70 and 130')
    """
    marks = [
        _Mark(each.name, each.total, each.lower, each.upper)
        for each in strata
        if each.total is not None and each.lower is not None and each.upper is not None
    ]
    marks.sort(key=lambda mark: -mark.total)
    text = [
        f"The people were also counted by {listed(by)}, each kind on its own, and the estimate of "
        "this page is of all kinds together. People of one kind are more alike than people at "
        "large, so less is left that could mislead."
    ]
    if len(marks) < len(strata):
        text.append(
            "For some kinds there is no estimate, for the lists share too few of them. The number "
            "of all has only those of them who were seen, and is too low there."
        )
    if any(each.name.startswith("small ") for each in strata):
        text.append(
            "Kinds of which only few people are on several lists were taken together, so that "
            "there is an estimate and nobody can be picked out."
        )
    head = f"By {listed(by)}"
    if len(marks) < 2:
        return Section(head, tuple(text), None)
    drawn = marks[:MOST_DRAWN]
    left = len(marks) - len(drawn)
    rest = f" The {counted(left)} smallest are in the table only." if left else ""
    rows = [
        [
            each.name,
            "not shown" if each.observed is None else f"{each.observed:,}",
            *(
                ["no estimate", "", ""]
                if each.total is None or each.lower is None
                else [
                    f"{each.total:,.0f}",
                    f"{each.lower:,.0f}",
                    number_or_none(math.inf if each.upper is None else each.upper),
                ]
            ),
        ]
        for each in strata
    ]
    return Section(
        head,
        tuple(text),
        drawn_twice(
            "strata",
            title=f"The most seem to be {drawn[0].name}: {between(drawn[0].lower, drawn[0].upper)}",
            caption="Each mark is the estimate of one kind of people, seen and unseen, the line "
            f"through it how far chance could have moved it.{rest}",
            alt=f"The estimate of each kind of people with its range; the largest is "
            f"{drawn[0].name}, {rounded(drawn[0].total)}, the smallest {marks[-1].name}, "
            f"{rounded(marks[-1].total)}.",
            draw=forest("strata", [mark.name for mark in drawn], drawn),
            header=[opened(", ".join(by)), "Seen", "People in all", "Lower limit", "Upper limit"],
            rows=rows,
        ),
    )
