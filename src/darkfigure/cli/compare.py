"""Places side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkfigure.cli.app import Json, app
from darkfigure.cli.given import histories_of, number
from darkfigure.cli.say import MOST_TOLD, note, print_json
from darkfigure.errors import InputError

if TYPE_CHECKING:
    from darkfigure.compare.comparison import Comparison


@app.command()
def compare(
    context: typer.Context,
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
    tables = what or []
    if estimates is not None:
        if tables:
            raise InputError("--estimates ranks the places of one file; leave out the tables.")
        alone = ("estimates", "best", "lowest_first", "level", "seed", "as_json")
        _only(
            context, alone, "--estimates ranks what is in its file, and takes no {}; leave it out."
        )
        _rank(estimates, best, as_json, level=level, highest_first=not lowest_first, seed=seed)
        return
    if best is not None or lowest_first:
        raise InputError("--best and --lowest-first are for --estimates FILE.csv.")
    if len(tables) == 1 and tables[0].endswith(".toml"):
        _only(context, ("what", "out", "as_json"), "{} is said in the study itself; leave it out.")
        print_study(tables[0], out, as_json)
        return
    if out is not None:
        raise InputError(
            "--out is where a study's page is written; tables have none. Leave it out."
        )
    comparison = _compare_tables(
        tables, population, years, stay, footing, method=method, level=level, per=per, seed=seed
    )
    if as_json:
        print_json(comparison.to_dict())
        return
    _print_comparison(comparison)


def print_study(path: str | Path, out: Path | None, as_json: bool = False) -> None:
    """Compare the places of a study, and print what came of it."""
    from darkfigure.comparing import compare_study

    outcome = compare_study(path, out, say=note)
    if as_json:
        told = outcome.comparison.to_dict() if outcome.comparison else {"places": [], "pairs": []}
        print_json(told | ({"reports": outcome.reports} if outcome.reports else {}))
        return
    if outcome.comparison:
        _print_comparison(outcome.comparison)
    if outcome.reports:
        _print_reports(outcome.reports)
    print(f"\nThe page: {outcome.folder / 'report.html'}")


def _only(context: typer.Context, names: Sequence[str], says: str) -> None:
    """Refuse options that would do nothing here."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE" and name not in names:
            raise InputError(says.format(f"--{name.replace('_', '-')}"))


def _print_comparison(comparison: Comparison) -> None:
    print(comparison)
    print()
    for each in comparison.gaps[:MOST_TOLD]:
        print(each)
    if len(comparison.gaps) > MOST_TOLD:
        print(f"... and {len(comparison.gaps) - MOST_TOLD:,} more pairs.")
    for warning in comparison.warnings:
        note(f"Warning: {warning}")


def _print_reports(reports: dict[str, Any]) -> None:
    """Places with one count only: the ranks that those in question may have."""
    from darkfigure.report.one_count import apart, rank_by_records, rank_span

    print(f"\n{reports['title']}: {apart(reports)} can be told apart.".replace("\u00a0", " "))
    most = len(reports["places"])
    for place in reports["places"]:
        if place["name"] in reports["focus"]:
            low, high = rank_span(reports, place["name"])
            print(
                f"{place['name']}: rank {rank_by_records(place)} of {most} by records; between "
                f"{low} and {high} over what can be assumed of awareness."
            )
    for warning in reports["warnings"]:
        note(f"Warning: {reports['title']}: {warning}")


def _rank(file: Path, best: int | None, as_json: bool, **options: Any) -> None:
    from darkfigure.compare.estimates_table import rank_table, read_estimates
    from darkfigure.compare.rank_sets import best as among_first

    given = read_estimates(file)
    found = rank_table(given, **options)
    if best is not None:
        first = among_first(given.estimates, given.standard_errors, best, **options)
        found["best"] = {"number": best, "places": [given.places[i] for i in first]}
    if as_json:
        print_json(found)
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
    from darkfigure.comparing import compare_tables

    if len(given) < 2:
        raise InputError(
            "A comparison needs two places or more: darkfigure compare TABLE TABLE, or a study of "
            "places, STUDY.toml."
        )
    histories = {each: histories_of(each) for each in given}  # refuses what is not there
    contents = [Path(each).read_bytes() if Path(each).exists() else each for each in given]
    if len(set(contents)) < len(given):
        raise InputError("A place is there twice; a place is compared with others.")
    stems = [Path(each).stem.casefold() for each in given]
    named = {
        Path(each).stem if Path(each).exists() and stems.count(stem) == 1 else each: each
        for each, stem in zip(given, stems, strict=True)
    }
    inhabitants = _numbers(population, "population", named)
    times = _numbers(years, "years", named)
    people, open_to_all = {}, []
    for name, each in named.items():
        if each in tables.names() and not Path(each).exists():
            known = tables.describe(each)
            open_to_all.append(name)
            people[name] = known.people
            if known.population:
                inhabitants.setdefault(name, known.population)
            if known.years is not None:
                times.setdefault(name, known.years)
    span = None
    if stay is not None:
        parts = [number(part, "stay") for part in stay.split(",")]
        if len(parts) > 2:
            raise InputError("--stay is one number of years, or the least and the most: 1,5.")
        span = (parts[0], parts[-1])
    return compare_tables(
        {name: histories[each] for name, each in named.items()},
        inhabitants,
        times,
        footing,
        span,
        people=people,
        open_to_all=open_to_all,
        **options,
    )


def _numbers(given: list[str] | None, option: str, named: Mapping[str, str]) -> dict[str, float]:
    """TABLE=NUMBER, as often as it was given, by the name of the place."""
    found: dict[str, float] = {}
    names = {file: name for name, file in named.items()} | {name: name for name in named}
    for each in given or ():
        name, sign, value = each.rpartition("=")
        if not sign or not name:
            raise InputError(f"--{option} is given as TABLE=NUMBER, not '{each}'.")
        if name not in names:
            raise InputError(f"--{option} names '{name}', which is none of: {', '.join(named)}.")
        if names[name] in found:
            raise InputError(f"--{option} of '{name}' is given twice; give one number.")
        found[names[name]] = number(value, option)
    return found
