"""People who move between cities."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkfigure.cli.app import Json, app
from darkfigure.cli.say import bar, note, print_json
from darkfigure.errors import InputError

if TYPE_CHECKING:
    from darkfigure.circuit.histories import Histories

DEPENDS = "constant|time|city|city+time|city*time"


@app.command()
def circuit(
    file: Annotated[
        str,
        typer.Argument(
            help="A row for each history, a row for each sighting (person, date, city), or a "
            "published table by its name.",
            metavar="HISTORIES.csv",
        ),
    ],
    survival: Annotated[
        str, typer.Option(help="To be still in any of the cities.", metavar=DEPENDS)
    ] = "constant",
    detection: Annotated[
        str, typer.Option(help="To be seen where present.", metavar=DEPENDS)
    ] = "constant",
    movement: Annotated[
        str,
        typer.Option(
            help="From city to city; by 'gravity' on --roads.", metavar=f"{DEPENDS}|gravity"
        ),
    ] = "city",
    enter: Annotated[
        str | None,
        typer.Option(
            "--entry", help="How people come; with it stock and flow are told.", metavar=DEPENDS
        ),
    ] = None,
    roads: Annotated[
        str | None,
        typer.Option(help="Legs between cities, or 'shipped'.", metavar="ROADS.csv|shipped"),
    ] = None,
    covariates: Annotated[
        Path | None,
        typer.Option(help="Numbers of cities and occasions that the model may name."),
    ] = None,
    cities: Annotated[
        str | None,
        typer.Option(help="The cities there are, between commas; others are refused."),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            help="An occasion of sightings.",
            metavar="week|month|quarter|year|DAYS",
            show_default="month",
        ),
    ] = None,
    several: Annotated[
        str | None,
        typer.Option(
            help="What counts of a person sighted in several cities on one occasion.",
            metavar="none|first|last",
            show_default="none",
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="A column of histories that is no occasion, such as sex."),
    ] = None,
    level: Annotated[float, typer.Option(help="Confidence of all limits.")] = 0.95,
    limits: Annotated[
        str,
        typer.Option(
            help="By standard errors, by the profile likelihood (of rates), or by replicates.",
            metavar="wald|profile|bootstrap",
        ),
    ] = "wald",
    replicates: Annotated[int, typer.Option(help="Of a bootstrap.", min=2)] = 200,
    starts: Annotated[
        int, typer.Option(help="From how many places the likelihood is climbed.", min=1)
    ] = 20,
    c_hat: Annotated[float, typer.Option(help="By how much variances are larger.")] = 1.0,
    smallest_count: Annotated[
        int | None,
        typer.Option(help="Nothing is told of fewer people.", min=1, show_default="5"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random numbers.", min=0)] = 1,
    as_json: Json = False,
) -> None:
    """Who stays, who moves on and who is seen; with --entry how many are where.

    A rate may be given in several ways, between commas: all models are fitted, and the rates are
    those of the best by AICc.
    """
    from typing import cast

    from darkfigure.circuit import shown
    from darkfigure.circuit.bootstrap import bootstrap
    from darkfigure.circuit.covariate_table import read_covariates
    from darkfigure.circuit.intervals import LIMITS, Limits, with_limits
    from darkfigure.circuit.road_tables import roads_of
    from darkfigure.circuit.shown_people import published_people
    from darkfigure.circuit.stock import stock_and_flow
    from darkfigure.circuit.terms import selected
    from darkfigure.disclosure import SMALLEST_COUNT

    histories, is_published = _histories(
        file,
        cities=[each.strip() for each in cities.split(",")] if cities else None,
        every=int(every) if every and every.isdecimal() else every,
        several=several,
        groups=group or (),
    )
    if roads is not None and len(histories.cities) == 1:
        raise InputError("With a single city nobody moves; leave out --roads.")
    if limits not in LIMITS:
        raise InputError(f"--limits is {', '.join(LIMITS[:-1])} or {LIMITS[-1]}, not '{limits}'.")
    smallest = smallest_count or (1 if is_published else SMALLEST_COUNT)
    network = None if roads is None else roads_of(None if roads == "shipped" else roads)
    known = read_covariates(covariates, histories) if covariates else {}
    terms = {"survival": survival, "detection": detection, "movement": movement}
    if enter is not None:
        terms["entry"] = enter
    began = time.perf_counter()
    models = selected(
        histories,
        terms,
        roads=network,
        covariates=known,
        starts=starts,
        level=level,
        c_hat=c_hat,
        seed=seed,
        progress=bar("starts"),
    )
    made, found = None, models.best
    if limits == "bootstrap":
        made = bootstrap(
            histories, found, replicates=replicates, seed=seed, progress=bar("replicates")
        )
        found = made.rates(found)
    else:
        found = with_limits(histories, found, cast(Limits, limits), progress=bar(limits))
    told = shown.published(found, histories, smallest, exact=True)
    told["limits"] = limits
    if len(models.fits) > 1:
        told["models"] = models.rows()
    if enter is not None:
        counted = stock_and_flow(histories, models.best)
        if made is not None:
            counted = made.people(counted)
        people = published_people(counted, histories, smallest)
        told |= _stock_and_flow(people)
        told["warnings"] += people["warnings"]
        told["hidden"] += people["hidden"]
    if network is not None:
        told["corridors"] = shown.published_corridors(histories, found, network, smallest)
        told["hidden"] += told["corridors"]["hidden"]
    told["warnings"] += shown.published_notes(histories.notes, smallest)
    told["warnings"] = list(dict.fromkeys(told["warnings"]))
    told["for_publication"] = is_published  # all digits tell of all people
    told["seconds"] = time.perf_counter() - began
    if as_json:
        print_json(told)
        return
    if len(models.fits) > 1:
        print(f"{models}\n\nThe rates of the first:\n")
    _print(told)


def print_circuit_study(study: Path, out: Path | None) -> None:
    """Run a study of people who move, and print what it came to."""
    from darkfigure.passing_through import circuit_study

    outcome = circuit_study(study, out, progress=bar("starts"), say=note)
    told = outcome.told
    if outcome.study.synthetic:
        print("SYNTHETIC: these people are made up.")
    print(f"{'people':<36}{'on a day':>24}{'in ' + outcome.study.period:>24}{'on record':>11}")
    rows = {each["name"]: each for each in told["cities"]} | {"all together": told["region"]}
    for name, each in rows.items():
        cells = [_range(each["stock"]), _range(each["flow"])]
        seen = "–" if each["seen"] is None else f"{each['seen']:,}"
        print(f"{name[:35]:<36}{cells[0]:>24}{cells[1]:>24}{seen:>11}")
    for sentence in told["hidden"]:
        note(f"Hidden: {sentence}")
    for warning in told["warnings"]:
        note(f"Warning: {warning}")
    if outcome.skipped:
        note(f"Unchanged, not done again: {', '.join(outcome.skipped)}.")
    print(f"\nThe page: {outcome.folder / 'report.html'}")


def _range(of: dict[str, float | None]) -> str:
    if of["estimate"] is None or of["lower"] is None or of["upper"] is None:
        return "–"
    return f"{of['estimate']:,.0f} ({of['lower']:,.0f}–{of['upper']:,.0f})"


def _histories(file: str, **options: Any) -> tuple[Histories, bool]:
    """The histories of a file, or of a published table, and whether they are published."""
    from darkfigure.circuit.sightings import read_histories
    from darkfigure.tables import sheets

    if sheets.is_sheet(file):
        return read_histories(sheets.path(file), **options), True
    if not Path(file).exists() and not Path(file).suffix:
        raise InputError(
            f"There is no file '{file}', and no published table of this name; "
            "'darkfigure tables' lists them."
        )
    return read_histories(file, **options), False


def _stock_and_flow(people: dict[str, Any]) -> dict[str, Any]:
    """By city and for the region, each with its limits."""
    told: dict[str, Any] = {
        what: {
            "region": people["region"][what],
            "cities": {each["name"]: each[what] for each in people["cities"]},
        }
        for what in ("stock", "flow")
    }
    told["stock"]["by_occasion"] = people["stock_by_occasion"]
    told["double_count"] = {
        "observed": {key: people["region"][key] for key in ("seen", "naive")},
        "region": {
            key: people["region"][key] for key in ("counted_more_than_once", "share_in_several")
        },
        "cities": {each["name"]: each["elsewhere"] for each in people["cities"]},
    }
    told["turnover"] = {
        "region": {key: people["region"][key] for key in ("entries", "stay")},
        "cities": {
            each["name"]: {key: each[key] for key in ("entries", "moves_in", "stay")}
            for each in people["cities"]
        },
    }
    return told


def _print(told: dict[str, Any]) -> None:
    kinds = [kind for kind in ("survival", "detection", "movement", "entry") if kind in told]
    print(", ".join(f"{kind} {told[kind]}" for kind in kinds))
    print(
        f"-2 log L {told['minus2loglik']:,.2f}, {told['estimable']} of {told['parameters']} "
        f"parameters estimable in principle, AIC {told['aic']:,.2f}, {told['people']:,} people"
    )
    print(f"\n{'':<44}{'estimate':>9}{'se':>8}{'lower':>8}{'upper':>8}")
    for kind, estimates in told["estimates"].items():
        for each in estimates:
            where = f" in {each['city']}" if each["city"] else ""
            if each.get("to"):
                where = f" from {each['city']} to {each['to']}"
            name = kind + where + (f", {each['occasion']}" if each["occasion"] else "")
            _row(name, [each[k] for k in ("estimate", "standard_error", "lower", "upper")], ".3f")
    for each in told["coefficients"]:
        name = f"{each['parameter']} by {each['covariate']}"
        _row(name, [each[k] for k in ("estimate", "standard_error", "lower", "upper")], ".3f")
    for what, words in (("stock", "there on an occasion"), ("flow", "there at any time")):
        if what in told:
            print(f"\n{'people ' + words:<44}{'estimate':>9}{'lower':>8}{'upper':>8}")
            rows = {"all together": told[what]["region"], **told[what]["cities"]}
            for name, each in rows.items():
                _row(name, [each[k] for k in ("estimate", "lower", "upper")], ",.0f")
    if told.get("corridors"):
        print(
            f"\n{'moves over a leg of road, per step':<44}{'estimate':>9}{'lower':>8}{'upper':>8}"
        )
        for leg in told["corridors"]["legs"]:
            name = f"{leg['city_a']} – {leg['city_b']}, {leg['highway']}".removesuffix(", ")
            _row(name, [leg[k] for k in ("moves", "lower", "upper")], ".1f")
    for sentence in told["hidden"]:
        note(f"Hidden: {sentence}")
    for warning in told["warnings"]:
        note(f"Warning: {warning}")
    if not told["for_publication"]:
        note(
            "These numbers have all their digits and stay inside; what may leave is a study's page."
        )


def _row(name: str, numbers: list[float | None], form: str) -> None:
    wide = (9, 8, 8, 8)
    cells = ["–" if x is None else format(x, form) for x in numbers]
    print(f"{name[:43]:<44}" + "".join(f"{c:>{w}}" for c, w in zip(cells, wide, strict=False)))
