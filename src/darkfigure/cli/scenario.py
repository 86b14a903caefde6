"""What a shift of enforcement would do, by a scenario."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from darkfigure.cli.app import Json
from darkfigure.cli.say import bar, note, print_json


def scenario(
    file: Annotated[
        Path,
        typer.Argument(
            help="Cities, groups, hours and all that is not known, each with its citation.",
            metavar="SCENARIO.toml",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to write the page and tables to.", metavar="DIR"),
    ] = None,
    as_json: Json = False,
) -> None:
    """What would change if hours went from arrests of exploited people to buyers and traffickers.

    A scenario, not a forecast. With --json and without --out nothing is written.
    """
    from darkfigure.demand.scenario_file import load
    from darkfigure.demand.shift import run

    began = time.perf_counter()
    if as_json and out is None:
        told = run(load(file), progress=bar("draws")).told()
        print_json({**told, "seconds": time.perf_counter() - began})
        return
    from darkfigure.weighing import weigh

    outcome = weigh(file, out, progress=bar("draws"), say=note)
    if as_json:
        print_json({**outcome.told, "seconds": time.perf_counter() - began})
        return
    _print(outcome.told)
    if outcome.skipped:
        note(f"Unchanged, not done again: {', '.join(outcome.skipped)}.")
    print(f"\nThe page: {outcome.folder / 'report.html'}")


def _print(told: dict[str, Any]) -> None:
    print("This is a scenario, not a forecast.")
    head = f"over {told['years']} years, 95 % of draws"
    print(f"\n{head:<40}{'today':>30}{'shifted':>30}{'difference':>30}{'helps':>8}")
    for each in told["outcomes"]:
        scale = (1e6, "M") if each["unit"] == "US dollars" else (1.0, "")
        ways = ("today", "shifted", "difference")
        cells = "".join(f"{_range(each[way], *scale):>30}" for way in ways)
        print(f"{each['words'][:39]:<40}{cells}{100 * each['probability_helps']:>6.0f} %")
    for warning in told["warnings"]:
        note(f"Warning: {warning}")


def _range(of: dict[str, float], scale: float, unit: str) -> str:
    middle, low, high = (of[key] / scale for key in ("estimate", "lower", "upper"))
    return f"{middle:,.0f}{unit} ({low:,.0f} to {high:,.0f})"
