"""Those who make the demand: how many there are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkfigure.cli.app import Json
from darkfigure.cli.given import number
from darkfigure.cli.say import bar, note, print_json
from darkfigure.errors import InputError, NoEstimateError

if TYPE_CHECKING:
    from darkfigure.demand.counts_table import Counts
    from darkfigure.demand.deterrence import Deterrence
    from darkfigure.estimate import Estimate

REPLICATES = 500
OF_RATES = {
    False: ", and all are arrested at one rate (Poisson)",
    True: ", and rates differ between people (geometric)",
}
ANALYTIC = "analytic"


def people(
    file: Annotated[
        str,
        typer.Argument(
            help="A row for each person with a count, or columns count and freq; or a published "
            "table by its name.",
            metavar="COUNTS.csv",
        ),
    ],
    family: Annotated[
        str,
        typer.Option(
            help="auto, chao, zelterman, oichao, robust, ztpoisson, ztgeom, ztnegbin, zotpoisson, "
            "zotgeom, or with too many met once: oizt, ztoi, ztHurdle or Hurdlezt before poisson "
            "or geom."
        ),
    ] = "auto",
    formula: Annotated[
        str, typer.Option(help="What the rate depends on.", metavar="FORMULA")
    ] = "y ~ 1",
    inflation: Annotated[
        str, typer.Option(help="What one-inflation depends on.", metavar="FORMULA")
    ] = "~ 1",
    omega_link: Annotated[str, typer.Option(help="Of one-inflation: logit or cloglog.")] = "logit",
    bootstrap: Annotated[
        int, typer.Option(help="Replicates; 0 for an analytic interval.", min=0)
    ] = 0,
    variance: Annotated[
        str | None,
        typer.Option(
            help="analytic; or how replicates are drawn: semiparametric, nonparametric or "
            f"parametric, {REPLICATES} of them unless --bootstrap says how many.",
            show_default="analytic, or semiparametric with --bootstrap",
        ),
    ] = None,
    level: Annotated[float, typer.Option(help="Confidence of the interval.")] = 0.95,
    count: Annotated[str | None, typer.Option(help="The column with the number of times.")] = None,
    freq: Annotated[str | None, typer.Option(help="The column with the number of people.")] = None,
    top: Annotated[
        str | None, typer.Option(help="The highest count, if it means so many or more.")
    ] = None,
    deterrence: Annotated[
        str | None,
        typer.Option(
            help="Also the total if later arrests come at so many times the rate of the first.",
            metavar="1,0.5,0.2",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random numbers.", min=0)] = 1,
    as_json: Json = False,
) -> None:
    """How many buyers or traffickers there are, from how often each on one list was met."""
    from typing import cast

    from darkfigure.demand.counts_table import read_counts
    from darkfigure.demand.deterrence import deterrence as deter
    from darkfigure.demand.families import Link
    from darkfigure.demand.formula import columns_of
    from darkfigure.demand.goodness import published_rootogram
    from darkfigure.demand.people import people as estimate
    from darkfigure.demand.replicates import KINDS, Kind
    from darkfigure.tables import sheets

    drawn = variance if variance is not None else (KINDS[0] if bootstrap else ANALYTIC)
    if drawn not in (ANALYTIC, *KINDS):
        raise InputError(f"--variance is {ANALYTIC}, {', '.join(KINDS)}; not '{drawn}'.")
    if drawn == ANALYTIC and bootstrap:
        raise InputError("--variance analytic makes no replicates; leave out --bootstrap.")
    if deterrence and columns_of(formula):
        raise InputError("--deterrence is reckoned without covariates; leave out --formula.")
    factors = [number(x, "deterrence") for x in deterrence.split(",")] if deterrence else []
    named = [*columns_of(formula), *columns_of(inflation)]
    counts = read_counts(file, count=count, people=freq, top=top, covariates=named)
    began = time.perf_counter()
    try:
        found = estimate(
            counts,
            family,
            formula,
            inflation=inflation,
            omega_link=cast(Link, omega_link),
            level=level,
            variance="analytic" if drawn == ANALYTIC else "bootstrap",
            kind=KINDS[0] if drawn == ANALYTIC else cast(Kind, drawn),
            b=bootstrap or REPLICATES,
            seed=seed,
            progress=bar("replicates"),
        )
    except NoEstimateError as refused:
        if as_json:
            reason = {"rule": "no estimate", "reason": str(refused)}
            print_json(
                {
                    "family": family,
                    "usable": False,
                    "observed": counts.observed,
                    "refused": [reason],
                    "lower_bound": _bound(counts, formula, level),
                }
            )
        raise
    fit = found.details["fit"]
    if fit and not sheets.is_sheet(file, "demand"):
        fit["rootogram"] = published_rootogram(fit["rootogram"])
    grids, untold = [], []
    for differ in (False, True) if factors else ():
        try:
            grids.append(deter(counts, factors, differ=differ, level=level, seed=seed))
        except NoEstimateError as refused:
            untold.append(f"With deterrence{OF_RATES[differ]} there is no answer: {refused}")
    seconds = time.perf_counter() - began
    if as_json:
        told = found.to_dict()
        told["warnings"] = [*told["warnings"], *untold]
        del told["draws"]
        del told["lists"]
        grid: dict[str, Any] = {"deterrence": [_of_grid(each) for each in grids]} if grids else {}
        print_json({**told.pop("details"), **told, **grid, "seconds": round(seconds, 6)})
        return
    _tell(found)
    for each in grids:
        print()
        print(f"If an arrest deters{OF_RATES[each.differ]}:")
        print(each.table())
    if grids:
        print(grids[0].sentence)
    for warning in (*found.warnings, *untold):
        note(f"Warning: {warning}")


def _bound(counts: Counts, formula: str, level: float) -> dict[str, Any] | None:
    from darkfigure.demand.people import people as estimate

    try:
        bound = estimate(counts, "chao", formula, level=level)
    except (InputError, NoEstimateError):
        return None
    return {"family": "chao", "total": bound.total, "lower": bound.lower, "upper": bound.upper}


def _of_grid(grid: Deterrence) -> dict[str, Any]:
    from dataclasses import asdict

    return {"differ": grid.differ, "rows": [asdict(row) for row in grid.rows]}


def _tell(found: Estimate) -> None:
    details = found.details
    print(found)
    print()
    print(found.table())
    print(f"family: {details['family']} ({details['words']})")
    print(f"It assumes that {details['assumes']}.")
    if details["coefficients"]:
        print(f"\n{'coefficient':<28}{'estimate':>12}{'se':>12}")
        for name, each in details["coefficients"].items():
            se = "edge" if each["se"] is None else f"{each['se']:.4f}"
            print(f"{name:<28}{each['estimate']:>12.4f}{se:>12}")
    if details["fit"]:
        print(f"\n{'times met':<12}{'people':>10}{'expected':>12}")
        for row in details["fit"]["rootogram"]:
            times = f"{row['count']}{'+' if row['or_more'] else ''}"
            print(f"{times:<12}{row['observed']:>10,}{row['fitted']:>12,.1f}")
    if "families" in details:
        print(f"\n{'family':<18}{'people':>12}{'se':>10}{'AIC':>12}")
        for row in details["families"]:
            if not row["usable"]:
                print(f"{row['family']:<18}{'none':>12}   {row['why_not']}")
                continue
            aic = f"{row['aic']:.1f}" if row["comparable"] else "-"
            bound = " at least" if row["lower_bound"] else ""
            print(f"{row['family']:<18}{row['total']:>12,.0f}{row['se']:>10,.0f}{aic:>12}{bound}")
