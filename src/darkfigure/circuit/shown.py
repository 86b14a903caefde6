"""What may be shown of movement: rates and moves of which enough people are the reason.

A rate tells of those who were seen: that anybody went from here to there at all tells, where one
person did, that this person did. So a rate is shown only if at least `smallest_count` people are
behind it, and one behind which there are few is hidden like one behind which there is nobody, for
"nobody" tells as much. People are counted, not moves: who goes up and down a road ten times is one.

    survival    people seen there, and again later
    detection   people seen there who had been seen before
    movement    people seen in the one city and next in the other; for a rate of a single step,
                only those who were seen at both ends of the step

A rate that is the same in all cities or over time rests on all people there; one that is a sum of
two on the fewer of theirs.

The rates of moving from a city, staying among them, add up to one. So a single hidden one could be
got by subtraction, and two whose sum is small told nearly; therefore others are hidden with it, by
the rule for counts whose sum is known (`darkfigure.disclosure.held_back`). What is hidden of a city
is told as one rate, if enough people are behind that.

The likelihood is a function of all counts, and a patient reader could try fillings until one fits.
So once anything is hidden all numbers have two significant digits, and criteria are not told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.design import Design
from darkfigure.circuit.estimates import rows
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import Fit, design_of
from darkfigure.disclosure import SMALLEST_COUNT, held_back
from darkfigure.errors import InputError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class Behind:
    """How many different people are behind each rate, with R cities and U steps.

    Parameters
    ----------
    histories : Histories
    """

    histories: Histories

    def survival(self, term: str) -> Ints:
        """People seen there and again later, by step and city, shape (U, R)."""
        row, t, r, _, _ = self._steps
        return self._of(term, row, t, r)

    def detection(self, term: str) -> Ints:
        """People seen there who had been seen before, by occasion but the first, shape (U, R)."""
        row, _, _, u, s = self._steps
        return self._of(term, row, u - 1, s)

    @cached_property
    def cities(self) -> Ints:
        """People seen in each city, shape (R,)."""
        row, t = np.nonzero(self.histories.patterns)
        cities = self.histories.patterns[row, t] - 1
        return self._people(row, cities, len(self.histories.cities))

    @cached_property
    def moves(self) -> Ints:
        """People seen in the one city and next in the other, whenever, shape (R, R)."""
        row, _, r, _, s = self._steps
        size = len(self.histories.cities)
        return self._people(row, r * size + s, size * size).reshape(size, size)

    @cached_property
    def moves_by_step(self) -> Ints:
        """People seen at both ends of a step, by their cities, shape (U, R, R)."""
        row, t, r, u, s = self._steps
        row, t, r, s = (each[u == t + 1] for each in (row, t, r, s))
        steps, size = self._shape
        keys = (t * size + r) * size + s
        return self._people(row, keys, steps * size * size).reshape(steps, size, size)

    def movers(self, *, by_step: bool) -> tuple[Ints, Ints]:
        """People who went to another city, and who stayed, shape (U,) each."""
        row, t, r, u, s = self._steps
        steps, _ = self._shape
        if by_step:
            row, t, r, s = (each[u == t + 1] for each in (row, t, r, s))
        else:
            t = np.zeros_like(t)
        both = [self._people(row[kind], t[kind], steps) for kind in (r != s, r == s)]
        if not by_step:
            both = [np.full(steps, each[0]) for each in both]
        return both[0], both[1]

    def together(self, city: int, to: Sequence[int], step: int | None) -> int:
        """Different people who went any of these ways from a city, on one step or whenever."""
        row, t, r, u, s = self._steps
        chosen = (r == city) & np.isin(s, np.array(to, np.int64))
        if step is not None:
            chosen &= (t == step) & (u == step + 1)
        return int(self.histories.freq[np.unique(row[chosen])].sum())

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.histories.occasions) - 1, len(self.histories.cities)

    @cached_property
    def _steps(self) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """From each sighting to the next: the row, the occasion and the city of both."""
        row, t = np.nonzero(self.histories.patterns)
        city = self.histories.patterns[row, t] - 1
        same = row[1:] == row[:-1]
        return row[:-1][same], t[:-1][same], city[:-1][same], t[1:][same], city[1:][same]

    def _people(self, row: Ints, keys: Ints, size: int) -> Ints:
        """Different people by a key, shape (size,)."""
        pairs = np.unique(row * size + keys)
        counts = np.bincount(pairs % size, self.histories.freq[pairs // size], size)
        return counts.astype(np.int64)

    def _of(self, term: str, row: Ints, t: Ints, r: Ints) -> Ints:
        """People behind each rate of a kind, which may be the same for all cities or steps."""
        steps, size = self._shape
        by_city = np.tile(self._people(row, r, size), (steps, 1))
        by_time = np.repeat(self._people(row, t, steps), size).reshape(steps, size)
        both = self._people(row, t * size + r, steps * size).reshape(steps, size)
        everybody = np.full((steps, size), self._people(row, 0 * row, 1)[0])
        words = _words(term)
        if words >= {"city", "time"}:
            return both if "*" in term else np.minimum(by_city, by_time)
        return by_city if "city" in words else by_time if "time" in words else everybody


def _words(term: str) -> set[str]:
    return set(re.split("[+*]", term))


def hidden_moves(histories: Histories, smallest_count: int = SMALLEST_COUNT) -> Bools:
    """Of which ways between cities nothing may be told, shape (R, R), from and to.

    Parameters
    ----------
    histories : Histories
    smallest_count : int
        The smallest number of people that may be told of; 1 hides nothing.

    Returns
    -------
    array of bool
        The diagonal is staying. The rest of a row is safe from who knows the sum of the row.

    Examples
    --------
    >>> rows = [[1, 1, 1], [1, 2, 1], [2, 2, 2], [1, 3, 3]]
    >>> h = Histories("ABC", ("1", "2", "3"), rows, [40, 9, 30, 2])
    >>> hidden_moves(h)
    array([[False,  True,  True],
           [ True, False,  True],
           [ True,  True,  True]])
    """
    behind = Behind(histories)
    return _rows(behind.moves, behind, None, smallest_count)


def _rows(moves: Ints, behind: Behind, step: int | None, smallest: int) -> Bools:
    hidden = np.zeros(moves.shape, bool)
    for r, counts in enumerate(moves):

        def enough(held: frozenset[int], r: int = r) -> bool:
            return behind.together(r, sorted(held), step) >= smallest

        hidden[r, sorted(held_back(counts.tolist(), smallest, enough))] = True
    return hidden


def hidden_cities(histories: Histories, smallest_count: int = SMALLEST_COUNT) -> Bools:
    """Of which cities neither how many people are there may be told nor who comes and goes.

    They are hidden so that all cities' sum does not tell one of them.

    Parameters
    ----------
    histories : Histories
    smallest_count : int
        1 hides nothing.

    Returns
    -------
    array of bool, shape (R,)

    Examples
    --------
    >>> h = Histories("ABC", ("1", "2"), [[1, 1], [2, 1], [0, 3]], [40, 9, 2])
    >>> hidden_cities(h)
    array([False,  True,  True])
    """
    hidden = np.zeros(len(histories.cities), bool)
    hidden[sorted(held_back(Behind(histories).cities.tolist(), smallest_count))] = True
    return hidden


def _hidden_movement(behind: Behind, design: Design, term: str, smallest: int) -> Bools:
    """Of which rates of moving nothing may be told, shape (U, R, R)."""
    words = _words(term)
    shape = (design.steps, design.cities, design.cities)
    if words >= {"city", "time"} and "*" in term:
        by_step = [
            _rows(moves, behind, step, smallest) for step, moves in enumerate(behind.moves_by_step)
        ]
        return np.array(by_step)
    hidden = np.zeros(shape, bool)
    if "city" in words:
        hidden |= _rows(behind.moves, behind, None, smallest)
    if "city" not in words or "time" in words:
        movers, stayers = behind.movers(by_step="time" in words)
        hidden |= (np.minimum(movers, stayers) < smallest)[:, None, None]
    return hidden


def published(
    found: Fit, histories: Histories, smallest_count: int = SMALLEST_COUNT
) -> dict[str, Any]:
    """A fit as it may be published, ready for JSON.

    Parameters
    ----------
    found : Fit
    histories : Histories
        What was fitted.
    smallest_count : int
        1 hides nothing: for counts that are published already.

    Returns
    -------
    dict
        As `Fit.to_dict`, each estimate with `hidden` (True or False) and without numbers where it
        is hidden; `movement_together`, of each city and step the rate of all hidden ways from it
        together where that may be told; and `hidden`, sentences that say what was hidden. Where
        anything is, numbers have two significant digits, and criteria are None.

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
    (None, 'Movement from A to B and C is not shown: fewer than 5 people, or nobody, ...')
    >>> told["estimates"]["movement"][0]["estimate"]
    0.75
    """
    if smallest_count < 1:
        raise InputError(f"The smallest count shown must be 1 or more, not {smallest_count}.")
    if histories.people < smallest_count:
        raise InputError(
            f"There are fewer than {smallest_count} people in all, the smallest number that may be "
            "shown; nothing can be published from these histories."
        )
    told = found.to_dict()
    behind, design = Behind(histories), design_of(histories, found)
    terms = design.terms
    hidden = {
        "survival": behind.survival(terms["survival"]) < smallest_count,
        "detection": behind.detection(terms["detection"]) < smallest_count,
        "movement": _hidden_movement(behind, design, terms["movement"], smallest_count),
    }
    if smallest_count == 1:
        hidden = {kind: np.zeros_like(each) for kind, each in hidden.items()}
    kept = []
    told["estimates"] = {kind: [] for kind in told["estimates"]}
    for each, (kind, index, _) in zip(found.estimates, rows(design, histories), strict=True):
        entry = each.to_dict() | {"hidden": bool(hidden[kind][index])}
        if entry["hidden"]:
            entry |= dict.fromkeys(("estimate", "standard_error", "lower", "upper"))
        else:
            kept.append(each)
        told["estimates"][kind].append(entry)
    told["movement_together"] = _together(found, histories, design, hidden["movement"])
    told["hidden"] = _sentences(histories, design, hidden, smallest_count)
    if smallest_count == 1:
        return told
    told["not_estimable"] = [each.name for each in kept if each.estimate is None]
    told["at_boundary"] = [
        each.name for each in kept if each.estimate is not None and each.standard_error is None
    ]
    told["warnings"] = _warnings(told, found)
    if told["hidden"]:
        told = two_digits(told, exact=("people", "parameters", "seed", "starts", "level", "c_hat"))
        told |= dict.fromkeys(("minus2loglik", "aic", "aicc", "estimable", "found"))
    return told


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
    by_time = "time" in _words(design.terms["movement"])
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
        for r, city in enumerate(histories.cities):
            if not sometimes[r]:
                continue
            on_some = "" if always[r] else " on some occasions"
            told.append(f"{kind.capitalize()} in {city}{on_some} is not shown: {what}.")
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
        to = [f"staying in {c}" if s == r else c for s, c in enumerate(histories.cities) if away[s]]
        if to:
            told.append(
                f"Movement from {city} to {_listed(to)}{on_some} is not shown: {few} were seen to "
                "go one of these ways, and another must be hidden with it."
            )
    return told


def _warnings(told: dict[str, Any], found: Fit) -> list[str]:
    """What the reader must know of the fit, said of what is shown and without counts."""
    warnings = []
    if told["not_estimable"]:
        warnings.append(
            "Some parameters cannot be estimated from these data with this model, and have no "
            "number."
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
