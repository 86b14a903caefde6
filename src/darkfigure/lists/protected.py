"""Protected lists as whoever links them has them: files of encodings, and how alike two are.

`protect` makes them inside an agency; nothing here knows a key. Likeness is the Dice coefficient of
two filters, twice the bits they share over the bits they have (Schnell, Bachteler & Reiher 2009):
1 for the same names, about 0.5 for strangers, since half of all bits are set.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from darkfigure import engine
from darkfigure.errors import InputError, Problem
from darkfigure.steps import write

ENCODINGS = ("names", "dates")
BITS = 1024
WORDS = BITS // 64
TOKENS = ("phone", "email", "identifier", "case")
TOKEN_LISTS = ("years", "phone_near", "email_near", "identifier_near")
SCHEMA = {
    **{f"{e}_{w}": pl.Int64() for e in ENCODINGS for w in (*range(WORDS), "bits")},
    **dict.fromkeys(TOKENS, pl.Int64()),
    **dict.fromkeys(TOKEN_LISTS, pl.List(pl.Int64())),
}
"""The columns of every protected list; after them come the strata, as text."""

LEAST = 0.57
"""Records at least so near (Dice) are worth comparing; of strangers, about two in ten thousand."""

FORMAT = 1
BLOCK = 256

Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Protected:
    """A list that can be linked with others made with the same key, and not be read.

    Attributes
    ----------
    name : str
        The list's name.
    fingerprint : str
        Of the key.
    frame : DataFrame
        One row per record, in an order that says nothing. `names_0` to `names_15` and `dates_0`
        to `dates_15` are the filters, `names_bits` and `dates_bits` how many bits are set in them;
        `years`, `phone_near`, `email_near`, `identifier_near` lists of tokens; `phone`, `email`,
        `identifier` and `case` tokens; all Int64 and null where the record says too little. Then
        the strata, as text.
    """

    name: str
    fingerprint: str
    frame: pl.DataFrame


def write_protected(protected: Protected, path: str | Path) -> None:
    """Write a protected list as Parquet, aside at first, so that no half of a file is ever there.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    about = {
        "format": FORMAT,
        "list": protected.name,
        "key": protected.fingerprint,
        "records": protected.frame.height,
    }
    path = Path(path)
    if not path.parent.is_dir():
        raise _refusal(path, "The protected list cannot be written: No such file or directory.")
    content = io.BytesIO()
    protected.frame.write_parquet(content, metadata={"darkfigure": json.dumps(about)})
    try:
        write(path, content.getvalue())
        path.chmod(0o600)
    except OSError as error:
        raise _refusal(path, f"The protected list cannot be written: {error.strerror}.") from None


def read_protected(path: str | Path) -> Protected:
    """Read a protected list.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or it is something else.

    Examples
    --------
    >>> read_protected("README.md")
    Traceback (most recent call last):
    ...
    darkfigure.errors.InputError: README.md: This is no protected list, or it is damaged; ...
    """
    wrong = _refusal(
        path,
        "This is no protected list, or it is damaged; `darkfigure protect` makes one, inside the "
        "agency.",
    )
    try:
        with open(path, "rb") as file:
            about = json.loads(pl.read_parquet_metadata(file)["darkfigure"])
            file.seek(0)
            frame = pl.read_parquet(file)
        made, name, fingerprint, size = (about[k] for k in ("format", "list", "key", "records"))
    except OSError as error:
        raise _refusal(path, f"The protected list cannot be read: {error.strerror}.") from None
    except (pl.exceptions.PolarsError, KeyError, TypeError, ValueError):
        raise wrong from None
    if made != FORMAT:
        raise _refusal(path, "It was protected by another version of darkfigure; use the same.")
    strata = {c: pl.String() for c in frame.columns if c.startswith("stratum_")}
    if dict(frame.schema) != {**SCHEMA, **strata} or size != frame.height:
        raise wrong
    return Protected(str(name), str(fingerprint), frame)


