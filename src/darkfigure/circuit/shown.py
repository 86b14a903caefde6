"""What may be shown of movement: rates and moves of which enough people are the reason.

A rate tells of those who were seen: that anybody went from here to there at all tells, where one
person did, that this person did. So a rate is shown only if at least `smallest_count` people are
behind it, and one behind which there are few is hidden like one behind which there is nobody, for
"nobody" tells as much. People are counted, not moves: who goes up and down a road ten times is one.

Who is behind a rate is told by `darkfigure.circuit.behind`.

More is hidden so that no hidden rate can be got by subtraction (`darkfigure.circuit.hidden`); what
is hidden of a city is told as one rate, if enough people are behind that. Roads bear only the moves
that are shown, so that neither a leg nor the difference of two tells of a hidden one.

The likelihood is a function of all counts by step, also of those that no shown rate tells apart,
and a patient reader could try fillings until one fits. So all numbers have two significant digits,
and criteria are not told, unless the counts are published already.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from darkfigure.circuit.behind import Behind
from darkfigure.circuit.corridors import corridors
from darkfigure.circuit.design import Design
from darkfigure.circuit.estimates import Coefficient, Estimated, rows
from darkfigure.circuit.gravity import Gravity
from darkfigure.circuit.hidden import Bools, hidden_cities, hidden_moves, hidden_rates
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import Fit, design_of
from darkfigure.circuit.roads import Roads
from darkfigure.disclosure import SMALLEST_COUNT, to_nearest
from darkfigure.errors import InputError

_COUNT = re.compile(r"'[^']*'|([0-9][0-9,]*)")  # a name that is quoted, or a number

EXACT = ("people", "parameters", "seed", "starts", "level", "c_hat", "covariates")
"""Settings, and numbers that say nothing of where people were."""


def published(
    found: Fit,
    histories: Histories,
    smallest_count: int = SMALLEST_COUNT,
    *,
    exact: bool = False,
) -> dict[str, Any]:
    """A fit as it may be published, ready for JSON.

    Parameters
    ----------
    found : Fit
    histories : Histories
        What was fitted.
    smallest_count : int
        1 hides nothing: for counts that are published already.
    exact : bool
        Whether the numbers that are not hidden have all their digits, and the criteria are told:
        for whoever has the histories before them anyhow.

    Returns
    -------
    dict
        As `Fit.to_dict`, each estimate with `hidden` (True or False) and without numbers where it
        is hidden; `movement_together`, of each city and step the rate of all hidden ways from it
        together where that may be told; and `hidden`, sentences that say what was hidden. Numbers
        have two significant digits, and criteria are None, but where all is exact.

    Raises
    ------
    InputError
        If there are fewer people in all than the smallest count, or that is no count.

    Examples
    --------
    >>> from darkfigure.circuit.multistate import fit
    >>> rows = [[1, 1, 1], [1, 2, 2], [1, 3, 0], [2, 2, 1], [2, 1, 2], [2, 3, 2], [3, 3, 3]]
    >>> h = Histories("ABC", ("1", "2", "3"), rows, [60, 20, 1, 40, 20, 9, 30])
    >>> told = published(fit(h, starts=2), h)
    >>> told["minus2loglik"], told["hidden"][0]
    (None, 'Who goes from A to B and C is not shown: fewer than 5 people, or nobody, ...')
    >>> told["estimates"]["movement"][0]["estimate"]
    0.75
    """
    _check(histories, smallest_count)
    told = found.to_dict()
    behind, design = Behind(histories), design_of(histories, found)
    hidden = hidden_rates(behind, design, smallest_count)
    apart = [1 < smallest_count > behind.apart(column) for column in design.columns]
    kept: list[Estimated | Coefficient] = []
    told["estimates"] = {kind: [] for kind in told["estimates"]}
    for each, (kind, index, _) in zip(found.estimates, rows(design, histories), strict=True):
        entry = each.to_dict() | {"hidden": bool(hidden[kind][index])}
        if entry["hidden"]:
            entry |= dict.fromkeys(("estimate", "standard_error", "lower", "upper"))
        else:
            kept.append(each)
        told["estimates"][kind].append(entry)
    told["coefficients"] = []
    for coefficient, few in zip(found.coefficients, apart, strict=True):
        entry = coefficient.to_dict() | {"hidden": few}
        if few:
            entry |= dict.fromkeys(("estimate", "standard_error", "lower", "upper"))
        else:
            kept.append(coefficient)
        told["coefficients"].append(entry)
    told["movement_together"] = _together(found, histories, design, hidden["movement"])
    told["hidden"] = _sentences(histories, design, hidden, smallest_count)
    if smallest_count == 1:
        return told
    told["not_estimable"] = [each.name for each in kept if each.estimate is None]
    told["at_boundary"] = [
        each.name for each in kept if each.estimate is not None and each.standard_error is None
    ]
    told["warnings"] = _warnings(told, found)
    if exact:
        return told
    criteria = ("minus2loglik", "aic", "aicc", "estimable", "found")
    safe: dict[str, Any] = two_digits(told, exact=EXACT)
    safe["people"] = to_nearest(histories.people, smallest_count)
    return safe | dict.fromkeys(criteria)


def published_corridors(
    histories: Histories,
    found: Fit,
    roads: Roads,
    smallest_count: int = SMALLEST_COUNT,
    *,
    workers: int | None = None,
) -> dict[str, Any]:
    """Corridors as they may be published, ready for JSON.

    Parameters
    ----------
    histories, found, roads, workers
        As for `corridors`.
    smallest_count : int
        1 hides nothing.

    Returns
    -------
    dict
        As `Corridors.to_dict`, of shown moves alone: totals, shares and legs are those of the
        moves between cities that enough people were seen to make, and `hidden` says so.

    Raises
    ------
    InputError, NoEstimateError
        As for `corridors` and `published`.

    Examples
    --------
    >>> from darkfigure.circuit.multistate import fit
    >>> from darkfigure.circuit.road_tables import shipped_roads
    >>> rows = [[1, 1, 1], [1, 2, 2], [1, 3, 0], [2, 2, 1], [2, 1, 2], [2, 3, 2], [3, 0, 3]]
    >>> cities = "Oakland", "Sacramento", "Reno"
    >>> h = Histories(cities, ("1", "2", "3"), rows, [60, 20, 1, 40, 20, 9, 30])
    >>> told = published_corridors(h, fit(h, starts=2), shipped_roads())
    >>> [(flow["city"], flow["to"]) for flow in told["flows"]]
    [('Sacramento', 'Oakland'), ('Sacramento', 'Reno')]
    """
    _check(histories, smallest_count)
    only = ~hidden_moves(histories, smallest_count)
    only &= ~hidden_cities(histories, smallest_count)[:, None]
    told = corridors(histories, found, roads, only=only, workers=workers).to_dict()
    told["hidden"] = []
    if smallest_count == 1:
        return told
    del told["unknown"]
    np.fill_diagonal(only, True)
    if not told["flows"]:
        told["total"] = dict.fromkeys(told["total"])
    told = two_digits(told, exact=("hours", "miles", "steps"))
    if only.all():
        return dict(told)
    told["hidden"] = [
        f"Moves from one city to another that fewer than {smallest_count} people, or nobody, were "
        "seen to make are not shown, nor those with which they could be told; roads, totals and "
        "shares are those of the shown moves."
    ]
    return dict(told)


def published_gravity(
    found: Gravity, histories: Histories, smallest_count: int = SMALLEST_COUNT
) -> dict[str, Any]:
    """A gravity model as it may be published, ready for JSON.

    Parameters
    ----------
    found : Gravity
    histories : Histories
        What was fitted.
    smallest_count : int
        1 hides nothing.

    Returns
    -------
    dict
        As `Gravity.to_dict`, and `hidden`. The elasticities rest on all who moved. Numbers have
        two digits, and criteria are None, unless nothing is to be hidden.

    Examples
    --------
    >>> from darkfigure.circuit.gravity import gravity
    >>> from darkfigure.circuit.road_tables import shipped_roads
    >>> rows = [[1, 1], [1, 2], [1, 3], [2, 2], [2, 1], [2, 3], [3, 3], [3, 1], [3, 2], [1, 0]]
    >>> freq = [60, 14, 20, 80, 20, 10, 90, 5, 2, 99]
    >>> h = Histories(("Sacramento", "Reno", "Los Angeles"), ("1", "2"), rows, freq)
    >>> told = published_gravity(gravity(h, shipped_roads(), starts=2), h)
    >>> told["elasticities"][0]["estimate"], told["models"]
    (-1.7, None)
    """
    _check(histories, smallest_count)
    told = found.to_dict()
    shown = published(found.model, histories, smallest_count)
    told["elasticities"] = [
        each for each in shown["coefficients"] if each["parameter"] == "movement"
    ]
    told["hidden"] = []
    if smallest_count == 1:
        return told
    told = two_digits(told)
    if any(each["hidden"] for each in told["elasticities"]):
        told["explained"] = None
        told["hidden"] = [
            f"How movement goes with the roads is not shown: fewer than {smallest_count} people, "
            "or nobody, were seen to go a far or a near way."
        ]
    told["models"] = None
    return dict(told)


def _check(histories: Histories, smallest_count: int) -> None:
    if smallest_count < 1:
        raise InputError(f"The smallest count shown must be 1 or more, not {smallest_count}.")
    if histories.people < smallest_count:
        raise InputError(
            f"There are fewer than {smallest_count} people in all, the smallest number that may be "
            "shown; nothing can be published from these histories."
        )


def published_notes(notes: Sequence[str], smallest_count: int = SMALLEST_COUNT) -> list[str]:
    """What is told of how the data came to be, sentence by sentence, without small numbers.

    Examples
    --------
    >>> published_notes(["212 times somebody was in two cities. 1 person was lost by it."])
    ['210 times somebody was in two cities.']
    """
    if smallest_count == 1:
        return list(notes)
    kept = []
    for note in notes:
        told: list[str] = []
        for sentence in re.split(r"(?<=[.]) ", note):
            numbers = [
                int(each[1].replace(",", "")) for each in _COUNT.finditer(sentence) if each[1]
            ]
            if "Once" in sentence or any(number < smallest_count for number in numbers):
                if not told:
                    break
                continue
            rounded = _COUNT.sub(
                lambda each: (
                    f"{two_digits(int(each[1].replace(',', ''))):,}" if each[1] else each[0]
                ),
                sentence,
            )
            told.append(rounded)
        if told:
            kept.append(" ".join(told))
    return kept


def two_digits(told: Any, exact: Sequence[str] = ()) -> Any:
    """The same with all numbers to two significant digits, but those under these keys.

    Examples
    --------
    >>> two_digits({"people": 1234, "moves": [12.345, None]}, exact=("people",))
    {'people': 1234, 'moves': [12.0, None]}
    """
    if isinstance(told, dict):
        return {
            key: value if key in exact else two_digits(value, exact) for key, value in told.items()
        }
    if isinstance(told, list | tuple):
        return [two_digits(each, exact) for each in told]
    if isinstance(told, bool) or not isinstance(told, int | float):
        return told
    if not told or not math.isfinite(told):
        return told
    return type(told)(float(f"{told:.1e}"))


def _together(
    found: Fit, histories: Histories, design: Design, hidden: Bools
) -> list[dict[str, Any]]:
    """The rates of all hidden ways from each city, where not all from there are hidden."""
    natural = design.natural(found.beta)
    unknown = {
        index
        for each, (kind, index, _) in zip(found.estimates, rows(design, histories), strict=True)
        if kind == "movement" and each.estimate is None
    }
    told, cities, occasions = [], histories.cities, histories.occasions
    by_time, _ = design.varies["movement"]
    for t in range(design.steps if by_time else 1):
        for r, city in enumerate(cities):
            to = np.flatnonzero(hidden[t, r])
            if not 0 < to.size < len(cities):
                continue
            lost = any((t, r, s) in unknown for s in range(len(cities)) if s not in to)
            rate = None if lost else float(natural.movement[t, r, to].sum())
            told.append(
                {
                    "city": city,
                    "to": [cities[s] for s in to],
                    "occasion": f"{occasions[t]} to {occasions[t + 1]}" if by_time else None,
                    "estimate": rate,
                }
            )
    return told


def _sentences(
    histories: Histories, design: Design, hidden: dict[str, Bools], smallest: int
) -> list[str]:
    """What was hidden, and why; the same where few people are behind it as where nobody is."""
    few = f"fewer than {smallest} people, or nobody,"
    told = []
    for kind, what in (
        ("survival", f"{few} were seen there and again later"),
        ("detection", f"{few} were seen there who had been seen before"),
    ):
        sometimes: Bools = np.any(hidden[kind], axis=0)
        always: Bools = np.all(hidden[kind], axis=0)
        if always.all():
            told.append(f"{kind.capitalize()} is not shown: {what}.")
            continue
        for some, on_some in ((always, ""), (sometimes & ~always, " on some occasions")):
            where = [city for city, off in zip(histories.cities, some, strict=True) if off]
            if where:
                told.append(
                    f"{kind.capitalize()} in {_listed(where)}{on_some} is not shown: {what}, or "
                    "another must be hidden with it."
                )
    if design.cities == 1:
        return told
    if hidden["movement"].all():
        told.append(
            f"Movement is not shown: {few} were seen to go from one city to the next, or to stay."
        )
        return told
    for r, city in enumerate(histories.cities):
        away: Bools = np.any(hidden["movement"][:, r], axis=0)
        on_some = "" if np.all(hidden["movement"][:, r] == away) else " on some occasions"
        to = [c for s, c in enumerate(histories.cities) if away[s] and s != r]
        ways = [f"who stays in {city}"] if away[r] else []
        ways += [f"who goes from {city} to {_listed(to)}"] if to else []
        if ways:
            said = " and ".join(ways)
            told.append(
                f"{said[0].upper()}{said[1:]}{on_some} is not shown: {few} were seen to go one of "
                "these ways, and others must be hidden with it."
            )
    return told


def _warnings(told: dict[str, Any], found: Fit) -> list[str]:
    """What the reader must know of the fit, said of what is shown and without counts."""
    warnings = []
    if told["not_estimable"]:
        warnings.append(
            "Some rates cannot be estimated from these data with this model, and have no number."
        )
    if told["at_boundary"]:
        warnings.append("Some estimates are at 0 or 1, where a standard error means nothing.")
    if found.found == 1 and found.settings["starts"] > 1:
        warnings.append(
            "Only one of the starts led to the highest maximum that was found; there may be a "
            "higher one. Take more starts, or a smaller model."
        )
    return warnings


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
