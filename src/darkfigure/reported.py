"""Places with one count only: from a study's table of reports to what its page says of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkfigure.comparison_study import ReportsSection
from darkfigure.errors import InputError, Problem
from darkfigure.tables import sheets

if TYPE_CHECKING:
    from darkfigure.compare.awareness import Anchor, Awareness
    from darkfigure.compare.ranks import Ranks
    from darkfigure.compare.rates import Rates


def reported(
    section: ReportsSection, folder: Path, *, known: Rates | None = None, per: int = 100_000
) -> dict[str, Any]:
    """Fit the places of a table with one count each, and say what follows, as plain values.

    Parameters
    ----------
    section : ReportsSection
    folder : Path
        Where its file is sought.
    known : Rates, optional
        Of places with lists, on the footing of one year: one that has the name of a place of the
        table anchors it.
    per : int
        The base of recorded rates.

    Returns
    -------
    dict
        As `darkfigure.report.comparison_page` takes it. Rates are relative to the middle place,
        for how high all of them are no count can say.

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
    found = fit(
        reports,
        share=Share(middle, low, high),
        anchors=_anchors(reports.places, known),
        seed=section.seed,
    )
    return _told(section, found, per)


def _anchors(places: Sequence[str], known: Rates | None) -> list[Anchor]:
    from darkfigure.compare.awareness import Anchor

    if known is None or known.footing.years != 1:
        return []
    return [
        Anchor.from_draws(place.name, known.draws[:, i])
        for i, place in enumerate(known.places)
        if place.name in places
    ]


def _told(section: ReportsSection, found: Awareness, per: int) -> dict[str, Any]:
    reports, level = found.reports, 0.95
    tails = [(1 - level) / 2, (1 + level) / 2]
    counts, people = reports.counts[:, :, 0], reports.population
    there = np.isfinite(counts)
    recorded = np.where(there, counts, 0).sum(axis=1) / np.where(there, people, 0).sum(axis=1)
    order = np.argsort(np.argsort(-recorded, kind="stable"), kind="stable") + 1
    relative = found.rate / np.median(found.rate, axis=1, keepdims=True)
    share = found.share[:, :, 0]
    reporting = share / np.median(share, axis=1, keepdims=True)
    grid = found.ranks()
    whole = grid[1.0]
    lower, upper = np.quantile(relative, tails, axis=0)
    last_year = reports.population[:, -1]
    sheet = sheets.describe(section.table) if section.table else None
    return {
        "title": section.title,
        "people": section.people,
        "systems": {name: section.called.get(name, name) for name in reports.systems},
        "years": list(reports.years),
        "focus": list(section.focus),
        "share": dict(zip(("lower", "median", "upper"), section.share, strict=True)),
        "level": level,
        "places": [
            {
                "name": name,
                "population": float(last_year[i]),
                "recorded_rate": per * float(recorded[i]),
                "recorded_rank": int(order[i]),
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
        ],
        "overlap": [
            {"what": _words(name, len(reports.systems)), "overlap": overlap}
            for name, overlap in found.overlap.items()
        ],
        "told_apart": whole.distinct,
        "convergence": {
            "rhat": found.convergence.rhat,
            "ess": found.convergence.ess,
            "divergences": found.convergence.divergences,
        },
        "warnings": list(found.warnings),
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
        "probability_highest": float(found.probability[i, 0]),
    }


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
