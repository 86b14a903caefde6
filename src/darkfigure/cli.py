"""The command line: parse, call, print."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer._click.exceptions import UsageError

from darkfigure.errors import InputError, NoEstimateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from darkfigure.compare.comparison import Comparison
    from darkfigure.engine import Progress, Where
    from darkfigure.histories import CaptureHistories
    from darkfigure.strata import Strata

app = typer.Typer(
    name="darkfigure",
    help="How many people does no record show? Answers from the overlapping lists agencies keep.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

MOST_TOLD = 20
INTERRUPTED = 130  # what the shell expects of a program that Ctrl-C ended

Engine = Annotated[
    str,
    typer.Option(
        help="Where records are compared and strata estimated: local, or spark.",
        metavar="local|spark",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from darkfigure import __version__

        print(__version__)
        raise typer.Exit


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="The study.toml.", metavar="STUDY.toml")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write; out/ and the study's folder if left out.")
    ] = None,
    engine: Engine = "local",
) -> None:
    """Run a study from its lists to its page; what has not changed is not done again."""
    from darkfigure.run import run as run_study
    from darkfigure.size.methods import remember_compiled

    _announce_compilation("run")
    outcome = run_study(study, out, where=_where(engine), progress=_bar("replicates"), say=_note)
    remember_compiled("run")
    print(outcome.estimate)
    print()
    print(outcome.estimate.table())
    for warning in outcome.estimate.warnings:
        _note(f"Warning: {warning}")
    if outcome.skipped:
        _note(f"Unchanged, not done again: {', '.join(outcome.skipped)}.")
    if outcome.study.truth is not None:
        within = outcome.estimate.lower <= outcome.study.truth <= outcome.estimate.upper
        print()
        print(
            f"SYNTHETIC: there are {outcome.study.truth:,} of these made-up people; the interval "
            f"{'holds' if within else 'misses'} that number."
        )
    print()
    print(f"The page: {outcome.folder / 'report.html'}")


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
    engine: Engine = "local",
    seed: Annotated[int, typer.Option(help="Of the random numbers.", min=0)] = 1,
    as_json: Json = False,
) -> None:
    """Estimate how many people there are in all, or of each kind and in all."""
    from dataclasses import replace

    from darkfigure.size.methods import OF_PEOPLE, compile_once
    from darkfigure.size.methods import method as find
    from darkfigure.size.refusal import refusals

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
        "covariates": covariates and _names(covariates),
        "pair": pair and _names(pair),
        "nuisance": nuisance,
    }
    options: dict[str, Any] = {name: x for name, x in given.items() if x is not None}
    for name in options.keys() - chosen.options:
        if name != "bootstrap":
            raise InputError(f"The method '{method}' has no --{name.replace('_', '-')}.")
        _note(f"The method '{method}' makes no bootstrap; --bootstrap has no effect.")
        del options[name]
    where = _where(engine)
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
        options["watch"] = _counter("models fitted")
    options |= {"level": level, "seed": seed, "progress": _bar("replicates")}
    if of_people:
        people, options["lists"], options["count"] = _people(table, options["covariates"])
        began = time.perf_counter()
        estimate = chosen.estimate(people, **options)
    else:
        histories = _histories(table)
        _announce_compilation(method)
        compile_once(method)
        began = time.perf_counter()
        with _or_lower_bound(histories, as_json):
            estimate = chosen.estimate(histories, **options)
        told = set(estimate.warnings)
        doubts = [r.sentence for r in refusals(histories) if r.sentence not in told]
        estimate = replace(estimate, warnings=(*estimate.warnings, *doubts))
    seconds = time.perf_counter() - began
    if as_json:
        found = estimate.to_dict()
        del found["draws"]
        _print_json({**found.pop("details"), **found, "seed": seed, "seconds": round(seconds, 6)})
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
        names = " and ".join(each["lists"])
        if "probability" in each:
            print(f"{names} depend on each other: probability {each['probability']:.2f}")
        else:
            print(f"{names}: odds ratio {each['odds_ratio']:.2f}")
    if sentence := estimate.details.get("sentence"):
        print(f"\n{sentence}")
    for each in estimate.details.get("pairs", ()) if of_people else ():
        print(
            f"{' and '.join(each['lists'])}, who share {each['shared']:,} people: "
            f"{each['total']:,.0f} ({each['lower']:,.0f} to {each['upper']:,.0f}), without "
            f"covariates {each['without_covariates']:,.0f}"
        )
    for warning in estimate.warnings:
        _note(f"Warning: {warning}")


def _size_by(
    table: str, method: str, by: list[str], options: dict[str, Any], as_json: bool
) -> None:
    from darkfigure.size.methods import compile_once
    from darkfigure.size.strata import by_strata

    strata = _strata(table, by)
    _announce_compilation(method)
    compile_once(method)
    began = time.perf_counter()
    found = by_strata(strata, method, progress=_bar("strata"), **options)
    seconds = time.perf_counter() - began
    if as_json:
        total = found.total.to_dict()
        del total["draws"]
        told = {**total.pop("details"), **total, "seed": options["seed"]}
        _print_json({**told, "strata": found.rows(), "seconds": round(seconds, 6)})
        return
    print(found.total)
    print()
    print(found.table())
    print()
    print(f"method: {method}, {100 * options['level']:g} % intervals, by {', '.join(by)}")
    for each in found.strata:
        if each.note:
            _note(f"{each.name}: {each.note}")
    for warning in found.total.warnings:
        _note(f"Warning: {warning}")


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

    histories = _histories(table)
    _announce_compilation("bic")
    compile_once("bic")
    with _or_lower_bound(histories, as_json):
        checked = check_counts(
            histories,
            max_order=max_order,
            thresholds=threshold or (),
            progress=_bar("estimates"),
            watch=_counter("models fitted"),
        )
    if as_json:
        _print_json(checked.to_dict())
    else:
        print(checked)


@app.command()
def compare(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files of counts or published tables, one for each place; or a study of places.",
            metavar="TABLE TABLE ... | STUDY.toml",
        ),
    ] = None,
    population: Annotated[
        list[str] | None,
        typer.Option(help="Inhabitants at risk; for each file.", metavar="TABLE=NUMBER"),
    ] = None,
    years: Annotated[
        list[str] | None,
        typer.Option(
            help="In how many years its people were counted; 0 is one moment.",
            metavar="TABLE=YEARS",
        ),
    ] = None,
    stay: Annotated[
        str | None,
        typer.Option(
            help="How long a person stays in the situation, where times differ.",
            metavar="YEARS|LEAST,MOST",
        ),
    ] = None,
    footing: Annotated[
        float | None,
        typer.Option(
            help="Bring all to the people of so many years.", show_default="their own, or 1"
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="The estimator of each total.")] = "auto",
    level: Annotated[float, typer.Option(help="Confidence of all limits.")] = 0.95,
    per: Annotated[int, typer.Option(help="The base of the rates.", min=1)] = 100_000,
    seed: Annotated[int, typer.Option(help="Of the random numbers.", min=0)] = 1,
    out: Annotated[Path | None, typer.Option(help="For a study: where to write its page.")] = None,
    estimates: Annotated[
        Path | None,
        typer.Option(
            help="Only rank: a file with the columns place, estimate and se.", metavar="FILE.csv"
        ),
    ] = None,
    best: Annotated[
        int | None, typer.Option(help="With --estimates: which places may be among the first N.")
    ] = None,
    lowest_first: Annotated[
        bool, typer.Option("--lowest-first", help="With --estimates: rank 1 is the lowest.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare places: prevalence, share detected and rank, each with its uncertainty."""
    from darkfigure.comparing import compare_study

    tables = what or []
    if estimates is not None:
        if tables:
            raise InputError("--estimates ranks the places of one file; leave out the tables.")
        _rank(estimates, best, as_json, level=level, highest_first=not lowest_first, seed=seed)
        return
    if best is not None or lowest_first:
        raise InputError("--best and --lowest-first are for --estimates FILE.csv.")
    if len(tables) == 1 and tables[0].endswith(".toml"):
        outcome = compare_study(tables[0], out, say=_note)
        comparison = outcome.comparison
        page = f"\nThe page: {outcome.folder / 'report.html'}"
    else:
        comparison = _compare_tables(
            tables, population, years, stay, footing, method=method, level=level, per=per, seed=seed
        )
        page = ""
    assert comparison is not None
    if as_json:
        _print_json(comparison.to_dict())
        return
    print(comparison)
    print()
    for each in comparison.gaps[:MOST_TOLD]:
        print(each)
    for warning in comparison.warnings:
        _note(f"Warning: {warning}")
    print(page, end="\n" if page else "")


