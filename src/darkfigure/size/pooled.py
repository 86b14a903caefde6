"""Estimates from counts that rest on linked records: the doubt of the links joins the interval.

Who is who is drawn M times (`darkfigure.lists.overlap`), and each draw makes a table of counts. The
method is applied to every one of them, and what it says of chance is mixed in equal parts: if the
links were the m-th draw, the total would be spread like the m-th set of replicates. This is
multiple imputation (Rubin 1987) with the mixture itself in place of a normal approximation to it,
for a total's spread is skew. BCa's corrections are made for the mixture: the bias from each table's
replicates against its own estimate, the acceleration as the mean of the tables' (DiCiccio & Efron
1996, equation 2.3).

How much of the spread comes from the links is the share of the variance between the tables in the
whole, of the logarithm of the unseen.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.bootstrap import percentile_point

Method = TypeVar("Method", bound=Callable[..., Estimate])

LEAST = {"bootstrap": 20, "draws": 1_000}
"""Of replicates and draws of the total, no method makes do with fewer."""

MOST_WITHOUT = 0.05
"""Of the draws of who is who, the share that may have no estimate before it is said."""


def over_links(method: Method) -> Method:
    """Let a method take counts with draws of who is who.

    Counts without draws go to the method as they are. The replicates asked for are shared out over
    the draws.

    Examples
    --------
    >>> from darkfigure.size import independent
    >>> sure = CaptureHistories("ab", [0, 300, 250, 120])
    >>> drawn = CaptureHistories("ab", sure.counts, draws=[[0, 310, 260, 110], [0, 290, 240, 130]])
    >>> wide, narrow = independent(drawn, bootstrap=400), independent(sure, bootstrap=400)
    >>> wide.upper - wide.lower > narrow.upper - narrow.lower
    True
    >>> 0 < wide.details["linkage"]["share"] < 1
    True
    """

    @functools.wraps(method)
    def pooled(histories: CaptureHistories, **options: Any) -> Estimate:
        if histories.draws is None:
            return method(histories, **options)
        return _pooled(method, histories, options)

    return cast(Method, pooled)


def _pooled(
    method: Callable[..., Estimate], histories: CaptureHistories, options: dict[str, Any]
) -> Estimate:
    defaults = {p.name: p.default for p in inspect.signature(method).parameters.values()}
    asked = {**{k: v for k, v in defaults.items() if v is not inspect.Parameter.empty}, **options}
    tables = histories.each_draw()
    central = method(histories.settled, **_without_replicates(options, defaults))
    each: list[Estimate] = []
    without = 0
    for number, table in enumerate(tables):
        try:
            each.append(method(table, **_own(number, len(tables), options, asked)))
        except NoEstimateError:
            without += 1
    if len(each) < 2:
        raise NoEstimateError(
            "Hardly any draw of who is who gave counts from which a total can be estimated."
        )
    seen = central.observed
    level = float(asked["level"])
    points = [(1 - level) / 2, (1 + level) / 2]
    totals = np.array([e.total for e in each] + [math.inf] * without)
    details = dict(central.details)
    draws: npt.NDArray[np.float64] | None = None
    if all(e.draws is not None for e in each):
        sets = [cast("npt.NDArray[np.float64]", e.draws) for e in each]
        nothing = [np.full(sets[0].size, math.inf)] * without
        draws = np.concatenate([*sets, *nothing])
        bias = acceleration = 0.0
        if all("acceleration" in e.details for e in each):
            below = np.mean([np.mean(s < e.total) for s, e in zip(sets, each, strict=True)])
            below = min(max(float(below), 0.5 / draws.size), 1 - 0.5 / draws.size)
            bias = NormalDist().inv_cdf(below)
            acceleration = float(np.mean([e.details["acceleration"] for e in each]))
            details |= {"bias": bias, "acceleration": acceleration}
        details["interval"] = each[0].details.get("interval", "")
        lower, upper = (percentile_point(draws, bias, acceleration, p) for p in points)
    else:
        sets = [_spread(e) for e in each]
        mixed = np.concatenate([*sets, *([np.full(sets[0].size, math.inf)] * without)])
        lower, upper = (percentile_point(mixed, 0.0, 0.0, p) for p in points)
    total = max(float(np.quantile(totals, 0.5, method="lower")), seen)
    linkage = {
        "draws": len(tables),
        "share": None if without else _share(sets, each),
        "observed": [min(t.observed for t in tables), max(t.observed for t in tables)],
        "totals": [float(totals[:len(each)].min()), float(totals[:len(each)].max())],
        "without_estimate": without,
    }  # fmt: skip
    warnings = _of_all(each)
    if without > MOST_WITHOUT * len(tables):
        warnings.append(
            f"Under {without} of {len(tables)} draws of who is who there was no estimate at all; "
            "they count as totals without a limit."
        )
    return replace(
        central,
        total=total,
        lower=max(min(lower, total), seen),
        upper=max(upper, total),
        settings={
            **central.settings,
            **_said(asked, _own(0, len(tables), options, asked)),
            "linkage_draws": len(tables),
        },
        details={**details, "linkage": linkage},
        warnings=tuple(warnings),
        draws=None if draws is None else np.maximum(draws, seen),
    )


def _without_replicates(options: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The method as for the most probable counts alone: what it chose, not how that spreads."""
    own = {k: v for k, v in options.items() if k not in ("bootstrap", "resume", "progress")}
    return {**own, "bootstrap": 0} if "bootstrap" in defaults else own


