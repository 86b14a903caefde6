"""What leaves an agency in place of names: keyed encodings that can be compared and not read.

A Bloom filter of the letter pairs of a name keeps likeness and hides the name (Schnell, Bachteler
& Reiher 2009), but not from somebody who knows how common names are: bits that are set together
as often as a common letter pair give it away (Christen, Ranbaduge, Vatsalan & Schnell 2018;
Christen, Vidanage, Ranbaduge & Schnell 2018). So here

* **no field is encoded alone**. What is hashed is never a part of one field but always a part of
  one together with a part of another: `names` is made of every letter pair of the given name with
  every one of the family name, `dates` of every letter pair of the names with year, month and day
  of birth. Two people called Maria share nothing unless they share more than that: each field
  salts the other (Niedermeyer, Steinmetzer, Kroll & Schnell 2014; Chen, Schnell, Armknecht & Heng
  2022);
* each pair has its own bits, drawn by HMAC-SHA-256 with a key for this encoding: random hashing
  (Schnell & Borgs 2016a), for double hashing is what Niedermeyer et al. (2014) broke;
* however long a name is, half of the filter is set (the same weight for every record, Schnell,
  Bachteler & Reiher 2011), and the halves are then folded by XOR (Schnell & Borgs 2016b; a small
  diffusion, Armknecht, Heng & Schnell 2023), after which every bit is set in half of the records
  whatever the names are;
* telephone numbers and the like, nearly unique, are not filtered at all: they, and they without
  each one sign, become keyed tokens, of which nothing can be seen but which are equal;
* a value that many records of the list share is left out: it tells nobody apart, and is what a
  frequency attack begins with.

`docs/threat-model.md` says what that protects from and what it does not, and `python -m
benchmarks.attack` tries it.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, product
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.lists.keys import Key
from darkfigure.lists.protected import BITS, BLOCK, ENCODINGS, SCHEMA, WORDS, Protected, Words

UNFOLDED = 2 * BITS
MOST_HASHES = 128
NEARLY_UNIQUE = ("phone", "email", "identifier")
FILLED_TO = 16
MOST = 10
"""A value that more records of a list share than this is left out; fewer in lists below 200."""

LEAST_SHARED = 5
"""No value of a stratum stands for fewer records, whatever the study says."""

MOST_VALUES = 20

RECORD: dict[str, Any] = {
    **dict.fromkeys(("given", "family", "birth", *NEARLY_UNIQUE, "case"), pl.String),
    "aliases": pl.List(pl.String),
    "birth_year": pl.Int64,
}
Numbers = npt.NDArray[np.int64]


def protect(
    records: pl.DataFrame,
    key: Key,
    *,
    name: str,
    smallest_count: int = 5,
    workers: int | None = None,
) -> Protected:
    """Encode the standardised records of one list.

    Parameters
    ----------
    records : DataFrame
        As `read_records` makes it; columns that are not there count as empty.
    key : Key
        The study's.
    name : str
        The list's name.
    smallest_count : int
        A value of a stratum that fewer records have becomes "other", and missing if there are few
        of those too.
    workers : int, optional
        How many cores to use; the encodings do not depend on it.

    Examples
    --------
    >>> from darkfigure.lists.protected import pairs, together
    >>> people = pl.DataFrame({
    ...     "given": ["maria", "mariah", "maria"],
    ...     "family": ["lopez", "lopez", "smith"],
    ...     "birth": ["1990-03-07", "1990-07-03", "1985-11-30"],
    ... })
    >>> lists = [protect(people[[i]], Key(bytes(32)), name=f"list {i}") for i in range(3)]
    >>> left, right, alike = pairs(together(lists), "dates", least=0)
    >>> [(int(l), int(r), round(float(a), 1)) for l, r, a in zip(left, right, alike)]
    [(0, 1, 0.8), (0, 2, 0.5), (1, 2, 0.5)]
    """
    empty = pl.DataFrame(schema=RECORD)
    records = pl.concat([empty, records], how="diagonal_relaxed").with_columns(
        pl.col("given", "family", *NEARLY_UNIQUE, "case").replace("", None)
    )
    order = np.random.default_rng(list(key.derive(f"order of {name}"))).permutation(records.height)
    records = records[order]
    columns: dict[str, pl.Series] = {}
    for encoding, (left, right) in zip(ENCODINGS, (_names(records), _dates(records)), strict=True):
        filters = _filters(left, right, key.derive(encoding), workers)
        columns |= _columns(encoding, filters)
    columns["years"] = _token_lists(_years(records), key.derive("years"))
    for field in NEARLY_UNIQUE:
        rare, secret = _rare(records, field, (field,)), key.derive(field)
        columns[field] = _tokens(rare, secret)
        columns[f"{field}_near"] = _token_lists([_neighbourhood(v) for v in rare], secret)
    columns["case"] = _tokens(_rare(records, "case", ("case",)), key.derive(f"case of {name}"))
    least = max(smallest_count, LEAST_SHARED)
    strata = [_coarse(records[c], least) for c in records.columns if c[:8] == "stratum_"]
    return Protected(name, key.fingerprint, pl.DataFrame(columns).select(*SCHEMA, *strata))


def _names(records: pl.DataFrame) -> tuple[list[set[str]], list[set[str]]]:
    """The letter pairs of the given name, and those of the family name."""
    family = _rare(records, "family", ("given", "family"))
    return [_letter_pairs(name) for name in records["given"]], [_letter_pairs(n) for n in family]


def _dates(records: pl.DataFrame) -> tuple[list[set[str]], list[set[str]]]:
    """The letter pairs of both names, and year, month and day, the last two not told apart.

    So swapped names, or a swapped day and month, do no harm, and a wrong digit leaves two thirds.
    """
    names = records.select(pl.concat_str("given", "family", separator=" ", ignore_nulls=True))
    birth = _rare(records, "birth", ("given", "family", "birth"))
    return (
        [_letter_pairs(name) for name in names.to_series()],
        [set(date.split("-")) if date else set() for date in birth],
    )


def _years(records: pl.DataFrame) -> list[set[str]]:
    """Each word of the given name or an alias, with each of the family name, and the year of birth.

    The year is a neighbourhood of three, for who tells an age may be born in one of two years.
    """
    made = []
    for given, aliases, family, year in records.select(
        "given", "aliases", "family", "birth_year"
    ).iter_rows():
        one = {word for name in (given, *(aliases or ())) if name for word in name.split()}
        other = set(family.split()) if family and year else set()
        both = {"|".join(sorted(pair)) for pair in product(one, other)}
        made.append({f"{pair}|{year + near}" for pair in both for near in (-1, 0, 1)})
    return made


def _neighbourhood(value: str | None) -> set[str]:
    """The value, and what is left of it without each one sign.

    Two values share one of these if they differ by a sign that is wrong, too many, missing or
    exchanged with the next (the deletions of Mor & Fraenkel 1982).
    """
    return {value, *(value[:i] + value[i + 1 :] for i in range(len(value)))} if value else set()


def _letter_pairs(name: str | None) -> set[str]:
    """The letter pairs of each word, its beginning and its end included."""
    from fable_core.common import tokenize

    return {pair for word in (name or "").split() for pair in tokenize(word, q=2)}


def _rare(records: pl.DataFrame, field: str, together: Sequence[str]) -> pl.Series:
    """A field, missing where too many records of the list share it and what it stands with."""
    shared = pl.len().over(together) > most_shared(records.height)
    return records.select(pl.when(~shared).then(pl.col(field))).to_series()


def most_shared(size: int) -> int:
    """How many records of a list of this size may share a value that is encoded.

    Examples
    --------
    >>> most_shared(60), most_shared(5_000)
    (4, 10)
    """
    return min(MOST, max(4, size // 20))


def _tokens(values: pl.Series, secret: bytes) -> pl.Series:
    """The keyed token of each value; missing where it is."""
    made = [None if value is None else _drawn(value, secret, 1)[0] for value in values]
    return pl.Series(made, dtype=pl.Int64)


def _token_lists(values: Sequence[set[str]], secret: bytes) -> pl.Series:
    """The keyed tokens of each record's rare values, in an order that says nothing.

    They are filled up to a multiple of sixteen, so that their number does not tell how long an
    address is, or whether there is an alias. Missing if there are none.
    """
    times, most = Counter(chain.from_iterable(values)), most_shared(len(values))
    known: dict[str, int] = {}
    made: list[list[int] | None] = []
    for each in values:
        rare = sorted(value for value in each if times[value] <= most)
        for value in rare:
            if value not in known:
                known[value] = _drawn(value, secret, 1)[0]
        # Who shares the first value shares a token anyway: what is filled in makes nobody alike.
        filled = (
            _drawn(rare[0], secret, FILLED_TO)[1 + (len(rare) - 1) % FILLED_TO :] if rare else ()
        )
        made.append(sorted((*(known[value] for value in rare), *filled)) or None)
    return pl.Series(made, dtype=pl.List(pl.Int64))


def _drawn(value: str, secret: bytes, how_many: int) -> tuple[int, ...]:
    return struct.unpack(f"<{how_many}q", _random(value, secret, 8 * how_many))


def _random(value: str, secret: bytes, size: int) -> bytes:
    """Random bytes that belong to a value: seeded by its HMAC, so nobody draws them without key."""
    return hashlib.shake_256(hmac.digest(secret, value.encode(), "sha256")).digest(size)


def _filters(
    left: Sequence[set[str]], right: Sequence[set[str]], secret: bytes, workers: int | None
) -> Words:
    """The folded Bloom filter of every pair of a part on the left and one on the right."""
    from darkfigure.lists import _near

    vocabulary = {part: i for i, part in enumerate(sorted(set().union(*left, *right)))}
    sides = (*_numbered(left, vocabulary), *_numbered(right, vocabulary))
    seen = np.zeros((len(vocabulary), len(vocabulary)), np.bool_)
    _near.mark_pairs(*sides, seen)
    parts = list(vocabulary)
    one, other = np.nonzero(seen)
    token = np.full(seen.shape, -1, np.int32)
    token[one, other] = np.arange(len(one))
    names = [f"{parts[x]}|{parts[z]}" for x, z in zip(one, other, strict=True)]
    positions = _positions(names, secret)
    # A pair that both sides have in both orders is one pair.
    twice = [math.comb(len(a & b), 2) for a, b in zip(left, right, strict=True)]
    n_pairs = np.array([len(a) * len(b) for a, b in zip(left, right, strict=True)]) - twice
    hashes = np.rint(math.log(2) * UNFOLDED / np.maximum(n_pairs, 1)).astype(np.int64)
    hashes = np.clip(hashes, 1, MOST_HASHES)
    filters = np.zeros((len(left), UNFOLDED // 64), np.uint64)

    def block(begin: int) -> None:
        end = min(begin + BLOCK, len(filters))
        _near.fill(begin, end, *sides, token, positions, hashes, filters)

    for _ in engine.run(block, range(0, len(filters), BLOCK), workers=workers):
        pass
    return _folded(filters)


def _numbered(
    parts: Sequence[set[str]], vocabulary: Mapping[str, int]
) -> tuple[Numbers, npt.NDArray[np.int32]]:
    """Where each record's parts begin in one long array of the numbers of all parts."""
    begin = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    numbers = [vocabulary[part] for each in parts for part in each]
    return begin, np.array(numbers, np.int32)


