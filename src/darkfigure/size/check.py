"""Can it be estimated, and trusted? The estimate again and again, each time with something gone.

A number that rests on the data as a whole hardly moves when the best model, a list, a pair of lists
or one person is taken away. So each is taken away, the model is chosen anew, and what moves the
number is told. The influence of people is the jackknife's (Efron & Stein 1981): n people in a cell,
each of whom would change the total by d, add n d^2 to its variance.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations

import numpy as np

from darkfigure import engine
from darkfigure.errors import NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size import check_report
from darkfigure.size._space import TIE
from darkfigure.size.alternatives import WITHIN
from darkfigure.size.loglinear import Fit, Status, fit
from darkfigure.size.refusal import LowerBound, Reason, lower_bound, refusals
from darkfigure.size.search import NotFoundInTime, Watch, best_models, cannot_answer
from darkfigure.size.sensitivity import Sensitivity, of_fit, sensitivity
from darkfigure.size.space import Space

SHOWN = 10  # best models
KEPT = 10_000  # models within 6 BIC that are counted
WORK = 1 << 27  # cells fitted in the search of the whole table: some twenty seconds
REFIT_WORK = 1 << 22  # the same with something gone: proves the best of up to eight lists, mostly
ALL_REFITS = 1 << 28  # and in all the searches with something gone: half a minute


@dataclass(frozen=True)
class OneList:
    """People on a list, on it alone, and shared with others; `overlap` is the share shared."""

    name: str
    size: int
    only: int
    shared: int
    overlap: float | None


@dataclass(frozen=True)
class Ranked:
    """One of the best models, in brackets over list numbers."""

    model: str
    total: float
    bic_above_best: float


@dataclass(frozen=True)
class Near:
    """The models within 6 BIC of the best; `complete` where there are no others."""

    models: int
    lowest: float
    highest: float
    complete: bool


@dataclass(frozen=True)
class Without:
    """The estimate without some lists; `model` numbers the lists that remain, in their order.

    `ratio` is to the total of all lists, `certified` tells whether the model is proven best. Where
    there is no estimate, `why` says why and total, ratio and model are None.
    """

    lists: tuple[str, ...]
    observed: int
    total: float | None
    ratio: float | None
    model: str | None
    certified: bool
    why: str | None


@dataclass(frozen=True)
class Cell:
    """The people on exactly these lists, and what one fewer of them would change.

    `total` and `change` with the model chosen anew, `fixed_change` with the model kept, `share` of
    the jackknife variance; None where there is no estimate.
    """

    lists: tuple[str, ...]
    people: int
    total: float | None
    change: float | None
    share: float | None
    fixed_change: float | None
    model_changes: bool | None
    certified: bool


@dataclass(frozen=True)
class Check:
    """What `check` found: `str` is a report for the terminal, `to_dict` plain values for JSON.

    `total`, `model` and `bic` are of the best model, of `models` in all (None: too many to count),
    `certified` where it is proven; `best_models` are the ten best. `without_list` and
    `without_pair` are in the order of the lists, or `why_no_...` says why there are none; `cells`
    without an estimate come first, then by share; `unknowable` is of the interaction of all lists;
    `refusals` are the reasons for which a method that chooses for its user would refuse these
    counts, and `lower_bound` what can be said without a model; `findings` with the most serious
    first.
    """

    observed: int
    on_two_or_more: int
    lists: tuple[OneList, ...]
    pairs_sharing_nobody: tuple[tuple[str, str], ...]
    total: float
    model: str
    bic: float
    models: int | None
    certified: bool
    best_models: tuple[Ranked, ...]
    near: Near
    without_list: tuple[Without, ...]
    without_pair: tuple[Without, ...]
    why_no_list: str | None
    why_no_pair: str | None
    cells: tuple[Cell, ...]
    unknowable: Sensitivity
    refusals: tuple[Reason, ...]
    lower_bound: LowerBound
    findings: tuple[str, ...] = ()
    verdict: str = ""

    def to_dict(self) -> dict[str, object]:
        """Everything as plain values for JSON; what does not exist is None."""
        # Through JSON and back: tuples become lists, and no infinity or NaN gets out unnoticed.
        plain: dict[str, object] = json.loads(json.dumps(asdict(self), allow_nan=False))
        return plain

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in check_report.report(self))


def check(
    histories: CaptureHistories,
    *,
    max_order: int | None = None,
    thresholds: Sequence[float] = (),
    workers: int | None = None,
    progress: engine.Progress | None = None,
    watch: Watch | None = None,
) -> Check:
    """How the estimate moves as models, lists, pairs of lists and single people are taken away.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 12 lists. Draws of who is who are left aside: the most probable counts
        are checked.
    max_order : int, optional
        The most lists that may interact at once, as for `bic`. Where lists are left out it is the
        same, so that nothing else changes.
    thresholds : sequence of float
        Numbers of people at which a conclusion would change, for `unknowable`.
    workers : int, optional
        Cores to use; the results are the same for any number.
    progress : callable, optional
        Told how many of the estimates without something are done.
    watch : callable, optional
        Told how many models have been fitted in the first search.

    Raises
    ------
    NoEstimateError
        If no model can be estimated from these counts.
    InputError
        If there are too many lists or the order is out of range.

    Examples
    --------
    >>> found = check(CaptureHistories("abc", [0, 40, 30, 40, 20, 4, 3, 1]))
    >>> found.model, round(found.total), [round(w.total) for w in found.without_list]
    ('[12,3]', 413, [518, 476, 153])
    >>> print(found.findings[0])
    One single person fewer on exactly “a”, “b” and “c” would move the total by 246 people, ...
    """
    histories = histories.settled
    space = Space(len(histories.lists), max_order)
    if histories.observed == 0:
        raise NoEstimateError("Nobody is on any of the lists; there is nothing to estimate from.")
    found = best_models(
        histories,
        KEPT,
        WITHIN,
        max_order=space.max_order,
        budget=WORK >> space.n_lists,
        watch=watch,
    )
    best = fit(histories, found.model(0))
    if best.status is not Status.ESTIMABLE:
        raise NoEstimateError(cannot_answer(histories))

    def again(gone: tuple[str, ...] | int) -> Without | Cell:
        if isinstance(gone, int):
            return _one_fewer(histories, space, gone, best, work)
        return _left_out(histories, space, gone, best.total, work)

    k = len(histories.lists)
    away: list[tuple[str, ...] | int] = [int(mask) for mask in np.flatnonzero(histories.known)]
    away += [names for n in (1, 2) if k >= n + 2 for names in combinations(histories.lists, n)]
    work = min(REFIT_WORK, ALL_REFITS // len(away))
    moved = list(engine.run(again, away, workers=workers, progress=progress))
    without = [one for one in moved if isinstance(one, Without)]
    one_left = "one list alone says nothing of the people who are on none."
    complete = found.certified and len(found) < KEPT
    checked = Check(
        observed=histories.observed,
        on_two_or_more=histories.observed - histories.people_on(1),
        lists=tuple(_one_list(histories, name) for name in histories.lists),
        pairs_sharing_nobody=tuple(histories.sharing_nobody()),
        total=best.total,
        model=str(best.model),
        bic=best.bic,
        models=space.size(),
        certified=bool(found.floor >= found.values[0]),
        best_models=tuple(
            Ranked(
                str(found.model(i)), float(found.total[i]), float(found.values[i] - found.values[0])
            )
            for i in range(min(SHOWN, len(found)))
        ),
        near=Near(len(found), float(found.total.min()), float(found.total.max()), complete),
        without_list=tuple(one for one in without if len(one.lists) == 1),
        without_pair=tuple(one for one in without if len(one.lists) == 2),
        why_no_list=f"No list can be left out: {one_left}" if k < 3 else None,
        why_no_pair=f"No two lists can be left out: {one_left}" if k < 4 else None,
        cells=_shared_out([one for one in moved if isinstance(one, Cell)]),
        unknowable=sensitivity(of_fit(histories, best), histories, thresholds=thresholds),
        refusals=tuple(refusals(histories)),
        lower_bound=lower_bound(histories),
    )
    weighed = sorted(check_report.findings(checked), key=lambda one: -one[0])
    said = (*(sentence for _, sentence in weighed), *histories.notes)
    return replace(checked, findings=said, verdict=check_report.verdict(checked, weighed))


def _best(
    histories: CaptureHistories, space: Space, work: int
) -> tuple[Fit | None, bool, str | None]:
    """The best model, fitted; whether that is proven; and where there is none, why."""
    if histories.observed == 0:
        return None, True, "Nobody is on any of the other lists."
    try:
        found = best_models(histories, max_order=space.max_order, budget=work >> space.n_lists)
    except NoEstimateError as error:
        return None, not isinstance(error, NotFoundInTime), str(error)
    best = fit(histories, found.model(0))
    if best.status is not Status.ESTIMABLE:
        return None, found.certified, cannot_answer(histories)
    return best, found.certified, None


def _one_list(histories: CaptureHistories, name: str) -> OneList:
    size, only = histories.size_of(name), int(histories.counts[1 << histories.lists.index(name)])
    return OneList(name, size, only, size - only, (size - only) / size if size else None)


def _left_out(
    histories: CaptureHistories, space: Space, names: tuple[str, ...], full: float, work: int
) -> Without:
    rest = histories
    for name in names:
        rest = rest.drop(name)
    highest = max(1, len(rest.lists) - 1)
    best, certified, why = _best(rest, Space(len(rest.lists), min(space.max_order, highest)), work)
    if best is None:
        return Without(names, rest.observed, None, None, None, certified, why)
    ratio, model = best.total / full, str(best.model)
    return Without(names, rest.observed, best.total, ratio, model, certified, None)


def _one_fewer(histories: CaptureHistories, space: Space, mask: int, full: Fit, work: int) -> Cell:
    """The cell and what one person fewer would change; `_shared_out` adds the share."""
    people, left = int(histories.counts[mask]), histories.counts.copy()
    left[mask] -= 1
    fewer = CaptureHistories(histories.lists, left)
    best, certified, _ = _best(fewer, space, work)
    kept = fit(fewer, full.model)
    estimable = kept.status is Status.ESTIMABLE
    if estimable and (best is None or kept.bic < best.bic - TIE):
        best = kept  # a search that ended early had missed it
    return Cell(
        lists=tuple(name for j, name in enumerate(histories.lists) if mask >> j & 1),
        people=people,
        total=best.total if best else None,
        change=best.total - full.total if best else None,
        share=None,
        fixed_change=kept.total - full.total if estimable else None,
        model_changes=best.model != full.model if best else None,
        certified=certified,
    )


def _shared_out(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    parts = [cell.people * (cell.change or 0.0) ** 2 for cell in cells]
    whole = math.fsum(parts)
    shared = [
        replace(cell, share=part / whole if whole and cell.change is not None else None)
        for cell, part in zip(cells, parts, strict=True)
    ]
    return tuple(sorted(shared, key=lambda one: (one.total is not None, -(one.share or 0.0))))
