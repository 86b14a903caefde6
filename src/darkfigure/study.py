"""A study: what it is about, where its data are, and how they are to be used (`study.toml`)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from darkfigure import tables
from darkfigure.disclosure import SMALLEST_COUNT
from darkfigure.errors import InputError, Problem
from darkfigure.helplines import Helpline, helpline
from darkfigure.histories import MAX_LISTS
from darkfigure.settings import Section, Text, line_of, read


class Data(Section):
    """Where the counts are: a file beside the study, or a published table by its name."""

    file: Text | None = None
    table: Text | None = None
    count: Text | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        if (self.file is None) == (self.table is None):
            raise ValueError(
                "give either 'file' (a CSV, Excel or Parquet file) or 'table' (a published one)"
            )
        return self


class List(Section):
    """An agency's raw list: its file, and which column holds what (see `lists.records`)."""

    file: Text
    name: str = ""
    dates: Literal["", "day first", "month first"] = ""
    columns: dict[str, Text] = Field(default_factory=dict)
    strata: dict[str, Text] = Field(default_factory=dict)


class Link(Section):
    """How the records of raw lists are linked, and of which time they are."""

    draws: Annotated[int, Field(ge=2, le=1_000)] = 20
    seed: Annotated[int, Field(ge=0)] = 1
    since: date | None = None
    until: date | None = None
    keep: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Link:
        if self.since and self.until and self.since > self.until:
            raise ValueError(
                f"the time begins ('since', {self.since}) after it ends ('until', {self.until}); "
                "exchange them or mend one"
            )
        return self


class Method(Section):
    """How the total is estimated."""

    name: Text = "auto"
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 1
    bootstrap: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    draws: Annotated[int, Field(ge=1_000, le=1_000_000)] | None = None
    weights: Literal["bic", "laplace"] | None = None
    max_order: Annotated[int, Field(ge=1)] | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    by: Annotated[list[Text], Field(min_length=1)] | None = None
    imputations: Annotated[int, Field(ge=2, le=1_000)] | None = None


class About(Section):
    """What the page says about who did the study."""

    who: str = ""
    contact: str = ""
    note: str = ""
    citation: str = ""
    data_status: str = ""


class HelpSection(Section):
    country: Text = "US"
    name: str = ""
    phone: str = ""
    text: str = ""
    tty: str = ""
    web: str = ""

    @model_validator(mode="after")
    def _somebody_to_call(self) -> HelpSection:
        try:
            _ = self.line
        except InputError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return self

    @property
    def line(self) -> Helpline:
        if self.name and self.phone:
            return Helpline(self.name, self.phone, self.text, self.tty, self.web)
        return helpline(self.country)


class _Disclosure(Section):
    smallest_count: Annotated[int, Field(ge=1)] = SMALLEST_COUNT


class Study(Section):
    """A whole study, as `load` reads it.

    Attributes
    ----------
    title, people, place, period : str
        What the page is headed; who is counted ("potential victims of trafficking"), where, when.
    population : float or None
        Inhabitants, for rates.
    synthetic : bool
        Whether the data are made up, which the page then says.
    truth : int or None
        How many people there are, which is known of made-up data only.
    data, lists, method, about
        Where the counts are; each list's column with its name as people say it; settings; credits.
    records, link
        The agencies' raw lists by a short name each, in place of `data`; how they are linked.
    help : Helpline
        Whom a reader of the page can call.
    smallest_count : int
        No smaller count of people is shown to anybody.
    """

    title: Text
    people: Text
    place: Text
    period: Text
    population: Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)] | None = None
    synthetic: bool = False
    truth: Annotated[int, Field(ge=1)] | None = None
    data: Data | None = None
    records: dict[str, List] = Field(default_factory=dict)
    link: Link = Link()
    lists: dict[str, Text] = Field(default_factory=dict)
    method: Method = Method()
    about: About = About()
    help_line: HelpSection = Field(default=HelpSection(), alias="help")
    disclosure: _Disclosure = _Disclosure()

    @model_validator(mode="after")
    def _fits_together(self) -> Study:
        if (self.data is None) == (not self.records):
            raise ValueError(
                "give either [data] (a table of counts) or one [records.NAME] for each raw list"
            )
        if self.records and not 2 <= len(self.records) <= MAX_LISTS:
            raise ValueError(
                f"give 2 to {MAX_LISTS} lists, each as [records.NAME]; there "
                f"{'is' if len(self.records) == 1 else 'are'} {len(self.records)}"
            )
        if self.truth is not None and not self.synthetic:
            raise ValueError("the truth is known of made-up data only (synthetic = true)")
        spoken = list(self.list_names.values())
        if twice := sorted({name for name in spoken if spoken.count(name) > 1}):
            raise ValueError(f"two lists are called '{twice[0]}'; give each its own name")
        return self

    @property
    def list_names(self) -> dict[str, str]:
        """What each raw list is called on the page, by its short name."""
        return {short: each.name or short for short, each in self.records.items()}

    @property
    def help(self) -> Helpline:
        """The help line of the page."""
        return self.help_line.line

    @property
    def smallest_count(self) -> int:
        """The smallest count of people that may be shown."""
        return self.disclosure.smallest_count


def load(path: str | Path, *, protecting: bool = False) -> Study:
    """Read a study, or say everything that is wrong with it at once.

    Parameters
    ----------
    path : str or Path
        A TOML file. A data file named in it is sought beside it.
    protecting : bool
        Inside an agency, which has the study but not the other agencies' lists.

    Raises
    ------
    InputError
        One problem for each thing wrong, with its line.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> text = 'title = "A"\\npeople = "people"\\nplace = "B"\\nperiod = "2013"\\n'
    >>> text += '[data]\\ntable = "uk-2013"'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.toml")
    ...     _ = file.write_text(text)
    ...     load(file).data.table
    'uk-2013'
    """
    given = read(path, Study)
    problems, fields = list(given.problems), given.fields
    data = fields.get("data")
    raw = fields.get("records")
    sections = {("data",): data} | (
        {("records", short): each for short, each in raw.items()} if isinstance(raw, dict) else {}
    )
    for where, section in sections.items():
        file = section.get("file") if isinstance(section, dict) else None
        there = protecting or not isinstance(file, str) or (Path(path).parent / file).is_file()
        if file and not there:
            problems.append(
                Problem(
                    f"There is no data file '{file}' beside the study.",
                    file=str(path),
                    line=line_of((*where, "file"), given.text),
                )
            )
    table = data.get("table") if isinstance(data, dict) else None
    if isinstance(table, str) and table:
        try:
            tables.describe(table)
        except InputError as error:
            line = line_of(("data", "table"), given.text)
            problems.append(Problem(str(error), file=str(path), line=line))
    if problems or given.settings is None:
        raise InputError(problems)
    return given.settings
