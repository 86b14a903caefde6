"""How many people there are, and what moves that number."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkfigure.cli.app import Engine, Json, app
from darkfigure.cli.given import histories_of, names, people_of, strata_of, where_of
from darkfigure.cli.say import announce_compilation, bar, counter, note, print_json
from darkfigure.errors import InputError, NoEstimateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from darkfigure.histories import CaptureHistories
    from darkfigure.size.strata import ByStrata


@app.command()
def size(
    table: Annotated[
        str,
        typer.Argument(help="A CSV, Excel or Parquet file, or a published table.", metavar="TABLE"),
    ],
    method: Annotated[
        str,
        typer.Option(
            help="auto, shrinkage, independent, stepwise, bic, averaged, threshold, heterogeneity, "
            "chao, decomposable, latent-class or doubly-robust."
        ),
    ] = "auto",
    bootstrap: Annotated[
        int | None, typer.Option(help="Replicates; 0 for none.", min=0, show_default="200")
    ] = None,
    level: Annotated[float, typer.Option(help="Confidence of the interval.")] = 0.95,
    max_order: Annotated[
        int | None,
        typer.Option(help="For bic and averaged: the most lists that may interact at once."),
    ] = None,
    nested: Annotated[
        int | None, typer.Option(help="For bic: intervals with the choice among so many models.")
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(help="For bic: seconds for the search of the best model.")
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(help="Of the total, for methods that draw it.", show_default="10000"),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="For averaged: bic or laplace.", show_default="bic")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="For heterogeneity: poisson, darroch or gamma.", show_default="poisson"),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(help="For threshold: proper or improper.", show_default="proper"),
    ] = None,
    delta: Annotated[
        float | None,
        typer.Option(help="For decomposable: the prior of a cell.", show_default="1 / 2**lists"),
    ] = None,
    covariates: Annotated[
        str | None,
        typer.Option(help="For doubly-robust: what is known of each person.", metavar="sex,age"),
    ] = None,
    pair: Annotated[
        str | None, typer.Option(help="For doubly-robust: the two lists to use.", metavar="A,B")
    ] = None,
    nuisance: Annotated[
        str | None,
        typer.Option(
            help="For doubly-robust: logistic, boosting, forest or strata.", show_default="logistic"
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Columns to split the people by.", metavar="COLUMN,COLUMN"),
    ] = None,
    imputations: Annotated[
        int | None,
        typer.Option(help="With --by: how often missing values are filled in.", show_default="10"),
    ] = None,
    territories: Annotated[
        str | None,
        typer.Option(
            help="With --by: which list works in which stratum; columns list and stratum.",
            metavar="FILE.csv",
        ),
    ] = None,
    engine: Engine = "local",
    seed: Annotated[int, typer.Option(help="Of the random numbers.", min=0)] = 1,
    as_json: Json = False,
) -> None:
    """Estimate how many people there are in all, or of each kind and in all."""
    from dataclasses import replace

    from darkfigure.size.methods import OF_PEOPLE, compile_once
    from darkfigure.size.methods import method as find
    from darkfigure.size.refusal import refusals

    if territories is not None:
        other = {
            "method": method not in ("auto", "territories"),
            "max-order": max_order,
            "nested": nested,
            "time-limit": time_limit,
            "draws": draws,
            "weights": weights,
            "kind": kind,
            "prior": prior,
            "delta": delta,
            "covariates": covariates,
            "pair": pair,
            "nuisance": nuisance,
            "imputations": imputations,
        }
        _size_regional(table, territories, by, engine, other, bootstrap, level, seed, as_json)
        return
    of_people = covariates is not None and method in OF_PEOPLE
    chosen = OF_PEOPLE[method] if of_people else find(method)
    given = {
        "bootstrap": bootstrap,
        "max_order": max_order,
        "nested": nested,
        "time_limit": time_limit,
        "draws": draws,
        "weights": weights,
        "kind": kind,
        "prior": prior,
        "delta": delta,
        "covariates": covariates and names(covariates),
        "pair": pair and names(pair),
        "nuisance": nuisance,
    }
    options: dict[str, Any] = {name: x for name, x in given.items() if x is not None}
    for name in options.keys() - chosen.options:
        if name != "bootstrap":
            raise InputError(f"The method '{method}' has no --{name.replace('_', '-')}.")
        note(f"The method '{method}' makes no bootstrap; --bootstrap has no effect.")
        del options[name]
    where = where_of(engine)
    if by is not None:
        if of_people:
            raise InputError(
                f"The method '{method}' does not go by strata; leave out --by, and name those "
                "columns in --covariates as well."
            )
        if nested:
            raise InputError("--nested is of one table of counts; leave out --by, or --nested.")
        if imputations is not None:
            options["imputations"] = imputations
        options |= {"level": level, "seed": seed, "where": where}
        _size_by(table, method, [name.strip() for name in by.split(",")], options, as_json)
        return
    for name, unused in (("imputations", imputations is not None), ("engine", engine != "local")):
        if unused:
            raise InputError(f"--{name} is for people split by --by; name the columns.")
    if "watch" in chosen.options:
        options["watch"] = counter("models fitted")
    options |= {"level": level, "seed": seed, "progress": bar("replicates")}
    if of_people:
        people, options["lists"], options["count"] = people_of(table, options["covariates"])
        began = time.perf_counter()
        with or_lower_bound(None, as_json):
            estimate = chosen.estimate(people, **options)
    else:
        histories = histories_of(table)
        announce_compilation(method)
        compile_once(method)
        began = time.perf_counter()
        with or_lower_bound(histories, as_json):
            estimate = chosen.estimate(histories, **options)
        told = set(estimate.warnings)
        doubts = [r.sentence for r in refusals(histories) if r.sentence not in told]
        estimate = replace(estimate, warnings=(*estimate.warnings, *doubts))
    seconds = time.perf_counter() - began
    if as_json:
        found = estimate.to_dict()
        del found["draws"]
        print_json({**found.pop("details"), **found, "seed": seed, "seconds": round(seconds, 6)})
        return
    print(estimate)
    print()
    print(estimate.table())
    for each in estimate.details.get("nested", ()):
        upper = f"{each['upper']:,.0f}" if each["upper"] is not None else "no limit"
        print(
            f"choice among {each['models']:>3}: {each['lower']:,.0f} to {upper}"
            f"   (model {each['model']} joins, alone {each['total']:,.0f})"
        )
    for each in estimate.details.get("dependent", ()):
        both = " and ".join(each["lists"])
        if "probability" in each:
            print(f"{both} depend on each other: probability {each['probability']:.2f}")
        else:
            print(f"{both}: odds ratio {each['odds_ratio']:.2f}")
    if sentence := estimate.details.get("sentence"):
        print(f"\n{sentence}")
    for each in estimate.details.get("pairs", ()) if of_people else ():
        print(
            f"{' and '.join(each['lists'])}, who share {each['shared']:,} people: "
            f"{each['total']:,.0f} ({each['lower']:,.0f} to {each['upper']:,.0f}), without "
            f"covariates {each['without_covariates']:,.0f}"
        )
    for warning in estimate.warnings:
        note(f"Warning: {warning}")


def _size_by(
    table: str, method: str, by: list[str], options: dict[str, Any], as_json: bool
) -> None:
    from darkfigure.size.methods import compile_once
    from darkfigure.size.strata import by_strata

    strata = strata_of(table, by)
    announce_compilation(method)
    compile_once(method)
    began = time.perf_counter()
    with or_lower_bound(None, as_json):
        found = by_strata(strata, method, progress=bar("strata"), **options)
    _tell(found, options["seed"], time.perf_counter() - began, as_json)


def _size_regional(
    table: str,
    file: str,
    by: str | None,
    engine: str,
    other: dict[str, Any],
    bootstrap: int | None,
    level: float,
    seed: int,
    as_json: bool,
) -> None:
    from darkfigure.size.methods import remember_compiled
    from darkfigure.size.regional import regional
    from darkfigure.size.territories import read_territories
    from darkfigure.strata import Strata

    if by is None:
        raise InputError(
            "--territories says in which strata each list works; name their columns by --by."
        )
    for name, given in other.items():
        if given:
            raise InputError(f"--{name} has no part in a total by --territories; leave it out.")
    if where_of(engine) != "local":
        raise InputError("A total by --territories is worked out on this machine, not on Spark.")
    columns = [name.strip() for name in by.split(",")]
    strata = strata_of(table, columns)
    where = read_territories(file, columns)
    announce_compilation("territories")
    tiny = Strata("ab", ["city"], [("x",)] * 3, [1, 2, 3], [4, 4, 2])
    regional(tiny, {"a": "all", "b": "all"}, bootstrap=0)
    remember_compiled("territories")
    options: dict[str, Any] = {} if bootstrap is None else {"bootstrap": bootstrap}
    began = time.perf_counter()
    with or_lower_bound(None, as_json):
        found = regional(
            strata, where, level=level, seed=seed, progress=bar("replicates"), **options
        )
    _tell(found, seed, time.perf_counter() - began, as_json)
    if not as_json:
        for assumed in found.total.details["assumed"]:
            note(f"Assumed: {assumed}")


def _tell(found: ByStrata, seed: int, seconds: float, as_json: bool) -> None:
    """Strata and their total, as text or JSON."""
    if as_json:
        total = found.total.to_dict()
        del total["draws"]
        told = {**total.pop("details"), **total, "seed": seed}
        print_json({**told, "strata": found.rows(), "seconds": round(seconds, 6)})
        return
    print(found.total)
    print()
    print(found.table())
    print()
    print(
        f"method: {found.total.method}, {100 * found.total.level:g} % intervals, "
        f"by {', '.join(found.by)}"
    )
    for each in found.strata:
        if each.note:
            note(f"{each.name}: {each.note}")
    for warning in found.total.warnings:
        note(f"Warning: {warning}")


@app.command()
def check(
    table: Annotated[
        str,
        typer.Argument(help="A CSV, Excel or Parquet file, or a published table.", metavar="TABLE"),
    ],
    max_order: Annotated[
        int | None, typer.Option(help="The most lists that may interact at once.")
    ] = None,
    threshold: Annotated[
        list[float] | None,
        typer.Option(help="People at which a conclusion would change; may be given again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Can the total be estimated, and trusted? What moves it, and by how much."""
    from darkfigure.size.check import check as check_counts
    from darkfigure.size.methods import compile_once

    histories = histories_of(table)
    announce_compilation("bic")
    compile_once("bic")
    with or_lower_bound(histories, as_json):
        checked = check_counts(
            histories,
            max_order=max_order,
            thresholds=threshold or (),
            progress=bar("estimates"),
            watch=counter("models fitted"),
        )
    if as_json:
        print_json(checked.to_dict())
    else:
        print(checked)


@contextlib.contextmanager
def or_lower_bound(histories: CaptureHistories | None, as_json: bool) -> Iterator[None]:
    """A refusal says its reasons, and a lower bound where there are counts of everybody to make it
    from; as JSON where that is asked for."""
    from darkfigure.size.refusal import Refused
    from darkfigure.size.refusal import or_lower_bound as with_bound

    try:
        with with_bound(histories) if histories is not None else contextlib.nullcontext():
            yield
    except NoEstimateError as refused:
        if as_json:
            reason = {"rule": "no estimate", "reason": str(refused)}
            told = {"refused": [reason], "lower_bound": None}
            print_json(refused.to_dict() if isinstance(refused, Refused) else told)
        raise
