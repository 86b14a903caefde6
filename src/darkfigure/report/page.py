"""The page: one file that opens anywhere, asks nothing of the network and runs no script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from darkfigure.disclosure import (
    publishable_estimate,
    publishable_overlaps,
    sizes_as_text,
)
from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.report import charts, spread
from darkfigure.report.frame import About, Help, framed, origin
from darkfigure.report.matching import matching
from darkfigure.report.method import facts, method_text, references
from darkfigure.report.strata import Shown, by_strata
from darkfigure.report.trust import CAVEATS, findings, plain_range, verdict
from darkfigure.report.unknowable import unknowable as what_no_data_tell
from darkfigure.report.words import counted, is_one, one_in, opened, per, rounded


class Method(Protocol):
    """How the estimate was asked for."""

    @property
    def name(self) -> str: ...
    @property
    def seed(self) -> int: ...


class Described(Protocol):
    """What the page needs to know of a study."""

    @property
    def title(self) -> str: ...
    @property
    def people(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def period(self) -> str: ...
    @property
    def population(self) -> float | None: ...
    @property
    def synthetic(self) -> bool: ...
    @property
    def truth(self) -> int | None: ...
    @property
    def smallest_count(self) -> int: ...
    @property
    def about(self) -> About: ...
    @property
    def help(self) -> Help: ...
    @property
    def method(self) -> Method: ...


def page(
    study: Described,
    histories: CaptureHistories,
    estimate: Estimate,
    alternatives: Sequence[Estimate],
    provenance: Mapping[str, Any],
    linkage: Mapping[str, Any] | None = None,
    unknowable: Mapping[str, Any] | None = None,
    strata: tuple[Sequence[str], Sequence[Shown]] | None = None,
) -> str:
    """The whole page as one HTML text.

    Parameters
    ----------
    study : Study
        What it is about: title, people, place, period, population, help line, and so on.
    histories : CaptureHistories
        How the lists overlap. Counts below `study.smallest_count` do not reach the page.
    estimate : Estimate
        The answer.
    alternatives : sequence of Estimate
        Other models that can be defended, each with a `details["label"]` in plain words.
    provenance : mapping
        `version`, `command`, `input_hash` and `source`, as far as they are known.
    linkage : mapping, optional
        How the records were matched, where the counts come from records; see `matching`.
    unknowable : mapping, optional
        How the total moves with the interaction of all lists, as `darkfigure.size.sensitivity`
        gives it. Where counts are held back it must be made of the published estimate alone.
    strata : tuple, optional
        The variables by which the people were split, and each stratum as it may be shown.

    Raises
    ------
    InputError
        If there are too few people for anything to be shown, or `unknowable` tells more than may be
        published.
    """
    shown = publishable_overlaps(histories, study.smallest_count)
    sizes = sizes_as_text(shown)
    if shown.rounded:
        estimate = publishable_estimate(estimate)
        alternatives = [publishable_estimate(other) for other in alternatives]
        if unknowable and (
            any(unknowable[limit] != getattr(estimate, limit) for limit in ("total", "lower"))
            or any(unknowable[key] for key in ("hidden", "saturated", "why_not_saturated"))
        ):
            raise InputError("What no data can tell was made from counts that are held back.")
    if estimate.details.get("lower_bound"):  # its upper limit is none of the total
        estimate = replace(estimate, upper=math.inf)
    found = findings(histories, estimate, alternatives, study.smallest_count)
    dots = charts.dots(histories, estimate)
    overlaps = charts.overlaps(histories, study.smallest_count)
    forest = spread.alternatives(estimate, alternatives)
    histogram = spread.replicates(estimate)
    matched = matching(linkage, estimate) if linkage else None
    beyond = what_no_data_tell(unknowable) if unknowable else None
    kinds = by_strata(*strata) if strata else None
    # With the hash of the counts, a guess at those held back could be tried until it fits.
    hashed = str(provenance.get("input_hash") or "") if study.smallest_count == 1 else ""
    return framed(
        "page.html.jinja",
        title=study.title,
        answer=answer(study, estimate),
        help=study.help,
        synthetic=study.synthetic,
        estimate=estimate,
        best_guess=_best_guess(estimate),
        rate=_rate(study, estimate),
        verdict=verdict(found),
        against=[finding for finding in found if finding.serious],
        in_favour=[finding for finding in found if not finding.serious],
        caveats=CAVEATS,
        others=alternatives,
        overlap_text=_overlap_text(histories),
        dots=dots,
        overlaps=overlaps,
        alternatives=forest,
        replicates=histogram,
        matched=matched,
        beyond=beyond,
        kinds=kinds,
        truth=_truth(study, estimate),
        charts=[
            chart
            for chart in (
                dots,
                *([kinds.chart] if kinds else ()),
                overlaps,
                *(matched.charts if matched else ()),
                forest,
                beyond.chart if beyond else None,
                histogram,
            )
            if chart
        ],
        list_rows=[[name, i, sizes[name]] for i, name in enumerate(histories.lists, start=1)],
        method_text=method_text(estimate),
        facts=facts(estimate, study.method.seed),
        references=references(estimate, beyond=beyond is not None, linked=matched is not None),
        origin=origin(study.about, provenance, hashed),
    )


def answer(study: Described, estimate: Estimate) -> str:
    """The answer as one sentence, never without its range."""
    seen = estimate.observed
    others = (
        "the others on nobody's"
        if estimate.lower > seen
        else "the others, if there are any, on nobody's"
    )
    return (
        f"{opened(plain_range(estimate))} people were {study.people} in {study.place} in "
        f"{study.period}; {seen:,} of them are on somebody's list, {others}."
    )


def _best_guess(estimate: Estimate) -> str:
    share, of = one_in(estimate.coverage), ""
    if estimate.details.get("lower_bound"):
        share, of = f"at most {share}", " of the least number"
    return (
        f"The best single guess{of} is {rounded(estimate.total)}. On that guess {share} "
        f"{'was' if is_one(estimate.coverage) else 'were'} seen by any agency."
    )


def _rate(study: Described, estimate: Estimate) -> str:
    if not study.population:
        return ""
    rate = estimate.rate(study.population)
    low, high = per(rate.lower), per(rate.upper) if rate.upper < float("inf") else ""
    of = f"in every {rate.per:,} inhabitants"
    if not high:
        return f"That is at least {low} {of}."
    return f"That is {low} {of}." if low == high else f"That is {low} to {high} {of}."


def _truth(study: Described, estimate: Estimate) -> str:
    """How the estimate stands to the truth, where somebody made it up."""
    if study.truth is None:
        return ""
    within = estimate.lower <= study.truth <= estimate.upper
    return (
        f"There are {study.truth:,} of these made-up people. The range "
        f"{'holds that number' if within else 'misses that number'}; a range at "
        f"{100 * estimate.level:g}\u00a0% should miss it about once in "
        f"{counted(round(1 / (1 - estimate.level)))} times."
    )


def _overlap_text(histories: CaptureHistories) -> str:
    lists = len(histories.lists)
    return (
        f"The {rounded(histories.observed)} people who were seen are on {counted(lists)} lists. If "
        "many of those on one list are on the others too, few can be missing; if hardly any are, "
        "many are missing."
    )