def _positions(values: Sequence[str], secret: bytes) -> npt.NDArray[np.uint16]:
    """The bits that belong to each value, drawn one after another.

    fable-core's `random_hash` would do, but is ten times slower, and the first few could not be
    taken.
    """
    drawn = b"".join(_random(value, secret, 2 * MOST_HASHES) for value in values)
    return np.frombuffer(drawn, "<u2").reshape(-1, MOST_HASHES) % UNFOLDED


def _folded(filters: Words) -> Words:
    """The first half of each filter XOR the second (Schnell & Borgs 2016)."""
    from bitarray import bitarray
    from fable_core.harden import xor_fold

    fold = xor_fold()
    halves = b"".join(fold(bitarray(buffer=row)).tobytes() for row in filters)
    return np.frombuffer(halves, np.uint64).reshape(-1, WORDS)


def _columns(encoding: str, filters: Words) -> dict[str, pl.Series]:
    """The filters as columns, and how many bits are set; missing where none is."""
    bits = pl.Series(np.bitwise_count(filters).sum(axis=1, dtype=np.int64))
    columns = {f"{encoding}_{w}": filters[:, w].view(np.int64) for w in range(WORDS)}
    frame = pl.DataFrame({**columns, f"{encoding}_bits": bits})
    return frame.select(pl.when(bits > 0).then(pl.all())).to_dict()


def _coarse(stratum: pl.Series, smallest: int) -> pl.Series:
    """The stratum with values that few records have taken together; missing if still few."""
    if stratum.n_unique() > MOST_VALUES:
        raise InputError(
            f"The stratum '{stratum.name.removeprefix('stratum_')}' has more than {MOST_VALUES} "
            "different values, which could tell people apart; strata are coarse, such as ten-year "
            "bands of age."
        )
    here = pl.col(stratum.name)
    few = pl.len().over(here) < smallest
    text = stratum.cast(pl.String).to_frame()
    text = text.with_columns(pl.when(here.is_null() | ~few).then(here).otherwise(pl.lit("other")))
    return text.select(pl.when(~few).then(here)).to_series()
