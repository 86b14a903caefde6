"""How alike two records are: for each field a ladder of levels, from the same to different.

A level is worth log(m/u): m is how often two records of one person stand on it, u how often two
records of different people do (Fellegi & Sunter 1969). What is missing says nothing. An exact name
is worth more the rarer it is (term-frequency adjustment, Winkler 2000).

Every condition is Spark's SQL, with `_l` and `_r` for the two records; `engine.database` teaches
DuckDB the few functions that it calls otherwise, so that both give the same level to the same pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from darkfigure.lists.protected import dice_sql

if TYPE_CHECKING:
    from splink.comparison_library import CustomComparison

DIFFERENT = "different"
SIDES = ("left", "right")
SWAPPED = "given_l = family_r AND family_l = given_r"


@dataclass(frozen=True)
class Ladder:
    """The levels of one field, the best first; what fits none of them is "different".

    Parameters
    ----------
    field : str
        What is compared, as people say it.
    column_of : str
        The column without which there is nothing to compare.
    missing : str
        When there is nothing to compare, as SQL.
    levels : tuple of (str, str)
        Each level in words and as SQL.
    rare : str
        The column whose rare values weigh more on the first level, if any.
    """

    field: str
    column_of: str
    missing: str
    levels: tuple[tuple[str, str], ...]
    rare: str = ""

    @property
    def reads(self) -> set[str]:
        """The columns without which there is nothing to compare."""
        return {self.column_of, "birth"} if self.column_of == "birth_year" else {self.column_of}

    @property
    def column(self) -> str:
        """The field's name as SQL can have it."""
        return "".join(sign if sign.isalnum() else "_" for sign in self.field)

    def comparison(self, worth: Sequence[tuple[float, float]] = ()) -> CustomComparison:
        """The ladder as Splink takes it, with m and u of each level if they are known."""
        from splink.comparison_level_library import CustomLevel, ElseLevel
        from splink.comparison_library import CustomComparison

        def level(words: str, sql: str) -> CustomLevel:
            return CustomLevel(sql, label_for_charts=words)

        levels: list[Any] = [level(words, sql) for words, sql in self.levels] + [
            ElseLevel().configure(label_for_charts=DIFFERENT)
        ]
        for made, (m, u) in zip(levels, worth, strict=False):
            made.configure(m_probability=m, u_probability=u)
        if self.rare:
            levels[0].configure(tf_adjustment_column=self.rare)
        nothing = level("missing", self.missing).configure(is_null_level=True)
        return CustomComparison([nothing, *levels], output_column_name=self.column)


def _missing(column: str) -> str:
    return f"{column}_l IS NULL OR {column}_r IS NULL"


def _typing_error(column: str, least: int, errors: int) -> str:
    """At most so many letters inserted, left out or changed, in words that are not too short.

    The cheap conditions come first. One error spares the beginning of a word or its end.
    """
    conditions = [
        f"least(length({column}_l), length({column}_r)) >= {least}",
        f"abs(length({column}_l) - length({column}_r)) <= {errors}",
    ]
    if errors == 1:
        end = least // 2
        sides = (f"{side}({column}_l, {end}) = {side}({column}_r, {end})" for side in SIDES)
        conditions.append(f"({' OR '.join(sides)})")
    conditions.append(f"levenshtein({column}_l, {column}_r) <= {errors}")
    return " AND ".join(conditions)


def _shortened(column: str) -> str:
    """One is the beginning of the other, three letters at the least: "chris" of "christina"."""
    shorter = f"least(length({column}_l), length({column}_r))"
    begin = f"substr({column}_l, 1, {shorter}) = substr({column}_r, 1, {shorter})"
    return f"{shorter} >= 3 AND {begin}"


GIVEN = Ladder(
    "given name",
    "given",
    _missing("given"),
    (
        ("same", "given_l = given_r"),
        ("given and family name swapped", SWAPPED),
        ("one typing error", _typing_error("given", 4, 1)),
        ("two typing errors", _typing_error("given", 6, 2)),
        ("short form", _shortened("given")),
        ("an alias", "array_contains(names_l, given_r) OR array_contains(names_r, given_l)"),
    ),
    rare="given",
)

