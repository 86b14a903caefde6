"""BIC: of all hierarchical models, the one with the best balance of fit and size.

BIC = -2 log-likelihood + parameters x log(people observed), parameters at minus infinity counted,
models without an estimate left out (Silverman, Chan & Vincent 2024). Every replicate of the
bootstrap chooses again among all models.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from darkfigure import engine
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.interval import with_interval
from darkfigure.size.loglinear import fit
from darkfigure.size.nested import nested_intervals
from darkfigure.size.pooled import over_links
from darkfigure.size.search import BestModels, Watch, best_models, best_totals
from darkfigure.size.space import Space, every_model

SEARCH_BUDGET = 300_000
"""Fits to find the best model: enough for a proof up to nine lists, mostly; minutes at most."""

REPLICATE_BUDGET = 200_000
"""The same for a replicate; most need a thousand, one of very sparse lists can need far more."""

SCOUT_BUDGET = 2_000
"""The same where even the best model of the table itself could not be proven."""


@over_links
def bic(
    histories: CaptureHistories,
    *,
    max_order: int | None = None,
    nested: int = 0,
    time_limit: float | None = None,
    bootstrap: int = 200,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
    watch: Watch | None = None,
    resume: Path | None = None,
) -> Estimate:
    """Estimate the total under the hierarchical model with the lowest BIC.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 12 lists.
    max_order : int, optional
        The most lists that may interact at once. Left out: one fewer than there are lists, up to
        six lists; 2 from seven lists on.
    nested : int
        How many of the nested intervals of `nested_intervals` to put into `details["nested"]`.
    time_limit : float, optional
        Seconds for the search; 300,000 fits if left out. When they are over, the best model so far
        is taken, `certified` is false, and the replicates take the best of 2,000 fits.
    bootstrap, level, seed, workers, progress, resume
        As for `independent`.
    watch : callable, optional
        Told how many models have been fitted, while the search goes on.

    Raises
    ------
    NoEstimateError
        If no model can be estimated from these counts.
    InputError
        If there are too many lists, nobody is on any, or a parameter is out of range.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 40, 20, 4, 3, 1])
    >>> found = bic(h, bootstrap=0)
    >>> found.details["model"], found.details["models"], found.details["certified"]
    ('[12,3]', 8, True)
    """
    space = Space(len(histories.lists), max_order)
    best = best_models(
        histories,
        max_order=space.max_order,
        budget=SEARCH_BUDGET if time_limit is None else None,
        time_limit=time_limit,
        watch=watch,
    )
    models = space.size()
    details: dict[str, Any] = {
        "models": models,
        "models_fitted": best.fitted,
        "models_pruned": best.pruned,
        "models_admissible": None,
        "certified": best.certified,
        "gap": best.gap if best.gap < float("inf") else None,
    }
    if models is not None and space.listed:
        every = every_model(histories, space.max_order, workers=workers)
        details |= {
            "models_fitted": models,
            "models_pruned": 0,
            "models_admissible": every.admissible,
        }
    if nested:
        details["nested"] = nested_intervals(
            histories,
            nested,
            max_order=space.max_order,
            bootstrap=bootstrap,
            level=level,
            seed=seed,
            workers=workers,
            progress=progress,
        )
    return with_interval(
        histories,
        fit(histories, best.model(0)),
        totals=best_totals(space, REPLICATE_BUDGET if best.certified else SCOUT_BUDGET),
        method="bic",
        settings={"max_order": space.max_order, "time_limit": time_limit},
        details=details,
        replicates=bootstrap,
        level=level,
        seed=seed,
        workers=workers,
        progress=progress,
        resume=resume,
        doubts=() if best.certified else (_not_proven(best),),
    )


def _not_proven(best: BestModels) -> str:
    """What a search that ran out of time leaves open."""
    return (
        "The search for the best model was ended early: the model is the best found, not proven. "
        f"One with a BIC up to {best.gap:,.0f} lower has not been ruled out; allow more time "
        "(--time-limit), or merge lists."
    )
