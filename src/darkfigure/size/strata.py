"""A total by strata: each kind of people on its own, and all of them together.

Whoever is easy to find on one list is often easy to find on others; within a stratum people are
more alike, and what dependence such differences make between the lists is gone (Sekar & Deming
1949). Any method is applied to every stratum, small ones pooled (`darkfigure.size.sparse`). The
strata are independent samples, so a draw of the total is the sum of one draw from each stratum's
confidence distribution, and the total carries the uncertainty of them all. The draws are about the
sum of the estimates (see `_centred`). A method that leans on what is usual elsewhere errs alike in
all strata; there the draws are added up in order, so that nothing cancels out (see `_spread_of`).

Missing values are imputed (`darkfigure.size.impute`), and who is who may be drawn, which makes T
completed tables. An estimate is the mean over them (Rubin 1987, equation 3.1.2), so that strata add
up to the total. Its spread is the mixture of the tables' own, as in `darkfigure.size.pooled`, with
the distances between the tables taken sqrt(1 + 1/T) times as large (equation 3.1.5).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.size.bootstrap import percentile_point
from darkfigure.size.impute import Completed, completed
from darkfigure.size.many import Asked, Found, Group
from darkfigure.size.methods import DEFAULT, method
from darkfigure.size.pooled import LEAST
from darkfigure.size.sparse import by_rule
from darkfigure.strata import Strata

LEAST_SHARED = 20
"""People on two or more lists, without whom a stratum does not stand alone."""

JOINT_DRAWS, LEAST_JOINT = 2_000, 200
"""Of the total: in all, and at the least in each completed table."""

NAMED = 4
"""Of pooled strata so many are named; more are counted."""


@dataclass(frozen=True)
class Stratum:
    """One kind of people, or several pooled.

    Attributes
    ----------
    kinds : tuple of tuple of str
        The values of the variables; more than one where strata were pooled.
    seen : tuple of int
        How many of each kind were seen: the mean over the completed tables, rounded.
    observed : int
        The same of all of them.
    shared : int
        How many of these on two or more lists.
    estimate : Estimate or None
        None where there is none.
    note : str
        Why it was pooled, or has no estimate.
    """

    kinds: tuple[tuple[str, ...], ...]
    seen: tuple[int, ...]
    observed: int
    shared: int
    estimate: Estimate | None
    note: str = ""

    @property
    def name(self) -> str:
        """What it is called.

        Examples
        --------
        >>> Stratum((("f", "young"), ("m", "young")), (22, 18), 40, 25, None).name
        'f, young + m, young'
        """
        if len(self.kinds) > NAMED:
            return f"{len(self.kinds):,} small strata together"
        return " + ".join(", ".join(kind) for kind in self.kinds)


@dataclass(frozen=True)
class ByStrata:
    """What was found for each stratum and for all people.

    Attributes
    ----------
    by : tuple of str
        The variables.
    strata : tuple of Stratum
        In the order of their values; nobody is in two of them or in none.
    total : Estimate
        Of all people. In `details`: `by`, `strata_estimated`, `pooled` (how many
        kinds of people did not stand alone), `without_estimate` (people, strata and all),
        and `imputation` (tables, and for each variable the people of whom it is missing).
    """

    by: tuple[str, ...]
    strata: tuple[Stratum, ...]
    total: Estimate

    def rows(self) -> list[dict[str, Any]]:
        """Each stratum as plain values for JSON, without draws."""
        return [
            {
                "name": each.name,
                "kinds": [dict(zip(self.by, kind, strict=True)) for kind in each.kinds],
                "seen": list(each.seen),
                "observed": each.observed,
                "shared": each.shared,
                **_numbers(each.estimate),
                "note": each.note,
            }
            for each in self.strata
        ]

    def table(self) -> str:
        """All strata and the total as text.

        Examples
        --------
        >>> e = Estimate(90.0, 70.0, 130.0, 0.95, 40, "independent", ("a", "b"))
        >>> print(ByStrata(("sex",), (Stratum((("f",),), (40,), 40, 25, e),), e).table())
                                           seen     estimate        lower        upper
        f                                    40           90           70          130
        all                                  40           90           70          130
        """
        rows = [(each.name, each.observed, each.estimate) for each in self.strata]
        lines = [f"{'':<32}{'seen':>7}{'estimate':>13}{'lower':>13}{'upper':>13}"]
        for name, seen, e in [*rows, ("all", self.total.observed, self.total)]:
            told = f"{seen:>13,}{'no estimate':>26}" if e is None else "".join(
                f"{'none' if math.isinf(x) else format(x, ',.0f'):>13}"
                for x in (e.total, e.lower, e.upper)
            )  # fmt: skip
            short = name if len(name) <= 31 else f"{name[:30].rstrip()}…"
            at_least = " at least" if e is None else f"{seen:>7,}"
            lines.append(f"{short:<32}{at_least}{told}".rstrip())
        return "\n".join(lines)


def by_strata(
    strata: Strata,
    name: str = DEFAULT,
    *,
    imputations: int = 10,
    least_shared: int = LEAST_SHARED,
    level: float = 0.95,
    seed: int = 1,
    where: engine.Where = "local",
    workers: int | None = None,
    progress: engine.Progress | None = None,
    resume: Path | None = None,
    **options: Any,
) -> ByStrata:
    """Estimate each stratum by a method, and all people together.

    Parameters
    ----------
    strata : Strata
        How many people of each kind are on which lists. Values may be missing, and there may be
        draws of who is who.
    name : str
        The method, one of the table of methods.
    imputations : int
        How many times what is missing is filled in, 2 to 1,000; without effect where nothing is.
    least_shared : int
        A stratum with fewer people on two or more lists is pooled; 1 or more.
    level : float
        Confidence of the intervals, between 0 and 1.
    seed : int
        The same seed gives the same numbers, on every engine and any number of cores.
    where : {'local', 'spark'}
        Where the strata are estimated.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how many strata are estimated.
    resume : Path, optional
        A file that keeps what was finished; a call that finds one goes on where that stopped.
    **options
        Of the method. Replicates or draws are shared out over the completed tables, as for counts
        with draws of who is who.

    Raises
    ------
    NoEstimateError
        If there is no estimate for any stratum.
    InputError
        If a number is out of range or there is no such method.

    Examples
    --------
    >>> kinds = [(sex,) for sex in "fm" for _ in range(3)]
    >>> counts = [60, 40, 30, 50, 70, 25]
    >>> found = by_strata(Strata("ab", ["sex"], kinds, [1, 2, 3] * 2, counts), "independent")
    >>> [(each.name, round(each.estimate.total)) for each in found.strata]
    [('f', 210), ('m', 285)]
    >>> round(found.total.total), found.total.lower < 495 < found.total.upper
    (495, True)
    """
    chosen = method(name)
    if least_shared < 1:
        raise InputError(f"The least number of people is 1 or more, not {least_shared}.")
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    tables = completed(strata, imputations, seed=seed)
    own = {**options, "level": level}
    told = Asked(
        tables, name, own, seed=seed, resume=resume, where=where, workers=workers, progress=progress
    )
    standing, alone, bad = by_rule(tables, least_shared, told)
    if not standing:
        people = f"The {strata.observed:,} people seen"
        raise NoEstimateError(
            f"{people} are all that can be told: not one stratum has an estimate, nor have all "
            f"together. {told.refusal(alone) if alone else ''}".strip()
        )
    defaults = inspect.signature(chosen.estimate).parameters
    drawn = {key: defaults[key].default for key in LEAST if key in defaults}
    settings = {"imputations": imputations, "least_shared": least_shared, "seed": seed}
    settings |= {**drawn, **own}
    return _answer(strata, tables, told, sorted(standing), alone, bad, name, level, settings)


@dataclass(frozen=True)
class _Spread:
    """What a stratum, or the sum of some, has in all tables.

    Attributes
    ----------
    points : array of float, shape (T,)
        The estimates.
    draws : array of float, shape (T, R)
        Of their confidence distributions.
    """

    points: npt.NDArray[np.float64]
    draws: npt.NDArray[np.float64]


def _spread_of(found: Sequence[Found], seed: int, alike: bool) -> tuple[_Spread, list[Estimate]]:
    """Where a table has no estimate, that of the next one that has stands in for it.

    The draws are in no order, so that strata added up are independent of each other; or in order
    where a method errs alike in all of them: then nothing cancels out, which is the most that the
    total can be off.
    """
    with_one = [i for i, each in enumerate(found) if each.draws is not None]
    use = [min(with_one, key=lambda i: ((i - t) % len(found), i)) for t in range(len(found))]
    known = {i: Estimate.from_json(found[i].told) for i in sorted(set(use))}
    bias, acceleration = (
        float(np.mean([e.details.get(key, 0.0) for e in known.values()]))
        for key in ("bias", "acceleration")
    )
    r = max(JOINT_DRAWS // len(found), LEAST_JOINT)
    rng = np.random.default_rng(seed)
    draws = [confidence(np.asarray(found[i].draws, float), bias, acceleration, r) for i in use]
    if not alike:
        draws = [rng.permutation(each) for each in draws]
    points = np.array([known[i].total for i in use])
    return _Spread(points, np.array(draws)), [known[i] for i in use]


def confidence(
    draws: npt.NDArray[np.float64], bias: float, acceleration: float, r: int
) -> npt.NDArray[np.float64]:
    """The confidence distribution of a total, as r values that are equally probable, in order.

    Of replicates it is the one whose percentile points are their BCa limits (Efron & Hastie 2016,
    section 11.6); draws of a posterior, which have no bias to correct, are it. A replicate without
    an estimate counts as the largest that has one.

    Examples
    --------
    >>> confidence(np.arange(1.0, 100.0), 0.0, 0.0, 3)
    array([16.88..., 50.  , 83.11...])
    """
    shifted = bias + ndtri((np.arange(r) + 0.5) / r)
    at = ndtr(bias + shifted / (1 - acceleration * shifted))
    ordered = np.sort(draws[np.isfinite(draws)])
    place = at * (draws.size + 1 / 3) - 2 / 3  # as `percentile_point`
    found: npt.NDArray[np.float64] = np.interp(place, np.arange(ordered.size), ordered)
    return found


def _centred(spread: _Spread, seen: npt.NDArray[np.int64]) -> _Spread:
    """The draws of a sum with the unseen scaled so that their median is the sum of the estimates.

    A distribution of one stratum is skew, its mean above its middle. In a sum the middle goes to
    the mean: with a thousand strata it would lie many standard deviations above the sum of the
    estimates, which errs by far less.
    """
    middle = np.median(spread.draws, axis=1) - seen
    scale = np.where(middle > 0, (spread.points - seen) / np.maximum(middle, 1e-9), 1.0)
    return _Spread(spread.points, seen[:, None] + scale[:, None] * (spread.draws - seen[:, None]))


def _combined(spread: _Spread, seen: float, level: float) -> tuple[float, float, float, Any]:
    """Total, limits and draws: the mean over tables, and the mixture of what each says."""
    points, tables = spread.points, len(spread.points)
    total = max(float(points.mean()), seen)
    apart = math.sqrt(1 + 1 / tables) - 1 if tables > 1 else 0.0
    drawn = spread.draws + apart * (points - points.mean())[:, None]
    drawn = np.maximum(drawn, seen).reshape(-1)
    lower, upper = (
        percentile_point(drawn, 0.0, 0.0, p) for p in ((1 - level) / 2, (1 + level) / 2)
    )
    return total, min(lower, total), max(upper, total), drawn


def _answer(
    strata: Strata,
    tables: Completed,
    told: Asked,
    standing: Sequence[Group],
    alone: Group | None,
    bad: set[Group],
    name: str,
    level: float,
    settings: dict[str, Any],
) -> ByStrata:
    several = np.bitwise_count(tables.masks) > 1
    seen = tables.counts.sum(axis=2).mean(axis=0)
    shared = tables.counts[:, :, several].sum(axis=2).mean(axis=0)
    n_tables = len(tables.counts)
    every: list[Stratum] = []
    points, draws = np.zeros(n_tables), np.zeros((n_tables, 1))
    for group in sorted([*standing, *([alone] if alone else [])]):
        kinds = tuple(tables.kinds[i] for i in group)
        observed = round(float(seen[list(group)].sum()))
        of_each = tuple(round(float(seen[i])) for i in group)
        counted = kinds, of_each, observed, round(float(shared[list(group)].sum()))
        if group == alone:
            note = f"No estimate, alone or with others. {told.refusal(group)}".strip()
            every.append(Stratum(*counted, None, note))
            people = tables.counts[:, list(group)].sum(axis=(1, 2))
            points, draws = points + people, draws + people[:, None]
            continue
        spread, estimates = _spread_of(told.found[group], told.seed_of(group), method(name).alike)
        estimate = _of_stratum(spread, estimates, observed, level)
        every.append(Stratum(*counted, estimate, _why(group, bad, settings["least_shared"])))
        points, draws = points + spread.points, draws + spread.draws
    estimates = [each.estimate for each in every if each.estimate is not None]
    whole = _Spread(points, draws)
    if len(every) > 1:
        whole = _centred(whole, tables.counts.sum(axis=(1, 2)))
    observed = round(float(seen.sum()))
    if len(every) == 1:
        total, lower, upper = estimates[0].total, estimates[0].lower, estimates[0].upper
        drawn = estimates[0].draws
    else:
        total, lower, upper, drawn = _combined(whole, observed, level)
    share = _between(whole)
    details: dict[str, Any] = {
        "by": list(strata.by),
        "strata_estimated": len(standing),
        "pooled": sum(len(each.kinds) for each in every if len(each.kinds) > 1),
        "without_estimate": sum(each.observed for each in every if each.estimate is None),
        "imputation": {"tables": n_tables, "missing": strata.missing, "share": share},
        "interval": f"{estimates[0].details.get('interval', '')}, added up over the strata",
    }
    if strata.draws is not None:
        drawn_people = strata.draws.sum(axis=1)
        details["linkage"] = {
            "draws": len(strata.draws),
            "share": share,
            "observed": [int(drawn_people.min()), int(drawn_people.max())],
            "totals": [float(points.min()), float(points.max())],
            "without_estimate": 0,
        }
    answer = Estimate(
        total=total,
        lower=lower,
        upper=upper,
        level=level,
        observed=observed,
        method=name,
        lists=strata.lists,
        settings={"by": list(strata.by), **settings},
        details=details,
        warnings=_warnings(strata, every, whole),
        draws=drawn,
    )
    return ByStrata(strata.by, tuple(every), answer)


def _of_stratum(
    spread: _Spread, estimates: Sequence[Estimate], observed: int, level: float
) -> Estimate:
    """One estimate from those of all tables; of one table, the method's own."""
    if len(estimates) == 1:
        return replace(estimates[0], draws=spread.draws[0])
    total, lower, upper, drawn = _combined(spread, observed, level)
    counted: dict[str, int] = {}
    for estimate in estimates:
        for warning in estimate.warnings:
            if "replicates" not in warning:
                counted[warning] = counted.get(warning, 0) + 1
    return Estimate(
        total=total,
        lower=lower,
        upper=upper,
        level=level,
        observed=observed,
        method=estimates[0].method,
        lists=estimates[0].lists,
        settings={**estimates[0].settings, "tables": len(estimates)},
        details={
            "interval": estimates[0].details.get("interval", ""),
            "share_between_tables": _between(spread),
        },
        warnings=tuple(w for w, times in counted.items() if 2 * times > len(estimates)),
        draws=drawn,
    )


