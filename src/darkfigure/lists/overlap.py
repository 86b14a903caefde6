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

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories
from darkfigure.lists.link import Links
from darkfigure.strata import Strata

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


def overlaps_by(
    links: Links,
    by: Sequence[str],
    values: Sequence[Sequence[str | None]],
    *,
    draws: int = DRAWS,
    seed: int = 1,
) -> Strata:
    """As `overlaps`, by kind of people.

    A person's value is the one that most of their records have. Where two values are as frequent,
    one of them is drawn, anew in each draw of who is who; where no record has any, it is missing.

    Parameters
    ----------
    links : Links
    by : sequence of str
        The variables.
    values : sequence of sequences of str or None, shape (variables, records)
        What each record says of them.
    draws, seed
        As for `overlaps`.

    Raises
    ------
    InputError
        As for `overlaps`, and for variables that people cannot be split by.

    Examples
    --------
    >>> pair, odds = (np.array([0]), np.array([2])), np.array([30.0])
    >>> links = Links(("a", "b"), np.array([0, 0, 1]), *pair, odds)
    >>> s = overlaps_by(links, ["sex"], [["f", None, "f"]], draws=2)
    >>> {kind: h.counts[1:].tolist() for kind, h in s.split().items()}
    {('f',): [0, 0, 1], (None,): [1, 0, 0]}
    """
    if draws == 1 or not 0 <= draws <= 1_000:
        raise InputError(f"The draws of who is who are 2 to 1,000, or 0 for none; not {draws}.")
    branches, apart = forest(links), forbidding(links)
    known = [sorted({v for v in each if v is not None}) for each in values]
    place = [{v: i for i, v in enumerate(each)} for each in known]
    codes = [
        np.array([-1 if v is None else at[v] for v in each], np.int64)
        for each, at in zip(values, place, strict=True)
    ]

    def drawn(draw: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """What is told of each person, in rows, and how many people each row is."""
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(draw,)))
        noise = rng.logistic(size=len(branches[2])) if draw < draws else 0.0
        person = people(links, branches, noise, apart)
        mask = np.zeros(int(person.max(initial=-1)) + 1, np.int64)
        np.bitwise_or.at(mask, person, 1 << links.on)
        told = [_most_common(person, code, len(mask), rng) for code in codes]
        return np.unique(np.stack([*told, mask]), axis=1, return_counts=True)

    # The last is the most probable of all, without noise.
    tables = list(engine.run(drawn, range(draws + 1)))
    rows, to = np.unique(
        np.concatenate([rows for rows, _ in tables], axis=1), axis=1, return_inverse=True
    )
    counts = np.zeros((draws + 1, rows.shape[1]), np.int64)
    which = np.repeat(np.arange(draws + 1), [len(n) for _, n in tables])
    np.add.at(counts, (which, to.reshape(-1)), np.concatenate([n for _, n in tables]))
    kinds = [
        tuple(None if c < 0 else known[j][c] for j, c in enumerate(row))
        for row in rows[:-1].T.tolist()
    ]
    return Strata(links.lists, by, kinds, rows[-1], counts[-1], (), counts[:-1] if draws else None)


def _most_common(
    person: npt.NDArray[np.int64],
    code: npt.NDArray[np.int64],
    n: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """The most frequent value of each person's records, ties drawn; -1 where there is none."""
    told = code >= 0
    pairs, times = np.unique(np.stack([person[told], code[told]]), axis=1, return_counts=True)
    order = np.lexsort((times + rng.random(len(times)), pairs[0]))
    found = np.full(n, -1)
    found[pairs[0][order]] = pairs[1][order]  # of several the last is kept, the most frequent
    return found


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
