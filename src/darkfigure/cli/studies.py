"""A study from its lists to its page, and the steps on the way that stand alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from darkfigure.cli.app import Engine, Json, app
from darkfigure.cli.circuit import print_circuit_study
from darkfigure.cli.compare import print_study
from darkfigure.cli.given import where_of
from darkfigure.cli.say import MOST_TOLD, announce_compilation, bar, note, print_json
from darkfigure.errors import InputError

OTHER_KINDS: Mapping[str, Callable[[Path, Path | None], None]] = {
    "places": print_study,
    "reports": print_study,
    "sightings": print_circuit_study,
}
"""What is run in place of a study of lists where a study has such a section."""


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
    from darkfigure.settings import sections_of
    from darkfigure.size.methods import remember_compiled

    for section, instead in OTHER_KINDS.items():
        if section in sections_of(study):
            if engine != "local":
                raise InputError(
                    f"A study with [{section}] runs on this machine; leave out --engine."
                )
            instead(study, out)
            return
    announce_compilation("run")
    outcome = run_study(study, out, where=where_of(engine), progress=bar("replicates"), say=note)
    remember_compiled("run")
    print(outcome.estimate)
    print()
    print(outcome.estimate.table())
    for warning in outcome.estimate.warnings:
        note(f"Warning: {warning}")
    if outcome.skipped:
        note(f"Unchanged, not done again: {', '.join(outcome.skipped)}.")
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
    from darkfigure.protecting import protect as protect_list

    secret = load_key(key)
    if warning := exposed(key):
        note(f"Warning: {warning}")
    told = protect_list(file, secret, out, study=study, name=name)
    for each in told.notes:
        note(each)
    for problem in told.problems[:MOST_TOLD]:
        note(str(problem))
    if len(told.problems) > MOST_TOLD:
        note(f"... and {len(told.problems) - MOST_TOLD:,} more.")
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
    from darkfigure.linking import link as link_study

    linked = link_study(study, out, where=where_of(engine), say=note)
    if as_json:
        print_json(linked)
        return
    print(f"About {linked['observed']:,} different people on {len(linked['lists'])} lists.")
    for warning in linked["warnings"]:
        note(warning)
    print(f"The table: {out}")
