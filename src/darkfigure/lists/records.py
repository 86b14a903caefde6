"""An agency's list as it is, read into records that can be compared with other agencies'.

Every field is brought to one way of writing; what says nothing becomes missing. Every row that
cannot be used, and every cell that cannot be right, is told with its line and the reason, never
with its content: it may be a name. Nothing here is written to disk.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from darkfigure.errors import InputError, Problem
from darkfigure.lists import dates, standardise
from darkfigure.lists.fields import TELLING, Mapped, columns_of
from darkfigure.spreadsheet import Sheet, open_sheet, refusal

BY_HEADERS = Mapped()
OUTSIDE = "The contact lies outside the study's time; it was left out."
EARLIEST = "1900-01-02"  # 1 January 1900 is what computers write for "not known"
OLDEST = 110
MOST_BAD = 0.05
MOST_UNREADABLE = 0.5
ENOUGH = 20
"""A column with so many dates, of which more than half cannot be read, is refused: it is the wrong
one, or damaged."""

AGE = r"^\s*([0-9]{1,3})(?:\.[0-9]+)?\s*(?:y|yo|y/o|yrs?|years?|años)?(?:\s+old)?\s*$"
YEAR = "^(1[89][0-9]{2}|20[0-9]{2})$"
OF_A_ROW = ("row", "contact")
"""What is of this record and says nothing of who it is."""

MOST_TOLD = 20
BATCH = 50_000
COMMON = 20
"""A telephone number or the like on more rows than this, and on more than one in 200, is nobody's
own: it is the agency's."""


@dataclass(frozen=True)
class Quality:
    """What a list is like: how much of it says something, and what was wrong with it.

    Attributes
    ----------
    rows, used : int
        Rows in the file, and those that became records.
    filled : dict of str to int
        For each field that the list has, how many records say something there.
    alike : int
        Records that repeat another to the letter.
    reasons : dict of str to int
        What was wrong, and how often.
    problems : tuple of Problem
        Every single thing, with its line.
    notes : tuple of str
        How the file was read.
    """

    rows: int
    used: int
    filled: Mapping[str, int]
    alike: int
    reasons: Mapping[str, int]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Records:
    """The records of one list.

    Attributes
    ----------
    name : str
        The list's name.
    frame : DataFrame
        One row per record: `row` (its line in the file), `contact` (ISO text), `given`, `family`,
        `aliases` (list), `birth` (ISO text), `birth_year`, `sex`, `phone`, `email`, `place`,
        `identifier`, `case`, and `stratum_...` for each stratum. All but `row` can be missing.
    quality : Quality
    """

    name: str
    frame: pl.DataFrame
    quality: Quality


def read_records(path: str | Path, name: str, mapped: Mapped = BY_HEADERS) -> Records:
    """Read one agency's list.

    Parameters
    ----------
    path : str or Path
        CSV (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252), Excel or Parquet, with a
        header.
    name : str
        What the list is to be called.
    mapped : Mapped
        Where its fields are.

    Raises
    ------
    InputError
        If the file cannot be read, a column named is not there, day and month cannot be told
        apart, more than one row in twenty is broken, or nothing in it tells people apart.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "shelter.csv")
    ...     _ = file.write_text("First Name,Surname,DOB\\nAda,Doe-Ray,1990-02-30\\nBea,Ray,\\n")
    ...     records = read_records(file, "shelter")
    >>> records.frame.select("row", "given", "family", "birth").rows()
    [(2, 'ada', 'doe ray', None), (3, 'bea', 'ray', None)]
    >>> str(records.quality.problems[0]).rsplit(", ", 2)[1:]
    ['line 2', "column 'DOB': There is no such date."]
    """
    if mapped.dates not in ("", *dates.ORDERS):
        said = mapped.dates
        raise InputError(f"The order of dates is 'day first' or 'month first', not '{said}'.")
    sheet = open_sheet(path)
    found = _Found(sheet)
    where, notes = columns_of(sheet, mapped)
    raw = _raw(sheet, where, found)
    if not raw.height:
        raise refusal(str(path), "The table has a header but no rows; nobody is on this list.")
    frame = _standardised(raw, where, mapped, found, notes)
    frame = _only_used(frame, mapped, found, notes)
    if not frame.height:
        raise refusal(str(path), _why_nobody(found))
    _check(frame)
    notes += [
        f"'{column}' of many rows was left out as nobody's own: {many:,} rows with one value."
        for column, many in found.common.items()
    ]
    filled = {c: frame.height - frame[c].null_count() for c in frame.columns if c not in OF_A_ROW}
    filled["aliases"] = int((frame["aliases"].list.len() > 0).sum())
    quality = Quality(
        rows=found.rows,
        used=frame.height,
        filled={column: records for column, records in filled.items() if records},
        alike=frame.height - frame.drop(OF_A_ROW).unique().height,
        reasons=dict(found.reasons),
        problems=tuple(problem for _, problem in sorted(found.told, key=lambda told: told[0])),
        notes=(*sheet.notes, *notes),
    )
    return Records(name, frame, quality)


