"""The total of a region whose lists have different territories.

Each list works in some cities or years only (`darkfigure.size.territories`). The model is chosen by
BIC among those in which lists depend on each other alike in all strata
(`darkfigure.size.shared_interactions`): how they do so is learned where other lists work beside
them. Strata without a list in common, directly or by way of others, have nothing to tell of each
other: they are estimated apart and added up.

The bootstrap draws as many people as were seen, with replacement, and chooses the model anew; the
interval is the percentile interval corrected for bias (Efron 1987 with no acceleration). Draws from
the fitted model, with the true number held, cover less: what BIC left out is not in them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.size.bootstrap import percentile_point
from darkfigure.size.interval import doubts_of
from darkfigure.size.loglinear import Model, Status
from darkfigure.size.partly_overlapping import Fit, fit
from darkfigure.size.shared_interactions import Criterion, best, choose, differs, say
from darkfigure.size.strata import ByStrata, Stratum
from darkfigure.size.territories import Territories, Where
from darkfigure.strata import Strata

DIFFERS = 0.01
"""With less than this chance interactions that are alike would seem so different."""

PIECE = 10  # replicates that travel together to a core


def regional(
    strata: Strata,
    where: Mapping[str, Where],
    *,
    criterion: Criterion = "bic",
    bootstrap: int = 200,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> ByStrata:
    """Estimate each stratum and the region from lists that work in some strata only.

    Parameters
    ----------
    strata : Strata
        Counts by city, by period, or both, over 2 to 8 lists.
    where : mapping of str to 'all' or iterable
        For each list the strata that it works in, as `Territories.of` takes them.
    criterion : {'bic', 'aic'}
        By which the model is chosen.
    bootstrap : int
        Replicates; 0 for Wald's intervals on the logarithm of the unseen, which take the model as
        known beforehand.
    level : float
        Confidence of the intervals, between 0 and 1.
    seed : int
        The same seed gives the same numbers, on any number of cores.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how many pieces of the bootstrap are done.

    Returns
    -------
    ByStrata
        In `total.details`: `model`; `parts`, the strata that are linked, each with its model, BIC
        and AIC; `assumed`, what is taken for granted, in sentences.

    Raises
    ------
    InputError
        If counts and territories contradict each other, or a number is out of range.
    NoEstimateError
        If no list links a stratum to another list, or the counts identify no model.

    Examples
    --------
    >>> kinds = [("North",)] * 7 + [("South",)] * 3
    >>> masks = [1, 2, 3, 4, 5, 6, 7, 1, 2, 3]
    >>> counts = [90, 60, 119, 60, 30, 20, 41, 121, 79, 160]
    >>> s = Strata(["police", "shelter", "clinic"], ["city"], kinds, masks, counts)
    >>> found = regional(s, {"police": "all", "shelter": "all", "clinic": ["North"]}, bootstrap=0)
    >>> [(each.name, round(each.estimate.total)) for each in found.strata]
    [('North', 597), ('South', 597)]
    >>> found.total.details["model"]
    '[12,3]'
    """
    if criterion not in ("bic", "aic"):
        raise InputError(f"The criterion is 'bic' or 'aic', not '{criterion}'.")
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if bootstrap and not 20 <= bootstrap <= 1_000_000:
        raise InputError(f"The number of replicates is 0, or 20 to 1,000,000, not {bootstrap:,}.")
    territories = Territories.of(strata, where)
    parts = territories.parts()
    fits = [best(part, criterion) for part in parts]
    unseen = _in_order(territories, parts, [each.unseen for each in fits])
    draws = None
    if bootstrap:
        draws = _replicates(territories, criterion, bootstrap, seed, workers, progress)
    settings = {
        "by": list(strata.by),
        "territories": {
            name: [say(kind) for s, kind in enumerate(territories.kinds) if works >> s & 1]
            for name, works in zip(territories.lists, _strata_of(territories), strict=True)
        },
        "criterion": criterion,
        "bootstrap": bootstrap,
        "level": level,
        "seed": seed,
    }
    whole = territories.whole
    seen = territories.observed
    total = float(seen.sum() + unseen.sum())
    told = [*strata.notes, *_warnings(territories, parts, fits), *doubts_of(whole, total)]
    if strata.draws is not None:
        told.append("Who is who was taken as certain; that doubt is not in the interval.")
    if draws is None:
        told.append(
            "The interval takes the model as known beforehand, so it is too short; ask for "
            "bootstrap replicates to have the choice of model in it."
        )

    def estimate(of: Sequence[int], names: Sequence[str], **more: Any) -> Estimate:
        observed, hidden = int(seen[list(of)].sum()), float(unseen[list(of)].sum())
        if draws is None:
            drawn = None
            limits = _wald(territories, parts, fits, of, level)
        else:
            drawn = draws[:, list(of)].sum(axis=1)
            limits = _corrected(drawn, observed + hidden, level)
        return Estimate(
            total=observed + hidden,
            lower=min(max(limits[0], observed), observed + hidden),
            upper=max(limits[1], observed + hidden),
            level=level,
            observed=observed,
            method="territories",
            lists=tuple(names),
            draws=drawn,
            **more,
        )

    every = []
    for s, kind in enumerate(territories.kinds):
        names = territories.names(s)
        on_several = int(
            territories.counts[s, np.bitwise_count(np.arange(whole.counts.size)) > 1].sum()
        )
        of_stratum = estimate([s], names, settings=settings)
        note = ""
        if len(names) == 1:
            note = (
                f"Only the list '{names[0]}' works here: that it finds the share of people that it "
                "finds elsewhere is taken for granted, and so is the interval: how much places "
                "differ is not in it."
            )
        every.append(Stratum((kind,), (int(seen[s]),), int(seen[s]), on_several, of_stratum, note))
    details = _details(territories, parts, fits)
    if draws is not None:
        none = int(np.sum(~np.isfinite(draws.sum(axis=1))))
        if none:
            told.append(
                f"{none} of {bootstrap} bootstrap replicates had no estimate at all; they count as "
                "totals without a limit."
            )
        details["interval"] = (
            "bias-corrected bootstrap of people, the model chosen anew in every replicate"
        )
    else:
        details["interval"] = "Wald, on the logarithm of the unseen"
    every_stratum = range(len(every))
    answer = estimate(
        every_stratum,
        territories.lists,
        settings=settings,
        details=details,
        warnings=tuple(told),
    )
    return ByStrata(strata.by, tuple(every), answer)


def _replicates(
    territories: Territories,
    criterion: Criterion,
    b: int,
    seed: int,
    workers: int | None,
    progress: engine.Progress | None,
) -> npt.NDArray[np.float64]:
    """Totals of each stratum in each replicate, shape (b, S); infinite where there is none."""
    seen = np.flatnonzero(territories.counts)
    share = territories.counts.ravel()[seen] / territories.counts.sum()
    people = int(territories.counts.sum())

    def piece(start: int) -> npt.NDArray[np.float64]:
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(start // PIECE,)))
        totals = np.empty((min(PIECE, b - start), len(territories.kinds)))
        for row in totals:
            counts = np.zeros(territories.counts.size)
            counts[seen] = rng.multinomial(people, share)
            drawn = Territories(
                territories.lists,
                territories.kinds,
                territories.works,
                counts.reshape(territories.counts.shape),
            )
            parts = drawn.parts()
            fits = [choose(part, criterion) for part in parts]
            none = [np.full(len(part.kinds), math.inf) for part in parts]
            unseen = [
                n if each is None else each.unseen for each, n in zip(fits, none, strict=True)
            ]
            row[:] = drawn.counts.sum(axis=1) + _in_order(drawn, parts, unseen)
        return totals

    found = engine.run(piece, range(0, b, PIECE), workers=workers, progress=progress)
    return np.concatenate(list(found))


def _in_order(
    territories: Territories, parts: Sequence[Territories], values: Sequence[npt.ArrayLike]
) -> npt.NDArray[np.float64]:
    """A value of each stratum of each part, in the order of the strata."""
    at = [territories.kinds.index(kind) for part in parts for kind in part.kinds]
    ordered = np.empty(len(at))
    ordered[at] = np.concatenate([np.asarray(each, float) for each in values])
    return ordered


def _corrected(draws: npt.NDArray[np.float64], total: float, level: float) -> tuple[float, float]:
    """The percentile interval corrected for bias."""
    below = float(np.mean(draws < total))
    below = min(max(below, 0.5 / draws.size), 1 - 0.5 / draws.size)
    bias = NormalDist().inv_cdf(below)
    lower, upper = (
        percentile_point(draws, bias, 0.0, p) for p in ((1 - level) / 2, (1 + level) / 2)
    )
    return lower, upper


def _wald(
    territories: Territories,
    parts: Sequence[Territories],
    fits: Sequence[Fit],
    of: Sequence[int],
    level: float,
) -> tuple[float, float]:
    """On the logarithm of the unseen of some strata, the parts being independent."""
    hidden = seen = variance = 0.0
    for part, found in zip(parts, fits, strict=True):
        mine = np.array([territories.kinds.index(kind) in of for kind in part.kinds])
        unseen = np.where(mine, found.unseen, 0.0)
        hidden, seen = hidden + unseen.sum(), seen + found.observed[mine].sum()
        variance += float(unseen @ found.log_covariance @ unseen)
    if hidden <= 0:
        return seen, seen
    reach = math.exp(NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(variance) / hidden)
    return seen + hidden / reach, seen + hidden * reach


def _details(
    territories: Territories, parts: Sequence[Territories], fits: Sequence[Fit]
) -> dict[str, Any]:
    terms: set[int] = set()
    rows = []
    for part, found in zip(parts, fits, strict=True):
        old = [territories.lists.index(name) for name in part.lists]
        mine = {
            sum(1 << o for new, o in enumerate(old) if term >> new & 1)
            for term in found.model.terms
        }
        terms |= mine
        rows.append(
            {
                "strata": [say(kind) for kind in part.kinds],
                "lists": list(part.lists),
                "model": str(found.model),
                "lists_by_stratum": bool(found.by_stratum),
                "parameters": found.parameters,
                "bic": found.bic,
                "aic": found.aic,
                "interactions_differ_p": differs(part, found),
            }
        )
    assumed = ["Nobody can be on a list outside its territory: it is impossible, not only rare."]
    if terms:
        assumed.append("Lists depend on each other alike in every stratum.")
    if any(not found.by_stratum for found in fits):
        assumed.append("Each list finds the same share of people in every stratum it works in.")
    if any(
        len(territories.names(s)) < len(territories.lists) for s in range(len(territories.kinds))
    ):
        assumed.append(
            "Where a list does not work, it would find people as it does elsewhere on average."
        )
    return {
        "model": str(Model(len(territories.lists), frozenset(terms))),
        "parts": rows,
        "assumed": assumed,
    }


def _warnings(
    territories: Territories, parts: Sequence[Territories], fits: Sequence[Fit]
) -> list[str]:
    # Without names and numbers of people: these words may go to a page, and strata may be small.
    said = []
    strata = len(territories.kinds)
    alone = int(np.sum(np.bitwise_count(territories.works) == 1))
    if alone:
        said.append(
            f"In {alone:,} of {strata:,} strata only one list works: how many it misses there is "
            "taken over from the other strata, and the interval does not allow for how much places "
            "differ."
        )
    if len(parts) > 1:
        said.append(
            f"The territories fall into {len(parts):,} parts without a list in common: each was "
            "estimated by itself, and they were added up."
        )
    apart = sum(
        not np.any(part.works & pair == pair)
        for part in parts
        for pair in (1 << a | 1 << b for a, b in combinations(range(len(part.lists)), 2))
    )
    if apart:
        pairs = "A pair of lists works" if apart == 1 else f"{apart:,} pairs of lists work"
        said.append(
            f"{pairs} in no stratum together: that they do not depend on each other is taken for "
            "granted."
        )
    for part, found in zip(parts, fits, strict=True):
        if not found.by_stratum and fit(part, found.model, 1).status is not Status.ESTIMABLE:
            said.append(
                "The total rests on each list finding the same share of people in every stratum; "
                "without that the counts would not say how many were not seen."
            )
        if not found.model.terms:
            continue
        chance = differs(part, found)
        if chance is None and len(part.kinds) > 1:
            said.append(
                "Whether lists depend on each other alike in every stratum could not be checked: "
                "too few strata have a third list beside them."
            )
        elif chance is not None and chance < DIFFERS:
            said.append(
                "Lists seem to depend on each other more in some strata than in others, which the "
                "model does not allow for."
            )
    return list(dict.fromkeys(said))


def _strata_of(territories: Territories) -> list[int]:
    """The strata of each list, as a bit mask."""
    return [
        sum(1 << s for s, mask in enumerate(territories.works.tolist()) if mask >> j & 1)
        for j in range(len(territories.lists))
    ]
