"""The published tables that ship with the program."""

from __future__ import annotations

from typing import Annotated

import typer

from darkfigure.cli.app import Json, app
from darkfigure.cli.say import print_json


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
            print_json({"tables": [dataclasses.asdict(each) for each in every], "sheets": others})
            return
        for each in every:
            seen = tables.load(each.name).observed
            print(
                f"{each.name:<34}{len(each.lists):>2} lists{seen:>7,} people  "
                f"{each.place}, {each.period}"
            )
        for folder, heading in sheets.folders().items():
            print(f"\n{heading} (not lists):")
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
        print_json(
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
        print_json({**dataclasses.asdict(sheet), "rows": rows})
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
