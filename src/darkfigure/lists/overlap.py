"""From links to counts, with the doubt of the links: who is who, drawn many times.

Of all pairs that may be one person, the strongest that hang everything together without a circle
make a forest (a maximum spanning forest: single linkage, Gower & Ross 1969). In each draw every
branch holds with its own probability, and what hangs together is one person: a person's records are
a tree of copies in which each link is evidence once, so that a third record like two others does
not count double.

Two records that were compared and cannot be one person never come together, whatever lies between
them: a record with nothing but a name goes to one of two people of that name, not to both. So
branches are taken in the order of their strength in this draw, the log odds and logistic noise (the
perturbed maximum of Papandreou & Yuille 2011), and one that would bring such two together is left.
Being one person is transitive by construction, and no chain has to settle.

`make accuracy` holds the probabilities that come of it against the truth: they err on the side of
too few links, more so the less the records have to compare.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories
from darkfigure.lists.link import Links

DRAWS = 20


def overlaps(links: Links, *, draws: int = DRAWS, seed: int = 1) -> CaptureHistories:
    """How many people are on which lists: the most probable counts, and draws of them.

    Parameters
    ----------
    links : Links
    draws : int
        How many times who is who is drawn, 2 to 1,000; or 0 for none.
    seed : int
        The same seed gives the same draws.

    Raises
    ------
    InputError
        If the number of draws is out of range, or there is only one list.

    Examples
    --------
    >>> pair, odds = (np.array([0]), np.array([2])), np.array([3.0])
    >>> links = Links(("a", "b"), np.array([0, 0, 1]), *pair, odds)
    >>> h = overlaps(links, draws=4, seed=1)
    >>> h.counts[1:], h.draws[:, 1:].sum(axis=1)
    (array([1, 0, 1]), array([2, 2, 2, 2]))
    """
    if draws == 1 or not 0 <= draws <= 1_000:
        raise InputError(f"The draws of who is who are 2 to 1,000, or 0 for none; not {draws}.")
    branches, apart = forest(links), forbidding(links)

    def drawn(draw: int) -> npt.NDArray[np.int64]:
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(draw,)))
        noise = rng.logistic(size=len(branches[2]))
        return count(links.on, people(links, branches, noise, apart), len(links.lists))

    tables = list(engine.run(drawn, range(draws)))
    likeliest = count(links.on, people(links, branches, apart=apart), len(links.lists))
    return CaptureHistories(links.lists, likeliest, draws=np.array(tables) if tables else None)


def clusters(links: Links) -> npt.NDArray[np.int64]:
    """The most probable person of each record, as a number from 0, shape (records,).

    Examples
    --------
    >>> pair, odds = (np.array([0]), np.array([2])), np.array([3.0])
    >>> links = Links(("a", "b"), np.array([0, 0, 1]), *pair, odds)
    >>> clusters(links)
    array([0, 1, 0])
    """
    return people(links, forest(links))


Branches = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]


def forest(links: Links) -> Branches:
    """The strongest links that hang together without a circle: two records, and the log odds."""
    # Ranks, so that equal weights are taken in the order of the records on any machine.
    strongest_first = np.lexsort((links.right, links.left, -links.log_odds))
    rank = np.empty(len(strongest_first))
    rank[strongest_first] = np.arange(1, len(strongest_first) + 1)
    n = len(links.on)
    graph = coo_matrix((rank, (links.left, links.right)), shape=(n, n))
    kept = strongest_first[minimum_spanning_tree(graph.tocsr()).data.astype(np.int64) - 1]
    kept = kept[np.lexsort((links.right[kept], links.left[kept]))]
    return links.left[kept], links.right[kept], links.log_odds[kept]


def forbidding(links: Links) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each record those that cannot be the same person: `against[begin[r]:begin[r + 1]]`."""
    both = np.concatenate([links.apart_left, links.apart_right])
    other = np.concatenate([links.apart_right, links.apart_left])
    begin = np.concatenate([[0], np.cumsum(np.bincount(both, minlength=len(links.on)))])
    return begin, other[np.argsort(both, kind="stable")]


def people(
    links: Links,
    branches: Branches,
    noise: npt.NDArray[np.float64] | float = 0.0,
    apart: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None,
) -> npt.NDArray[np.int64]:
    """Whose record each is, as a number from 0, shape (records,).

    Parameters
    ----------
    links : Links
        Of which two records that were ruled out never come together.
    branches
        As `forest` gives them.
    noise : array of float, shape (branches,), or 0
        Added to the log odds; a branch holds where the sum is above zero.
    apart : optional
        As `forbidding` gives it, where many draws are made.
    """
    from darkfigure.lists import _unite

    left, right, log_odds = branches
    strength = log_odds + noise
    order = np.argsort(-strength, kind="stable")
    order = order[strength[order] > 0]
    begin, against = apart or forbidding(links)
    n = len(links.on)
    group, size = np.arange(n), np.ones(n, np.int64)
    following, last = np.full(n, -1), np.arange(n)
    _unite.unite(left[order], right[order], begin, against, group, size, following, last)
    person = np.empty(n, np.int64)
    _unite.number(group, person)
    return person


def count(
    on: npt.NDArray[np.int64], person: npt.NDArray[np.int64], n_lists: int
) -> npt.NDArray[np.int64]:
    """How many people are on exactly which lists, shape (2**n_lists,), entry 0 zero.

    Examples
    --------
    >>> count(np.array([0, 0, 1]), np.array([0, 0, 0]), 2)
    array([0, 0, 0, 1])
    """
    mask = np.zeros(int(person.max(initial=-1)) + 1, np.int64)
    np.bitwise_or.at(mask, person, 1 << on)
    return np.bincount(mask, minlength=1 << n_lists)


def agreement(
    person: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]
) -> tuple[float, float, float]:
    """Precision, recall and F1 over pairs of records, where the truth is known.

    Examples
    --------
    >>> agreement(np.array([0, 0, 1]), np.array([5, 5, 5]))
    (1.0, 0.333..., 0.5)
    """

    def pairs(*labels: npt.NDArray[np.int64]) -> int:
        sizes = np.unique(np.stack(labels), axis=1, return_counts=True)[1]
        return int((sizes * (sizes - 1) // 2).sum())

    both, found, true = pairs(person, truth), pairs(person), pairs(truth)
    return both / max(found, 1), both / max(true, 1), 2 * both / max(found + true, 1)
