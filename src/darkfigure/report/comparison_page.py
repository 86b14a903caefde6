"""The page of a comparison: is it worse here, or do we only look harder?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from darkfigure.report import one_count, places
from darkfigure.report.comparison_tables import (
    reports_without_small_counts,
    without_small_counts,
)
from darkfigure.report.concluded import Source, answer, can, cannot, time_of
from darkfigure.report.frame import About, Help, framed, origin
from darkfigure.report.svg import Chart
from darkfigure.report.tiles import tiles
from darkfigure.report.words import (
    counted,
    exactly,
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
    def sources(self) -> Sequence[Source]: ...
    @property
    def about(self) -> About: ...
    @property
    def help(self) -> Help: ...


class Caveat(NamedTuple):
    """Something that could be wrong, and why that matters."""

    sentence: str
    why: str


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


OF_LISTS = Caveat(
    "That in every place people are missed by all its lists as often as the lists' overlaps "
    "suggest.",
    "This cannot be seen in the data of any place. Where it is wrong in one and not in another, "
    "the two are set apart, or brought together, by nothing real.",
)
OF_PEOPLE = Caveat(
    "That the places mean the same by the people they count.",
    "Laws and habits of recording differ. What is trafficking on one list is something else, or "
    "nothing, on another.",
)
OF_TIME = Caveat(
    "That people come and go evenly, and stay equally long everywhere.",
    "All people of six years are more than those of one year; how many more hangs on how long each "
    "stays, which hardly anybody has measured.",
)
OF_INHABITANTS = Caveat(
    "That the inhabitants are those among whom the people are found.",
    "Some are brought from elsewhere, and many pass through. A city on a freeway may have more per "
    "inhabitant without any of its inhabitants being worse off.",
)
OF_AWARENESS = Caveat(
    "How much of the link between awareness and records is reporting.",
    "Where people know of trafficking they report more; and where there is more of it, more is "
    "known. One count for each place cannot tell these apart, so that both ends are shown.",
)
OF_SHARE = Caveat(
    "What share of all cases is reported at all.",
    "It is stated beforehand. The data of places with one count hardly change it.",
)

RANKED = (
    "Goldstein, H. and Spiegelhalter, D. J. (1996). League tables and their limitations: "
    "statistical issues in comparisons of institutional performance. Journal of the Royal "
    "Statistical Society A 159(3), 385–443.",
    "Lin, R., Louis, T. A., Paddock, S. M. and Ridgeway, G. (2006). Loss function based ranking in "
    "two-stage, hierarchical models. Bayesian Analysis 1(4), 915–946.",
)
TIMED = (
    "Little, J. D. C. (1961). A proof for the queuing formula L = λW. Operations Research 9(3), "
    "383–387.",
)
MODELLED = (
    "Hoffman, M. D. and Gelman, A. (2014). The No-U-Turn sampler: adaptively setting path lengths "
    "in Hamiltonian Monte Carlo. Journal of Machine Learning Research 15, 1593–1623.",
    "Vehtari, A., Gelman, A., Simpson, D., Carpenter, B. and Bürkner, P.-C. (2021). "
    "Rank-normalization, folding, and localization: an improved R-hat. Bayesian Analysis 16(2), "
    "667–718.",
)


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
        (the ranks for every `part` of the link between awareness and records that is awareness),
        `overlap` (of prior and posterior), `told_apart`, `convergence`, `warnings`, `source`,
        `status` and `note`.
    provenance : mapping
        `version` and `command`, as far as they are known.

    Examples
    --------
    >>> from types import SimpleNamespace as Some
    >>> about = Some(who="", note="", contact="", citation="", data_status="")
    >>> line = Some(name="Help", phone="08000 121 700", text="", tty="")
    >>> study = Some(title="Where?", people="victims", in_focus=[], sources=[], about=about)
    >>> study.help = line
    >>> place = {"name": "A", "population": 9e5, "recorded_rate": 2.0, "recorded_rank": 1}
    >>> place |= {"rate_ratio": 1.0, "rate_ratio_lower": 0.5, "rate_ratio_upper": 2.0}
    >>> place |= {"share_ratio": 1.0, "rank_lower": 1, "rank_upper": 2, "rank_expected": 1.5}
    >>> place |= {"probability_highest": 0.5, "probability_second": 0.5}
    >>> reports = {"title": "Two places", "people": "victims", "systems": {"a": "calls"}}
    >>> reports |= {"years": [2016], "focus": [], "level": 0.95, "grid": [], "overlap": []}
    >>> reports |= {"share": {"lower": 0.01, "median": 0.05, "upper": 0.2}, "told_apart": 0.0}
    >>> reports |= {"convergence": {}, "warnings": [], "source": "", "status": "verified"}
    >>> reports |= {"note": "", "places": [place, place | {"name": "B", "recorded_rank": 2}]}
    >>> "it cannot be told which of two places" in comparison_page(study, None, reports, {})
    True
    """
    shown = without_small_counts(comparison) if comparison else None
    told = reports_without_small_counts(reports) if reports else None
    focus = list(study.in_focus)
    pairs = places.chosen_pairs(shown, focus) if shown else []
    rates = places.rates(shown, focus, time_of(shown)) if shown else None
    gaps = places.gaps(shown, pairs) if shown and pairs else None
    ranks = places.ranks(shown, focus) if shown else None
    counts = _reports(told) if told else None
    charts = [rates, gaps, ranks]
    if counts:
        charts += [counts.tiles, counts.relative, counts.assumptions, counts.learned]
    return framed(
        "comparison.html.jinja",
        title=study.title,
        answer=answer(study.people, focus, shown, told),
        help=study.help,
        can=can(focus, shown, told),
        cannot=cannot(focus, shown, told, study.sources),
        errs=_errs(shown or told or {}),
        comparison=shown,
        rates=rates,
        gaps=gaps,
        gap_sentences=[_unbroken(pair["sentence"]) for pair in pairs],
        ranks=ranks,
        ranks_text=_ranks_text(shown) if shown else "",
        counts=counts,
        warnings=[
            Caveat(_unbroken(w), "") for some in (shown, told) if some for w in some["warnings"]
        ],
        assumed=_assumed(shown, told),
        method=_method(shown, told),
        facts=_facts(shown, told),
        references=_references(shown, told),
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
            f"It is assumed beforehand that about {per(100 * share['median'])}\u00a0% of all cases "
            f"are reported, and almost surely between {per(100 * share['lower'])} and "
            f"{per(100 * share['upper'])}\u00a0%. What comes out rests on that.",
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
            f"{per(place['recorded_rate'])} cases a year are recorded per 100,000 inhabitants, "
            f"which puts it {ordinal(round(place['recorded_rank']))}. "
        )
    else:
        said += "fewer than 5 cases are recorded. "
    return (
        f"{said}If all of the link between awareness and records is reporting, it has {limits} "
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


def _errs(shown: Mapping[str, Any]) -> str:
    level = shown["level"]
    return (
        f"Ranges are at {100 * level:g}\u00a0%: were all that is assumed true, each would miss "
        f"about once in {counted(round(1 / (1 - level)))} times."
    )


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


def _assumed(shown: Mapping[str, Any] | None, told: Mapping[str, Any] | None) -> list[Caveat]:
    found = [OF_LISTS, OF_PEOPLE] if shown else [OF_AWARENESS, OF_SHARE]
    if shown and shown["footing"]["stay"]:
        found.append(OF_TIME)
    found.append(OF_INHABITANTS)
    return [*found, OF_AWARENESS, OF_SHARE] if shown and told else found


def _method(shown: Mapping[str, Any] | None, told: Mapping[str, Any] | None) -> list[str]:
    said = []
    if shown:
        said.append(
            "Every total is represented by draws: its own, where its estimate has any; else "
            "two-piece log-normal ones that fit its published limits. Draws of different places "
            "are independent. Divided by the inhabitants they are rates, and over the draws every "
            "place has a distribution of ranks (Goldstein and Spiegelhalter 1996); the expected "
            "rank is one half plus the sum over all places of the probability that they are at "
            "least as high (Lin and others 2006, equation 2). Two places are told apart when one "
            f"is higher with a probability of {100 * shown['level']:g}\u00a0% or more."
        )
        said.append(
            "The ratio of recorded rates is the ratio of rates times the ratio of shares recorded, "
            "at the best guesses; the limits are quantiles over the draws, those of the recorded "
            "ratio from Jeffreys draws of Poisson means."
        )
        if shown["footing"]["stay"]:
            said.append(
                "Counts of T years were brought to T′ years by (d + T′) / (d + T), where d is the "
                "stay in years: a steady stock that is renewed S / d times a year (Little 1961). d "
                "is drawn evenly on the logarithm between its limits, and is the same for all "
                "places within a draw."
            )
    if told:
        said.append(
            "Counts of places with one count are Poisson (over-dispersed) about inhabitants × rate "
            "× share reported. Log rates and logit shares vary about common means; awareness "
            "covariates shift the share by λ times and the rate by 1 − λ times their "
            "coefficient, which one count cannot tell apart; λ goes over a grid from 0 to 1. The "
            "posterior was drawn by the No-U-Turn sampler."
        )
    return said


def _facts(
    shown: Mapping[str, Any] | None, told: Mapping[str, Any] | None
) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if shown:
        stay = shown["footing"]["stay"]
        facts += [
            ("Common footing", f"people {time_of(shown)}"),
            ("Stay", f"{stay[0]:g} to {stay[1]:g} years" if stay else "not needed"),
            ("Level", f"{shown['level']:g}"),
            ("Seed", str(shown["seed"])),
        ]
    if told:
        for key, name in (
            ("rhat", "Largest R-hat"),
            ("ess", "Smallest effective sample size"),
            ("divergences", "Divergent transitions"),
        ):
            if told["convergence"].get(key) is not None:
                facts.append((name, exactly(told["convergence"][key])))
        facts.append(("Pairs told apart, of places with one count", percent(told["told_apart"])))
    return facts


def _references(shown: Mapping[str, Any] | None, told: Mapping[str, Any] | None) -> tuple[str, ...]:
    timed = bool(shown and shown["footing"]["stay"])
    return (*RANKED, *(TIMED if timed else ()), *(MODELLED if told else ()))


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
        assumed = f" Assumed: within a factor of {each.assumed:g}." if each.assumed else ""
        counts = f"Counts {who.get(each.place) or study.people}."
        found.append(Origin(opened(each.place), each.status, each.citation, counts + own + assumed))
    if told:
        why = f"Counts {told['people']}. {told['note']}".strip()
        found.append(Origin(told["title"], told["status"], told["source"] or "not stated", why))
    return found
