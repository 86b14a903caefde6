"""One way of writing for names, telephone numbers and places, whatever the agency's own was.

Everything works on whole columns of text. What says "not known" in words becomes a missing value:
two people who are both "Jane Doe" are not therefore one.
"""

from __future__ import annotations

import polars as pl

UNKNOWN = (
    "unknown", "unk", "unkown", "not known", "na", "n a", "none", "null", "nil", "nan", "no name",
    "anonymous", "anon", "refused", "declined", "not given", "not provided", "not stated",
    "missing", "test", "x", "xx", "xxx", "tbd", "jane doe", "john doe", "doe jane", "doe john",
    "doe", "no last name", "nln", "no first name", "nfn", "lnu", "fnu", "nn", "n n",
)  # fmt: skip
"""What people write where they know nothing, after `name`."""

UNKNOWN_PERSON = r"^(?:(?:unknown|unkown|unk|unidentified|anonymous|anon) ?)+" + (
    r"(?:female|woman|girl|male|man|boy|juvenile|child|adult|person|victim|caller|client)?$"
)
TITLES = r"\b(mr|mrs|ms|miss|mx|dr|sr|sra|srta|jr|ii|iii|iv)\b"
SUFFIX = r"(?i)[ ,]+(?:jr|sr|ii|iii|iv)\.?$"
LETTERS = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i",
}  # fmt: skip
"""Letters that are not a plain letter with a mark."""

WOMEN = ("f", "female", "woman", "w", "girl", "fem", "mujer", "femenino", "cis female")
MEN = ("m", "male", "man", "boy", "masc", "hombre", "masculino", "cis male")
OTHERS = ("x", "o", "other", "nonbinary", "non binary", "nb", "trans", "transgender", "intersex")


ONE_DIGIT = f"^({'|'.join(f'{digit}{{7,}}' for digit in range(10))})$"
"""The same digit over and over, as people fill in where a number is asked for."""

POINT_NOUGHT = r"^\s*([0-9]+)\.0+\s*$"
"""A whole number as programs write it that took the column for measurements."""

ROUNDED = r"(?i)^\s*[0-9]\.[0-9]+e\+?[0-9]+\s*$"
"""A long number as a spreadsheet shows it, most of its digits lost."""


def plain(text: pl.Expr) -> pl.Expr:
    """Lower case, without accents, only letters, digits and single spaces; empty is missing.

    Examples
    --------
    >>> pl.select(plain(pl.lit("  Núñez-O'Brien, José "))).item()
    'nunez obrien jose'
    """
    # Apostrophes first: normalized, some become a space and a mark.
    text = (
        text.str.replace_all("['’‘`´ʼʻ′.]", "").str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    )
    text = text.str.to_lowercase().str.replace_many(list(LETTERS), list(LETTERS.values()))
    text = text.str.replace_all(r"[^a-z0-9]+", " ").str.strip_chars()
    return text.str.extract("^(.+)$", 1)


def known(text: pl.Expr) -> pl.Expr:
    """The text unless it says "not known" in words or is too long to be a name.

    Examples
    --------
    >>> pl.select(known(pl.lit("jane doe"))).item() is None
    True
    """
    text = text.replace(dict.fromkeys(UNKNOWN)).str.replace(UNKNOWN_PERSON, "")
    return text.str.extract("^(.{1,60})$", 1)


def says(text: pl.Expr) -> pl.Expr:
    """Whether a cell says anything, be it right or wrong; "unknown", "?" and "0" do not.

    Examples
    --------
    >>> pl.select(a=says(pl.lit("31 Feb")), b=says(pl.lit("N/A")), c=says(pl.lit("--"))).row(0)
    (True, False, False)
    """
    unknown = plain(text).is_in(("u", *UNKNOWN)).fill_null(False)
    return (text.str.contains(r"[\p{L}1-9]") & ~unknown).fill_null(False)


def name(text: pl.Expr) -> pl.Expr:
    """A name, or part of one, without titles and without what says that it is not known.

    Examples
    --------
    >>> pl.select(a=name(pl.lit("Dr. María-José")), b=name(pl.lit("UNKNOWN"))).row(0)
    ('maria jose', None)
    """
    # A point parts names: "Dr.Smith", "J.R." (two names, and not the title).
    bare = plain(text.str.replace_all(".", " ", literal=True))
    bare = bare.str.replace_all(r"[0-9]+", " ").str.replace_all(TITLES, " ")
    return known(bare.str.replace_all(" +", " ").str.strip_chars())


def given_of(full: pl.Expr) -> pl.Expr:
    """The given names in a full name, "family, given" or "given family".

    Examples
    --------
    >>> pl.select(a=given_of(pl.lit("Lopez, Maria")), b=given_of(pl.lit("Maria Lopez"))).row(0)
    ('maria', 'maria')
    """
    full = _full(full)
    after = full.str.extract("^[^,]*,(.+)$", 1)
    before_last = full.str.extract("^(.+) [^ ]+$", 1)
    return name(pl.when(full.str.contains(",")).then(after).otherwise(before_last))