class _Found:
    """Everything wrong with a list, in the making."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.rows = 0
        self.told: list[tuple[int, Problem]] = []
        self.reasons: Counter[str] = Counter()
        self.common: dict[str, int] = {}

    def add(self, rows: Sequence[int], message: str, column: str | None = None) -> None:
        if rows:
            self.reasons[message] += len(rows)
        for row in rows:
            self.told.append((row, self.sheet.problem(message, row, column)))


def _why_nobody(found: _Found) -> str:
    """Why no row is left: nobody can be recognised, or nobody was there in the study's time."""
    if OUTSIDE not in found.reasons:
        return (
            "No row of this list says anything to recognise a person by; name the columns with "
            "names, birth dates, telephone numbers or case numbers."
        )
    return (
        "No contact of this list lies in the study's time; see 'since' and 'until' in [link], or "
        "leave the list out."
    )


def _raw(sheet: Sheet, where: Mapping[str, str], found: _Found) -> pl.DataFrame:
    """The cells that are wanted, as text; broken rows are told and left out."""
    headers = [column.strip() for column in sheet.columns]
    parts = list(where)
    # One column can be two things, such as the sex and a stratum, and is read once.
    columns = list(dict.fromkeys(where.values()))
    picked = [headers.index(column) for column in columns]
    among = [columns.index(where[part]) for part in parts]
    batches = [pl.DataFrame(schema={"row": pl.Int64, **dict.fromkeys(parts, pl.String)})]
    rows = sheet.rows(picked)
    while batch := list(islice(rows, BATCH)):
        found.rows += len(batch)
        broken = [(row, cells) for row, cells in batch if isinstance(cells, str)]
        for row, message in broken:
            found.add([row], str(message))
        fine = [(row, cells) for row, cells in batch if not isinstance(cells, str)]
        texts = [
            [cell if type(cell) is str else _text(cell) for cell in column]
            for column in zip(*(cells for _, cells in fine), strict=True)
        ] or [[] for _ in columns]
        batches.append(
            pl.DataFrame(
                {
                    "row": [row for row, _ in fine],
                    **{part: texts[i] for part, i in zip(parts, among, strict=True)},
                },
                schema=batches[0].schema,
            )
        )
    if len(found.told) > max(1, MOST_BAD * found.rows):
        told = [problem for _, problem in found.told]
        more = [f"... and {len(told) - MOST_TOLD:,} more."] if len(told) > MOST_TOLD else []
        raise InputError([*told[:MOST_TOLD], *more])
    return pl.concat(batches).with_columns(
        pl.when(pl.col(part).str.strip_chars() != "").then(pl.col(part)).alias(part)
        for part in parts
    )


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, datetime | date):
        return cell.isoformat()[:10]
    if isinstance(cell, float):
        if math.isnan(cell):
            return None
        if cell.is_integer():
            return str(int(cell))
    return str(cell)