def is_protected(path: str | Path) -> bool:
    """Whether a file says of itself that it is a protected list.

    Examples
    --------
    >>> is_protected("README.md")
    False
    """
    try:
        with open(path, "rb") as file:
            return "darkfigure" in pl.read_parquet_metadata(file)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return False


def together(lists: Sequence[Protected]) -> pl.DataFrame:
    """The records of several protected lists in one frame, with the column `list`.

    Raises
    ------
    InputError
        If they were made with different keys, or two have one name.
    """
    if len({each.fingerprint for each in lists}) > 1:
        made = "; ".join(f"'{each.name}' with key {each.fingerprint}" for each in lists)
        raise InputError(
            "The lists were protected with different keys and cannot be compared. Every agency "
            f"must use the same key file: {made}."
        )
    names = [each.name for each in lists]
    if len(set(names)) < len(names):
        raise InputError("Two protected lists have the same name; protect one under another.")
    frames = [each.frame.with_columns(list=pl.lit(each.name)) for each in lists]
    return pl.concat(frames, how="diagonal")


def pairs(
    frame: pl.DataFrame, encoding: str, *, least: float = LEAST, workers: int | None = None
) -> tuple[Numbers, Numbers, npt.NDArray[np.float64]]:
    """Every two records whose encodings are alike: their rows, left < right, and how alike.

    All pairs are looked at, two hundred million in about three seconds.

    Parameters
    ----------
    frame : DataFrame
        Of one protected list, or of several `together`.
    encoding : str
        "names" or "dates".
    least : float
        The Dice coefficient from which on a pair is returned; of strangers it is about 0.5.
    workers : int, optional
        How many cores to use; the pairs do not depend on it.
    """
    from darkfigure.lists import _near

    rows = frame[f"{encoding}_bits"].is_not_null().arg_true().to_numpy().astype(np.int64)
    filters = words(frame[rows], encoding)
    sizes = np.empty(len(filters), np.int64)
    _near.sizes_of(filters, sizes)

    def block(begin: int) -> tuple[Numbers, Numbers]:
        end, room = min(begin + BLOCK, len(filters)), 1024
        while True:
            left, right = np.empty(room, np.int64), np.empty(room, np.int64)
            found = _near.near_pairs(filters, sizes, begin, end, least, left, right)
            if found <= room:
                return left[:found], right[:found]
            room = found

    nothing = np.empty(0, np.int64)
    found = [(nothing, nothing), *engine.run(block, range(0, len(rows), BLOCK), workers=workers)]
    left, right = (np.concatenate(side) for side in zip(*found, strict=True))
    common = np.bitwise_count(filters[left] & filters[right]).sum(axis=1, dtype=np.int64)
    return rows[left], rows[right], 2 * common / (sizes[left] + sizes[right])


def words(frame: pl.DataFrame, encoding: str) -> Words:
    """The filters as an array, one row of 16 words for each record; zero where there is none."""
    columns = [f"{encoding}_{w}" for w in range(WORDS)]
    return np.ascontiguousarray(frame.select(columns).fill_null(0).to_numpy()).view(np.uint64)


def dice_sql(encoding: str) -> str:
    """The Dice coefficient of two records as SQL that DuckDB and Spark understand alike.

    The columns of the two end in `_l` and `_r`. Each count is cast, for DuckDB's are of one byte.

    Examples
    --------
    >>> dice_sql("names")[-75:]
    'bit_count(names_15_l & names_15_r) AS INT)) / (names_bits_l + names_bits_r)'
    """
    common = " + ".join(
        f"CAST(bit_count({encoding}_{w}_l & {encoding}_{w}_r) AS INT)" for w in range(WORDS)
    )
    return f"2.0 * ({common}) / ({encoding}_bits_l + {encoding}_bits_r)"


def _refusal(path: str | Path, message: str) -> InputError:
    return InputError(Problem(message, file=str(path)))