def _rank(file: Path, best: int | None, as_json: bool, **options: Any) -> None:
    from darkfigure.compare.estimates_table import rank_table, read_estimates
    from darkfigure.compare.rank_sets import best as among_first

    given = read_estimates(file)
    found = rank_table(given, **options)
    if best is not None:
        first = among_first(given.estimates, given.standard_errors, best, **options)
        found["best"] = {"number": best, "places": [given.places[i] for i in first]}
    if as_json:
        _print_json(found)
        return
    print(f"{'':<26}{'estimate':>11}{'se':>9}{'rank':>6}{'alone':>9}{'all':>9}{'joint':>9}")
    for row in sorted(found["places"], key=lambda row: row["rank"]):
        limits = [
            f"{row[f'{kind}_lower']}–{row[f'{kind}_upper']}"
            for kind in ("rank", "simultaneous", "joint")
        ]
        print(
            f"{row['name'][:25]:<26}{row['estimate']:>11.5g}{row['se']:>9.3g}{row['rank']:>6}"
            + "".join(f"{each:>9}" for each in limits)
        )
    sure = f"{100 * found['level']:g} %"
    print(f"\nalone: the ranks that a place may have, {sure} sure of that place alone;")
    print("all: sure of all places at once; joint: the same in closed form, and wider.")
    if best is not None:
        who = found["best"]["places"]
        print(f"\nAmong the first {best} may be, {sure} sure, {len(who)}: {', '.join(who)}.")


