"""From a chosen model to an `Estimate`: the interval, and how the numbers came to be.

With bootstrap replicates the interval is BCa and holds the uncertainty of the choice of model. With
none it is Wald's for the logarithm of the unseen, which takes the model as known beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.bootstrap import Totals, bootstrap
from darkfigure.size.loglinear import Fit, Status
from darkfigure.size.search import cannot_answer


def with_interval(
    histories: CaptureHistories,
    fit: Fit,
    *,
    totals: Totals,
    method: str,
    settings: Mapping[str, Any],
    details: Mapping[str, Any],
    replicates: int,
    level: float,
    seed: int,
    workers: int | None = None,
    progress: engine.Progress | None = None,
    resume: Path | None = None,
    doubts: Sequence[str] = (),
) -> Estimate:
    """The estimate of a fitted model with its interval.

    Parameters
    ----------
    histories : CaptureHistories
    fit : Fit
        The chosen model, fitted to `histories`.
    totals : callable
        The whole method on many tables at once, choice of model included.
    method, settings, details
        As in `Estimate`; what concerns the interval is added here.
    replicates : int
        Bootstrap replicates; 0 for Wald's interval.
    level, seed, workers, progress, resume
        As in `bootstrap`.
    doubts : sequence of str
        What the method itself has to warn of.

    Raises
    ------
    NoEstimateError
        If the model cannot be estimated from these counts.
    InputError
        If the number of replicates or the level is out of range.
    """
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if fit.status is not Status.ESTIMABLE:
        raise NoEstimateError(f"{cannot_answer(histories)} {fit.status.sentence}")
    warnings = [*histories.notes, *doubts, *doubts_of(histories, fit.total)]
    details = {
        "model": str(fit.model),
        "bic": fit.bic,
        "deviance": fit.deviance,
        "parameters": fit.model.n_parameters,
        "pairs_sharing_nobody": [list(pair) for pair in histories.sharing_nobody()],
        **details,
    }
    if replicates == 0:
        reach = math.exp(NormalDist().inv_cdf((1 + level) / 2) * fit.unseen_log_se)
        unseen = fit.total - fit.observed
        lower, upper = fit.observed + unseen / reach, fit.observed + unseen * reach
        draws = None
        warnings.append(
            "The interval takes the model as known beforehand, so it is too short; ask for "
            "bootstrap replicates to have the choice of model in it."
        )
        details["interval"] = "Wald, on the logarithm of the unseen"
    else:
        interval = bootstrap(
            histories,
            fit.total,
            totals,
            b=replicates,
            level=level,
            seed=seed,
            workers=workers,
            progress=progress,
            resume=resume,
        )
        lower, upper, draws = interval.lower, interval.upper, interval.draws
        warnings.extend(interval.warnings)
        details |= {
            "interval": "BCa bootstrap, the model chosen anew in every replicate",
            "bias": interval.bias,
            "acceleration": interval.acceleration,
        }
    return Estimate(
        total=fit.total,
        lower=lower,
        upper=upper,
        level=level,
        observed=histories.observed,
        method=method,
        lists=histories.lists,
        settings={**settings, "bootstrap": replicates, "level": level, "seed": seed},
        details=details,
        warnings=tuple(warnings),
        draws=draws,
    )


def check_draws(draws: int, level: float) -> None:
    """What every method that draws the total refuses.

    Raises
    ------
    InputError
        If the number of draws or the level is out of range.

    Examples
    --------
    >>> check_draws(10_000, 0.95)
    """
    if not 1000 <= draws <= 1_000_000:
        raise InputError(f"The number of draws is 1,000 to 1,000,000, not {draws:,}.")
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")


def doubts_of(histories: CaptureHistories, total: float) -> list[str]:
    """What in the counts themselves should make a reader careful."""
    doubts = []
    together = histories.observed - histories.people_on(1)
    if together < 20:
        doubts.append(
            "Fewer than 20 people are on more than one list; the total hangs on these few."
        )
    if total > 50 * histories.observed:
        doubts.append(
            "Fewer than one in fifty is on any list: the total is an extrapolation far beyond the "
            "data."
        )
    return doubts