def _between(spread: _Spread) -> float:
    """How much of the variance lies between the tables (Rubin 1987, equations 3.1.3 to 3.1.7)."""
    points = spread.points
    if len(points) == 1:
        return 0.0
    between = (1 + 1 / len(points)) * float(points.var(ddof=1))
    whole = between + float(spread.draws.var(axis=1).mean())
    return between / whole if whole > 0 else 0.0


def _why(group: Group, bad: set[Group], least: int) -> str:
    if len(group) == 1:
        return ""
    refused = any((i,) in bad for i in group)
    also = ", or the method has no estimate for one of them alone" if refused else ""
    return f"Pooled: fewer than {least} people are on two or more lists in one of them{also}."


def _warnings(strata: Strata, every: Sequence[Stratum], whole: _Spread) -> tuple[str, ...]:
    # Without numbers of people and names: these words go to the page, and the strata are small.
    said = list(strata.notes)
    if any(each.estimate is None for each in every):
        said.append(
            "For some people there is no estimate. The total has only those of them who were seen, "
            "and is a lower bound there."
        )
    if any(each.estimate is not None and len(each.kinds) > 1 for each in every):
        said.append("Some kinds of people were pooled, for they are too few to stand alone.")
    for name, people in strata.missing.items():
        if people:
            share = 100 * people / strata.observed
            said.append(
                f"'{name}' is not known of {share:.0f} % of the people; it was imputed, as if it "
                "were missing for reasons that the lists and the other values tell."
            )
    own: dict[str, int] = {}
    for each in every:
        for warning in set(each.estimate.warnings if each.estimate else ()):
            if "replicates" not in warning and not warning.startswith("Nobody of this"):
                own[warning] = own.get(warning, 0) + 1
    for warning, times in sorted(own.items()):
        lead = "" if len(every) == 1 else f"In {times:,} of {len(every):,} strata: "
        said.append(f"{lead}{warning}")
    return tuple(said)


def _numbers(estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return dict.fromkeys(("total", "lower", "upper", "unseen", "lists"), None) | {
            "warnings": []
        }
    told = estimate.to_dict()
    keys = ("total", "lower", "upper", "unseen", "lists", "warnings")
    model = {"model": estimate.details["model"]} if "model" in estimate.details else {}
    return {key: told[key] for key in keys} | model
