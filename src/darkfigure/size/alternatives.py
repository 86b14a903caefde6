"""What other defensible answers there are, so that nobody takes one number for the truth.

Other methods on the same counts; the models that BIC hardly tells from the best (Kass & Raftery
1995 call a difference of more than 6 strong evidence, and one of less than 2 not worth more than a
bare mention); and the same method with each list left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from darkfigure.errors import NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.interval import with_interval
from darkfigure.size.loglinear import Model, fit
from darkfigure.size.methods import METHODS
from darkfigure.size.refusal import refusals
from darkfigure.size.search import best_models

WITHIN = 6.0
BARE_MENTION = 2.0
SHOWN = 6
MOST = 10_000  # no more models within reach are looked at
PATIENCE = 60.0  # seconds for the search for them
SAME = frozenset({"max_order", "threshold", "weights", "draws"})  # settings that carry over


def alternatives(
    histories: CaptureHistories,
    method: str,
    *,
    level: float = 0.95,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> list[Estimate]:
    """Other estimates from the same counts, each with `details["label"]` in plain words.

    Parameters
    ----------
    histories : CaptureHistories
        Draws of who is who are left aside: these estimates are of the most probable counts.
    method : str
        The method of the main estimate, which is left out here.
    level : float
        Confidence of the intervals, which take each model as known.
    options : mapping
        What the main estimate was made with besides: max_order, threshold, weights, draws.

    Returns
    -------
    list of Estimate
        Those of another method have `details["other_method"]`, models as good as the best
        `details["bic_above_best"]` and, of all that are less than 2 above the best,
        `details["nearly_equal"]`; those without a list `details["without"]`. What cannot be
        estimated is not among them.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 50, 40, 60, 30, 8, 6, 3])
    >>> [round(e.total) for e in alternatives(h, "bic") if "other_method" in e.details][:3]
    [386, 271, 230]
    """
    histories = histories.settled
    found: list[Estimate] = []

    def add(label: str, counts: CaptureHistories, name: str, **details: Any) -> None:
        if not METHODS[name].takes(len(counts.lists)) or any(r.hard for r in refusals(counts)):
            return
        given = {key: options[key] for key in METHODS[name].options & SAME & options.keys()}
        if "max_order" in given:
            given["max_order"] = min(given["max_order"], max(1, len(counts.lists) - 1))
        if "bootstrap" in METHODS[name].options:
            given["bootstrap"] = 0
        try:
            estimate = METHODS[name].estimate(counts, level=level, **given)
        except NoEstimateError:
            return
        found.append(replace(estimate, details={**estimate.details, "label": label, **details}))

    own = "shrinkage" if method == "auto" else method  # without the search for what it hangs on
    for name, other in METHODS.items():
        if name not in (own, method) and other.beside:
            add(other.words, histories, name, other_method=name)
    found.extend(_as_good_as_the_best(histories, level, options.get("max_order")))
    if len(histories.lists) > 2:
        for name in histories.lists:
            if len(histories.lists) > 3 or histories.drop(name).people_on(2):
                add(f"without the list “{name}”", histories.drop(name), own, without=name)
    return found


def _as_good_as_the_best(
    histories: CaptureHistories, level: float, max_order: int | None
) -> list[Estimate]:
    """The best few models after the first, and of all within reach the lowest and the highest."""
    if not METHODS["bic"].takes(len(histories.lists)):
        return []
    try:
        near = best_models(histories, MOST, WITHIN, max_order=max_order, time_limit=PATIENCE)
    except NoEstimateError:
        return []
    shown = list(range(1, min(SHOWN, len(near))))
    for extreme in (int(np.argmin(near.total)), int(np.argmax(near.total))):
        if extreme not in shown and extreme != 0:
            shown.append(extreme)
    equal = near.total[near.values - near.values[0] <= BARE_MENTION]
    details = {
        "models_within_reach": len(near),
        "models_within_reach_all": near.certified and len(near) < MOST,
        "nearly_equal": {
            "models": len(equal),
            "lowest": float(equal.min()),
            "highest": float(equal.max()),
        },
    }
    return [
        _of_model(histories, near.model(i), level, float(near.values[i] - near.values[0]), details)
        for i in shown
    ]


def _of_model(
    histories: CaptureHistories,
    model: Model,
    level: float,
    above: float,
    details: dict[str, Any],
) -> Estimate:
    return with_interval(
        histories,
        fit(histories, model),
        totals=lambda tables: np.full(len(tables), np.inf),
        method="fixed model",
        settings={"model": str(model)},
        details={
            "label": f"model {model}, BIC {above:.1f} above the best",
            "bic_above_best": above,
            **details,
        },
        replicates=0,
        level=level,
        seed=0,
    )
