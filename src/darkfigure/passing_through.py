"""The way of a study of people who move: sightings, a model, what may be shown of it, a page.

What has not changed is not done again; see `steps`. Nobody's way through the cities is written down
anywhere: what leaves this room is what `circuit.shown` lets through.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from darkfigure import __version__, engine
from darkfigure.circuit import shown
from darkfigure.circuit.amounts import StockAndFlow, over_draws
from darkfigure.circuit.behind import words_of
from darkfigure.circuit.covariate_table import read_covariates
from darkfigure.circuit.goodness import goodness_of_fit
from darkfigure.circuit.gravity import gravity
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.road_tables import roads_of
from darkfigure.circuit.roads import Roads
from darkfigure.circuit.shown_people import published_people
from darkfigure.circuit.stock import stock_and_flow
from darkfigure.circuit.terms import fitted
from darkfigure.circuit_study import CircuitStudy
from darkfigure.circuit_study import load as load_study
from darkfigure.compare.comparison import compare
from darkfigure.compare.place import Place
from darkfigure.disclosure import SMALLEST_COUNT
from darkfigure.errors import InputError
from darkfigure.report import circuit_tables
from darkfigure.report.circuit_page import circuit_page
from darkfigure.seen import histories_of_study
from darkfigure.steps import Steps, default_folder, hash_of

Say = Callable[[str], None]

PLAIN = {"constant", "time", "city"}
"""Words of a term that name no covariate."""


@dataclass(frozen=True)
class Outcome:
    """What a study of people who move came to.

    Attributes
    ----------
    study : CircuitStudy
    told : dict
        All that may be shown; see `circuit.json` in the folder.
    folder : Path
        Where the files are.
    skipped : tuple of str
        The steps whose inputs had not changed.
    """

    study: CircuitStudy
    told: dict[str, Any]
    folder: Path
    skipped: tuple[str, ...]


def circuit_study(
    path: str | Path,
    out: str | Path | None = None,
    *,
    where: engine.Where = "local",
    workers: int | None = None,
    progress: engine.Progress | None = None,
    say: Say = lambda text: None,
) -> Outcome:
    """Run a study of people who move, and write its page.

    Parameters
    ----------
    path : str or Path
        The TOML file; see `darkfigure.circuit_study`.
    out : str or Path, optional
        The folder to write to; see `darkfigure.steps.default_folder` when left out.
    where : {'local', 'spark'}
        Where records are compared, if they have to be linked.
    workers, progress, say
        Cores to use; told how many starts are done, and what is being done.

    Raises
    ------
    InputError
        If the study or its data are wrong, or the folder cannot be written to.
    NoEstimateError
        If the data cannot answer.
    """
    path = Path(path)
    study = load_study(path)
    folder = Path(out) if out is not None else default_folder(path)
    steps = Steps(folder, path)
    about = study.model_dump(mode="json", by_alias=True)
    made = steps.text(
        "circuit.json",
        needs={"study": about, "inputs": _inputs(study, path)},
        make=lambda: json.dumps(
            _told(study, path, where, workers, progress, say), ensure_ascii=False, indent=1
        ),
    )
    told = json.loads(made)
    needs = {"study": about, "circuit": steps.hash_made("circuit.json")}
    for name, text in circuit_tables.files(told, synthetic=study.synthetic).items():
        steps.text(f"tables/{name}.csv", needs=needs, make=partial(str, text))
    made_by = {"version": __version__, "command": f"darkfigure run {path.name}"}
    say("Writing the page.")
    steps.text(
        "report.html",
        needs={**needs, "made_by": made_by},
        make=lambda: circuit_page(study, told, made_by),
    )
    record = {**made_by, "settings": study.model.model_dump(), "seed": study.model.seed}
    steps.finish({"SYNTHETIC": "made up", **record} if study.synthetic else record)
    return Outcome(study, told, folder, tuple(steps.skipped))


def _told(
    study: CircuitStudy,
    path: Path,
    where: engine.Where,
    workers: int | None,
    progress: engine.Progress | None,
    say: Say,
) -> dict[str, Any]:
    """All that may be shown, ready for JSON."""
    drawn = histories_of_study(study, path, where, say)
    histories, smallest = drawn[0], study.smallest_count
    if study.focus and study.focus not in histories.cities:
        raise InputError(f"focus names '{study.focus}', where nobody was seen.")
    roads = _roads(study, path, histories)
    covariates = {}
    if study.model.covariates:
        covariates = read_covariates(path.parent / study.model.covariates, histories)
    model = study.model.model_dump(exclude={"covariates"}, exclude_none=True)
    terms = {kind: model.pop(kind) for kind in ("survival", "detection", "movement", "entry")}
    options = {**model, "workers": workers, "progress": progress}
    cities = "1 city" if len(histories.cities) == 1 else f"{len(histories.cities)} cities"
    say(f"Fitting the model to {histories.people:,} people in {cities}.")
    fits = [fitted(each, terms, roads=roads, covariates=covariates, **options) for each in drawn]
    found = fits[0]
    say("Reckoning how many are where.")
    counted = over_draws(
        [stock_and_flow(each, fit, workers=workers) for each, fit in zip(drawn, fits, strict=True)]
    )
    people = published_people(counted, histories, smallest)
    fit = shown.published(found, histories, smallest)
    away: dict[str, Any] | None = None
    by_road: dict[str, Any] | None = None
    if roads is not None and len(histories.cities) > 1:
        away = shown.published_corridors(histories, found, roads, smallest, workers=workers)
        say("Holding movement against the roads.")
        by_road = _gravity(histories, roads, terms, model, smallest, workers)
    published = [each for each in (people, fit, away, by_road) if each]
    hidden = [sentence for each in published for sentence in each["hidden"]]
    told: dict[str, Any] = {
        "occasion": histories.every,
        "occasions": list(histories.occasions),
        "level": study.model.level,
        "to_nearest": smallest,
        **people,
        "fit": fit,
        "network": _network(roads) if away and roads else None,
        "corridors": away,
        "gravity": by_road,
        "models": _models(by_road),
        "goodness": _goodness(histories, smallest > 1),
    }
    places = {city.name: city for city in roads.cities} if roads else {}
    for each in told["cities"]:
        at = places.get(each["name"])
        given = study.cities.get(each["name"])
        population = given.population if given else None
        each |= {
            "latitude": at.latitude if at else None,
            "longitude": at.longitude if at else None,
            "population": population or (at.population if at else None),
        }
    told["comparison"] = _comparison(study, counted, told["cities"])
    told["hidden"] = hidden
    told["warnings"] = list(
        dict.fromkeys([*fit["warnings"], *people["warnings"], *_notes(study, drawn)])
    )
    told["sources"] = [_source(study)]
    return told


def _roads(study: CircuitStudy, path: Path, histories: Histories) -> Roads | None:
    """The roads of the study, with the inhabitants that it gives."""
    if study.roads is None:
        return None
    section = study.roads
    roads = roads_of(
        section.legs and path.parent / section.legs,
        section.cities and path.parent / section.cities,
    )
    given = {name: each.population for name, each in study.cities.items() if each.population}
    cities = [
        replace(city, population=given[city.name]) if city.name in given else city
        for city in roads.cities
    ]
    return Roads(tuple(cities), roads.legs)


def _gravity(
    histories: Histories,
    roads: Roads,
    terms: Mapping[str, str],
    options: Mapping[str, Any],
    smallest: int,
    workers: int | None,
) -> dict[str, Any] | None:
    """How far roads and inhabitants explain movement, where there is something to explain."""
    rates = {kind: terms[kind] for kind in ("survival", "detection")}
    populations = {city.name: city.population for city in roads.cities}
    enough = len(histories.cities) > 2 and all(populations[city] for city in histories.cities)
    if not enough or not all(words_of(term) <= PLAIN for term in rates.values()):
        return None
    found = gravity(
        histories, roads, rates["survival"], rates["detection"], **options, workers=workers
    )
    told = shown.published_gravity(found, histories, smallest)
    for each in told["elasticities"]:
        each["name"] = each["covariate"]
    return told


def _models(by_road: Mapping[str, Any] | None) -> list[dict[str, Any]] | None:
    """The models of movement that were held against each other, where criteria may be told."""
    if by_road is None or by_road["models"] is None:
        return None
    return [
        {
            "model": f"movement {each['movement']}",
            "parameters": each["estimable"],
            "aic": each["aic"],
            "difference": each["delta"],
        }
        for each in by_road["models"]
    ]


def _network(roads: Roads) -> dict[str, Any]:
    return {
        "cities": [
            {"name": city.name, "latitude": city.latitude, "longitude": city.longitude}
            for city in roads.cities
        ],
        "legs": [{"a": leg.a, "b": leg.b, "highway": leg.name} for leg in roads.legs],
    }


def _goodness(histories: Histories, hide: bool) -> list[dict[str, Any]]:
    """The tests of fit. Of counts that are not published only how they end: a statistic is a
    function of all counts by step, and with all but one of them known it tells that one."""
    told: list[dict[str, Any]] = []
    for each in goodness_of_fit(histories).tests:
        verdict = _verdict(each.p_value) if each.df else "too few people to tell"
        row = {"name": each.name, "asks": each.asks, "verdict": verdict}
        numbers = {"statistic": each.statistic, "df": each.df, "p": each.p_value}
        told.append(row | (dict.fromkeys(numbers) if hide else numbers))
    return told


def _verdict(p_value: float) -> str:
    if p_value < 0.01:
        return "does not fit"
    return "may not fit" if p_value < 0.05 else "nothing found against it"


def _comparison(
    study: CircuitStudy, counted: StockAndFlow, cities: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]] | None:
    """Cities by what is recorded there and by who is there on a day, per head; `compare` ranks."""
    told = [
        each
        for each in cities
        if each["population"] and not each["hidden"] and each["stock"]["estimate"] is not None
    ]
    if len(told) < 2:
        return None
    per = 100_000
    places = [
        Place(
            each["name"],
            each["population"],
            0.0,
            replace(counted.estimate(counted.of("stock", each["name"])), observed=0),
        )
        for each in told
    ]
    found = compare(places, level=study.model.level, per=per, seed=study.model.seed)
    rows = {row["name"]: row for row in found.rows()}
    recorded = {each["name"]: per * each["seen"] / each["population"] for each in told}
    order = sorted(recorded, key=lambda name: -recorded[name])
    made = []
    for each in told:
        row = rows[each["name"]]
        flow = {
            key: None if value is None else per * value / each["population"]
            for key, value in each["flow"].items()
        }
        stock = {"estimate": row["rate"], "lower": row["rate_lower"], "upper": row["rate_upper"]}
        made.append(
            {
                "city": each["name"],
                "recorded_rate": recorded[each["name"]],
                "recorded_rank": 1 + order.index(each["name"]),
                "flow_rate": flow,
                "stock_rate": stock,
                "rank_lower": row["rank_lower"],
                "rank_upper": row["rank_upper"],
            }
        )
    return [
        {key: value if "rank" in key else shown.two_digits(value) for key, value in row.items()}
        for row in made
    ]


def _notes(study: CircuitStudy, drawn: Sequence[Histories]) -> list[str]:
    told = shown.published_notes(drawn[0].notes, study.smallest_count)
    if study.smallest_count < SMALLEST_COUNT:
        told.append(
            f"Counts of fewer than {SMALLEST_COUNT} people are shown here, as the study says: "
            "where the people are real, this is not for publication."
        )
    if len(drawn) > 1:
        told.append(
            f"Who is who was drawn {len(drawn) - 1} times, and the model fitted each time: the "
            "ranges of how many are where hold the doubt of the links. Rates and roads are those "
            "of the most probable links."
        )
    return told


def _source(study: CircuitStudy) -> str:
    if study.sightings.file:
        return Path(study.sightings.file).name
    return ", ".join(Path(each.file).name for each in study.records.values())


def _inputs(study: CircuitStudy, path: Path) -> dict[str, str]:
    """The hashes of the files that a study is made from."""
    files = [study.sightings.file, study.model.covariates]
    files += [study.roads.legs, study.roads.cities] if study.roads else []
    files += [each.file for each in study.records.values()]
    return {name: hash_of((path.parent / name).read_bytes()) for name in files if name}
