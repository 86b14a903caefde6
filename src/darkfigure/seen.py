"""Where a study's sightings come from: a file, or the records of several lists, linked first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from darkfigure import engine
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.sightings import histories_of, read_histories
from darkfigure.circuit_study import CircuitStudy
from darkfigure.errors import InputError, Problem
from darkfigure.lists.sighted import Sighted

MOST_DRAWS = 5
"""For so many draws of who is who a model is fitted, at most; each takes as long as the first."""


def histories_of_study(
    study: CircuitStudy, path: Path, where: engine.Where, say: Callable[[str], None]
) -> list[Histories]:
    """The histories of a file; or, of linked records, those of the most probable people and then
    of draws of who is who.

    Parameters
    ----------
    study : CircuitStudy
    path : Path
        Of the study; its files are beside it.
    where : {'local', 'spark'}
        Where records are compared.
    say : callable
        Told what is being done.

    Raises
    ------
    InputError
        If a file is wrong, or a list is protected or does not say where and when.
    NoEstimateError
        If the lists have nothing in common by which people could be recognised.
    """
    section = study.sightings
    when: dict[str, Any] = section.model_dump(exclude={"file"})
    cities = list(study.cities) or None
    if section.file is not None:
        return [read_histories(path.parent / section.file, cities=cities, **when)]
    from darkfigure.lists import link, standardise
    from darkfigure.lists.fields import Mapped
    from darkfigure.lists.protected import is_protected
    from darkfigure.lists.records import read_records
    from darkfigure.lists.sighted import sighted

    say(f"Reading {', '.join(each.file for each in study.records.values())}.")
    lists, since, until = [], str(study.link.since or ""), str(study.link.until or "")
    for short, each in study.records.items():
        if is_protected(path.parent / each.file):
            raise InputError(
                Problem(
                    f"'{each.file}' is protected, and a protected list does not say when anybody "
                    "was seen; people who move can be counted from lists as they are only.",
                    str(path),
                )
            )
        fields = Mapped(each.columns, each.strata, each.dates, since, until)
        lists.append(read_records(path.parent / each.file, study.list_names[short], fields))
    links = link.link(lists, where=where, seed=study.link.seed, watch=say)
    draws = min(study.link.draws, MOST_DRAWS)
    say(f"Drawing who is who, {draws} times.")
    named = pl.DataFrame({"city": list(study.cities)}, schema={"city": pl.String})
    plain = named.select(standardise.plain(pl.col("city"))).to_series().to_list()
    spoken = dict(zip(plain, study.cities, strict=True))  # records say "san jose"
    towns = [each.city for each in study.records.values()]
    return [
        histories_of(
            each.people.tolist(),
            each.days,
            [spoken.get(place, place) for place in each.places],
            cities=cities,
            notes=_left_out(each),
            **{name: value for name, value in when.items() if value is not None},
        )
        for each in sighted(lists, links, towns, draws=draws, seed=study.link.seed)
    ]


def _left_out(sighted: Sighted) -> list[str]:
    """What records that could not be used lacked."""
    told = []
    for number, what in ((sighted.undated, "day of contact"), (sighted.placeless, "city")):
        if number:
            told.append(f"{number:,} records say no {what} and are left out.")
    return told
