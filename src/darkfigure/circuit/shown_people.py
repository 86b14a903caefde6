"""What may be shown of stock, flow and double count: nothing that rests on few people.

A number of people in a city is an answer to how many were seen there, so it is shown only of cities
that may be told of at all (`hidden.hidden_cities`). A rate of a city is shown if enough people are
behind it and no rate of moving that is hidden could be got from it: how long they stay, if that of
staying there is shown (`hidden.hidden_moves`); how many come from other cities, if no single way is
hidden by which they come, nor several with few people; how many are new, if enough were first seen
there later; the share who were elsewhere too, if enough were seen elsewhere. Of no kind is a single
city hidden, for all cities together would tell it. Occasions are told of the region alone, if
enough people were seen on each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from darkfigure.circuit.amounts import StockAndFlow
from darkfigure.circuit.behind import Behind
from darkfigure.circuit.double_count import double_count
from darkfigure.circuit.hidden import Bools, hidden_cities, hidden_moves
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.shown import two_digits
from darkfigure.disclosure import SMALLEST_COUNT, held_back

CITY = {
    "stock": "stock",
    "flow": "flow",
    "elsewhere": "share elsewhere too",
    "entries": "entries",
    "moves_in": "moves in",
    "stay": "stay in city",
}
REGION = {
    "stock": "stock",
    "flow": "flow",
    "counted_more_than_once": "counted more than once",
    "share_in_several": "share in several cities",
    "entries": "entries",
    "stay": "stay in region",
}
WHY = {
    "elsewhere": ("The share of people elsewhere too of", "there and elsewhere"),
    "entries": ("How many people are new to the region in", "first there and not at first"),
    "moves_in": ("How many people come from other cities to", "to come one of these ways"),
    "stay": ("How long people stay in", "to stay, or to go one way"),
}
SHORT = 10
"""Occasions: where stays are shorter on average, more than one visit in twenty is between two."""

PEOPLE = {"stock", "flow", "counted_more_than_once"}
SHARES = {"elsewhere", "share_in_several"}
FEW_SEEN, COARSE = 100, 0.05  # of so few a share of two digits may tell the counts behind it

NOTHING = {"estimate": None, "lower": None, "upper": None}


def published_people(
    told: StockAndFlow, histories: Histories, smallest_count: int = SMALLEST_COUNT
) -> dict[str, Any]:
    """Stock, flow and double count as they may be published, ready for JSON.

    Parameters
    ----------
    told : StockAndFlow
    histories : Histories
        Of which they are.
    smallest_count : int
        1 hides nothing.

    Returns
    -------
    dict
        `region`, with the people `seen` and their sum over the cities, `naive`; `cities`, each with
        `hidden`; `stock_by_occasion`; `hidden`, sentences that say what was hidden; and `warnings`,
        which say nothing that the numbers do not. Each number
        of people or share has `estimate`, `lower` and `upper`, None where it is hidden or the
        data cannot tell. They have two significant digits unless nothing is to be hidden.

    Raises
    ------
    InputError
        If there are fewer people in all than the smallest count, or that is no count.

    Examples
    --------
    >>> from darkfigure.circuit import entry
    >>> from darkfigure.circuit.stock import stock_and_flow
    >>> rows = [[1, 1, 0], [1, 2, 1], [2, 1, 2], [2, 0, 2], [1, 0, 1], [0, 2, 2], [0, 0, 1]]
    >>> h = Histories("AB", ("1", "2", "3"), rows, [20, 30, 9, 14, 12, 20, 15])
    >>> made = published_people(stock_and_flow(h, entry.fit(h, entry="constant", starts=3)), h)
    >>> made["region"]["seen"], made["region"]["naive"], made["cities"][0]["seen"]
    (120, 160, 85)
    """
    seen = double_count(histories).published(smallest_count)
    several = int(histories.freq @ (_places(histories) > 1))
    off = hidden_cities(histories, smallest_count)
    off |= np.array([each["hidden"] for each in seen["cities"]])
    few = _few(histories, smallest_count)
    cities = []
    for r, name in enumerate(histories.cities):
        entry: dict[str, Any] = {"name": name, "hidden": bool(off[r])}
        entry |= {key: seen["cities"][r][key] for key in ("seen", "at_least")}
        entry["elsewhere_seen"] = seen["cities"][r]["elsewhere"]
        for key, what in CITY.items():
            hide = off[r] or (key in few and few[key][r])
            entry[key] = dict(NOTHING) if hide else _numbers(told, what, name)
        cities.append(entry)
    new, again = _new_and_again(histories)
    few_of_all = {
        "counted_more_than_once": several,
        "share_in_several": several,
        "entries": int(new.sum()),
        "stay": again,
    }
    region: dict[str, Any] = {"seen": seen["people"], "naive": seen["naive"]}
    for key, what in REGION.items():
        hide = few_of_all.get(key, smallest_count) < smallest_count > 1
        region[key] = dict(NOTHING) if hide else _numbers(told, what, None)
    by_occasion = histories.freq @ (histories.patterns > 0)
    occasions = [
        {"occasion": when, "stock": _numbers(told, "stock", None, when)}
        for when in histories.occasions
    ]
    hidden = [*seen["hidden"], *_sentences(histories, few, off, smallest_count)]
    if smallest_count > 1 and by_occasion.min() < smallest_count:
        occasions = []
        hidden.append(
            "How many people there were by occasion is not shown: on one of them fewer than "
            f"{smallest_count} people, or nobody, were seen."
        )
    made = {
        "region": region,
        "cities": cities,
        "stock_by_occasion": occasions,
        "hidden": hidden,
        "warnings": _warnings(region, cities),
    }
    if smallest_count == 1:
        return made
    safe: dict[str, Any] = two_digits(made, exact=("seen", "naive", "elsewhere_seen"))
    for each in (safe["region"], *safe["cities"]):
        for key in PEOPLE & each.keys():
            each[key] = _outward(each[key], smallest_count)
        for key in SHARES & each.keys() if (each["seen"] or 0) < FEW_SEEN else ():
            each[key] = _outward(each[key], COARSE)
    for each in safe["stock_by_occasion"]:
        each["stock"] = _outward(each["stock"], smallest_count)
    return safe


def _outward(amount: dict[str, float | None], step: float) -> dict[str, float | None]:
    """An amount in steps, its limits outward: where nearly all were seen it is their exact count.

    Examples
    --------
    >>> _outward({"estimate": 57.0, "lower": 56.0, "upper": 61.0}, 5)
    {'estimate': 55.0, 'lower': 55.0, 'upper': 65.0}
    """
    ways: dict[str, Callable[[float], int]]
    ways = {"estimate": round, "lower": math.floor, "upper": math.ceil}
    return {
        key: None if value is None else round(float(step * ways[key](round(value / step, 6))), 2)
        for key, value in amount.items()
    }


def _places(histories: Histories) -> Any:
    """In how many cities each history is."""
    cities = np.arange(1, len(histories.cities) + 1)
    return (histories.patterns[:, :, None] == cities).any(axis=1).sum(axis=1)


def _new_and_again(histories: Histories) -> tuple[Any, int]:
    """People first seen after the first occasion, by city, and people seen more than once."""
    new = Behind(histories).entered("city*time")[1:].sum(axis=0)
    again = np.count_nonzero(histories.patterns, axis=1) > 1
    return new, int(histories.freq @ again)


def _few(histories: Histories, smallest: int) -> dict[str, Bools]:
    """Of which cities which rate may not be told, never of one alone."""
    size = len(histories.cities)
    if smallest == 1 or size == 1:
        return {}
    behind, hidden = Behind(histories), hidden_moves(histories, smallest)
    several = _places(histories) > 1
    elsewhere, come = np.zeros((2, size), np.int64)
    stay, arrive = hidden.diagonal().copy(), np.zeros(size, bool)
    for r in range(size):
        others = [s for s in range(size) if s != r]
        from_hidden = [s for s in others if hidden[s, r]]
        here = (histories.patterns == r + 1).any(axis=1)
        elsewhere[r] = histories.freq @ (here & several)
        come[r] = behind.arrived(r, others)
        if from_hidden:
            arrive[r] = len(from_hidden) == 1 or behind.arrived(r, from_hidden) < smallest
    told = {"stay": (stay, behind.moves.diagonal()), "moves_in": (arrive, come)}
    few = {}
    for key, (off, counts) in told.items():
        if off.sum() == 1:
            off[np.argmin(np.where(off, counts.max() + 1, counts))] = True
        few[key] = off
    for key, counts in (("entries", _new_and_again(histories)[0]), ("elsewhere", elsewhere)):
        few[key] = np.zeros(size, bool)
        few[key][sorted(held_back(counts.tolist(), smallest))] = True
    return few


def _sentences(histories: Histories, few: dict[str, Bools], off: Bools, smallest: int) -> list[str]:
    """What is hidden of cities that are told of otherwise, and why."""
    told = []
    for key, (what, seen) in WHY.items():
        names = [
            city for r, city in enumerate(histories.cities) if key in few and few[key][r] > off[r]
        ]
        if names:
            told.append(
                f"{what} {', '.join(names)} is not shown: fewer than {smallest} people, or nobody, "
                f"were seen {seen}, or another must be hidden with it."
            )
    return told


def _warnings(region: dict[str, Any], cities: list[dict[str, Any]]) -> list[str]:
    told = []
    if any(region[key]["estimate"] is None for key in ("stock", "flow")):
        told.append(
            "How many people there are in all hangs on parameters that cannot be estimated from "
            "these data. Let detection change less with time."
        )
    stays = {each["name"]: two_digits(each["stay"]["estimate"]) for each in cities}
    short = {name: stay for name, stay in stays.items() if stay is not None and stay < SHORT}
    if short:
        told.append(
            f"People stay in {', '.join(short)} for less than {SHORT} occasions on average, so "
            "that some come and go between two and are not in the flow, by which it is too low: "
            f"where stays are shortest, by about {missed(min(short.values())):.0%}. Take shorter "
            "occasions."
        )
    return told


def missed(stay: float) -> float:
    """The share of visits between two occasions, where people are met on so many on average.

    Of those who come at any time, and go at a steady rate m, (1 - exp(-m)) / m are still there on
    the next occasion (Schwarz & Arnason 1996, gross births); they are met on 1 / (1 - exp(-m)).

    Examples
    --------
    >>> round(missed(4.9), 2), round(missed(20.0), 3)
    (0.11, 0.025)
    """
    leave = 1 / max(stay, 1 + 1e-9)
    return 1 + leave / math.log1p(-leave)


def _numbers(
    told: StockAndFlow, what: str, city: str | None, occasion: str | None = None
) -> dict[str, float | None]:
    found = [a for a in told.amounts if (a.what, a.city, a.occasion) == (what, city, occasion)]
    if not found:  # with a single city nobody is in several
        return dict(NOTHING)
    upper = found[0].upper
    finite = upper if upper is None or math.isfinite(upper) else None
    return {"estimate": found[0].estimate, "lower": found[0].lower, "upper": finite}
