"""Where the places of a comparison come from: counts, estimates made before, published numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from darkfigure import tables
from darkfigure.compare.place import Place, published
from darkfigure.comparison_study import ComparisonStudy, PlaceSection
from darkfigure.disclosure import SMALLEST_COUNT, publishable_estimate
from darkfigure.errors import InputError, Problem
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories

Say = Callable[[str], None]


def place_of_counts(
    name: str,
    histories: CaptureHistories,
    population: float,
    years: float,
    *,
    method: str = "auto",
    options: Mapping[str, Any] | None = None,
    people: str = "",
    note: str = "",
    smallest_count: int = 1,
) -> Place:
    """A place whose total is estimated from its lists.

    Where the lists cannot answer, the place has no estimate, and says why. Where any count is
    smaller than `smallest_count`, the place has nothing that such counts could be worked out from:
    the estimate is the one that may be published, of a refusal only the rule is told, and fewer
    people than that have no number and no estimate. So nothing that is made of the place later can
    tell more.

    Examples
    --------
    >>> place = place_of_counts("UK", tables.load("uk-2013"), 64_139_000, 1.0)
    >>> place.observed, place.answers
    (2744, True)
    """
    from darkfigure.size.methods import method as find
    from darkfigure.size.refusal import Refused, or_lower_bound

    chosen = find(method)
    about: dict[str, Any] = {"people": people, "note": note}
    if histories.observed < smallest_count:
        return Place(name, population, years, why=_few_on_lists(smallest_count), few=True, **about)
    try:
        with or_lower_bound(histories):
            estimate = chosen.estimate(histories, **(options or {}))
    except Refused as refused:
        rules = ", ".join(reason.rule for reason in refused.reasons)
        said = str(refused).splitlines()[0]
        return Place(
            name,
            population,
            years,
            observed=histories.observed,
            why=f"its lists cannot answer; {rules if smallest_count > 1 else _reason(said)}",
            **about,
        )
    # Zero is a small count too: that nobody is on two lists may tell where somebody is not.
    if histories.settled.counts[1:].min() < smallest_count:
        estimate = publishable_estimate(estimate)
    return Place(name, population, years, estimate, **about)


def places_of_study(
    study: ComparisonStudy, folder: Path, *, say: Say = lambda text: None
) -> list[Place]:
    """The places of a comparison, each with its estimate as far as there is one.

    Parameters
    ----------
    study : ComparisonStudy
    folder : Path
        Where its files are sought.
    say : callable, optional
        Told which place is being estimated.

    Raises
    ------
    InputError
        If a file is wrong, or published numbers contradict each other.
    """
    found = []
    for short, section in study.places.items():
        name = section.name or short
        say(f"Place: {name}.")
        try:
            found.append(_place(name, section, study, folder))
        except InputError as error:
            if any(problem.file for problem in error.problems):
                raise
            raise InputError(Problem(f"[places.{short}]: {error}")) from None
    return found


def _place(name: str, section: PlaceSection, study: ComparisonStudy, folder: Path) -> Place:
    known = tables.describe(section.table) if section.table else None
    population = section.population or (known.population if known else None)
    years = section.years
    if years is None and known:
        years = known.years
    assert population is not None  # `comparison_study.load` has seen to it
    assert years is not None
    about: dict[str, Any] = {
        "people": section.people or (known.people if known else study.people),
        "note": _note(section),
    }
    observed = section.observed
    if few := observed is not None and observed < SMALLEST_COUNT:
        observed = None  # and so it is in no file, though the study itself says it
    if section.status == "unverified":
        about["why"] = "its numbers could not be verified"
        return Place(name, population, years, observed=observed, few=few, **about)
    if section.table or section.file:
        from darkfigure.lists.overlap_table import read_overlap_table

        counts = (
            tables.load(section.table)
            if section.table
            else read_overlap_table(folder / str(section.file))
        )
        options = study.method.model_dump(exclude_none=True, exclude={"name", "by"})
        return place_of_counts(
            name,
            counts,
            population,
            years,
            method=study.method.name,
            options=options,
            smallest_count=1 if section.table else SMALLEST_COUNT,  # what is published is known
            **about,
        )
    if section.estimate:
        path = folder / section.estimate
        try:
            estimate = Estimate.from_json(path.read_text(encoding="utf-8"))
        except (InputError, UnicodeDecodeError) as error:
            raise InputError(Problem(str(error), file=str(path))) from None
        if estimate.observed < SMALLEST_COUNT:
            about["why"] = _few_on_lists(SMALLEST_COUNT)
            return Place(name, population, years, few=True, **about)
        estimate = publishable_estimate(estimate)  # of what counts it was made is not known here
        if estimate.details.get("lower_bound"):
            about["why"] = "its study came to a lower bound only"
        return Place(name, population, years, estimate, observed, few=few, **about)

    def made(seen: int) -> Estimate:
        limits = section.total, section.lower, section.upper
        return published(*limits, observed=seen, level=section.level, within=section.within)

    estimate = made(section.observed or 0)  # refuses what contradicts the number recorded
    if few:
        Place(name, population, years, estimate, section.observed)
        estimate = made(0)
    return Place(name, population, years, estimate, observed, few=few, **about)


def _note(section: PlaceSection) -> str:
    said = [section.note.rstrip(".")] if section.note else []
    if section.status == "secondary":
        said.append("these numbers are second hand, and are not to be taken as fact")
    return f"{'; '.join(said)}." if said else ""


def _few_on_lists(smallest_count: int) -> str:
    return f"fewer than {smallest_count} people are on its lists, too few to be shown"


def _reason(sentence: str) -> str:
    """A refusal as the reason of a place, which has said already that its lists cannot answer."""
    words = re.sub(r"^These lists cannot answer[^:;.]*[:;.] *", "", sentence).rstrip(".")
    return words[:1].lower() + words[1:]
