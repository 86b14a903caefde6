"""The page of a comparison: is it worse here, or do we only look harder?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from darkfigure.report import gaps, one_count, places
from darkfigure.report.comparison_method import Caveat, assumed, facts, method_text, references
from darkfigure.report.comparison_tables import FEW, without_small_counts
from darkfigure.report.concluded import Source, answer, can, cannot, time_of
from darkfigure.report.frame import About, Help, framed, origin
from darkfigure.report.svg import Chart
from darkfigure.report.tiles import tiles
from darkfigure.report.words import (
    counted,
    exactly,
    how_often_wrong,
    listed,
    opened,
    ordinal,
    per,
    percent,
    percent_exactly,
    standing,
)


class Described(Protocol):
    """What the page needs to know of a comparison's study."""

    @property
    def title(self) -> str: ...
    @property
    def people(self) -> str: ...
    @property
    def in_focus(self) -> Sequence[str]: ...
    @property
    def caveats(self) -> Sequence[str]: ...
    @property
    def sources(self) -> Sequence[Source]: ...
    @property
    def about(self) -> About: ...
    @property
    def help(self) -> Help: ...


class Reports(NamedTuple):
    """What the page says of the places with one count only."""

    title: str
    text: tuple[str, ...]
    tiles: Chart | None
    relative: Chart
    assumptions: Chart | None
    learned: Chart | None
    learned_text: str
    rows: list[list[str]]


def comparison_page(
    study: Described,
    comparison: Mapping[str, Any] | None,
    reports: Mapping[str, Any] | None,
    provenance: Mapping[str, Any],
) -> str:
    """The whole page of a comparison as one HTML text.

    Parameters
    ----------
    study : ComparisonStudy
        Its title, people, places in focus, sources, credits and help line.
    comparison : mapping, optional
        As `Comparison.to_dict` gives it; None where no place has lists.
    reports : mapping, optional
        Places with one count only: `title`, `people`, `systems`, `years`, `focus`, `share` (of all
        cases that are reported, as stated: `lower`, `median`, `upper`), `level`, `places`, `grid`
        (the ranks for every `part` of the link between awareness and records that is reporting;
        empty where there is no link), `overlap` (of prior and posterior), `told_apart_lower` and
        `told_apart_upper` over that grid, `per`, `convergence`, `warnings`, `source`, `status` and
        `note`. Small counts are held back in it already, where `few` of a place says so.
    provenance : mapping
        `version` and `command`, as far as they are known.

    Examples
    --------
    >>> from types import SimpleNamespace as Some
    >>> about = Some(who="", note="", contact="", citation="", data_status="")
    >>> line = Some(name="Help", phone="08000 121 700", text="", tty="")
    >>> study = Some(title="Where?", people="victims", in_focus=[], sources=[], about=about)
    >>> study.help, study.caveats = line, []
    >>> place = {"name": "A", "population": 9e5, "recorded_rate": 2.0, "recorded_rank": 1}
    >>> place |= {"few": False, "simultaneous_lower": 1, "simultaneous_upper": 2}
    >>> place |= {"rate_ratio": 1.0, "rate_ratio_lower": 0.5, "rate_ratio_upper": 2.0}
    >>> place |= {"share_ratio": 1.0, "rank_lower": 1, "rank_upper": 2, "rank_expected": 1.5}
    >>> place |= {"probability_highest": 0.5, "probability_second": 0.5}
    >>> reports = {"title": "Two places", "people": "victims", "systems": {"a": "calls"}}
    >>> reports |= {"years": [2016], "focus": [], "level": 0.95, "grid": [], "overlap": []}
    >>> reports |= {"share": {"lower": 0.01, "median": 0.05, "upper": 0.2}, "per": 100_000}
    >>> reports |= {"told_apart_lower": 0.0, "told_apart_upper": 0.0}
    >>> reports |= {"convergence": {}, "warnings": [], "source": "", "status": "verified"}
    >>> reports |= {"note": "", "places": [place, place | {"name": "B", "recorded_rank": 2}]}
    >>> "it cannot be told which of two places" in comparison_page(study, None, reports, {})
    True
    """
    shown = without_small_counts(comparison) if comparison else None
    told = reports
    focus = list(study.in_focus)
    pairs = gaps.chosen_pairs(shown, focus) if shown else []
    rates = places.rates(shown, focus, time_of(shown)) if shown else None
    apart = gaps.gaps(shown, pairs) if shown and pairs else None
    ranks = places.ranks(shown, focus) if shown else None
    counts = _reports(told) if told else None
    charts = [rates, apart, ranks]
    if counts:
        charts += [counts.tiles, counts.relative, counts.assumptions, counts.learned]
    return framed(
        "comparison.html.jinja",
        title=study.title,
        answer=answer(study.people, focus, shown, told),
        help=study.help,
        can=can(focus, shown, told, study.sources),
        cannot=[*cannot(focus, shown, told, study.sources), *study.caveats],
        errs=how_often_wrong((shown or told or {})["level"]),
        comparison=shown,
        rates=rates,
        gaps=apart,
        gap_sentences=[_unbroken(pair["sentence"]) for pair in pairs],
        ranks=ranks,
        ranks_text=_ranks_text(shown) if shown else "",
        counts=counts,
        warnings=[
            Caveat(_unbroken(w), "") for some in (shown, told) if some for w in some["warnings"]
        ],
        assumed=assumed(shown, told),
        method=method_text(shown, told),
        facts=facts(shown, told),
        references=references(shown, told),
        charts=[chart for chart in charts if chart],
        place_rows=_place_rows(shown) if shown else [],
        sources=_sources(study, shown, told),
        origin=origin(study.about, provenance),
    )


