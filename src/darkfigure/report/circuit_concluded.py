"""What can be concluded of people who move, and what cannot: the first lines of their page.

There are three answers to "how many are here": at the same time, at some time in the period, and on
record. Each is said with its range; where one is hidden or cannot be told the sentence says that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from darkfigure.report.amounts import in_a, people, share_range, within
from darkfigure.report.words import counted, is_one, one_in, opened

Told = Mapping[str, Any]


class Asked(Protocol):
    """What the study asks: of whom, where and when."""

    @property
    def people(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def period(self) -> str: ...
    @property
    def focus(self) -> str | None: ...


def answer(study: Asked, told: Told) -> str:
    """The answer as one sentence, no number without its range.

    Parameters
    ----------
    study : CircuitStudy
    told : mapping
        As `circuit_tables.shown` gives it.

    Examples
    --------
    >>> from types import SimpleNamespace as Some
    >>> study = Some(people="exploited people", region="the valley", period="2024", focus="Reno")
    >>> stock = {"estimate": 120.0, "lower": 91.0, "upper": 158.0}
    >>> city = {"name": "Reno", "stock": stock, "flow": None, "elsewhere": None, "hidden": False}
    >>> answer(study, {"cities": [city], "region": {}})
    'Between 91 and 160 exploited people are in Reno on a given day; how many different people were
    there at some time in 2024 cannot be told.'
    """
    region = told["region"]
    others = counted(len(told["cities"]))
    city = in_focus(study, told)
    unsaid = ""
    if study.focus:
        where = f"another of the {others} cities"
        said = _said(study, city, study.focus, city and city["elsewhere"], where) if city else ""
        if said:
            return f"{opened(said)}."
        why = "may not be shown" if city and city["hidden"] else "cannot be told"
        unsaid = f"how many {study.people} are in {study.focus} {why}"
    where = f"more than one of the {others} cities"
    said = _said(study, region, study.region, region.get("share_in_several"), where)
    if not said and not unsaid:
        unsaid = f"how many {study.people} are in {study.region} cannot be told from these data"
    return opened("; ".join(part for part in (unsaid, said) if part)) + "."


def in_focus(study: Asked, told: Told) -> Mapping[str, Any] | None:
    """The city that the question is about, if it is among the cities."""
    return next((city for city in told["cities"] if city["name"] == study.focus), None)


def meant(study: Asked, told: Told) -> list[str]:
    """What the three answers are, in sentences."""
    length = in_a(told["occasion"]).removeprefix("in ")
    said = [
        "There are three answers. On a given day means everybody who is there at the same time, on "
        f"one night for instance. In {study.period} means everybody who was there at some time in "
        f"it; the number lacks some who came and went within {length} or so. "
        "On record means those whom some agency saw.",
    ]
    city, region = in_focus(study, told), told["region"]
    if len(told["cities"]) == 1:
        return [*said, f"About {region['seen']:,} people are on record."]
    every = f"all {counted(len(told['cities']))} cities"
    if city and city["seen"] is not None:
        said.append(
            f"About {city['seen']:,} people are on record in {study.focus}, and {region['seen']:,} "
            f"different ones in {every} together."
        )
    else:
        said.append(f"About {region['seen']:,} different people are on record in {every} together.")
    if city and _said(study, city, "", None, ""):
        stock, flow = people(region["stock"]), people(region["flow"])
        parts = [f"{stock} are there on a given day"] if stock else []
        parts += [f"{flow} were there at some time in {study.period}"] if flow else []
        if parts:
            said.append(opened(f"in {study.region} as a whole {', and '.join(parts)}."))
    return said


def twice(study: Asked, told: Told) -> list[str]:
    """How far the cities' own numbers add up to more people than there are."""
    region, n = told["region"], counted(len(told["cities"]))
    said: list[str] = []
    if len(told["cities"]) == 1:
        return said
    if region["naive"] is None:
        said.append(
            f"The {n} cities each count their own, and whoever was in two of them is counted "
            "twice. What they add up to is not shown, for a count in it is too small."
        )
    else:
        said.append(
            f"{opened(n)} cities that each count their own add up to about {region['naive']:,}; "
            f"they are about {region['seen']:,} different people."
        )
    more = people(region["counted_more_than_once"])
    if more:
        said.append(
            f"With those on no record, the cities' numbers in {study.period} add up to {more} more "
            "than there are people."
        )
    return said


def cannot(study: Asked, told: Told) -> list[str]:
    """What cannot be concluded, in sentences."""
    n = counted(len(told["cities"]))
    watched = "the city" if len(told["cities"]) == 1 else f"the {n} cities"
    said = [
        "People whom no agency could ever come across are in none of these numbers.",
        f"Whoever goes to a place outside {watched} looks as if they had got free or had "
        "gone for good: a stay may be longer than it seems.",
        "It is taken that people who are hard to find are like those who are easy to find; where "
        "they differ, there are more than this says.",
    ]
    if any(city["hidden"] for city in told["cities"]) or told["hidden"]:
        said.append("Some numbers are not shown, for so few people are behind them.")
    return said


def _said(
    study: Asked, place: Mapping[str, Any], name: str, share: Mapping[str, Any] | None, other: str
) -> str:
    """Stock, flow and share of a place in one breath; empty where neither of the first is told."""
    stock, flow, found = people(place["stock"]), people(place["flow"]), within(share)
    period = f"at some time in {study.period}"
    if not stock and not flow:
        return ""
    if not flow:
        unknown = f"how many different people were there {period} cannot be told"
        return f"{stock} {study.people} are in {name} on a given day; {unknown}"
    if stock:
        parts = [
            f"{stock} {study.people} are in {name} on a given day",
            f"{flow} were there {period}",
        ]
    else:
        parts = [
            f"{flow} {study.people} were in {name} {period}",
            "how many are there on a given day cannot be told",
        ]
    if found:
        was = "was" if is_one(found.estimate) else "were"
        of = f"of those in {study.period}" if not stock else "of them"
        common = one_in(found.estimate)
        parts.append(f"{common} {of} ({share_range(found)}) {was} in {other}{_too(other)}")
    return "; ".join(parts)


def _too(other: str) -> str:
    return " too" if other.startswith("another") else ""
