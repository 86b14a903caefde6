"""A made-up region whose truth is known: people who enter, stay, move on and are seen, one by one.

It is for examples, which say so, and to try whether intervals hold the truth as often as they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.histories import Histories
from darkfigure.errors import InputError

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Region:
    """What was seen of people who were made up, and the truth; R cities, T occasions.

    Attributes
    ----------
    histories : Histories
        Of those who were seen.
    people : int
        Everybody who was ever in any of the cities.
    entered : array, shape (T, R)
        Who came, by when and where.
    stock : array, shape (T, R)
        Who was there.
    moves : array, shape (T - 1, R, R)
        Who went on from where to where, and who stayed; who left is in none.
    ever, only : array, shape (R,)
        How many different people were ever there, and how many of them nowhere else.
    """

    histories: Histories
    people: int
    entered: Counts
    stock: Counts
    moves: Counts
    ever: Counts
    only: Counts


def simulate(
    cities: Sequence[str],
    occasions: Sequence[str],
    people: int,
    entry: npt.ArrayLike,
    survival: npt.ArrayLike,
    movement: npt.ArrayLike,
    detection: npt.ArrayLike,
    *,
    seed: int = 1,
) -> Region:
    """Draw a region in which the multistate model with entry is true.

    Parameters
    ----------
    cities, occasions : sequence of str
        R and T names.
    people : int
        How many ever enter.
    entry : array, shape (T, R)
        The chance to enter there and then, adding up to one.
    survival : array, broadcast to (T - 1, R)
        The chance to be still in any of the cities on the next occasion.
    movement : array, shape (R, R) or (T - 1, R, R)
        From and to, given still there; rows add up to one.
    detection : array, broadcast to (T, R)
        The chance to be seen where present.
    seed : int

    Returns
    -------
    Region

    Raises
    ------
    InputError
        For no people, shapes that do not fit, or numbers that are no probabilities; if nobody was
        seen.

    Examples
    --------
    >>> entry = [[0.3, 0.2], [0.1, 0.1], [0.2, 0.1]]
    >>> made = simulate("AB", "123", 500, entry, 0.8, [[0.9, 0.1], [0.2, 0.8]], 0.4)
    >>> made.people, made.histories.people, made.stock.sum(axis=1).tolist()
    (500, ..., [...])
    """
    if people < 1:
        raise InputError(f"A region has one person or more, not {people}.")
    steps = len(occasions) - 1
    shape = (steps, len(cities))
    wanted = {
        "entry": (entry, (steps + 1, shape[1])),
        "survival": (survival, shape),
        "movement": (movement, (*shape, shape[1])),
        "detection": (detection, (steps + 1, shape[1])),
    }
    tables = {}
    for name, (given, wide) in wanted.items():
        try:
            table = np.broadcast_to(np.asarray(given, np.float64), wide)
        except ValueError as error:
            raise InputError(f"The {name} has the shape {wide}; this one does not fit.") from error
        if not np.all((table >= 0) & (table <= 1)):
            raise InputError(f"The {name} is of probabilities; a number is below 0 or above 1.")
        tables[name] = table
    if not (
        np.allclose(tables["movement"].sum(axis=2), 1) and np.isclose(tables["entry"].sum(), 1)
    ):
        raise InputError("The entries, and the movements from each city, add up to one.")

    rng = np.random.default_rng(seed)
    began = rng.choice(tables["entry"].size, people, p=tables["entry"].ravel())
    when, where = np.divmod(began, shape[1])
    there = np.full((people, steps + 1), -1)  # -1: in none of the cities
    moves = np.zeros((steps, shape[1], shape[1]), np.int64)
    ladders = tables["movement"].cumsum(axis=2)
    for t in range(steps + 1):
        new = when == t
        there[new, t] = where[new]
        if t == 0:
            continue
        before = there[:, t - 1]
        on = (before >= 0) & (rng.random(people) < tables["survival"][t - 1, before])
        drawn = rng.random(people)[:, None] > ladders[t - 1, before]
        there[on, t] = np.minimum(drawn.sum(axis=1), shape[1] - 1)[on]
        np.add.at(moves[t - 1], (before[on], there[on, t]), 1)
    present = there[:, :, None] == np.arange(shape[1])
    seen = (rng.random(there.shape) < tables["detection"][np.arange(steps + 1), there]) & (
        there >= 0
    )
    patterns = np.where(seen, there + 1, 0)
    ever = present.any(axis=1)
    return Region(
        histories=Histories(cities, occasions, patterns[seen.any(axis=1)]),
        people=people,
        entered=np.bincount(began, minlength=tables["entry"].size).reshape(-1, shape[1]),
        stock=present.sum(axis=0),
        moves=moves,
        ever=ever.sum(axis=0),
        only=(ever & (ever.sum(axis=1, keepdims=True) == 1)).sum(axis=0),
    )
