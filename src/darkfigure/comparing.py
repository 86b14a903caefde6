"""The way of a comparison, step by step: estimates, one footing, ranks and gaps, a page.

What has not changed is not done again; see `steps`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from darkfigure import __version__
from darkfigure.compare.comparison import Comparison, compare
from darkfigure.compare.footing import Footing
from darkfigure.compare.place import Place
from darkfigure.comparison_study import ComparisonStudy
from darkfigure.comparison_study import load as load_comparison
from darkfigure.disclosure import SMALLEST_COUNT
from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.places import place_of_counts, places_of_study
from darkfigure.report import comparison_tables
from darkfigure.report.comparison_page import comparison_page
from darkfigure.steps import Steps, default_folder, hash_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a comparison came to.

    Attributes
    ----------
    study, comparison
        What was asked and answered; None where there are no places with estimates.
    reports : dict or None
        What is said of places with one count only; see `reported`.
    folder : Path
        Where the files are.
    skipped : tuple of str
        The steps whose inputs had not changed.
    """

    study: ComparisonStudy
    comparison: Comparison | None
    reports: dict[str, Any] | None
    folder: Path
    skipped: tuple[str, ...]


def compare_study(
    path: str | Path,
    out: str | Path | None = None,
    *,
    say: Say = lambda text: None,
) -> Outcome:
    """Compare the places of a study, and write the page.

    Parameters
    ----------
    path : str or Path
        The TOML file.
    out : str or Path, optional
        The folder to write to; see `darkfigure.steps.default_folder` when left out.
    say : callable, optional
        Told what is being done.

    Raises
    ------
    InputError
        If the study or its data are wrong, or the folder cannot be written to.
    NoEstimateError
        If fewer than two places have an estimate.
    """
    path = Path(path)
    study = load_comparison(path)
    folder = Path(out) if out is not None else default_folder(path)
    steps = Steps(folder, path)
    inputs = _inputs(study, path)
    comparison, told = None, None
    if study.places:
        made = steps.text(
            "places.json",
            needs={
                "places": {k: each.model_dump(mode="json") for k, each in study.places.items()},
                "method": study.method.model_dump(exclude_none=True),
                "inputs": inputs,
                "smallest_count": SMALLEST_COUNT,
            },
            make=lambda: _dumped(places_of_study(study, path.parent, say=say)),
        )
        comparison = _compared(study, _loaded(made))
        told = comparison.to_dict()
        steps.text(
            "comparison.json",
            needs={
                "places": steps.hash_made("places.json"),
                "study": study.model_dump(mode="json"),
            },
            make=lambda: json.dumps(told, ensure_ascii=False, indent=1),
        )
        tables = comparison_tables.files(told)
        for name, text in tables.items():
            steps.text(
                f"tables/{name}.csv",
                needs={"comparison": steps.hash_made("comparison.json")},
                make=partial(str, text),
            )
    reports = None
    if study.reports is not None:
        say(f"{study.reports.title}: chains are drawn.")
        known = comparison.places if comparison else ()
        reports = json.loads(
            steps.text(
                "reports.json",
                needs={
                    "reports": study.reports.model_dump(mode="json"),
                    "places": told and steps.hash_made("places.json"),
                    "study": study.model_dump(mode="json", include={"footing", "method", "per"}),
                    "inputs": inputs,
                    "smallest_count": SMALLEST_COUNT,
                },
                make=partial(_reported, study, path.parent, known),
            )
        )
    made_by = {"version": __version__, "command": f"darkfigure compare {path.name}"}
    steps.text(
        "report.html",
        needs={
            "study": study.model_dump(mode="json"),
            "comparison": told and steps.hash_made("comparison.json"),
            "reports": reports and steps.hash_made("reports.json"),
            "made_by": made_by,
        },
        make=lambda: comparison_page(study, told, reports, made_by),
    )
    steps.finish({**made_by, "seed": study.method.seed})
    return Outcome(study, comparison, reports, folder, tuple(steps.skipped))


def compare_tables(
    named: Mapping[str, CaptureHistories],
    populations: Mapping[str, float],
    years: Mapping[str, float],
    footing: float | None = None,
    stay: tuple[float, float] | None = None,
    *,
    people: Mapping[str, str] | None = None,
    open_to_all: Collection[str] = (),
    method: str = "auto",
    level: float = 0.95,
    per: int = 100_000,
    seed: int = 1,
) -> Comparison:
    """Estimate and compare the places of several tables of counts.

    Parameters
    ----------
    named : mapping
        The counts of each place.
    populations, years : mapping
        The inhabitants at risk and the time of the count in years, of each place.
    footing : float, optional
        The time in years that all are brought to; that of the places that can answer, where it is
        the same for all, or 1.
    stay : tuple of two floats, optional
        How long people stay, as for `Footing`.
    people : mapping, optional
        Who is counted in each place.
    open_to_all : collection of str
        The places whose counts are published; of the others none below five can be worked out.
    method, level, per, seed
        The estimator of each total, the level of all limits, the base of the rates, the seed.

    Raises
    ------
    InputError
        If a place has no population or time, or they cannot be compared.
    NoEstimateError
        If fewer than two places have an estimate.
    """
    for name in named:
        for what, given, option in (
            ("population", populations, "--population"),
            ("time in years", years, "--years"),
        ):
            if name not in given:
                raise InputError(
                    f"The {what} of '{name}' is not known; say it: {option} {name}=NUMBER."
                )
    options = {"level": level, "seed": seed}
    places = [
        place_of_counts(
            name,
            histories,
            populations[name],
            years[name],
            method=method,
            options=options,
            people=(people or {}).get(name, ""),
            smallest_count=1 if name in open_to_all else SMALLEST_COUNT,
        )
        for name, histories in named.items()
    ]
    return compare(places, _footing(places, footing, stay), level=level, per=per, seed=seed)


def _compared(study: ComparisonStudy, places: Sequence[Place]) -> Comparison:
    footing = _footing(places, study.footing.years, study.footing.span)
    return compare(places, footing, level=study.method.level, per=study.per, seed=study.method.seed)


def _footing(
    places: Sequence[Place], years: float | None, stay: tuple[float, float] | None
) -> Footing:
    """The one that was asked for, else the time that all who can answer have in common, or 1."""
    spans = {place.years for place in places if place.answers}
    same = spans.pop() if len(spans) == 1 else 1.0
    return Footing(same if years is None else years, stay)


def _inputs(study: ComparisonStudy, path: Path) -> dict[str, str]:
    """The hashes of the files that a comparison is made from."""
    files = [each.file or each.estimate for each in study.places.values()]
    files += [study.reports.file] if study.reports else []
    return {name: hash_of((path.parent / name).read_bytes()) for name in files if name}


def _reported(study: ComparisonStudy, folder: Path, known: Sequence[Place]) -> str:
    from darkfigure.reported import reported

    assert study.reports is not None
    told = reported(
        study.reports,
        folder,
        known=known,
        stay=study.footing.span,
        marks={each.place: each.mark for each in study.sources if each.mark},
        per=study.per,
        level=study.method.level,
        seed=study.method.seed,
    )
    return json.dumps(told, ensure_ascii=False, indent=1)


def _dumped(places: Sequence[Place]) -> str:
    rows = [
        {**vars(place), "estimate": place.estimate and place.estimate.to_dict()} for place in places
    ]
    return json.dumps(rows, ensure_ascii=False)


def _loaded(text: str) -> list[Place]:
    rows = json.loads(text)
    for row in rows:
        if row["estimate"] is not None:
            row["estimate"] = Estimate.from_json(json.dumps(row["estimate"]))
    return [Place(**row) for row in rows]