def _compare_tables(
    given: list[str],
    population: list[str] | None,
    years: list[str] | None,
    stay: str | None,
    footing: float | None,
    **options: Any,
) -> Comparison:
    from darkfigure import tables
    from darkfigure.compare.footing import Footing
    from darkfigure.comparing import compare_tables

    if len(given) < 2:
        raise InputError(
            "A comparison needs two places or more: darkfigure compare TABLE TABLE, or a study of "
            "places, STUDY.toml."
        )
    named = {Path(each).stem if Path(each).exists() else each: each for each in given}
    if len(named) < len(given):
        raise InputError("A place is there twice; a place is compared with others.")
    inhabitants, times = _numbers(population, "population"), _numbers(years, "years")
    for option, numbers in (("population", inhabitants), ("years", times)):
        for name in numbers.keys() - named.keys():
            raise InputError(f"--{option} names '{name}', which is none of: {', '.join(named)}.")
    people = {}
    for name, each in named.items():
        if each in tables.names() and not Path(each).exists():
            known = tables.describe(each)
            people[name] = known.people
            if known.population:
                inhabitants.setdefault(name, known.population)
            if known.years is not None:
                times.setdefault(name, known.years)
    spans = set(times.values())
    same = spans.pop() if len(spans) == 1 else 1.0
    span = None
    if stay is not None:
        parts = [_number(part, "stay") for part in stay.split(",")]
        if len(parts) > 2:
            raise InputError("--stay is one number of years, or the least and the most: 1,5.")
        span = (parts[0], parts[-1])
    return compare_tables(
        {name: _histories(each) for name, each in named.items()},
        inhabitants,
        times,
        Footing(same if footing is None else footing, span),
        people=people,
        **options,
    )


def _numbers(given: list[str] | None, option: str) -> dict[str, float]:
    """TABLE=NUMBER, as often as it was given."""
    found: dict[str, float] = {}
    for each in given or ():
        name, sign, number = each.rpartition("=")
        if not sign or not name:
            raise InputError(f"--{option} is given as TABLE=NUMBER, not '{each}'.")
        found[name] = _number(number, option)
    return found


def _number(text: str, option: str) -> float:
    try:
        return float(text.replace("_", ""))
    except ValueError:
        raise InputError(f"--{option} needs a number, not '{text}'.") from None


