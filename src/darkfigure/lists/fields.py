"""Which column of an agency's list says what: told by the study, or known by its header."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from darkfigure.errors import InputError, Problem
from darkfigure.spreadsheet import Sheet

FIELDS: Mapping[str, tuple[str, ...]] = {
    "given": ("given name", "given names", "first name", "firstname", "forename", "fname", "first"),
    "family": ("family name", "last name", "lastname", "surname", "lname", "last", "apellido"),
    "name": ("full name", "client name", "client", "victim name", "person", "nombre"),
    "alias": ("aliases", "aka", "also known as", "street name", "nickname", "other names"),
    "birth": ("birth date", "date of birth", "birthdate", "dob", "born", "d o b", "birthday"),
    "age": ("age at contact", "age at intake", "age years", "edad"),
    "sex": ("gender", "sex gender", "sexo"),
    "phone": ("telephone", "phone number", "telephone number", "mobile", "cell", "cell phone"),
    "email": ("e mail", "email address", "e mail address", "mail"),
    "place": ("address", "city", "residence", "neighbourhood", "neighborhood", "town", "lives in"),
    "contact": (
        "contact date", "date of contact", "date", "intake date", "date seen", "incident date",
        "date of arrest", "visit date", "call date", "referral date", "opened",
    ),
    "case": ("case number", "case no", "case id", "file number", "client id", "booking number"),
    "identifier": ("national id", "state id", "ssn", "social security number", "id number"),
}  # fmt: skip
"""What a list can say of a person, with the headers under which it is often found."""

TELLING = ("given", "family", "birth", "phone", "email", "identifier", "case")
"""Of these a record must have one, or nobody can be recognised by it."""

A_PERSON = r"^[0-9 ./+()-]{6,}$|@"
"""What stands in a row about a person, and never in a header."""


@dataclass(frozen=True)
class Mapped:
    """Where the fields of a list are.

    Parameters
    ----------
    columns : mapping of field to column
        Found by their headers where it is empty.
    strata : mapping of stratum to column
    dates : str
        "day first" or "month first", where the dates of the list do not tell.
    since, until : str
        ISO dates; contacts outside are left out. A record without a date of contact stays.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    strata: Mapping[str, str] = field(default_factory=dict)
    dates: str = ""
    since: str = ""
    until: str = ""


def columns_of(sheet: Sheet, mapped: Mapped) -> tuple[dict[str, str], list[str]]:
    """For each field and stratum the column it is in; told, or known by its header."""
    headers = [column.strip() for column in sheet.columns]
    problems: list[str | Problem] = []

    def complain(message: str, column: str | None = None) -> None:
        problems.append(sheet.problem(message, sheet.header, column))

    wanted = {**mapped.columns, **{f"stratum_{k}": v for k, v in mapped.strata.items()}}
    known = {column.strip() for column in wanted.values()} & set(headers)
    known |= {h for h in headers if any(_bare(h) in (p, *FIELDS[p]) for p in FIELDS)}
    if not known and any(re.search(A_PERSON, header) for header in headers):
        # The headers must not be repeated then: they may be somebody's name.
        complain("A header with the names of the columns was expected, but this seems a person's.")
        raise InputError(problems)
    for column, times in Counter(filter(None, headers)).items():
        if times > 1 and known:
            complain(f"{times} columns have this name; give each its own.", column)
        elif times > 1:
            complain(f"{times} columns have the same name; give each its own.")
    for part, column in wanted.items():
        if part not in FIELDS and not part.startswith("stratum_"):
            near = get_close_matches(part, FIELDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            complain(f"A list has no field '{part}'; the fields are {', '.join(FIELDS)}.{hint}")
        elif column.strip() not in headers:
            # Where no header is known, the first line may be a person's, and is not repeated.
            near = get_close_matches(column, headers) or [h for h in headers if h]
            near = near if known else []
            hint = f"did you mean one of {', '.join(map(repr, near[:20]))}?"
            complain(
                f"There is no column '{column}' (for {part.removeprefix('stratum_')}); "
                f"{hint if near else 'look at the names of the columns in the header.'}"
            )
    telling = {c.strip() for part, c in mapped.columns.items() if part not in ("sex", "place")}
    for name, column in mapped.strata.items():
        fields = [p for p in FIELDS if _bare(column) in (p, *FIELDS[p])]
        if column.strip() in telling or set(fields) - {"sex", "place"}:
            complain(
                f"The stratum '{name}' tells people apart; make it coarser, in another column."
            )
    where = {part: column.strip() for part, column in wanted.items()}
    notes = []
    if not mapped.columns:
        for part, synonyms in FIELDS.items():
            fitting = [h for h in dict.fromkeys(headers) if _bare(h) in (part, *synonyms)]
            if len(fitting) > 1:
                complain(
                    f"Any of {', '.join(map(repr, fitting))} could be the {part}; say which is, "
                    "in the columns of this list."
                )
            elif fitting:
                where[part] = fitting[0]
        notes = ["Read by their headers: " + ", ".join(f"'{c}' as {p}" for p, c in where.items())]
        notes[0] += "."
    if not problems and not set(where) & {*TELLING, "name"}:
        complain(
            "There is only one column, and no name or number is known to be in it; the cells must "
            "be parted by commas, semicolons or tabs."
            if len(headers) == 1
            else "No column here tells people apart; name the columns with names, birth dates, "
            "telephone numbers or case numbers."
        )
    if problems:
        raise InputError(problems)
    return where, notes


def _bare(header: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in header.lower()).split())
