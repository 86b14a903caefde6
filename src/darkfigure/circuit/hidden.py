"""What must be hidden of movement, so that nobody can tell that a few people moved, or nobody.

The rates of moving from a city, staying among them, add up to one. So a single hidden one could be
got by subtraction, and two whose sum is small told nearly; therefore others are hidden with it, by
the rule for counts whose sum is known (`darkfigure.disclosure.held_back`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.behind import Behind, Ints, words_of
from darkfigure.circuit.design import Design
from darkfigure.circuit.histories import Histories
from darkfigure.disclosure import SMALLEST_COUNT, held_back

Bools = npt.NDArray[np.bool_]


def hidden_rates(behind: Behind, design: Design, smallest_count: int) -> dict[str, Bools]:
    """Of which rates of a model nothing may be told.

    Parameters
    ----------
    behind : Behind
    design : Design
    smallest_count : int
        1 hides nothing.

    Returns
    -------
    dict
        Of survival and detection, shape (U, R), movement, (U, R, R), and entry, (T, R), with which
        detection, too, begins on the first occasion.
    """
    terms = design.terms
    hidden: dict[str, Bools] = {
        "survival": behind.survival(terms["survival"]) < smallest_count,
        "detection": behind.detection(terms["detection"]) < smallest_count,
        "movement": _hidden_movement(behind, design, smallest_count),
    }
    if "entry" in terms:
        hidden["detection"] = np.vstack([behind.at_first < smallest_count, hidden["detection"]])
        entered = behind.entered(terms["entry"])
        hidden["entry"] = np.zeros(entered.shape, bool)
        hidden["entry"].flat[sorted(held_back(entered.ravel().tolist(), smallest_count))] = True
    if smallest_count == 1:
        return {kind: np.zeros_like(each) for kind, each in hidden.items()}
    for column in design.columns:
        hidden[column.parameter] |= behind.apart(column) < smallest_count
    return hidden


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


def _hidden_movement(behind: Behind, design: Design, smallest: int) -> Bools:
    """Of which rates of moving nothing may be told, shape (U, R, R)."""
    term = design.terms["movement"]
    words = words_of(term)
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