def family_of(full: pl.Expr) -> pl.Expr:
    """The family name in a full name, "family, given" or "given family".

    Examples
    --------
    >>> pl.select(a=family_of(pl.lit("Lopez, Maria")), b=family_of(pl.lit("Maria Lopez"))).row(0)
    ('lopez', 'lopez')
    """
    full = _full(full)
    before = full.str.extract("^([^,]+),", 1)
    last = full.str.extract("([^ ]+)$", 1)
    return name(pl.when(full.str.contains(",")).then(before).otherwise(last))


def _full(full: pl.Expr) -> pl.Expr:
    """A full name without "Jr." at its end; missing where it is that of nobody: "Doe, Jane"."""
    full = full.str.replace_all(r"\s+", " ").str.strip_chars().str.strip_chars_end(" ,")
    full = full.str.replace(SUFFIX, "")
    return pl.when(name(full).is_not_null()).then(full)


def aliases(text: pl.Expr) -> pl.Expr:
    """Every other name in a cell, parted by ; / , or "aka", as a list.

    Examples
    --------
    >>> pl.select(aliases(pl.lit("Star / Mia aka 'Baby'"))).item().to_list()
    ['star', 'mia', 'baby']
    """
    text = text.str.to_lowercase().str.replace_all(r"\bn/a\b", "")
    parts = text.str.replace_all(r"[;/|,\n]|\ba\.?k\.?a\b", ";").str.split(";")
    return parts.list.eval(name(pl.element()).drop_nulls()).fill_null([])


def sex(text: pl.Expr) -> pl.Expr:
    """f, m or x; missing where the word is not known.

    Examples
    --------
    >>> pl.select(a=sex(pl.lit("Female")), b=sex(pl.lit("?"))).row(0)
    ('f', None)
    """
    word = plain(text)
    return (
        pl.when(word.is_in(WOMEN)).then(pl.lit("f"))
        .when(word.is_in(MEN)).then(pl.lit("m"))
        .when(word.is_in(OTHERS)).then(pl.lit("x"))
    )  # fmt: skip


def phone(text: pl.Expr) -> pl.Expr:
    """The last ten digits of a telephone number, without its extension; missing if there are fewer
    than seven, or one digit over and over.

    Examples
    --------
    >>> pl.select(a=phone(pl.lit("+1 (916) 555-0142")), b=phone(pl.lit("000-0000"))).row(0)
    ('9165550142', None)
    """
    text = _whole(text).str.replace(r"(?i)\s*(?:x|ext\.?|extension|#)\s*[0-9]{1,6}\s*$", "")
    digits = text.str.replace_all(r"[^0-9]", "").str.slice(-10)
    made_up = digits.str.contains(ONE_DIGIT) | digits.is_in(("1234567", "1234567890", "0123456789"))
    return pl.when(digits.str.len_chars() >= 7, ~made_up).then(digits)


def _whole(text: pl.Expr) -> pl.Expr:
    """The cell without what programs do to long numbers; missing if they have lost digits of it."""
    return pl.when(~text.str.contains(ROUNDED)).then(text.str.replace(POINT_NOUGHT, "$1"))


def email(text: pl.Expr) -> pl.Expr:
    """An e-mail address in lower case, the first in the cell; missing if there is none.

    Examples
    --------
    >>> pl.select(a=email(pl.lit(" Mia@Example.org ")), b=email(pl.lit("none"))).row(0)
    ('mia@example.org', None)
    """
    address = text.str.to_lowercase().str.replace_all(r"\s*@\s*", "@")
    part = r"[^@\s<>()\[\],;:\x22]+"
    return address.str.extract(rf"({part}@{part}\.{part})", 1).str.strip_chars(".")


def number(text: pl.Expr) -> pl.Expr:
    """A case number or identifier: letters and digits alone; missing if it is one digit over and
    over.

    Examples
    --------
    >>> pl.select(number(pl.lit("CW-00 123/b"))).item()
    'cw00123b'
    """
    unknown = dict.fromkeys(UNKNOWN)
    bare = plain(_whole(text)).replace(unknown).str.replace_all(" ", "").replace(unknown)
    return pl.when(~bare.str.contains(ONE_DIGIT)).then(bare.str.extract("^(.*[1-9a-z].*)$", 1))


def sound(text: pl.Expr) -> pl.Expr:
    """The Soundex code of a name: its first letter and the sounds of the next three consonants.

    After Russell (1918), US patent 1,261,167, by the rule of the US National Archives ("The Soundex
    Indexing System"): letters of one sound count once, also with h or w between them, but twice
    with a vowel between. Names that sound alike share it, "smith" and "smyth".

    Examples
    --------
    >>> pl.select(a=sound(pl.lit("smith")), b=sound(pl.lit("smyth"))).row(0)
    ('s530', 's530')
    """
    bare = text.str.replace_all(" ", "")
    first = bare.str.slice(0, 1)
    codes = first + bare.str.slice(1).str.replace_all("[hw]", "")
    for letters, code in (
        ("bfpv", "1"), ("cgjkqsxz", "2"), ("dt", "3"), ("l", "4"), ("mn", "5"), ("r", "6"),
    ):  # fmt: skip
        codes = codes.str.replace_all(f"[{letters}]+", code)
    codes = codes.str.slice(1).str.replace_all("[aeiouy]", "")
    return first + (codes + "000").str.slice(0, 3)
