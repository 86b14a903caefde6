"""A study: what it is about, where its data are, and how they are to be used (`study.toml`)."""

from __future__ import annotations

import difflib
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from darkfigure import tables
from darkfigure.errors import InputError, Problem
from darkfigure.helplines import Helpline, helpline
from darkfigure.histories import MAX_LISTS

Text = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Data(_Section):
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


class List(_Section):
    """An agency's raw list: its file, and which column holds what (see `lists.records`)."""

    file: Text
    name: str = ""
    dates: Literal["", "day first", "month first"] = ""
    columns: dict[str, Text] = Field(default_factory=dict)
    strata: dict[str, Text] = Field(default_factory=dict)


class Link(_Section):
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


class Method(_Section):
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


class About(_Section):
    """What the page says about who did the study."""

    who: str = ""
    contact: str = ""
    note: str = ""
    citation: str = ""
    data_status: str = ""


class _Help(_Section):
    country: Text = "US"
    name: str = ""
    phone: str = ""
    text: str = ""
    tty: str = ""
    web: str = ""

    @model_validator(mode="after")
    def _somebody_to_call(self) -> _Help:
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


class _Disclosure(_Section):
    smallest_count: Annotated[int, Field(ge=1)] = 5


class Study(_Section):
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
    help_line: _Help = Field(default=_Help(), alias="help")
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
    name = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            Problem("There is no such file; give the path of a study.toml.", file=name)
        ) from None
    except IsADirectoryError:
        raise InputError(
            Problem("This is a folder; give the path of the study.toml in it.", file=name)
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            Problem("This is not text in UTF-8; save it as a plain text file.", file=name)
        ) from None
    except OSError as error:
        raise InputError(Problem(f"It cannot be read: {error.strerror}.", file=name)) from None
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        what = re.sub(r" ?\(at .*\)$", "", str(error))
        raise InputError(
            Problem(
                f"This is not TOML: {what}. Texts stand in quotes, one setting to a line.",
                file=name,
                line=int(line.group(1)) if line else text.count("\n") + 1,
            )
        ) from None
    problems: list[Problem] = []
    study = None
    try:
        study = Study.model_validate(fields)
    except ValidationError as error:
        problems += [_problem(each, name, text) for each in error.errors()]
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
                    file=name,
                    line=_line_of((*where, "file"), text),
                )
            )
    table = data.get("table") if isinstance(data, dict) else None
    if isinstance(table, str) and table:
        try:
            tables.describe(table)
        except InputError as error:
            problems.append(Problem(str(error), file=name, line=_line_of(("data", "table"), text)))
    if problems or study is None:
        raise InputError(problems)
    return study


def _problem(error: Any, file: str, text: str) -> Problem:
    """One of pydantic's complaints as a sentence with its line."""
    path = tuple(str(part) for part in error["loc"])
    setting = ".".join(path) or "the study"
    kind = error["type"]
    if kind == "missing":
        message = f"The setting '{setting}' is missing."
    elif kind == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _settings(path[:-1]), n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        message = f"There is no setting '{setting}'.{hint}"
    elif kind == "value_error":
        message = f"{setting}: {error['ctx']['error']}."
    elif kind.endswith("_type"):
        wanted = {
            "string_type": "a text in quotes",
            "int_type": "a whole number",
            "bool_type": "true or false, without quotes",
            "list_type": "a list in square brackets",
            "date_type": "a day, such as 2020-12-31, without quotes",
        }.get(kind, "a section of settings" if kind in ("model_type", "dict_type") else "a number")
        message = f"The setting '{setting}' does not fit: it must be {wanted}."
    else:
        message = (
            f"The setting '{setting}' does not fit: {error['msg'][:1].lower()}{error['msg'][1:]}."
        )
    return Problem(message.replace("..", "."), file=file, line=_line_of(path, text))


def _settings(section: tuple[str, ...]) -> list[str]:
    model: Any = Study
    for name in section:
        if get_origin(model) is dict:  # the short names of lists, and then the settings of one
            model = get_args(model)[1]
            continue
        fields = getattr(model, "model_fields", {})
        match = next((f for key, f in fields.items() if name in (key, f.alias)), None)
        model = match.annotation if match else None
    both = (model, *get_args(model))  # a section may be left out: Data | None
    fields = next((m.model_fields for m in both if hasattr(m, "model_fields")), {})
    return [field.alias or key for key, field in fields.items()]


def _line_of(path: tuple[str, ...], text: str) -> int:
    """The line on which a setting stands, or its section, or the first."""
    section: tuple[str, ...] = ()
    best = 1
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        if header:
            section = tuple(part.strip().strip("\"'") for part in header.group(1).split("."))
            if path[: len(section)] == section:
                best = number
            continue
        key = re.match(r"\s*([\w-]+|\"[^\"]*\"|'[^']*')\s*=", line)
        if key and (*section, key.group(1).strip("\"'")) == path:
            return number
    return best