def _reports(reports: Mapping[str, Any]) -> Reports:
    years, share = reports["years"], reports["share"]
    systems = listed(list(reports["systems"].values()))
    span = f"{years[0]} to {years[-1]}" if len(years) > 1 else str(years[0])
    learned = one_count.learned(reports)
    return Reports(
        title=reports["title"],
        text=(
            f"Of {counted(len(reports['places']))} places only the numbers that were recorded are "
            f"known: {systems}, {span}. Recorded cases are people there times the share of them "
            "that is reported, and from one count alone the two cannot be told apart.",
            f"It is assumed beforehand that about {100 * share['median']:.2g}\u00a0% of all cases "
            f"are reported, and almost surely between {100 * share['lower']:.2g} and "
            f"{100 * share['upper']:.2g}\u00a0%. What comes out rests on that.",
            *(_in_question(reports, name) for name in reports["focus"]),
        ),
        tiles=tiles(reports),
        relative=one_count.relative(reports),
        assumptions=one_count.assumptions(reports) if reports["grid"] else None,
        learned=learned,
        learned_text=_learned_text(reports) if learned else "",
        rows=[
            [
                place["name"],
                f"{place['rank_expected']:.2f}",
                str(place["rank_lower"]),
                str(place["rank_upper"]),
                places.all_at_once(place),
                percent_exactly(place["probability_highest"]),
                percent_exactly(place["probability_second"]),
            ]
            for place in sorted(reports["places"], key=lambda place: place["rank_expected"])
        ],
    )


def _in_question(reports: Mapping[str, Any], name: str) -> str:
    """What is recorded in a place, and what is left of it."""
    place = next(place for place in reports["places"] if place["name"] == name)
    low, high = place["rate_ratio_lower"], place["rate_ratio_upper"]
    limits = f"{per(low)} or more" if high is None else f"{per(low)} to {per(high)}"
    where = standing(place["rank_lower"], place["rank_upper"], len(reports["places"]))
    said = f"In {name} "
    if place["recorded_rate"] is not None:
        said += (
            f"{per(place['recorded_rate'])} cases a year are recorded per {reports['per']:,} "
            f"inhabitants, which puts it {ordinal(round(place['recorded_rank']))}. "
        )
    else:
        said += f"{FEW if place['few'] else 'nobody knows how many'} cases are recorded. "
    condition = one_count.if_reporting(reports).removeprefix(", ")
    return (
        f"{said}{opened(f'{condition}, it' if condition else 'it')} has {limits} "
        f"times the people per head of the middle place, and {where}; that it is the "
        f"highest has a probability of {percent(place['probability_highest'])}, that it is the "
        f"second {percent(place['probability_second'])}."
    )


def _learned_text(reports: Mapping[str, Any]) -> str:
    by_words: dict[str, list[str]] = {}
    for each in reports["overlap"]:
        by_words.setdefault(one_count.learned_words(each["overlap"]), []).append(each["what"])
    return " ".join(f"{opened(words)} on {listed(of)}." for words, of in by_words.items())


def _unbroken(sentence: str) -> str:
    return opened(sentence).replace(" %", "\u00a0%")


def _ranks_text(shown: Mapping[str, Any]) -> str:
    pairs = len(shown["pairs"])
    sure = sum(pair["told_apart"] for pair in shown["pairs"])
    if not sure:
        return (
            "In each possible world the places have an order. Here the order changes so much from "
            "one to the next that no two places can be told apart, and no rank is given."
        )
    return (
        "In each possible world the places have an order. Over all of them, every place has its "
        f"ranks, some more probable than others. Of {counted(pairs)} pairs of places "
        f"{counted(sure)} can be told apart."
    )


def _place_rows(shown: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            opened(place["name"]),
            places.recorded(place),
            "no estimate"
            if place["total"] is None
            else f"{exactly(place['total'])} ({exactly(place['lower'])} to "
            f"{exactly(place['upper'])})",
            f"{place['population']:,.0f}",
            f"{place['years']:g}",
            str(place["method"] or ""),
        ]
        for place in shown["places"]
    ]


class Origin(NamedTuple):
    """Whose numbers are shown of a place or of several."""

    of: str
    status: str
    citation: str
    why: str


def _sources(
    study: Described, shown: Mapping[str, Any] | None, told: Mapping[str, Any] | None
) -> list[Origin]:
    who = {place["name"]: place["people"] for place in shown["places"]} if shown else {}
    found = []
    for each in study.sources:
        own = f" Its authors' own total: {each.published}." if each.published else ""
        within = f" Assumed: within a factor of {each.assumed:g}." if each.assumed else ""
        counts = f"Counts {who.get(each.place) or study.people}."
        found.append(Origin(opened(each.place), each.status, each.citation, counts + own + within))
    if told:
        why = f"Counts {told['people']}. {told['note']}".strip()
        found.append(Origin(told["title"], told["status"], told["source"] or "not stated", why))
    return found