FAMILY = Ladder(
    "family name",
    "family",
    f"{_missing('family')} OR ({SWAPPED})",  # told once, with the given name
    (
        ("same", "family_l = family_r"),
        ("one typing error", _typing_error("family", 4, 1)),
        ("two typing errors", _typing_error("family", 6, 2)),
        ("one of two family names", _shortened("family")),
        ("an alias", "array_contains(names_l, family_r) OR array_contains(names_r, family_l)"),
    ),
    rare="family",
)

BIRTH = Ladder(
    "birth date",
    "birth_year",
    _missing("birth_year"),
    (
        ("same", "birth_l = birth_r"),
        ("day and month swapped", "birth_l = birth_swapped_r"),
        ("one digit", _typing_error("birth", 10, 1)),
        (
            "two of day, month and year",
            "substr(birth_l, 1, 7) = substr(birth_r, 1, 7) OR "
            "substr(birth_l, 6, 5) = substr(birth_r, 6, 5) OR "
            "(substr(birth_l, 1, 4) = substr(birth_r, 1, 4) AND "
            "substr(birth_l, 9, 2) = substr(birth_r, 9, 2))",
        ),
        (
            "only the age known, and it fits",
            "(birth_l IS NULL OR birth_r IS NULL) AND abs(birth_year_l - birth_year_r) <= 1",
        ),
        ("about the same year", "abs(birth_year_l - birth_year_r) <= 2"),
    ),
)

SEX = Ladder("sex", "sex", _missing("sex"), (("same", "sex_l = sex_r"),))

PHONE = Ladder(
    "telephone number",
    "phone",
    _missing("phone"),
    (("same", "phone_l = phone_r"), ("one digit", _typing_error("phone", 7, 1))),
)

EMAIL = Ladder(
    "e-mail",
    "email",
    _missing("email"),
    (("same", "email_l = email_r"), ("two typing errors", _typing_error("email", 8, 2))),
)

PLACE = Ladder(
    "place",
    "place",
    _missing("place"),
    (
        ("same", "place_l = place_r"),
        (
            "half of the words",
            "arrays_overlap(place_words_l, place_words_r) AND "
            "2 * size(array_intersect(place_words_l, place_words_r)) "
            ">= greatest(size(place_words_l), size(place_words_r))",
        ),
        ("a word", "arrays_overlap(place_words_l, place_words_r)"),
    ),
    rare="place",
)

IDENTIFIER = Ladder(
    "identifier",
    "identifier",
    _missing("identifier"),
    (("same", "identifier_l = identifier_r"), ("one sign", _typing_error("identifier", 5, 1))),
)

CASE = Ladder(
    "case number",
    "case_number",
    f"list_l <> list_r OR {_missing('case_number')}",  # an agency's own number ends at its door
    (("same", "case_number_l = case_number_r"),),
)

PLAIN = (GIVEN, FAMILY, BIRTH, SEX, PHONE, EMAIL, PLACE, IDENTIFIER, CASE)


def _alike(encoding: str) -> tuple[tuple[str, str], ...]:
    """Steps of the Dice coefficient of two filters, of which strangers share about half."""
    steps = (0.95, 0.85, 0.77, 0.7, 0.64, 0.57)
    return tuple((f"Dice {step:.2f}", f"{dice_sql(encoding)} >= {step}") for step in steps)


def _token(field: str, column: str, near: str = "") -> Ladder:
    """Keyed tokens, of which only equality can be seen."""
    levels = [("same", f"{column}_l = {column}_r")]
    if near:
        levels.append(("one sign", f"arrays_overlap({near}_l, {near}_r)"))
    return Ladder(field, column, _missing(column), tuple(levels))


PROTECTED = (
    Ladder("names, encoded", "names_bits", _missing("names_bits"), _alike("names")),
    Ladder("names and birth date, encoded", "dates_bits", _missing("dates_bits"), _alike("dates")),
    Ladder(
        "names and year of birth, encoded",
        "years",
        _missing("years"),
        (("in common", "arrays_overlap(years_l, years_r)"),),
    ),
    _token("telephone number, encoded", "phone", "phone_near"),
    _token("e-mail, encoded", "email", "email_near"),
    _token("identifier, encoded", "identifier", "identifier_near"),
    CASE,
)


def usable(ladders: Sequence[Ladder], filled: Sequence[str]) -> list[Ladder]:
    """The ladders of the fields that somebody has filled in.

    Examples
    --------
    >>> [ladder.field for ladder in usable(PLAIN, ["given", "birth_year", "list"])]
    ['given name', 'birth date']
    """
    return [ladder for ladder in ladders if ladder.column_of in filled]
