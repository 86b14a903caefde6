"""A study of people who move: where the sightings are, which cities and roads, and which model.

Sightings stand in a file of their own (a row for each sighting, or for each history), or are those
of agencies' raw lists that are linked first, one `[records.NAME]` each.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from darkfigure.disclosure import SMALLEST_COUNT
from darkfigure.errors import InputError, Problem
from darkfigure.helplines import Helpline
from darkfigure.histories import MAX_LISTS
from darkfigure.settings import Section, Text, line_of, read
from darkfigure.study import About, HelpSection, Link, List


class Sightings(Section):
    """Where the sightings are, and how long an occasion is."""

    file: Text | None = None
    every: Literal["week", "month", "quarter", "year"] | Annotated[int, Field(ge=1)] | None = None
    start: date | None = None
    end: date | None = None
    several: Literal["none", "first", "last"] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Sightings:
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"the end, {self.end}, is before the start, {self.start}")
        return self


class CityList(List):
    """An agency's raw list, with the city it works in unless its records say it."""

    city: Text | None = None


class City(Section):
    """A city of the study, by its name in the data."""

    population: Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)] | None = None


class RoadsSection(Section):
    """The network: files of legs and of cities, or the shipped one where none is named."""

    legs: Text | None = None
    cities: Text | None = None


class Model(Section):
    """What each part of the model depends on; see `darkfigure.circuit.design`."""

    survival: Text = "constant"
    detection: Text = "city"
    movement: Text = "city"
    entry: Text = "city"
    covariates: Text | None = None
    starts: Annotated[int, Field(ge=1, le=10_000)] | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 1


class _Disclosure(Section):
    smallest_count: Annotated[int, Field(ge=1)] = SMALLEST_COUNT


class CircuitStudy(Section):
    """A whole study of people who move, as `load` reads it.

    Attributes
    ----------
    title, people, region, period : str
        What the page is headed, who is counted ("exploited people"), where, and when.
    focus : str or None
        The city that the question is about.
    synthetic : bool
        Whether the data are made up, which the page then says.
    sightings, records, link
        Where the sightings are.
    cities : dict
        The cities with their inhabitants; those of the data where none is named.
    roads : RoadsSection or None
        None where no road matters.
    model, about
        See the sections.
    help : Helpline
        Whom a reader of the page can call.
    smallest_count : int
        Nothing is shown that rests on fewer people.
    """

    title: Text
    people: Text
    region: Text
    period: Text
    focus: Text | None = None
    synthetic: bool = False
    sightings: Sightings
    records: dict[str, CityList] = Field(default_factory=dict)
    link: Link = Link()
    cities: dict[str, City] = Field(default_factory=dict)
    roads: RoadsSection | None = None
    model: Model = Model()
    about: About = About()
    help_line: HelpSection = Field(default=HelpSection(), alias="help")
    disclosure: _Disclosure = _Disclosure()

    @model_validator(mode="after")
    def _fits_together(self) -> CircuitStudy:
        if (self.sightings.file is None) == (not self.records):
            raise ValueError(
                "give either a file of sightings ('file' in [sightings]) or one [records.NAME] "
                "for each raw list"
            )
        if self.records and not 2 <= len(self.records) <= MAX_LISTS:
            raise ValueError(f"give 2 to {MAX_LISTS} lists, each as [records.NAME]")
        if self.records and not self.cities:
            raise ValueError(
                "name the cities, each as [cities.NAME], for records write them anyhow"
            )
        if self.focus and self.cities and self.focus not in self.cities:
            raise ValueError(f"focus names '{self.focus}', which is no city here")
        return self

    @property
    def help(self) -> Helpline:
        """The help line of the page."""
        return self.help_line.line

    @property
    def smallest_count(self) -> int:
        """Nothing is shown that rests on fewer people."""
        return self.disclosure.smallest_count

    @property
    def list_names(self) -> dict[str, str]:
        """What each raw list is called, by its short name."""
        return {short: each.name or short for short, each in self.records.items()}


def load(path: str | Path) -> CircuitStudy:
    """Read a study of people who move, or say everything that is wrong with it at once.

    Parameters
    ----------
    path : str or Path
        A TOML file. Data files named in it are sought beside it.

    Raises
    ------
    InputError
        One problem for each thing wrong, with its line.

    Examples
    --------
    >>> import tempfile
    >>> text = 'title = "A"\\npeople = "people"\\nregion = "B"\\nperiod = "2024"\\n'
    >>> text += '[sightings]\\nfile = "seen.csv"\\nevery = "week"\\n'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "seen.csv").write_text("person,date,city\\n")
    ...     file = Path(folder, "study.toml")
    ...     _ = file.write_text(text)
    ...     load(file).sightings.every
    'week'
    """
    given = read(path, CircuitStudy)
    problems = list(given.problems)
    for where, section in _sections(given.fields):
        for key in ("file", "covariates", "legs", "cities"):
            file = section.get(key)
            if isinstance(file, str) and not (Path(path).parent / file).is_file():
                line = line_of((*where, key), given.text)
                told = f"There is no file '{file}' beside the study."
                problems.append(Problem(told, file=str(path), line=line))
    if problems or given.settings is None:
        raise InputError(problems)
    return given.settings


def _sections(fields: dict[str, Any]) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """The sections that name files, each with where it stands, as far as they are sections."""
    records = fields.get("records")
    every: list[tuple[tuple[str, ...], Any]] = [
        ((name,), fields.get(name)) for name in ("sightings", "model", "roads")
    ]
    if isinstance(records, dict):
        every += [(("records", short), each) for short, each in records.items()]
    return [(where, each) for where, each in every if isinstance(each, dict)]