@app.command()
def protect(
    file: Annotated[
        Path | None, typer.Argument(help="The agency's own list.", metavar="LIST.csv")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="The study's key, which only agencies have.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The protected list to write.", metavar="FILE.parquet")
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(help="The study.toml, for the columns and strata of this list."),
    ] = None,
    name: Annotated[str, typer.Option(help="What the list is called in the study.")] = "",
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make a new key, and nothing else.")
    ] = False,
) -> None:
    """Inside an agency: write a list in an encoding that can be compared and not be read."""
    from darkfigure.lists.keys import exposed, load_key, save_key
    from darkfigure.lists.keys import new_key as make_key

    if new_key:
        if file or out:
            raise InputError("--new-key makes a key and nothing else; leave the list out.")
        where = key or Path("darkfigure.key")
        save_key(make_key(), where)
        print(f"A new key is in {where}. Give it to every agency, by a safe way, and to nobody who")
        print("links the lists. Lists protected with different keys cannot be compared.")
        return
    if file is None or key is None or out is None:
        raise InputError(
            "Give the list, the key and where to write: darkfigure protect LIST.csv --key KEYFILE "
            "--out FILE.parquet; a key is made by: darkfigure protect --new-key --key KEYFILE."
        )
    from darkfigure.run import protect as protect_list

    secret = load_key(key)
    if warning := exposed(key):
        _note(f"Warning: {warning}")
    told = protect_list(file, secret, out, study=study, name=name)
    for note in told.notes:
        _note(note)
    for problem in told.problems[:MOST_TOLD]:
        _note(str(problem))
    if len(told.problems) > MOST_TOLD:
        _note(f"... and {len(told.problems) - MOST_TOLD:,} more.")
    print(f"{told.used:,} of {told.rows:,} rows are in {out}, and nobody can read them there.")


@app.command()
def link(
    study: Annotated[Path, typer.Argument(help="The study.toml.", metavar="STUDY.toml")],
    out: Annotated[Path, typer.Option(help="The table to write.", metavar="TABLE.csv")],
    engine: Engine = "local",
    as_json: Json = False,
) -> None:
    """Link a study's records, and write how many people are on which lists.

    Small counts are held back in the table; `run` estimates from all of them.
    """
    from darkfigure.run import link as link_study

    linked = link_study(study, out, where=_where(engine), say=_note)
    if as_json:
        _print_json(linked)
        return
    print(f"About {linked['observed']:,} different people on {len(linked['lists'])} lists.")
    for warning in linked["warnings"]:
        _note(warning)
    print(f"The table: {out}")


@app.command("tables")
def list_tables(
    name: Annotated[
        str | None, typer.Argument(help="One table, to see it whole.", metavar="NAME")
    ] = None,
    as_json: Json = False,
) -> None:
    """The published tables that ship with the program, with their citations."""
    import dataclasses

    from darkfigure import tables
    from darkfigure.tables import sheets

    if name is None:
        every = [tables.describe(each) for each in tables.names()]
        if as_json:
            others = [dataclasses.asdict(sheets.describe(each)) for each in sheets.names()]
            _print_json({"tables": [dataclasses.asdict(each) for each in every], "sheets": others})
            return
        for each in every:
            seen = tables.load(each.name).observed
            print(
                f"{each.name:<34}{len(each.lists):>2} lists{seen:>7,} people  "
                f"{each.place}, {each.period}"
            )
        for folder, heading in sheets.folders().items():
            print(f"\n{heading} (not lists; nothing to estimate):")
            for sheet in map(sheets.describe, sheets.names(folder)):
                size = len(sheets.rows(sheet.name))
                print(f"{sheet.name:<34}{size:>5,} rows  {sheet.status:<11}{sheet.what}")
        return
    if name not in tables.names():
        _print_sheet(name, as_json)
        return
    described = tables.describe(name)
    histories = tables.load(name)
    if as_json:
        _print_json(
            {
                **dataclasses.asdict(described),
                "observed": histories.observed,
                "rows": histories.rows(),
            }
        )
        return
    print(f"{described.name}: {described.people}, {described.place}, {described.period}")
    print(f"{histories.observed:,} people seen, on these lists:")
    for column, words in described.lists.items():
        print(f"  {column:<18}{histories.size_of(column):>7,}  {words}")
    for figure in described.published:
        print(f"published: {figure} [{figure.status}]")
    for note in (described.status_note, described.note, described.citation):
        if note:
            print(note)


