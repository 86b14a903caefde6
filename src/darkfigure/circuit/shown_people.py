"""What may be shown of stock, flow and double count: nothing that rests on few people.

A number of people in a city is an answer to how many were seen there, so it is shown only of cities
that may be told of at all (`shown.hidden_cities`); a share of those who were elsewhere too, only if
enough were seen elsewhere; how long people stay and how many come from other cities, only if enough
were seen to go. Occasions are told of the region alone, if enough people were seen on each.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from darkfigure.circuit.amounts import StockAndFlow
from darkfigure.circuit.behind import Behind
from darkfigure.circuit.double_count import double_count
from darkfigure.circuit.hidden import hidden_cities
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.shown import two_digits
from darkfigure.disclosure import SMALLEST_COUNT

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
        `hidden`; `stock_by_occasion`; and `hidden`, sentences that say what was hidden. Each number
        of people or share has `estimate`, `lower` and `upper`, None where it is hidden or the
        data cannot tell. Where anything is hidden they have two significant digits.

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
    (120, 159, 86)
    """
    seen = double_count(histories).published(smallest_count)
    behind = Behind(histories)
    several = int(histories.freq @ (_places(histories) > 1))
    off = hidden_cities(histories, smallest_count)
    off |= np.array([each["hidden"] for each in seen["cities"]])
    few_several = several < smallest_count > 1
    cities = []
    for r, name in enumerate(histories.cities):
        others = [s for s in range(len(histories.cities)) if s != r]
        gone = behind.together(r, others, None)
        come = min(int(behind.moves[others, r].sum()), several)
        few = {
            "elsewhere": _elsewhere(histories, r) < smallest_count,
            "moves_in": come < smallest_count,
            "stay": gone < smallest_count,
        }
        entry: dict[str, Any] = {"name": name, "hidden": bool(off[r])}
        entry |= {key: seen["cities"][r][key] for key in ("seen", "at_least")}
        entry["elsewhere_seen"] = seen["cities"][r]["elsewhere"]
        for key, what in CITY.items():
            hide = off[r] or (smallest_count > 1 and (few.get(key, False)))
            entry[key] = dict(NOTHING) if hide else _numbers(told, what, name)
        cities.append(entry)
    region: dict[str, Any] = {"seen": histories.people, "naive": seen["naive"]}
    for key, what in REGION.items():
        hide = few_several and key in ("counted_more_than_once", "share_in_several")
        region[key] = dict(NOTHING) if hide else _numbers(told, what, None)
    by_occasion = histories.freq @ (histories.patterns > 0)
    occasions = [
        {"occasion": when, "stock": _numbers(told, "stock", None, when)}
        for when in histories.occasions
    ]
    hidden = list(seen["hidden"])
    if smallest_count > 1 and by_occasion.min() < smallest_count:
        occasions = []
        hidden.append(
            "How many people there were by occasion is not shown: on one of them fewer than "
            f"{smallest_count} people, or nobody, were seen."
        )
    made = {"region": region, "cities": cities, "stock_by_occasion": occasions, "hidden": hidden}
    return two_digits(made, exact=("seen", "naive", "elsewhere_seen")) if hidden else made


def _places(histories: Histories) -> Any:
    """In how many cities each history is."""
    cities = np.arange(1, len(histories.cities) + 1)
    return (histories.patterns[:, :, None] == cities).any(axis=1).sum(axis=1)


def _elsewhere(histories: Histories, city: int) -> int:
    """People seen in a city and in another."""
    here = (histories.patterns == city + 1).any(axis=1)
    return int(histories.freq @ (here & (_places(histories) > 1)))


def _numbers(
    told: StockAndFlow, what: str, city: str | None, occasion: str | None = None
) -> dict[str, float | None]:
    found = [a for a in told.amounts if (a.what, a.city, a.occasion) == (what, city, occasion)]
    if not found:  # with a single city nobody is in several
        return dict(NOTHING)
    upper = found[0].upper
    finite = upper if upper is None or math.isfinite(upper) else None
    return {"estimate": found[0].estimate, "lower": found[0].lower, "upper": finite}