def _standardised(
    raw: pl.DataFrame, where: Mapping[str, str], mapped: Mapped, found: _Found, notes: list[str]
) -> pl.DataFrame:
    """The cells in one way of writing."""

    def cell(part: str) -> pl.Expr:
        return pl.col(part) if part in where else pl.lit(None, pl.String)

    def once(part: str, made: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
        return pl.lit(_once(raw, part, made)) if part in where else made(cell(part))

    today = pl.lit(str(datetime.now(UTC).date()))
    raw = raw.with_columns(
        contact_text=cell("contact").str.strip_chars(),
        contact=_dates(raw, "contact", where, mapped, found, notes),
        birth_text=cell("birth").str.strip_chars(),
        birth=_dates(raw, "birth", where, mapped, found, notes),
    )
    year_alone = pl.col("birth_text").str.extract(YEAR).cast(pl.Int64)
    contact_alone = pl.col("contact_text").str.extract(YEAR).cast(pl.Int64)
    seen_early, seen_late = pl.col("contact") < EARLIEST, pl.col("contact") > today
    contact = pl.when(~seen_early, ~seen_late).then(pl.col("contact"))
    contact_year = pl.coalesce(contact.str.slice(0, 4).cast(pl.Int64), contact_alone)
    age = cell("age").str.to_lowercase().str.extract(AGE, 1).cast(pl.Int64)
    given, family = once("given", standardise.name), once("family", standardise.name)
    both = pl.concat_str(
        once("given", standardise.plain), once("family", standardise.plain), separator=" "
    )
    nobody = both.is_in(standardise.UNKNOWN).fill_null(False)  # "Jane" and "Doe"
    given, family = (pl.when(~nobody).then(part) for part in (given, family))
    full = cell("name")
    given = pl.coalesce([given, standardise.given_of(full)])
    family = pl.coalesce([family, standardise.family_of(full)])
    sex = once("sex", standardise.sex)
    strata = [once(p, standardise.plain).alias(p) for p in where if p.startswith("stratum_")]
    frame = raw.select(
        "row",
        "birth",
        *strata,
        contact=contact,
        given=given.str.extract(r"^(\S+)", 1),
        more=given.str.extract(r"^\S+ (.+)$", 1),
        family=family,
        aliases=once("alias", standardise.aliases),
        year_alone=year_alone,
        age=age,
        contact_year=contact_year,
        sex=sex,
        phone=standardise.phone(cell("phone")),
        email=standardise.email(cell("email")),
        place=once("place", lambda text: standardise.known(standardise.plain(text))),
        identifier=standardise.number(cell("identifier")),
        case=standardise.number(cell("case")),
        no_birth=standardise.says(pl.col("birth_text"))
        & pl.col("birth").is_null()
        & year_alone.is_null(),
        seen_early=seen_early,
        seen_late=seen_late,
        no_contact=standardise.says(pl.col("contact_text"))
        & pl.col("contact").is_null()
        & contact_alone.is_null(),
        no_age=once("age", standardise.says) & age.is_null(),
        no_sex=once("sex", standardise.says) & sex.is_null(),
    )
    for part in filter(where.__contains__, ("birth", "contact")):
        said = raw.select(standardise.says(pl.col(f"{part}_text"))).to_series()
        _refuse_no_dates(int(said.sum()), int(frame[f"no_{part}"].sum()), where[part], found)
    # As texts: a year alone stands before every day of it.
    born = pl.coalesce("birth", pl.col("year_alone").cast(pl.String))
    seen = pl.coalesce("contact", pl.col("contact_year").cast(pl.String) + "-12-31")
    born_early, born_late, born_after = born < EARLIEST, born > today, born > seen
    doubts = (
        (pl.col("no_birth"), "There is no such date.", "birth"),
        (pl.col("no_contact"), "There is no such date.", "contact"),
        (pl.col("no_age") | (pl.col("age") > OLDEST), "This is no age.", "age"),
        (pl.col("no_sex"), "This says neither female, male nor other.", "sex"),
        (born_early, "Nobody was born then who is counted here.", "birth"),
        (born_late, "Born in the future.", "birth"),
        (born_after & ~born_late, "Born after the contact.", "birth"),
        (pl.col("seen_early"), "Nobody was seen then who is counted here.", "contact"),
        (pl.col("seen_late"), "Seen in the future.", "contact"),
    )
    for condition, message, part in doubts:
        found.add(frame.filter(condition)["row"].to_list(), message, where.get(part))
    fine = ~pl.any_horizontal(born_early, born_late, born_after).fill_null(False)
    frame = frame.with_columns(
        birth=pl.when(fine).then(pl.col("birth")),
        year_alone=pl.when(fine).then(pl.col("year_alone")),
        age=pl.when(pl.col("age") <= OLDEST).then(pl.col("age")),
        aliases=pl.concat_list("aliases", pl.concat_list(pl.col("more")).list.drop_nulls()),
    )
    for part in ("phone", "email", "identifier", "case"):
        frame = _without_common(frame, part, where, found)
    return frame.with_columns(
        birth_year=pl.coalesce(
            pl.col("birth").str.slice(0, 4).cast(pl.Int64),
            "year_alone",
            pl.col("contact_year") - pl.col("age"),
        )
    ).select(
        "row", "contact", "given", "family", "aliases", "birth", "birth_year", "sex", "phone",
        "email", "place", "identifier", "case", pl.col("^stratum_.*$"),
    )  # fmt: skip


def _dates(
    raw: pl.DataFrame,
    part: str,
    where: Mapping[str, str],
    mapped: Mapped,
    found: _Found,
    notes: list[str],
) -> pl.Series | pl.Expr:
    if part not in where:
        return pl.lit(None, pl.String)
    order = dates.order_of(raw[part])
    if mapped.dates:
        day_first: bool | None = mapped.dates == "day first"
        # One date the other way may be a typing error; more, and most of those that tell, are not.
        if order.day_first == (not day_first) and order.told > 1:
            other = "month first" if day_first else "day first"
            raise InputError(
                found.sheet.problem(
                    f'The study says "{mapped.dates}" for this list, but {order.told:,} dates of '
                    f"this column have the {other}. Leave the setting out where the dates tell.",
                    column=where[part],
                )
            )
    else:
        day_first = order.day_first
        if order.undecided:
            why = (
                f"the dates of this column disagree, {order.told:,} against {order.against:,}"
                if order.told
                else "every date of this column can be read both ways"
            )
            raise InputError(
                found.sheet.problem(
                    f"It cannot be told whether the day or the month stands first: {why}. Say "
                    'dates = "day first" or dates = "month first" for this list in the study.',
                    column=where[part],
                )
            )
        if day_first is not None:
            said = "day" if day_first else "month"
            notes.append(f"In '{where[part]}' the {said} stands before the other.")
    latest = datetime.now(UTC).year
    return _once(raw, part, lambda text: dates.iso(text, day_first, latest))


def _once(raw: pl.DataFrame, part: str, made: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """What is made of a column, each different value once: there are far fewer than records."""
    values = raw.select(pl.col(part).unique()).with_columns(made=made(pl.col(part)))
    every = raw.select(part).join(
        values, on=part, how="left", nulls_equal=True, maintain_order="left"
    )
    return every["made"]


def _refuse_no_dates(filled: int, wrong: int, column: str, found: _Found) -> None:
    """Refuse a column that should have dates and has something else."""
    if filled >= ENOUGH and wrong > MOST_UNREADABLE * filled:
        raise InputError(
            found.sheet.problem(
                f"{wrong:,} of the {filled:,} cells that say something here are no dates; name the "
                "column with the dates, or mend this one.",
                column=column,
            )
        )


def _without_common(
    frame: pl.DataFrame, part: str, where: Mapping[str, str], found: _Found
) -> pl.DataFrame:
    many = frame.drop_nulls(part).group_by(part).len()
    many = many.filter(pl.col("len") > max(COMMON, frame.height / 200))
    if not many.height:
        return frame
    found.common[where[part]] = int(many["len"].sum())
    common = many[part].implode()
    return frame.with_columns(pl.when(~pl.col(part).is_in(common)).then(pl.col(part)).alias(part))


def _only_used(
    frame: pl.DataFrame, mapped: Mapped, found: _Found, notes: list[str]
) -> pl.DataFrame:
    """The records of the study's time by which somebody could be recognised."""
    if mapped.since or mapped.until:
        undated = frame["contact"].null_count()
        if undated:
            notes.append(f"Records without a date of contact, kept whatever the time: {undated:,}.")
    nothing = pl.all_horizontal(pl.col(part).is_null() for part in TELLING)
    outside = pl.lit(False)
    if mapped.since:
        outside |= pl.col("contact") < mapped.since
    if mapped.until:
        outside |= pl.col("contact") > mapped.until
    outside = outside.fill_null(False)
    for condition, message in (
        (nothing, "Nothing in this row tells who it is; it was left out."),
        (~nothing & outside, OUTSIDE),
    ):
        found.add(frame.filter(condition)["row"].to_list(), message)
    return frame.filter(~nothing & ~outside)


def _check(frame: pl.DataFrame) -> None:
    """Hold the records against the schema that linkage and protection rely on."""
    import pandera.polars as pa

    def text(pattern: str) -> pa.Column:
        return pa.Column(pl.String, pa.Check.str_matches(pattern), nullable=True)

    schema = pa.DataFrameSchema(
        {
            "row": pa.Column(pl.Int64, pa.Check.ge(1), unique=True),
            "contact": text(r"^\d{4}-\d{2}-\d{2}$"),
            "given": text("^[a-z]+$"),
            "family": text("^[a-z]+( [a-z]+)*$"),
            "aliases": pa.Column(pl.List(pl.String)),
            "birth": text(r"^\d{4}-\d{2}-\d{2}$"),
            "birth_year": pa.Column(pl.Int64, pa.Check.in_range(1780, 2100), nullable=True),
            "sex": pa.Column(pl.String, pa.Check.isin(["f", "m", "x"]), nullable=True),
            "phone": text(r"^\d{7,10}$"),
            "email": text("^[^@ ]+@[^@ ]+$"),
            "place": text("^[a-z0-9 ]+$"),
            "identifier": text("^[a-z0-9]+$"),
            "case": text("^[a-z0-9]+$"),
            "stratum_.*": pa.Column(pl.String, nullable=True, regex=True, required=False),
        },
        strict=True,
    )
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.to_dicts()
        failed = "; ".join(sorted({f"{case['column']}: {case['check']}" for case in cases}))
        # The failing values themselves are not told: they may be names.
        raise InputError(f"The records do not fit what linkage needs ({failed}).") from None


def as_one(lists: Sequence[Records]) -> pl.DataFrame:
    """The records of all lists in one frame, with the column `list`."""
    return pl.concat(
        [each.frame.with_columns(list=pl.lit(each.name)) for each in lists], how="diagonal"
    )


def told(lists: Sequence[Records]) -> Iterator[Problem]:
    """Every problem of every list."""
    for each in lists:
        yield from each.quality.problems
