"""How many people there are, from how often each on one list was met.

A buyer is arrested once, twice, or never. Those arrested twice among those arrested at all tell how
many were never arrested, if each is arrested at a steady rate: that is single-source
capture-recapture. What is known of people, such as age, goes into the rate by a regression.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from darkfigure import engine
from darkfigure.demand.counts_table import Counts
from darkfigure.demand.families import FAMILIES, OMEGA_LINKS, Link
from darkfigure.demand.families import family as by_name
from darkfigure.demand.goodness import fit_of
from darkfigure.demand.replicates import Kind, replicates
from darkfigure.demand.total import Fitted, fit
from darkfigure.errors import DarkfigureError, InputError, NoEstimateError
from darkfigure.estimate import Estimate

AUTO = ("ztpoisson", "ztgeom", "ztnegbin")
TOO_MANY_WITHOUT = 0.05  # replicates without a total
POOR = 0.001  # a p-value of the fit
BETTER = 2.0  # an AIC that is clearly lower
ALIKE = 0.01  # an AIC that is the same
OTHER_ORDER = {
    f"{a}{base}": f"{b}{base}"
    for base in ("poisson", "geom")
    for x, y in (("oizt", "ztoi"), ("ztHurdle", "Hurdlezt"))
    for a, b in ((x, y), (y, x))
}
BOUND = (
    "This is a lower bound, not an estimate of how many people there are: there are probably more, "
    "and the upper limit of the interval is one of the bound, not of the total."
)
NO_BOUND = (
    "It is a bound however rates differ, but none where too many were met once only: if an arrest "
    "deters, or people are lost after the first, it is too high."
)


def compare_families(
    counts: Counts, formula: str = "y ~ 1", *, inflation: str = "~ 1"
) -> list[dict[str, Any]]:
    """What every family says, those that fit best first.

    Parameters
    ----------
    counts : Counts
    formula, inflation : str
        As for `people`; a family that takes no covariates, or no second formula, does without.

    Returns
    -------
    list of dict
        family, words, total, se, loglik, aic, bic, lower_bound, comparable, usable, why_not. An AIC
        can be compared with another only where `comparable` is true for both: the other families
        do not look at all counts, and stand last.

    Raises
    ------
    NoEstimateError
        If nobody was met more than once.

    Examples
    --------
    >>> rows = compare_families(Counts([1, 2, 3, 4, 5, 6], [142, 81, 49, 7, 3, 1]))
    >>> [(row["family"], round(row["total"])) for row in rows[:1]]
    [('ztpoisson', 393)]
    """
    rows = []
    for of in FAMILIES.values():
        plain = of.name == "robust"
        second = inflation if of.extra in ("omega", "pi") else "~ 1"
        try:
            found = fit(of, counts, "y ~ 1" if plain else formula, second)
        except InputError:
            if not counts.top:
                raise
            continue  # the top class begins too low for it
        rows.append(_row(found))

    def place(row: dict[str, Any]) -> tuple[bool, bool, float]:
        counts_for = row["usable"] and row["comparable"]
        return not row["usable"], not row["comparable"], round(row["aic"], 4) if counts_for else 0.0

    return sorted(rows, key=place)


def _row(found: Fitted) -> dict[str, Any]:
    usable = not found.why_not
    return {
        "family": found.of.name,
        "words": found.of.words,
        "total": found.total if usable else None,
        "se": found.se if usable else None,
        "loglik": found.loglik if usable else None,
        "aic": found.aic if usable else None,
        "bic": found.bic if usable else None,
        "lower_bound": found.of.lower_bound,
        "comparable": found.of.whole,
        "usable": usable,
        "why_not": found.why_not,
    }


def people(
    counts: Counts,
    family: str = "auto",
    formula: str = "y ~ 1",
    *,
    inflation: str = "~ 1",
    omega_link: Link = "logit",
    level: float = 0.95,
    variance: Literal["analytic", "bootstrap"] = "analytic",
    kind: Kind = "semiparametric",
    b: int = 500,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Estimate:
    """Estimate how many people there are in all, from how often each was met.

    Parameters
    ----------
    counts : Counts
        Times met, 1 or more, with covariates.
    family : str
        One of `FAMILIES`; or "auto": of `ztpoisson`, `ztgeom` and `ztnegbin` the one with the
        lowest AIC that can be used. One-inflation is never chosen, for its two orders fit alike and
        have other totals: which one it is must come from outside the counts.
    formula : str
        Of the rate: "y ~ 1", "y ~ sex + age", "y ~ sex * age".
    inflation : str
        Of omega or pi, for families that have them.
    omega_link : "logit" or "cloglog"
    level : float
        Confidence of the interval, between 0 and 1.
    variance : "analytic" or "bootstrap"
        Log-normal limits from the standard error, or percentiles of replicates.
    kind : "semiparametric", "nonparametric" or "parametric"
        Of the bootstrap; see `darkfigure.demand.replicates`.
    b : int
        Replicates, 20 or more.
    seed : int
        Of the replicates; the same on any number of cores.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how far the replicates are.

    Returns
    -------
    Estimate
        In `details`: family, loglik, aic, bic, se, usable, `coefficients` (each with estimate and
        se), `variance` (of the coefficients, and of who was met), `normal` limits, `fit` (as
        `goodness`), `mechanism` where ones are inflated, the `chao` bound, and with "auto"
        the `families`. What has no value is None.

    Raises
    ------
    NoEstimateError
        If the fit cannot be used, with the family that the counts support; or nobody was met more
        than once.
    InputError
        If there is no such family, or a parameter or the formula does not fit.

    Notes
    -----
    van der Heijden et al. (2003), Statistical Modelling 3 (zero-truncated Poisson regression);
    Boehning & van der Heijden (2009), Annals of Applied Statistics 3 (Zelterman); Boehning et al.
    (2013), Biometrics 69 (Chao); Godwin & Boehning (2017), Journal of the Royal Statistical Society
    C 66, and Boehning & Friedl (2021), Statistical Methods & Applications (one-inflation and its
    orders); Chiu & Chao (2016), PeerJ 4, and Boehning, Kaskasamkul & van der Heijden (2019),
    Metrika 82 (robust Chao).

    Examples
    --------
    >>> taxis = Counts([1, 2, 3, 4, 5, 6], [142, 81, 49, 7, 3, 1])
    >>> found = people(taxis, "ztpoisson")
    >>> print(found)
    About 393 people in all, between 364 and 433 (95 % interval); 283 of them were seen.
    >>> people(taxis, "chao").details["lower_bound"]
    True
    """
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if variance not in ("analytic", "bootstrap"):
        raise InputError(f"The variance is analytic or bootstrap, not '{variance}'.")
    if omega_link not in OMEGA_LINKS:
        raise InputError(f"The link of omega is {' or '.join(OMEGA_LINKS)}, not '{omega_link}'.")
    if family == "auto" and inflation.replace(" ", "") not in ("~1", "y~1"):
        raise InputError(
            "What one-inflation depends on is of a family that has it, and 'auto' takes none; name "
            "the family, such as 'oiztgeom', or leave out the inflation."
        )
    details: dict[str, Any] = {}
    if family == "auto":
        found, details["families"] = _chosen(counts, formula)
    else:
        found = fit(by_name(family), counts, formula, inflation, omega_link)
    if found.why_not:
        raise NoEstimateError(
            f"The family '{found.of.name}' cannot be used here: {found.why_not}. "
            + _supported(counts, formula)
        )
    details = {**_details(found, level), **details}
    doubts = _doubts(counts, found, formula, inflation, omega_link, details)
    lower, upper = found.limits(level)
    draws = None
    details["interval"] = "log-normal, from the analytic standard error"
    if variance == "bootstrap":
        draws = replicates(found, kind, b, seed, workers, progress)
        lower, upper = np.quantile(
            draws, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf"
        ).tolist()
        details["interval"] = f"percentiles of {b:,} {kind} replicates"
        details["se"] = float(np.std(draws[np.isfinite(draws)], ddof=1))
        without = int(np.isinf(draws).sum())
        if without > TOO_MANY_WITHOUT * b:
            doubts.append(f"In {without:,} of {b:,} replicates there is no total.")
    return Estimate(
        total=found.total,
        lower=max(min(lower, found.total), float(found.observed)),
        upper=max(upper, found.total),
        level=level,
        observed=found.observed,
        method="people",
        lists=(),
        settings={
            "family": family,
            "formula": formula,
            "inflation": inflation,
            "omega_link": omega_link,
            "level": level,
            "variance": variance,
            "kind": kind,
            "bootstrap": b if variance == "bootstrap" else 0,
            "seed": seed,
        },
        details=details,
        warnings=tuple(doubts),
        draws=draws,
    )


def _chosen(counts: Counts, formula: str) -> tuple[Fitted, list[dict[str, Any]]]:
    """The zero-truncated family with the lowest AIC, and what all others say."""
    fits = [fit(by_name(name), counts, formula) for name in AUTO]
    usable = [each for each in fits if not each.why_not]
    if not usable:
        raise NoEstimateError(
            "No zero-truncated family can be used here: "
            + "; ".join(f"{each.of.name}: {each.why_not}" for each in fits)
            + ". A lower bound may still exist: the family 'chao'."
        )
    best = min(usable, key=lambda each: each.aic or math.inf)
    return best, compare_families(counts, formula)


def _supported(counts: Counts, formula: str) -> str:
    rows = [r for r in compare_families(counts, formula) if r["usable"] and r["comparable"]]
    if not rows:
        return "No family that looks at all counts can; a lower bound may exist: 'chao'."
    alike = [row for row in rows if row["aic"] < rows[0]["aic"] + ALIKE]
    told = ", ".join(f"'{row['family']}' ({row['total']:,.0f} people)" for row in alike)
    which = "has" if len(alike) == 1 else "have, all alike,"
    return f"Of those that can, {told} {which} the lowest AIC, {rows[0]['aic']:.1f}."


def _details(found: Fitted, level: float) -> dict[str, Any]:
    top = found.maximum
    lower, upper = found.normal_limits(level)
    coefficients: dict[str, Any] = {}
    if top is not None:
        for name, value, var in zip(
            found.names, top.coefficients, np.diag(top.covariance), strict=True
        ):
            coefficients[name] = {"estimate": float(value), "se": math.sqrt(var) or None}
    told: dict[str, Any] = {
        "family": found.of.name,
        "words": found.of.words,
        "assumes": found.of.assumes,
        "loglik": found.loglik,
        "aic": found.aic,
        "bic": found.bic,
        "se": found.se,
        "usable": True,
        "lower_bound": found.of.lower_bound,
        "coefficients": coefficients,
        "variance": {"of the coefficients": found.parts[0], "of who was met": found.parts[1]},
        "normal": {"lower": lower, "upper": upper},
        "mechanism": found.of.mechanism or None,
        "fit": fit_of(found),
        "chao": None,
    }
    return told


def _doubts(
    counts: Counts,
    found: Fitted,
    formula: str,
    inflation: str,
    link: Link,
    details: dict[str, Any],
) -> list[str]:
    """What the reader must know; the Chao bound and the other order go into the details."""
    doubts = [BOUND] if found.of.lower_bound else []
    if found.of.name == "chao":
        doubts.append(NO_BOUND)
    if counts.top:
        doubts.append(f"The count {counts.top} is taken as '{counts.top} or more'.")
    if found.of.mechanism:
        doubts.append(found.of.mechanism)
    if other := OTHER_ORDER.get(found.of.name):
        doubts += _of_the_other_order(counts, found, other, formula, inflation, link, details)
    top = found.maximum
    if top is not None and top.at_edge:
        doubts.append(
            "The counts show no spread of rates at all: this is the Poisson family."
            if found.of.extra == "alpha"
            else "The counts show no one-inflation at all: this is the family without it."
        )
    if not found.of.lower_bound:
        doubts += _below_the_bound(counts, found, formula, details)
    if found.se > found.total - found.observed:
        doubts.append(
            f"The standard error, {found.se:,.0f}, is larger than the number of the unseen: the "
            "counts hardly tell how many there are."
        )
    tested: Mapping[str, Any] | None = details["fit"]
    if tested is not None and tested["p"] is not None and tested["p"] < POOR:
        doubts.append(
            f"The family does not fit the counts (chi-square {tested['chi2']:.1f} on "
            f"{tested['df']} degrees of freedom): do not believe its total before one that does."
        )
    if rows := details.get("families"):
        doubts += _inflated_better(found, rows)
    return doubts


def _of_the_other_order(
    counts: Counts,
    found: Fitted,
    other: str,
    formula: str,
    inflation: str,
    link: Link,
    details: dict[str, Any],
) -> list[str]:
    try:
        second = fit(by_name(other), counts, formula, inflation, link)
    except DarkfigureError:
        return []
    if second.why_not:
        return []
    details["other_order"] = {"family": other, "total": second.total, "aic": second.aic}
    assert second.aic is not None
    assert found.aic is not None
    return [
        f"The other order, '{other}', has the AIC {second.aic:.1f} against {found.aic:.1f} and "
        f"says {second.total:,.0f} people, not {found.total:,.0f}. Counts can hardly tell the two "
        "apart: which one it is must be known from how people come onto the list."
    ]


def _below_the_bound(
    counts: Counts, found: Fitted, formula: str, details: dict[str, Any]
) -> list[str]:
    try:
        bound = fit(by_name("chao"), counts, formula)
    except DarkfigureError:
        return []
    if bound.why_not:
        return []
    details["chao"] = {"total": bound.total, "se": bound.se}
    if not found.of.mechanism and found.of.counts[0] == 1 and bound.total - bound.se > found.total:
        return [
            f"Chao's lower bound, {bound.total:,.0f}, is above this total: rates differ more than "
            "the family allows, or too many were met once only. Take the total as too low, unless "
            "one-inflation can be shown."
        ]
    return []


def _inflated_better(found: Fitted, rows: list[dict[str, Any]]) -> list[str]:
    assert found.aic is not None
    better = [
        row
        for row in rows
        if row["usable"]
        and row["comparable"]
        and row["family"] not in AUTO
        and row["aic"] < found.aic - BETTER
    ]
    if not better:
        return []
    totals = [row["total"] for row in better]
    return [
        f"More people were met just once than '{found.of.name}' expects: families with "
        f"one-inflation have an AIC of {better[0]['aic']:.1f} against {found.aic:.1f}, and totals "
        f"from {min(totals):,.0f} to {max(totals):,.0f} by what made the ones. The counts cannot "
        "tell; name a family if the mechanism is known (an arrest that stops people, names that "
        "are lost)."
    ]
