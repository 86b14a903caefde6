"""A comparison of places: what they are, and where the numbers of each come from (a TOML file).

A place has counts (a published table or a file), an estimate that was made before (`estimate.json`
of a study), or numbers that were published. Places of which there is one count only stand in a
table of their own, `[reports]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from darkfigure import tables
from darkfigure.errors import InputError, Problem
from darkfigure.helplines import Helpline
from darkfigure.settings import Section, Text, line_of, read
from darkfigure.study import About, HelpSection, Method

Positive = Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)]
Years = Annotated[float, Field(ge=0, strict=False, allow_inf_nan=False)]
Status = Literal["verified", "secondary", "unverified"]


class PlaceSection(Section):
    """One place: where its numbers come from, its inhabitants, and the time of its count.

    What is left out is taken from the published table, where there is one.
    """

    name: str = ""
    table: Text | None = None
    file: Text | None = None
    estimate: Text | None = None
    total: Positive | None = None
    lower: Positive | None = None
    upper: Positive | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    within: Annotated[float, Field(gt=1, strict=False, allow_inf_nan=False)] | None = None
    observed: Annotated[int, Field(ge=0)] | None = None
    population: Positive | None = None
    years: Years | None = None
    people: str = ""
    status: Status = "verified"
    source: str = ""
    note: str = ""
    doubt: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> PlaceSection:
        published = self.total is not None or self.lower is not None
        given = [self.table, self.file, self.estimate, "published" if published else None]
        if sum(each is not None for each in given) != 1:
            raise ValueError(
                "give one of 'table' (a published one), 'file' (counts), 'estimate' (an "
                "estimate.json), or published numbers ('total', 'lower' and 'upper')"
            )
        if published and self.lower is None and self.within is None:
            raise ValueError(
                "no limits of this total are given; give 'lower' and 'upper', or say within what "
                "factor it is assumed to lie (within = 2), which the page will call an assumption"
            )
        return self


def _twice(stay: object) -> object:
    """One number of years is the least and the most."""
    return [stay, stay] if isinstance(stay, int | float) else stay


class FootingSection(Section):
    """What all places are brought to: the people of so many years, given how long people stay."""

    years: Years | None = None
    stay: (
        Annotated[list[Years], BeforeValidator(_twice), Field(min_length=2, max_length=2)] | None
    ) = None

    @property
    def span(self) -> tuple[float, float] | None:
        """The least and the most that people stay, in years."""
        return None if self.stay is None else (self.stay[0], self.stay[1])


class ReportsSection(Section):
    """A table of places with one count only, by year, and what is thought of the share reported."""

    table: Text | None = None
    file: Text | None = None
    title: Text = "Places with one count only"
    place: Text = "place"
    systems: Annotated[dict[str, Text], Field(min_length=1)]
    called: dict[str, Text] = Field(default_factory=dict)
    awareness: dict[str, list[Text]] = Field(default_factory=dict)
    share: Annotated[list[Positive], Field(min_length=3, max_length=3)]
    focus: list[Text] = Field(default_factory=list)
    people: str = ""
    status: Status = "verified"
    source: str = ""
    note: str = ""
    seed: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> ReportsSection:
        if (self.table is None) == (self.file is None):
            raise ValueError("give either 'table' (a published one) or 'file' (a CSV file)")
        for what, named in (("awareness", self.awareness), ("called", self.called)):
            for system in named:
                if system not in self.systems:
                    raise ValueError(f"'{what}' names '{system}', which is no system here")
        low, middle, high = self.share
        if not low < middle < high <= 1:
            raise ValueError(
                "the share that is reported is three numbers in order, none above 1: the least and "
                "the most (95 %) with the middle between them"
            )
        return self


@dataclass(frozen=True)
class Source:
    """Where the numbers of a place come from, and how far they could be verified.

    Parameters
    ----------
    place : str
        Its name on the page.
    citation : str
        The publication, the file, or the study.
    status : {'verified', 'secondary', 'unverified'}
    assumed : float or None
        The factor within which the total is assumed to lie, where no limits were published.
    published : str
        What the authors of a published table concluded, for the total is worked out anew here.
    doubt : str
        Why the place may stand elsewhere altogether; then nothing is taken as sure against it.
    """

    place: str
    citation: str
    status: Status
    assumed: float | None
    published: str = ""
    doubt: str = ""

    @property
    def mark(self) -> str:
        """What is to be said of the place wherever its numbers are used, or nothing."""
        said = ["its numbers are second hand"] if self.status == "secondary" else []
        said += [f"its range, a factor of {self.assumed:g}, is assumed"] if self.assumed else []
        return " and ".join(said)


class ComparisonStudy(Section):
    """A whole comparison, as `load` reads it.

    Attributes
    ----------
    title, people : str
        What the page is headed, and who is counted.
    focus : list of str
        The places that the question is about, by their short names.
    caveats : list of str
        What else cannot be concluded, in sentences for the first paragraph of the page.
    per : int
        The base of all rates.
    footing, places, reports, method, about
        See the sections.
    help : Helpline
        Whom a reader of the page can call.
    """

    title: Text
    people: Text
    focus: list[Text] = Field(default_factory=list)
    caveats: list[Text] = Field(default_factory=list)
    per: Annotated[int, Field(ge=1)] = 100_000
    footing: FootingSection = FootingSection()
    places: dict[str, PlaceSection] = Field(default_factory=dict)
    reports: ReportsSection | None = None
    method: Method = Method()
    about: About = About()
    help_line: HelpSection = Field(default=HelpSection(), alias="help")

    @model_validator(mode="after")
    def _something_to_compare(self) -> ComparisonStudy:
        if not self.places and self.reports is None:
            raise ValueError("give two places or more, each as [places.NAME], or [reports]")
        if len(self.places) == 1:
            raise ValueError("a comparison needs two places or more; there is only one")
        before: dict[str, str] = {}
        for short, each in self.places.items():
            name = each.name or short
            if name.casefold() in before:
                raise ValueError(f"two places are called '{name}'; a place is compared with others")
            before[name.casefold()] = name
        for name in self.focus:
            if name not in self.places:
                raise ValueError(f"focus names '{name}', which is no place here")
        return self

    @property
    def help(self) -> Helpline:
        """The help line of the page."""
        return self.help_line.line

    @property
    def in_focus(self) -> list[str]:
        """What the places that the question is about are called."""
        return [self.places[short].name or short for short in self.focus]

    @property
    def sources(self) -> list[Source]:
        """Where the numbers of each place come from."""
        return [
            Source(
                each.name or short,
                _citation(each),
                each.status,
                each.within,
                _published(each.table) if each.table else "",
                each.doubt,
            )
            for short, each in self.places.items()
        ]


def load(path: str | Path) -> ComparisonStudy:
    """Read a comparison, or say everything that is wrong with it at once.

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
    >>> import pathlib, tempfile
    >>> text = 'title = "Where?"\\npeople = "people"\\n'
    >>> text += '[places.a]\\ntable = "uk-2013"\\n[places.b]\\ntable = "new-orleans-2014"\\n'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.toml")
    ...     _ = file.write_text(text)
    ...     list(load(file).places)
    ['a', 'b']
    """
    given = read(path, ComparisonStudy)
    problems = list(given.problems)

    def wrong(message: str, *where: str) -> None:
        problems.append(Problem(message, file=str(path), line=line_of(where, given.text)))

    seen: dict[object, str] = {}
    for where, section in _sections(given.fields):
        for key in ("file", "estimate", "table"):
            data = section.get(key)
            if not isinstance(data, str):
                continue
            found: object = data
            if key != "table":
                file = Path(path).parent / data
                if not file.is_file():
                    wrong(f"There is no file '{data}' beside the study.", *where, key)
                    continue
                found = file.read_bytes()
            first = seen.setdefault((key, found), where[-1])
            if first != where[-1]:
                wrong(
                    f"The places '{first}' and '{where[1]}' have the same numbers, from "
                    f"'{data}'; a place is compared with others.",
                    *where,
                    key,
                )
        name = section.get("table")
        if isinstance(name, str) and where[0] == "places":
            try:
                known = tables.describe(name)
            except InputError as error:
                wrong(str(error), *where, "table")
                continue
            has = {"population": known.population, "years": known.years}
        else:
            has = {"population": None, "years": None}
        if where[0] == "places":
            for key, meaning in NEEDED.items():
                if section.get(key) is None and has[key] is None:
                    wrong(f"The place '{where[1]}' has no '{key}': {meaning}.", *where)
    if problems or given.settings is None:
        raise InputError(problems)
    return given.settings


def _published(table: str) -> str:
    known = tables.describe(table)
    concluded = "; ".join(f"{each} ({each.status})" for each in known.published)
    return concluded or "not found"


def _citation(section: PlaceSection) -> str:
    known = tables.describe(section.table).citation if section.table else ""
    own = section.file or section.estimate or ""
    return section.source or known or own or "not stated"


NEEDED = {
    "population": "give its inhabitants at risk, for a total means nothing without them",
    "years": "give in how many years its people were counted (1 is a year, 0 one moment)",
}
"""What every place must say of itself, unless its published table does."""


def _sections(fields: dict[str, Any]) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """The sections that name data, each with where it stands, as far as they are sections."""
    places = fields.get("places")
    every: list[tuple[tuple[str, ...], Any]] = [(("reports",), fields.get("reports"))]
    if isinstance(places, dict):
        every += [(("places", short), each) for short, each in places.items()]
    return [(where, each) for where, each in every if isinstance(each, dict)]
