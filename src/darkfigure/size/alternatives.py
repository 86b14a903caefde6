"""What other defensible answers there are, so that nobody takes one number for the truth.

Other methods on the same counts; the models that BIC cannot tell from the best (within 6: Kass &
Raftery 1995 call more than that strong evidence); and the same method with each list left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from darkfigure.errors import NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.interval import with_interval
from darkfigure.size.loglinear import Model, fit
from darkfigure.size.methods import METHODS
from darkfigure.size.search import LISTED, Space, every_model

WITHIN = 6.0
SHOWN = 6


def alternatives(
    histories: CaptureHistories,
    method: str,
    *,
    level: float = 0.95,
    max_order: int | None = None,
) -> list[Estimate]:
    """Other estimates from the same counts, each with `details["label"]` in plain words.

    Parameters
    ----------
    histories : CaptureHistories
    method : str
        The method of the main estimate, which is left out here.
    level : float
        Confidence of the intervals, which take each model as known.
    max_order : int, optional
        As for `bic`.

    Returns
    -------
    list of Estimate
        Those of another method have `details["other_method"]`, models as good as the best
        `details["bic_above_best"]`, those without a list `details["without"]`. What cannot be
        estimated is not among them.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 50, 40, 60, 30, 8, 6, 3])
    >>> [round(e.total) for e in alternatives(h, "bic") if "other_method" in e.details]
    [271, 230]
    """
    found: list[Estimate] = []

    def add(label: str, counts: CaptureHistories, name: str, **details: Any) -> None:
        own = {"max_order": max_order} if name == "bic" and "without" not in details else {}
        try:
            estimate = METHODS[name].estimate(counts, bootstrap=0, level=level, **own)
        except NoEstimateError:
            return
        found.append(replace(estimate, details={**estimate.details, "label": label, **details}))

    for name, other in METHODS.items():
        if name != method:
            add(other.words, histories, name, other_method=name)
    found.extend(_as_good_as_the_best(histories, level, max_order))
    if len(histories.lists) > 2:
        for name in histories.lists:
            if len(histories.lists) > 3 or histories.drop(name).people_on(2):
                add(f"without the list “{name}”", histories.drop(name), method, without=name)
    return found


def _as_good_as_the_best(
    histories: CaptureHistories, level: float, max_order: int | None
) -> list[Estimate]:
    """The best few models after the first, and of all within reach the lowest and the highest."""
    if len(histories.lists) > 6:
        return []
    space = Space(len(histories.lists), max_order)
    if space.size(limit=LISTED + 1) > LISTED:
        return []
    every = every_model(histories, max_order)
    near = every.best(within=WITHIN)
    if near.size < 2:
        return []
    shown = list(near[1:SHOWN])
    for extreme in (near[np.argmin(every.total[near])], near[np.argmax(every.total[near])]):
        if extreme not in shown and extreme != near[0]:
            shown.append(extreme)
    return [
        _of_model(
            histories,
            space.model(int(every.models[i])),
            level,
            float(every.bic[i]),
            every.bic[near[0]],
            near.size,
        )
        for i in shown
    ]


def _of_model(
    histories: CaptureHistories, model: Model, level: float, bic: float, best: float, near: int
) -> Estimate:
    fitted = fit(histories, model)
    return with_interval(
        histories,
        fitted,
        totals=lambda tables: np.full(len(tables), np.inf),
        method="fixed model",
        settings={"model": str(model)},
        details={
            "label": f"model {model}, BIC {bic - best:.1f} above the best",
            "bic_above_best": bic - best,
            "models_within_reach": near,
        },
        replicates=0,
        level=level,
        seed=0,
    )
