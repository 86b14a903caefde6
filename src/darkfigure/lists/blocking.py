"""Which pairs of records are compared at all: those that agree on something telling.

A million records make half a billion million pairs; nobody compares them all. A rule takes the
pairs that agree exactly on some columns, and a pair that any rule takes is compared on everything.
Rules whose columns are empty, or which would take too many pairs, are left out, and it is said so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

MOST_PAIRS_A_RECORD = 3
"""Pairs that one rule may take, for each record..."""

FEW_PAIRS = 2_000_000
"""... or so many in all, where the records are few."""


@dataclass(frozen=True)
class Rule:
    """Pairs of records that agree on some columns.

    Parameters
    ----------
    words : str
        What they agree on, as people say it.
    left, right : tuple of str
        The columns of the one record and of the other; usually the same.
    """

    words: str
    left: tuple[str, ...]
    right: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """The rule as SQL, with `l` and `r` for the two records."""
        pairs = zip(self.left, self.right or self.left, strict=True)
        return " AND ".join(f"l.{a} = r.{b}" for a, b in pairs)


RULES = (
    Rule("identifier", ("identifier",)),
    Rule("phone", ("phone",)),
    Rule("e-mail", ("email",)),
    Rule("case number of the same list", ("list", "case_number")),
    Rule("day of birth", ("birth",)),
    Rule("day of birth and sound of the given name", ("birth", "given_sound")),
    Rule("day of birth and sound of the family name", ("birth", "family_sound")),
    Rule("day of birth, day and month swapped", ("birth",), ("birth_swapped",)),
    Rule("given and family name", ("given", "family")),
    Rule("given and family name swapped", ("given", "family"), ("family", "given")),
    Rule("family name and year of birth", ("family", "birth_year")),
    Rule("family name and month of birth", ("family", "birth_month")),
    Rule("given name and month of birth", ("given", "birth_month")),
    Rule("sound of the family name and day of birth in any year", ("family_sound", "birth_day")),
    Rule("sounds of given and family name", ("given_sound", "family_sound")),
    Rule("place and family name", ("place", "family")),
    Rule("place and given name", ("place", "given")),
    Rule("given name, place and year of birth", ("given", "place", "birth_year")),
)

PROTECTED_RULES = (
    Rule("identifier, encoded", ("identifier",)),
    Rule("telephone number, encoded", ("phone",)),
    Rule("e-mail, encoded", ("email",)),
    Rule("case number of the same list, encoded", ("list", "case_number")),
    Rule("names and year of birth, encoded", ("years_least",)),
)
"""Of protected lists; the pairs whose filters are alike are found besides, by looking at all."""

TELLING = (
    ("identifier",), ("phone",), ("email",), ("birth",), ("given", "family"), ("years_least",),
)  # fmt: skip
"""What the pairs agree on among which m is learned."""


@dataclass(frozen=True)
class Chosen:
    """A rule that was looked at: how many pairs it takes, and whether it is used."""

    rule: Rule
    pairs: int
    used: bool


def choose(frame: pl.DataFrame, rules: Sequence[Rule] = RULES) -> list[Chosen]:
    """Which rules are used on these records.

    Parameters
    ----------
    frame : DataFrame
        The records, with all columns that the rules read; missing values match nothing.
    rules : sequence of Rule

    Examples
    --------
    >>> people = pl.DataFrame({"phone": ["1", "1", "2", None], "email": [None] * 4})
    >>> [(c.rule.words, c.pairs, c.used) for c in choose(people, RULES[1:3])]
    [('phone', 1, True), ('e-mail', 0, False)]
    """
    most = max(FEW_PAIRS, MOST_PAIRS_A_RECORD * frame.height)
    found = []
    coded = _coded(frame, sorted({column for rule in rules for column in rule.left + rule.right}))
    for rule in rules:
        pairs = count(coded, rule)
        found.append(Chosen(rule, pairs, 0 < pairs <= most))
    return found


def _coded(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The columns with a number for each text, the same in all: numbers are soon counted."""
    codes = pl.col(pl.String).cast(pl.Categorical).to_physical()
    return frame.select(columns).with_columns(codes)


def count(frame: pl.DataFrame, rule: Rule) -> int:
    """How many pairs a rule takes.

    Examples
    --------
    >>> people = pl.DataFrame({"phone": ["1", "1", "1", None]})
    >>> count(people, Rule("phone", ("phone",)))
    3
    """
    if not rule.right:
        sizes = frame.drop_nulls(rule.left).group_by(rule.left).len()["len"].cast(pl.Int64)
        return int((sizes * (sizes - 1) // 2).sum())
    one, other = (
        frame.drop_nulls(columns).group_by([pl.col(c) for c in columns]).len()
        for columns in (rule.left, rule.right)
    )
    both = one.join(other, left_on=rule.left, right_on=rule.right, nulls_equal=False)
    return int((both["len"].cast(pl.Int64) * both["len_right"].cast(pl.Int64)).sum()) // 2


def training(chosen: Sequence[Chosen]) -> list[Rule]:
    """The rules within which m is learned, from a sample: each leaves other columns to learn about.

    Among pairs that agree on the day of birth, say, many are one person, and how often their names
    agree can be seen.
    """
    seen = [each.rule for each in chosen if each.pairs and not each.rule.right]
    return [rule for rule in seen if rule.left in TELLING]


def agreeing(frame: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Every two records that a rule takes, whose columns are the same for both.

    Examples
    --------
    >>> people = pl.DataFrame({"unique_id": [0, 1, 2], "phone": ["1", "1", None]})
    >>> agreeing(people, Rule("phone", ("phone",))).rows()
    [(0, 1)]
    """
    tokens = frame.select("unique_id", *rule.left).drop_nulls()
    return _pairs(tokens.join(tokens, on=rule.left))


def sharing(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Every two records that share a token in a column of lists of tokens.

    Examples
    --------
    >>> people = pl.DataFrame({"unique_id": [0, 1, 2], "near": [[5, 6], [6, 7], [8]]})
    >>> sharing(people, "near").rows()
    [(0, 1)]
    """
    tokens = frame.select("unique_id", token=column).explode("token").drop_nulls()
    return _pairs(tokens.join(tokens, on="token"))


def _pairs(both: pl.DataFrame) -> pl.DataFrame:
    both = both.filter(pl.col("unique_id") < pl.col("unique_id_right"))
    return both.select(join_key_l="unique_id", join_key_r="unique_id_right").unique()
