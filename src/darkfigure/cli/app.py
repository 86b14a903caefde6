"""The command line itself, and the options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="darkfigure",
    help="How many people does no record show? Answers from the overlapping lists agencies keep.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

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
