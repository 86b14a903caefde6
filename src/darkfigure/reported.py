"""Places with one count only: from a study's table of reports to what its page says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkfigure.comparison_study import ReportsSection
from darkfigure.disclosure import SMALLEST_COUNT
from darkfigure.errors import InputError, Problem
from darkfigure.tables import sheets

if TYPE_CHECKING:
    from darkfigure.compare.awareness import Anchor, Awareness
    from darkfigure.compare.place import Place
    from darkfigure.compare.ranks import Ranks


def reported(
    section: ReportsSection,
    folder: Path,
    *,
    known: Sequence[Place] = (),
    stay: tuple[float, float] | None = None,
    marks: Mapping[str, str] | None = None,
    per: int = 100_000,
    level: float = 0.95,
    seed: int = 1,
) -> dict[str, Any]:
    """Fit the places of a table with one count each, and say what follows, as plain values.

    Parameters
    ----------
    section : ReportsSection
    folder : Path
        Where its file is sought.
    known : sequence of Place
        Those with lists: one that has the name of a place of the table anchors it, with its rate of
        one year.
    stay : tuple of two floats, optional
        How long people stay, as for `Footing`, where their times are not one year.
    marks : mapping of str to str, optional
        Of those whose numbers are second hand or assumed: in what way, to be said of an anchor.
    per : int
        The base of recorded rates.
    level : float
        Of all limits, between 0 and 1.
    seed : int
        Of the chains, unless the section has its own.

    Returns
    -------
    dict
        As `darkfigure.report.comparison_page` takes it. Rates are relative to the middle place,
        for how high all of them are no count can say. Of a file of one's own, what is recorded
        where it is fewer than may be shown is left out, and `few` says so.

    Raises
    ------
    InputError
        If the table or the settings are wrong.
    NoEstimateError
        If the chains do not agree, or counts and what is believed contradict each other.
    """
    from darkfigure.compare.awareness import Share, fit, reports_table

    path = sheets.path(section.table) if section.table else folder / str(section.file)
    reports = reports_table(
        path,
        place=section.place,
        systems=section.systems,
        awareness=section.awareness,
    )
    for name in section.focus:
        if name not in reports.places:
            raise InputError(Problem(f"focus names '{name}', which is no place here.", str(path)))
    low, middle, high = section.share
    anchors, doubts = _anchors(reports.places, known, stay, marks or {}, seed)
    found = fit(
        reports,
        share=Share(middle, low, high),
        anchors=anchors,
        seed=seed if section.seed is None else section.seed,
    )
    told = _told(section, found, per, level)
    return {**told, "warnings": [*told["warnings"], *doubts]}


def _anchors(
    names: Sequence[str],
    known: Sequence[Place],
    stay: tuple[float, float] | None,
    marks: Mapping[str, str],
    seed: int,
) -> tuple[list[Anchor], list[str]]:
    """The places whose rate of a year is known, and what the reader must know of them."""
    from darkfigure.compare.awareness import Anchor
    from darkfigure.compare.footing import Footing
    from darkfigure.compare.rates import rates

    both = [place.name for place in known if place.answers and place.name in names]
    if not both:
        return [], []
    try:
        found = rates(known, Footing(1.0, stay), seed=seed)
    except InputError as error:
        why = f"{', '.join(both)}: the rate of a year is not known, so that it says nothing of how "
        return [], [f"{why}high the rates of all places are. {error}"]
    anchors = [
        Anchor.from_draws(place.name, found.draws[:, i])
        for i, place in enumerate(found.places)
        if place.name in both
    ]
    return anchors, [
        f"{name} says how high the rates of all places are, and {marks[name]}."
        for name in both
        if name in marks
    ]


def _told(section: ReportsSection, found: Awareness, per: int, level: float) -> dict[str, Any]:
    reports = found.reports
    tails = [(1 - level) / 2, (1 + level) / 2]
    counts, people = reports.counts[:, :, 0], reports.population
    there = np.isfinite(counts)
    cases = np.where(there, counts, 0).sum(axis=1)
    few = (cases < SMALLEST_COUNT) & there.any(axis=1) & (section.file is not None)
    with np.errstate(invalid="ignore"):  # nobody counted there: not a number
        recorded = cases / np.where(there, people, 0).sum(axis=1)
    order = np.argsort(np.argsort(-recorded, kind="stable"), kind="stable") + 1
    shown = np.isfinite(recorded) & ~few
    relative = found.rate / np.median(found.rate, axis=1, keepdims=True)
    share = found.share[:, :, 0]
    reporting = share / np.median(share, axis=1, keepdims=True)
    grid = found.ranks(level=level)
    whole = grid[1.0]
    apart = [each.distinct for each in grid.values()]
    lower, upper = np.quantile(relative, tails, axis=0)
    sheet = sheets.describe(section.table) if section.table else None
    return {
        "title": section.title,
        "people": section.people,
        "systems": {name: section.called.get(name, name) for name in reports.systems},
        "years": list(reports.years),
        "focus": list(section.focus),
        "share": dict(zip(("lower", "median", "upper"), section.share, strict=True)),
        "level": level,
        "per": per,
        "places": [
            {
                "name": name,
                "population": float(people[i][np.isfinite(people[i])][-1]),  # the last known
                "few": bool(few[i]),
                "recorded_rate": per * float(recorded[i]) if shown[i] else None,
                "recorded_rank": int(order[i]) if shown[i] else None,
                "rate_ratio": float(np.median(relative[:, i])),
                "rate_ratio_lower": float(lower[i]),
                "rate_ratio_upper": float(upper[i]),
                "share_ratio": float(np.median(reporting[:, i])),
                **_place(whole, i),
                "probability_second": float(whole.probability[i, 1]),
            }
            for i, name in enumerate(reports.places)
        ],
        "grid": [
            {
                "part": part,
                "places": [
                    {"name": name, **_place(each, i)} for i, name in enumerate(reports.places)
                ],
            }
            for part, each in grid.items()
            if section.awareness  # else there is no link whose part it could be
        ],
        "overlap": [
            {"what": _words(name, len(reports.systems)), "overlap": overlap}
            for name, overlap in found.overlap.items()
        ],
        "told_apart_lower": min(apart),
        "told_apart_upper": max(apart),
        "convergence": {
            "rhat": found.convergence.rhat,
            "ess": found.convergence.ess,
            "divergences": found.convergence.divergences,
        },
        "warnings": [_called(warning, section.called) for warning in found.warnings],
        "settings": dict(found.settings),
        "source": section.source or (sheet.citation if sheet else ""),
        "status": sheet.status if sheet and section.status == "verified" else section.status,
        "note": section.note or (sheet.note if sheet else ""),
    }


def _place(found: Ranks, i: int) -> dict[str, Any]:
    return {
        "rank_lower": int(found.lower[i]),
        "rank_upper": int(found.upper[i]),
        "rank_expected": float(found.expected[i]),
        "simultaneous_lower": int(found.simultaneous_lower[i]),
        "simultaneous_upper": int(found.simultaneous_upper[i]),
        "probability_highest": float(found.probability[i, 0]),
    }


def _called(warning: str, called: Mapping[str, str]) -> str:
    """A warning with the systems called as people call them."""
    for system, words in called.items():
        warning = warning.replace(f"'{system}'", words)
    return warning


def _words(parameter: str, systems: int = 1) -> str:
    """A parameter of the model as people call it, with its system where there are several.

    Examples
    --------
    >>> _words("share"), _words("hotline: calls / population", 2)
    ('how high all rates are', 'calls per population (hotline)')
    """
    fixed = {
        "share": "how high all rates are",
        "spread of rates": "differences in people per head",
    }
    if parameter in fixed:
        return fixed[parameter]
    system, _, what = parameter.partition(": ")
    own = {"own spread": "differences in reporting", "excess": "scatter from year to year"}
    words = own.get(what, what.replace(" / ", " per "))
    return words if systems == 1 else f"{words} ({system})"
