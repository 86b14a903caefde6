"""Missing values of strata, imputed several times, so that what is not known stays not known.

Let pi be the share of all people that are of kind c and on exactly the lists w. People of whom a
value is missing are of some kind that agrees with what is known of them. In turn

    each of them gets a kind, drawn by pi among those that agree,        (I step)
    pi is drawn from its Dirichlet posterior given all people so filled,  (P step)

which is data augmentation in the saturated multinomial model (Schafer 1997, Analysis of Incomplete
Multivariate Data, section 7.2). The imputation is proper in Rubin's sense, for pi is drawn anew
each time and not estimated. People who are on the same lists and of whom the same is known are
exchangeable, so whole groups are drawn, by multinomials.

The Dirichlet prior is as if as many people as there are kinds had been seen, spread as though the
kind said nothing of the lists: it matters where few are known and vanishes where many are. What is
assumed is that a value is missing for reasons that lists and known values tell (missing at random).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError
from darkfigure.strata import MAX_STRATA, Kind, Strata

STEPS = 50
"""Of each chain, which starts at what the people of known kind say; each imputation has its own."""

TINY = 1e-300


@dataclass(frozen=True)
class Completed:
    """Tables in which the kind of everybody is known.

    Attributes
    ----------
    lists, by : tuple of str
    kinds : tuple of tuple of str, length S
        All values known, in order.
    masks : array of int, shape (W,)
        The combinations of lists that anybody is on.
    counts : array of int, shape (T, S, W)
        How many people of each kind are on exactly which lists, in each of T tables.
    """

    lists: tuple[str, ...]
    by: tuple[str, ...]
    kinds: tuple[tuple[str, ...], ...]
    masks: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def completed(strata: Strata, imputations: int = 10, *, seed: int = 1) -> Completed:
    """Fill in what is missing, several times.

    Parameters
    ----------
    strata : Strata
        With draws of who is who, each of them is completed as often as is needed to have as many
        tables as imputations, or more.
    imputations : int
        2 to 1,000. Where nothing is missing and nothing drawn, one table is enough and is all.
    seed : int
        The same seed gives the same tables.

    Raises
    ------
    InputError
        If the number is out of range.

    Examples
    --------
    >>> kinds = [("f",), ("f",), ("m",), ("m",), (None,)]
    >>> s = Strata("ab", ["sex"], kinds, [1, 3, 1, 3, 3], [40, 9, 10, 1, 10])
    >>> tables = completed(s, 100)
    >>> tables.counts.shape, set(tables.counts.sum(axis=(1, 2)).tolist())
    ((100, 2, 2), {70})
    >>> round(float((tables.counts[:, 0, 1] - 9).mean()))  # nine in ten of those on both are "f"
    9
    """
    if not 2 <= imputations <= 1_000:
        raise InputError(f"The imputations are 2 to 1,000, not {imputations:,}.")
    draws = strata.counts[None] if strata.draws is None else strata.draws
    gaps = any(None in kind for kind in strata.kinds)
    masks, at = np.unique(strata.masks, return_inverse=True)
    kinds = _kinds(strata)
    place = {kind: c for c, kind in enumerate(kinds)}
    whole = [i for i, kind in enumerate(strata.kinds) if None not in kind]
    cells = np.array([place[strata.kinds[i]] for i in whole], np.int64)  # type: ignore[index]
    open_groups = _open_groups(strata, kinds, at)
    each = -(-imputations // len(draws)) if gaps else 1

    def table(number: int) -> npt.NDArray[np.int64]:
        counts = draws[number // each]
        known = np.zeros((len(kinds), len(masks)), np.int64)
        known[cells, at[whole]] = counts[whole]
        if not gaps:
            return known
        everybody = np.bincount(at, counts, len(masks)) + 0.5
        of_kind = known.sum(axis=1) + 0.5
        prior = len(kinds) * np.outer(of_kind / of_kind.sum(), everybody / everybody.sum())
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2, number)))
        share = known + prior
        for _ in range(STEPS):
            filled = known.copy()
            for agreeing, rows in open_groups:
                given = share[agreeing][:, at[rows]].T
                chances = given / given.sum(axis=1, keepdims=True)
                drawn = rng.multinomial(counts[rows], chances)
                filled[agreeing[:, None], at[rows]] += drawn.T
            share = np.maximum(rng.standard_gamma(filled + prior), TINY)
        return filled

    tables = np.array([table(number) for number in range(each * len(draws))])
    return Completed(strata.lists, strata.by, tuple(kinds), masks, tables)


def _kinds(strata: Strata) -> list[tuple[str, ...]]:
    """Every kind that somebody is known to be of; and where nobody of known kind agrees with what
    is known of somebody, all that could be."""
    known = {kind for kind in strata.kinds if None not in kind}
    values = [sorted({k[j] for k in strata.kinds} - {None}) for j in range(len(strata.by))]  # type: ignore[type-var]
    more: set[Kind] = set()
    patterns = {tuple(v is None for v in kind) for kind in strata.kinds}
    for pattern in patterns - {(False,) * len(strata.by)}:
        at = [j for j, gap in enumerate(pattern) if not gap]
        seen = {tuple(kind[j] for j in at) for kind in known}
        for kind in strata.kinds:
            if tuple(v is None for v in kind) == pattern and tuple(kind[j] for j in at) not in seen:
                more |= set(product(*([v] if v else values[j] for j, v in enumerate(kind))))
                if len(more) > MAX_STRATA:
                    raise InputError(
                        f"More than {MAX_STRATA:,} kinds of people are possible; split by fewer "
                        "columns, or by columns with fewer values."
                    )
    return sorted({*known, *more})  # type: ignore[arg-type]


def _open_groups(
    strata: Strata, kinds: Sequence[tuple[str, ...]], at: npt.NDArray[np.intp]
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Of people with the same values known: the kinds that agree, and their rows."""
    rows: dict[Kind, list[int]] = {}
    for i, kind in enumerate(strata.kinds):
        if None in kind:
            rows.setdefault(kind, []).append(i)
    agreeing: dict[tuple[tuple[int, ...], Kind], list[int]] = {}
    for pattern in {tuple(j for j, v in enumerate(kind) if v is not None) for kind in rows}:
        for c, kind in enumerate(kinds):
            agreeing.setdefault((pattern, tuple(kind[j] for j in pattern)), []).append(c)
    found = []
    for open_kind, own in rows.items():
        pattern = tuple(j for j, v in enumerate(open_kind) if v is not None)
        some = agreeing[pattern, tuple(open_kind[j] for j in pattern)]
        found.append((np.array(some, np.int64), np.array(own, np.int64)))
    return found