def _print_sheet(name: str, as_json: bool) -> None:
    """A published sheet with what every column means."""
    import dataclasses

    from darkfigure.tables import sheets

    sheet, rows = sheets.describe(name), sheets.rows(name)
    if as_json:
        _print_json({**dataclasses.asdict(sheet), "rows": rows})
        return
    print(f"{sheet.name}: {sheet.what}, {sheet.place}, {sheet.period} [{sheet.status}]")
    print(f"{len(rows):,} rows, with these columns:")
    for column, told in sheet.columns.items():
        unit = f" ({told.unit})" if told.unit else ""
        status = "" if told.status == sheet.status else f" [{told.status}]"
        print(f"  {column:<26}{told.meaning}{unit}{status}")
    for line in (sheet.note, sheet.citation, f"The file: {sheets.path(name)}"):
        if line:
            print(line)


def main() -> None:
    """Run the command line; every refusal is a sentence on standard error and an exit code."""
    try:
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code)
    except UsageError as error:
        error.show()
        sys.exit(error.exit_code)
    except InputError as error:
        _fail(error, 2)
    except NoEstimateError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        said = "Interrupted. Nothing was left half written; a study goes on where it stopped."
        print(f"darkfigure: {said}", file=sys.stderr, flush=True)
        os._exit(INTERRUPTED)  # at once, without waiting for what other threads are in the midst of
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}.", 2)


def _fail(what: object, code: int) -> None:
    for line in str(what).splitlines():
        print(f"darkfigure: {line}", file=sys.stderr)
    sys.exit(code)


def _note(text: str) -> None:
    print(text, file=sys.stderr)


@contextlib.contextmanager
def _or_lower_bound(histories: CaptureHistories, as_json: bool) -> Iterator[None]:
    """A refusal says its reasons and a lower bound, as JSON where that is asked for."""
    from darkfigure.size.refusal import Refused, or_lower_bound

    try:
        with or_lower_bound(histories):
            yield
    except Refused as refused:
        if as_json:
            _print_json(refused.to_dict())
        raise


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _histories(table: str) -> CaptureHistories:
    """The counts of a file, or of a published table where there is no file of that name."""
    from darkfigure import tables

    if not Path(table).exists() and table in tables.names():
        return tables.load(table)
    if not Path(table).exists() and "." not in Path(table).name and "/" not in table:
        tables.describe(table)  # refuses, naming the tables that are nearly called so
    from darkfigure.lists.overlap_table import read_overlap_table

    return read_overlap_table(table)


def _strata(table: str, by: list[str]) -> Strata:
    """As `_histories`, by kind of people."""
    from darkfigure import tables
    from darkfigure.lists.overlap_table import read_kinds

    if not Path(table).exists() and table in tables.names():
        described = tables.describe(table)
        if described.strata:
            return read_kinds(tables.path(table), by=by, lists=list(described.lists))
        tables.load_strata(table, by)  # refuses, for it has no strata
    if not Path(table).exists() and "." not in Path(table).name and "/" not in table:
        tables.describe(table)
    return read_kinds(table, by=by)


def _people(table: str, covariates: list[str]) -> tuple[Any, list[str], str]:
    """The people of a file or a published table with their covariates, the lists and the count."""
    from darkfigure import tables
    from darkfigure.lists.people_table import read_people

    published = not Path(table).exists() and table in tables.names()
    path = tables.path(table) if published else Path(table)
    lists = list(tables.describe(table).lists) if published else None
    people = read_people(path, covariates=covariates, lists=lists)
    return people, [x for x in people.columns if x not in (*covariates, "count")], "count"


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]


def _where(engine: str) -> Where:
    if engine not in ("local", "spark"):
        raise InputError(f"The engine is 'local' or 'spark', not '{engine}'.")
    return "spark" if engine == "spark" else "local"


def _announce_compilation(name: str) -> None:
    from darkfigure.size.methods import compiled

    if not compiled(name):
        _note("Compiling the estimators for this machine, once; it takes half a minute.")


def _counter(what: str) -> Callable[[int], None] | None:
    """A running number on standard error, if somebody is looking at it."""
    if not sys.stderr.isatty():
        return None
    return lambda done: print(f"\r{what}: {done:,} ", end="", file=sys.stderr, flush=True)


def _bar(what: str) -> Progress | None:
    """A progress bar on standard error, if somebody is looking at it."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, of: int) -> None:
        filled = 30 * done // of
        end = "\n" if done == of else ""
        bar = "#" * filled + "." * (30 - filled)
        print(f"\r{what} [{bar}] {100 * done // of} %", end=end, file=sys.stderr, flush=True)

    return show
