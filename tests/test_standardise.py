"""One way of writing for names and numbers, whatever the agency's own was."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import jellyfish  # comes with recordlinkage
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure.lists import standardise
from darkfigure.lists.standardise import (
    MEN,
    OTHERS,
    UNKNOWN,
    WOMEN,
    aliases,
    email,
    family_of,
    given_of,
    known,
    name,
    number,
    phone,
    plain,
    says,
    sex,
    sound,
)

Column = Callable[[pl.Expr], pl.Expr]


def every(standard: Column, *texts: str | None) -> list[Any]:
    column = pl.Series(texts, dtype=pl.String)
    return pl.select(standard(pl.lit(column))).to_series().to_list()


def one(standard: Column, text: str | None) -> Any:
    (found,) = every(standard, text)
    return found


# Names


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("Maria", "maria"),
        ("  MARÍA   JOSÉ ", "maria jose"),
        ("María-José", "maria jose"),
        ("Núñez", "nunez"),
        ("Nu\u0301n\u0303ez", "nunez"),  # the marks by themselves, as some programs store them
        ("Müller", "muller"),
        ("Strauß", "strauss"),
        ("STRAUẞ", "strauss"),
        ("Łukasz Ångström", "lukasz angstrom"),
        ("Ærø", "aero"),
        ("Ǿ", "o"),
        ("Ｍａｒｉａ", "maria"),
        ("O'Brien", "obrien"),
        ("O’Brien", "obrien"),
        ("O‘Brien", "obrien"),
        ("O´Brien", "obrien"),
        ("Oʼbrien", "obrien"),
        ("O`Brien", "obrien"),
        ("D'Angelo-Smith", "dangelo smith"),
        ("Dr. María", "maria"),
        ("Dr.Maria", "maria"),
        ("Mrs Maria", "maria"),
        ("Sra. María", "maria"),
        ("Lopez Jr.", "lopez"),
        ("Lopez III", "lopez"),
        ("Ivy", "ivy"),  # begins as a numeral does
        ("Drew", "drew"),  # begins as a title does
        ("J.R.", "j r"),  # initials, and not the title
        ("Maria (cousin)", "maria cousin"),
        ("Maria2", "maria"),
        ("Mary\nAnn", "mary ann"),
    ],
)
def test_a_name_has_one_way_of_writing(said: str, means: str) -> None:
    assert one(name, said) == means


@pytest.mark.parametrize(
    "said",
    [
        *UNKNOWN, "Unknown", "UNKNOWN", "(unknown)", "Unknown #2", "UNK.", "N/A", "n.a.", "N.N.",
        "?", "-", "--", "...", "", " ", "123", "Dr.", "Mr", "XXX", "Jane Doe", "JANE DOE 3",
        "Unknown Female", "unknown unknown", "UNK MALE", "Anonymous caller", "Unidentified girl",
        "x" * 61,
    ],
)  # fmt: skip
def test_what_says_not_known_is_no_name(said: str) -> None:
    assert one(name, said) is None


def test_a_name_that_begins_like_unknown_is_one() -> None:
    assert every(name, "Unkar", "Anona", "Nanette", "Testa", "Unknown Lopez") == [
        "unkar", "anona", "nanette", "testa", "unknown lopez",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("full", "given_name", "family"),
    [
        ("Lopez, Maria", "maria", "lopez"),
        ("Maria Lopez", "maria", "lopez"),
        ("LOPEZ,MARIA", "maria", "lopez"),
        ("López-García, María José", "maria jose", "lopez garcia"),
        ("Maria Elena Lopez", "maria elena", "lopez"),
        ("Maria Lopez Jr.", "maria", "lopez"),
        ("Maria Lopez, Jr.", "maria", "lopez"),
        ("Lopez, Maria III", "maria", "lopez"),
        ("Lopez, Jr., Maria", "maria", "lopez"),
        ("Dr. Maria Lopez", "maria", "lopez"),
        ("Lopez, Ms. Maria", "maria", "lopez"),
        ("  Maria   Lopez  ", "maria", "lopez"),
        ("Maria\nElena\nLopez", "maria elena", "lopez"),
        ("Lopez,\nMaria", "maria", "lopez"),
        ("Maria", None, "maria"),
        ("Lopez,", None, "lopez"),
        (", Maria", "maria", None),
        ("Unknown, Maria", "maria", None),
        ("Lopez, Unknown", None, "lopez"),
        ("Unknown Lopez", None, "lopez"),
        ("Jane Doe", None, None),
        ("Doe, Jane", None, None),
        ("Unknown, Unknown", None, None),
        ("Unknown Female", None, None),
        ("unknown", None, None),
        (",", None, None),
        ("", None, None),
    ],
)
def test_a_full_name_is_parted(full: str, given_name: str | None, family: str | None) -> None:
    assert (one(given_of, full), one(family_of, full)) == (given_name, family)


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("Star", ["star"]),
        ("Star; Mia", ["star", "mia"]),
        ("Star/Mia, Baby", ["star", "mia", "baby"]),
        ("Star aka Mia", ["star", "mia"]),
        ("Star A.K.A. Mia", ["star", "mia"]),
        ("a.k.a. 'Baby Girl'", ["baby girl"]),
        ("AKA Baby\nStar", ["baby", "star"]),
        ("Akane", ["akane"]),
        ("N/A", []),
        ("Star; N/A; unknown", ["star"]),
        ("none", []),
        ("; ,", []),
        (None, []),
    ],
)
def test_every_other_name_in_a_cell_is_one(cell: str | None, names: list[str]) -> None:
    assert one(aliases, cell) == names


# Sex, numbers, addresses


def test_words_for_the_sexes() -> None:
    assert set(every(sex, *WOMEN)) == {"f"}
    assert set(every(sex, *MEN)) == {"m"}
    assert set(every(sex, *OTHERS)) == {"x"}
    said = (" Female ", "F.", "MUJER", "Non-binary", "Hombre")
    assert every(sex, *said) == ["f", "f", "f", "x", "m"]
    assert every(sex, "?", "unknown", "U", "1", "", None, "females", "FM") == [None] * 8


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("+1 (916) 555-0142", "9165550142"),
        ("916.555.0142", "9165550142"),
        ("9165550142", "9165550142"),
        ("1-916-555-0142", "9165550142"),
        ("tel: 916 555 0142 (home)", "9165550142"),
        ("+44 20 7946 0958", "2079460958"),
        ("555-0142", "5550142"),
        ("9165550142.0", "9165550142"),  # saved by a program that took it for a measurement
        ("916-555-0142 x12", "9165550142"),
        ("916-555-0142 ext. 3", "9165550142"),
        ("916-555-0142 EXT 3041", "9165550142"),
        ("916-555-0142 #7", "9165550142"),
        ("9.16555E+09", None),  # as a spreadsheet shows it: six digits are left
        ("555-014", None),
        ("000-0000", None),
        ("(999) 999-9999", None),
        ("1 000 000 0000", None),
        ("123-4567", None),
        ("1234567890", None),
        ("none", None),
        ("unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_a_telephone_number_is_its_last_ten_digits(said: str | None, means: str | None) -> None:
    assert one(phone, said) == means


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("Mia@Example.org", "mia@example.org"),
        (" mia @ example.org ", "mia@example.org"),
        ("mailto:mia@example.org", "mia@example.org"),
        ("Mia Lopez <mia@example.org>", "mia@example.org"),
        ("mia@example.org; star@example.org", "mia@example.org"),
        ("mia@example.org.", "mia@example.org"),
        ("mia+x@mail.example.org", "mia+x@mail.example.org"),
        ("mia@example", None),
        ("@example.org", None),
        ("none", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_is_the_first_in_the_cell(said: str | None, means: str | None) -> None:
    assert one(email, said) == means


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("CW-00 123/b", "cw00123b"),
        ("cw00123B", "cw00123b"),
        ("12", "12"),
        ("12.0", "12"),
        ("007", "007"),
        ("123-45-6780", "123456780"),
        ("999-99-9999", None),  # as people fill in where a number is asked for
        ("000-00-0000", None),
        ("1.23457E+11", None),
        ("0", None),
        ("unknown", None),
        ("Not known", None),
        ("N/A", None),
        ("-", None),
        (None, None),
    ],
)
def test_a_case_number_is_its_letters_and_digits(said: str | None, means: str | None) -> None:
    assert one(number, said) == means


def test_a_cell_says_something_unless_it_says_that_nothing_is_known() -> None:
    assert all(every(says, "31 Feb", "five", "7", "女", "unknown to us"))
    assert not any(every(says, "", " ", "?", "--", "0", "00/00/0000", "N/A", "Unknown", "u", None))


# Soundex

ARCHIVES = {
    # "The Soundex Indexing System", US National Archives
    "washington": "W252", "lee": "L000", "gutierrez": "G362", "pfister": "P236",
    "jackson": "J250", "tymczak": "T522", "vandeusen": "V532", "ashcraft": "A261",
    # Knuth, The Art of Computer Programming, volume 3, 6.4
    "euler": "E460", "ellery": "E460",
    "gauss": "G200", "ghosh": "G200", "hilbert": "H416", "heilbronn": "H416", "knuth": "K530",
    "kant": "K530", "lloyd": "L300", "ladd": "L300", "lukasiewicz": "L222", "lissajous": "L222",
    "wachs": "W200", "waugh": "W200",
    # Wherever the code is explained
    "robert": "R163", "rupert": "R163", "rubin": "R150", "ashcroft": "A261",
    # Those that begin with a letter that is not heard
    "wright": "W623", "hsu": "H200", "honeyman": "H555", "whitfield": "W314",
}  # fmt: skip


@pytest.mark.parametrize(("surname", "code"), ARCHIVES.items())
def test_the_published_codes_come_out(surname: str, code: str) -> None:
    assert one(sound, surname) == code.lower()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12), min_size=1))
def test_soundex_agrees_with_another_program(names: list[str]) -> None:
    assert every(sound, *names) == [jellyfish.soundex(each).lower() for each in names]


def test_the_sound_of_several_names_is_that_of_one_long_one() -> None:
    assert every(sound, "van deusen", None) == ["v532", None]


# What holds of whatever is written

PIECES = st.sampled_from(
    ["Maria", "López", "O’Brien", "Dr.", "Jr.", ", ", " aka ", "N/A", "unknown", "Jane Doe", "n",
     "916-555-0142", "x12", ".0", "E+09", "@", "a@b.org", "\n", "\t", "ß", "İ", "ŀ", "Ǆ", "ﬀ", "℡",
     "´", "١٢", "Ⅷ", "½", "女", "\u200b", "\u0301", "000", "(", "#", "female"]
)  # fmt: skip
anything = st.lists(PIECES | st.text(max_size=6), max_size=5).map("".join)
texts = st.lists(anything, min_size=1, max_size=20)

LOOKS: dict[Column, str] = {
    plain: "[a-z0-9]+( [a-z0-9]+)*",
    name: "(?=.{1,60}$)[a-z]+( [a-z]+)*",
    given_of: "(?=.{1,60}$)[a-z]+( [a-z]+)*",
    family_of: "(?=.{1,60}$)[a-z]+( [a-z]+)*",
    sex: "[fmx]",
    phone: "[0-9]{7,10}",
    email: r"[^@\s]+@[^@\s]+",
    number: "[a-z0-9]+",
}


@pytest.mark.parametrize("standard", LOOKS, ids=lambda standard: standard.__name__)
@settings(max_examples=40, deadline=None)
@given(said=texts)
def test_whatever_is_written_comes_back_in_one_alphabet(standard: Column, said: list[str]) -> None:
    for found in every(standard, *said):
        assert found is None or re.fullmatch(LOOKS[standard], found)


@pytest.mark.parametrize(
    "standard", [plain, known, name, sex, phone, email, number], ids=lambda each: each.__name__
)
@settings(max_examples=40, deadline=None)
@given(said=texts)
def test_what_is_in_the_one_way_of_writing_stays(standard: Column, said: list[str]) -> None:
    once = every(standard, *said)
    assert every(standard, *once) == once


@settings(max_examples=40, deadline=None)
@given(texts)
def test_aliases_are_names(said: Sequence[str]) -> None:
    for found in every(aliases, *said):
        assert found == [each for each in every(name, *found) if each]


def test_a_missing_cell_is_missing_everywhere() -> None:
    for standard in (*LOOKS, known, sound):
        assert every(standard, None, None) == [None, None]
    assert every(aliases, None) == [[]]


def test_words_for_not_known_are_as_names_come_out() -> None:
    """Or they would never be found."""
    assert every(plain, *UNKNOWN) == list(UNKNOWN)
    assert every(plain, *standardise.LETTERS.values()) == list(standardise.LETTERS.values())
