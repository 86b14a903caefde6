"""The demand: how many buyers and traffickers, and what a shift of enforcement would do."""

from __future__ import annotations

import typer

from darkfigure.cli.app import app
from darkfigure.cli.people import people
from darkfigure.cli.scenario import scenario

demand = typer.Typer(
    help="How many buyers and traffickers there are, and what a shift to them would do.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(demand, name="demand")
demand.command()(people)
demand.command()(scenario)
