"""BIC: of all hierarchical models, the one with the best balance of fit and size.

BIC = -2 log-likelihood + parameters x log(people observed), parameters at minus infinity counted,
models without an estimate left out (Silverman, Chan & Vincent 2024). Every replicate of the
bootstrap chooses again among all models.
"""

from __future__ import annotations

from darkfigure import engine
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _search as kernel
from darkfigure.size.interval import with_interval
from darkfigure.size.loglinear import fit
from darkfigure.size.search import LISTED, Space, best_model, every_model


def bic(
    histories: CaptureHistories,
    *,
    max_order: int | None = None,
    bootstrap: int = 200,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Estimate:
    """Estimate the total under the hierarchical model with the lowest BIC.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 8 lists.
    max_order : int, optional
        The most lists that may interact at once. Left out: one fewer than there are lists, up to
        five lists; 2 from six lists on.
    bootstrap, level, seed, workers, progress
        As for `independent`.

    Raises
    ------
    NoEstimateError
        If no model can be estimated from these counts.
    InputError
        If there are too many lists or the order is out of range.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 40, 20, 4, 3, 1])
    >>> found = bic(h, bootstrap=0)
    >>> found.details["model"], found.details["models"], found.details["certified"]
    ('[12,3]', 8, True)
    """
    space = Space(len(histories.lists), max_order)
    best = best_model(histories, space.max_order)
    models = space.size()
    admissible = fitted = None
    if models <= LISTED:
        everything = every_model(histories, space.max_order, workers=workers)
        admissible, fitted = everything.admissible, models
    candidates, requires = space.candidates, space.requires
    return with_interval(
        histories,
        fit(histories, best.model),
        totals=lambda tables: kernel.best_totals(tables, space.n_lists, candidates, requires),
        method="bic",
        settings={"max_order": space.max_order},
        details={
            "models": models,
            "models_fitted": fitted or best.models_fitted,
            "models_admissible": admissible,
            "certified": True,
        },
        replicates=bootstrap,
        level=level,
        seed=seed,
        workers=workers,
        progress=progress,
    )
