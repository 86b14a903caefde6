"""What can be concluded of places side by side, and what cannot: the first lines of their page.

Whoever reads these lines only must not be misled, so that whatever the numbers rest on stands
beside them: different people, assumed ranges, numbers at second hand, one count only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from darkfigure.report.one_count import apart, rank_span
from darkfigure.report.places import by_rate, span
from darkfigure.report.words import (
    counted,
    is_one,
    listed,
    one_in,
    opened,
    ordinal,
    percent,
    standing,
)


class Source(Protocol):
    """Where the numbers of a place come from."""

    @property
    def place(self) -> str: ...
    @property
    def citation(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def assumed(self) -> float | None: ...
    @property
    def published(self) -> str: ...
    @property
    def doubt(self) -> str: ...


Shown = Mapping[str, Any]

IF = "if what is assumed holds"

MOST_NAMED = 4
"""More places than this are counted and not named."""


def answer(
    people: str, focus: Sequence[str], comparison: Shown | None, reports: Shown | None
) -> str:
    """The answer as one sentence, no rank without its range.

    Parameters
    ----------
    people : str
        Who is counted.
    focus : sequence of str
        The places that the question is about.
    comparison, reports : mapping or None
        As `without_small_counts` and `darkfigure.reported.reported` give them.

    Examples
    --------
    >>> places = [{"name": name, "rank_lower": 1, "rank_upper": 3} for name in ("A", "B", "C")]
    >>> answer("people", [], None, {"focus": ["B"], "places": places, "grid": []})
    'From reports alone it cannot be told which of three places has the most people per head: B may
    be anywhere among three.'
    """
    said = _compared(people, focus, comparison) if comparison else ""
    if not reports:
        return f"{said}."
    n = len(reports["places"])
    if not said:
        return (
            f"From reports alone it cannot be told which of {counted(n)} places has the most "
            f"{people} per head{': ' if reports['focus'] else ''}{_reported(reports)}."
        )
    spans = {name: rank_span(reports, name) for name in reports["focus"]}
    wide = [name for name, (low, high) in spans.items() if low + n / 2 <= high]
    near = [name for name in spans if name not in wide]
    if not near:
        return f"{said}; {listed(wide) or f'{n} more'} cannot be ranked from reports alone."
    vague = f"{listed(wide)} cannot be ranked, and " if wide else ""
    return f"{said}; from reports alone, {vague}{_reported({**reports, 'focus': near})}."


def time_of(comparison: Shown) -> str:
    """In what time the people of the common footing are counted.

    Examples
    --------
    >>> time_of({"footing": {"years": 1.0}}), time_of({"footing": {"years": 0}})
    ('in a year', 'at any one moment')
    """
    years = comparison["footing"]["years"]
    if years == 0:
        return "at any one moment"
    return "in a year" if years == 1 else f"in {years:g} years"


def timed(comparison: Shown) -> bool:
    """Whether counts of different lengths of time had to be brought together.

    Examples
    --------
    >>> timed({"footing": {"years": 1.0}, "places": [{"rate": 2.0, "years": 6.0}]})
    True
    """
    years = comparison["footing"]["years"]
    return any(place["years"] != years for place in by_rate(comparison))


def can(
    focus: Sequence[str],
    comparison: Shown | None,
    reports: Shown | None,
    sources: Sequence[Source] = (),
) -> list[str]:
    """What can be concluded, in sentences; nothing against a place whose numbers are in doubt."""
    said: list[str] = []
    doubted = {each.place for each in sources if each.doubt}
    if comparison:
        ranked = by_rate(comparison)
        names = [place["name"] for place in ranked]
        if len({place["people"] for place in ranked if place["people"]}) > 1:
            condition = "If the numbers mean the same everywhere and what is assumed holds, "
        else:
            condition = "If what is assumed holds, "
        for name in [each for each in focus if each in names] or names[:1]:
            more, fewer, _ = (
                [each for each in some if not doubted & {each, name}]
                for some in _against(comparison, name)
            )
            parts = [f"more people per head than {_some(more)}"] if more else []
            parts += [f"fewer than {_some(fewer)}"] if fewer else []
            if parts:
                said.append(opened(f"{condition}{name} has {' and '.join(parts)}."))
                condition = ""
        shares = [place for place in ranked if place["coverage"] is not None]
        for place in [each for each in shares if each["name"] in focus]:
            verb = "is" if is_one(place["coverage"]) else "are"
            rest = sorted(each["coverage"] for each in shares if each is not place)
            ends = dict.fromkeys([percent(rest[0]), percent(rest[-1])]) if rest else {}
            others = f"; elsewhere it is {' to '.join(ends)}" if rest else ""
            said.append(
                f"Of the people in {place['name']} {one_in(place['coverage'])} {verb} on any "
                f"record, on the best guess{others}."
            )
    if reports:
        at = {place["name"]: place for place in reports["places"]}
        by_records = [
            f"{name} is {ordinal(round(at[name]['recorded_rank']))}"
            for name in reports["focus"]
            if at[name]["recorded_rank"] is not None
        ]
        first = next(iter(reports["systems"].values()), "records")
        if by_records:
            n = len(at)
            said.append(f"By {first} per head, {listed(by_records)} of {n} places.")
    return said


def cannot(
    focus: Sequence[str],
    comparison: Shown | None,
    reports: Shown | None,
    sources: Sequence[Source],
) -> list[str]:
    """What cannot be concluded, and what the rest hangs on, in sentences."""
    said: list[str] = []
    if comparison:
        said += _open(focus, comparison)
        ranked = by_rate(comparison)
        said.append(
            f"These {counted(len(ranked))} places are those that have an estimate; of all others "
            "nothing is said."
        )
        if len({place["people"] for place in ranked if place["people"]}) > 1:
            said.append("The places do not count the same people.")
        having = {place["name"] for place in ranked}
        assumed = [each for each in sources if each.assumed and each.place in having]
        if assumed:
            names = listed([each.place for each in assumed])
            factor = listed(sorted({f"{each.assumed:g}" for each in assumed}))
            said.append(
                f"No range was published for {names}; one is assumed here, a factor of {factor} up "
                "or down."
            )
        if timed(comparison):
            stay = comparison["footing"]["stay"]
            said.append(
                "Counts of different lengths of time are set side by side by assuming that people "
                f"stay in this situation for {stay_of(stay)}."
            )
        anew = [s.place for s in sources if s.published and s.place in having]
        if anew:
            said.append(
                f"The totals of {listed(anew)} are worked out anew from published lists, and are "
                "not those of their authors."
            )
        second = [s.place for s in sources if s.status == "secondary" and s.place in having]
        if second:
            said.append(f"The numbers of {listed(second)} are second hand, not fact.")
        said += [each.doubt for each in sources if each.doubt and each.place in having]
        silent = [place["name"] for place in comparison["places"] if place["rate"] is None]
        if silent:
            said.append(f"Of {_some(silent)} there is no estimate, and no rank.")
    if reports:
        names = listed(reports["focus"]) or "a place"
        said.append(
            f"One count for each place cannot tell more people from more reports: {names} may "
            "stand high only because people there know of it and call."
        )
        told = f"{apart(reports)} can be told apart"
        where = f"{_reported(reports)}, and " if comparison and reports["focus"] else ""
        said.append(opened(f"{where}{told}; even this hangs on what is assumed."))
        if reports["status"] != "verified":
            hand = "second hand" if reports["status"] == "secondary" else "not verified"
            said.append(f"These counts are {hand}, not fact.")
    return said


def _compared(people: str, focus: Sequence[str], comparison: Shown) -> str:
    ranked = by_rate(comparison)
    at = {place["name"]: place for place in ranked}
    k = len(ranked)
    time, per_head = time_of(comparison), f"in every {comparison['per']:,} inhabitants"
    main = [name for name in focus if name in at]
    without = [name for name in focus if name not in at]
    best = max(ranked, key=lambda place: place["probability_highest"])
    sure = best["probability_highest"] >= comparison["sure"]
    if not comparison["ranked"]:
        head = f"These {counted(k)} places cannot be told apart, so they are not ranked"
    elif main:
        head = ""
    elif sure:
        head = f"{best['name']} has the most {people} per head of {counted(k)} places"
    else:
        head = f"Which of {counted(k)} places has the most {people} per head cannot be told"
    told: list[str] = []
    for name in main[:MOST_NAMED]:
        place = at[name]
        rate = span(place) if told else f"{span(place)} {people} {per_head} {time}, {IF}"
        if not comparison["ranked"]:
            told.append(f"{name} has {rate}")
        else:
            where = standing(place["rank_lower"], place["rank_upper"], k)
            told.append(f"{name} {where} places, with {rate}")
    told += [f"of {name} there is no estimate" for name in without]
    if not told:
        named = ranked[:MOST_NAMED] if not sure else [best]
        told = [f"{p['name']} has {span(p)}" for p in named]
        told[-1] += f" {per_head} {time}, {IF}"
    return opened("; ".join([f"{head}: {told[0]}" if head else told[0], *told[1:]]))


def _reported(reports: Shown) -> str:
    """Where the places in question stand over all that is assumed."""
    n = len(reports["places"])
    return listed([f"{name} {standing(*rank_span(reports, name), n)}" for name in reports["focus"]])


def _against(comparison: Shown, name: str) -> tuple[list[str], list[str], list[str]]:
    """The places that have fewer per head than this one, those with more, and the others."""
    fewer: list[str] = []
    more: list[str] = []
    unknown: list[str] = []
    for pair in comparison["pairs"]:
        if name not in (pair["a"], pair["b"]):
            continue
        other = pair["b"] if pair["a"] == name else pair["a"]
        chance = pair["probability_prevalence_higher"]
        higher = chance if pair["a"] == name else 1 - chance
        if not pair["told_apart"]:
            unknown.append(other)
        else:
            (fewer if higher > 0.5 else more).append(other)
    return fewer, more, unknown


def _open(focus: Sequence[str], comparison: Shown) -> list[str]:
    names = [place["name"] for place in by_rate(comparison)]
    if not comparison["ranked"]:
        return ["No two of the places can be told apart, so none may be called the worst."]
    said = []
    for name in [each for each in focus if each in names] or names[:1]:
        unknown = _against(comparison, name)[2]
        if len(unknown) == len(names) - 1:
            said.append(f"Whether {name} has more than any other place cannot be told.")
        elif unknown:
            said.append(f"Whether {name} has more than {_some(unknown)} cannot be told.")
    return said


def _some(names: Sequence[str]) -> str:
    """The names, or how many they are."""
    return listed(names) if len(names) <= MOST_NAMED else f"{counted(len(names))} other places"


def stay_of(stay: Sequence[float]) -> str:
    """How long people are thought to stay, in words.

    Examples
    --------
    >>> stay_of([0.5, 5.0]), stay_of([3.0, 3.0])
    ('0.5 to 5 years', '3 years')
    """
    low, high = stay
    return f"{low:g} years" if low == high else f"{low:g} to {high:g} years"
