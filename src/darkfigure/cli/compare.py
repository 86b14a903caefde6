"""Places side by side."""

from __future__ import annotations

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
        outcome = compare_study(tables[0], out, say=note)
        if as_json:
            told = outcome.comparison.to_dict() if outcome.comparison else {}
            print_json(told | ({"reports": outcome.reports} if outcome.reports else {}))
            return
        if outcome.comparison:
            _print_comparison(outcome.comparison)
        if outcome.reports:
            _print_reports(outcome.reports)
        print(f"\nThe page: {outcome.folder / 'report.html'}")
        return
    comparison = _compare_tables(
        tables, population, years, stay, footing, method=method, level=level, per=per, seed=seed
    )
    if as_json:
        print_json(comparison.to_dict())
        return
    _print_comparison(comparison)


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
    print(
        f"\n{reports['title']}: of all pairs {100 * reports['told_apart']:.0f} % can be told apart."
    )
    most = len(reports["places"])
    for place in reports["places"]:
        if place["name"] in reports["focus"]:
            grid = [p for each in reports["grid"] for p in each["places"]]
            ranks = [p for p in grid if p["name"] == place["name"]]
            print(
                f"{place['name']}: rank {place['recorded_rank']} of {most} by records; between "
                f"{min(p['rank_lower'] for p in ranks)} and {max(p['rank_upper'] for p in ranks)} "
                "over what can be assumed of awareness."
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
    for option, given_for in (("population", inhabitants), ("years", times)):
        for name in given_for.keys() - named.keys():
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
        parts = [number(part, "stay") for part in stay.split(",")]
        if len(parts) > 2:
            raise InputError("--stay is one number of years, or the least and the most: 1,5.")
        span = (parts[0], parts[-1])
    return compare_tables(
        {name: histories_of(each) for name, each in named.items()},
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
        name, sign, value = each.rpartition("=")
        if not sign or not name:
            raise InputError(f"--{option} is given as TABLE=NUMBER, not '{each}'.")
        found[name] = number(value, option)
    return found