def _own(number: int, of: int, options: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """The options for one draw: its share of the replicates, its own seed, its own file."""
    seed = np.random.SeedSequence(asked["seed"], spawn_key=(1, number)).generate_state(1)[0]
    own = {**options, "seed": int(seed)}
    for name, least in LEAST.items():
        if asked.get(name):
            own[name] = max(least, -(-asked[name] // of))
    if own.get("nested"):
        own["nested"] = 0
    if own.get("resume"):
        own["resume"] = own["resume"].with_name(f"{own['resume'].name}-{number}")
    if progress := options.get("progress"):
        own["progress"] = _part(progress, number, of)
    return own


def _part(progress: engine.Progress, number: int, of: int) -> engine.Progress:
    return lambda done, pieces: progress(number * pieces + done, of * pieces)


def _said(asked: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The settings as asked for, and what each table got of them."""
    said = {k: asked[k] for k in ("seed", *LEAST) if asked.get(k) is not None}
    return said | {f"{k}_per_table": own[k] for k in LEAST if own.get(k)}


def _spread(estimate: Estimate) -> npt.NDArray[np.float64]:
    """The total as it spreads by Wald's interval: normal on the logarithm of the unseen."""
    unseen, upper = max(estimate.unseen, 1e-9), max(estimate.upper - estimate.observed, 1e-9)
    z = NormalDist()
    sd = math.log(upper / unseen) / z.inv_cdf((1 + estimate.level) / 2)
    steps = np.array([z.inv_cdf((i + 0.5) / 200) for i in range(200)])
    return estimate.observed + unseen * np.exp(sd * steps)


def _share(sets: Sequence[npt.NDArray[np.float64]], each: Sequence[Estimate]) -> float:
    """How much of the variance of the logarithm of the unseen lies between the tables."""
    within = []
    for totals, estimate in zip(sets, each, strict=True):
        unseen = totals[np.isfinite(totals)] - estimate.observed
        if unseen.size > 1:
            within.append(float(np.var(np.log(np.maximum(unseen, 0.5)))))
    between = float(np.var([math.log(max(e.unseen, 0.5)) for e in each], ddof=1))
    whole = between + float(np.mean(within)) if within else between
    return between / whole if whole > 0 else 0.0


def _of_all(each: Sequence[Estimate]) -> list[str]:
    """What was warned of under most draws, but for what tells a number of replicates."""
    counted: dict[str, int] = {}
    for estimate in each:
        for warning in estimate.warnings:
            if "replicates" not in warning:
                counted[warning] = counted.get(warning, 0) + 1
    return [warning for warning, times in counted.items() if 2 * times > len(each)]
