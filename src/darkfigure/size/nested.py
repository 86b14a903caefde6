"""Nested intervals: how the interval widens as the choice is among more and more models.

The models are ranked once, by BIC. With m models the best of the first m is chosen anew in every
replicate; m = 1 takes the best model as known beforehand, and with all models the interval is that
of `bic`. Where the limits stop moving, more models would not change them (Silverman, Chan & Vincent
2024, "Bootstrapping multiple systems estimates to account for model selection", section 3).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories
from darkfigure.size import _space as kernel
from darkfigure.size.bootstrap import bca, check_settings, draw, jackknife
from darkfigure.size.search import best_models

MOST = 10_000


def nested_intervals(
    histories: CaptureHistories,
    models: int,
    *,
    max_order: int | None = None,
    bootstrap: int = 200,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> list[dict[str, Any]]:
    """The BCa intervals with the choice among the best 1, 2, ... models.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 12 lists.
    models : int
        How many models the last interval chooses among, 1 to 10,000.
    max_order : int, optional
        As for `bic`.
    bootstrap : int
        Replicates, 20 or more.
    level, seed, workers, progress
        As for `independent`.

    Returns
    -------
    list of dict
        One entry per number of models: `models`, the `model` that joins, its `total` and `bic`, and
        `lower` and `upper` (None where there is no upper limit).

    Raises
    ------
    NoEstimateError
        If no model can be estimated from these counts.
    InputError
        If a parameter is out of range.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 12, 20, 8, 6, 3])
    >>> found = nested_intervals(h, 3, bootstrap=100)
    >>> [each["model"] for each in found]
    ['[1,2,3]', '[23,1]', '[13,2]']
    """
    if not 1 <= models <= MOST:
        raise InputError(
            f"The number of models to choose among is 1 or more, up to {MOST:,}, not {models:,}."
        )
    check_settings(bootstrap, level)
    ranked = best_models(histories, models, max_order=max_order)
    space = ranked.space

    def totals(tables: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return kernel.nested_totals(  # type: ignore[no-any-return]
            tables, space.n_lists, space.candidates, ranked.terms
        )

    draws = draw(
        histories, totals, b=bootstrap, seed=seed, workers=workers, progress=progress
    ).reshape(bootstrap, -1)
    left_out = jackknife(histories, totals, workers=workers).reshape(-1, draws.shape[1])
    found = []
    for m in range(len(ranked)):
        interval = bca(draws[:, m], left_out[:, m], histories, float(ranked.total[0]), level)
        found.append(
            {
                "models": m + 1,
                "model": str(ranked.model(m)),
                "total": float(ranked.total[m]),
                "bic": float(ranked.values[m]),
                "lower": interval.lower,
                "upper": interval.upper if math.isfinite(interval.upper) else None,
                "bias": interval.bias,
                "acceleration": interval.acceleration,
            }
        )
    return found
