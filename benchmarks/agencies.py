"""The made-up agencies of examples/sacramento-like, read as their files are, with who is who.

Whoever measures linkage starts here: `generator` makes the lists, `read` writes and reads them in
every agency's own way, and `protect` encodes them as agencies would, keeping the truth beside.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.lists import protect as room
from darkfigure.lists.fields import Mapped
from darkfigure.lists.keys import Key
from darkfigure.lists.protected import Protected
from darkfigure.lists.records import Records, read_records
from darkfigure.study import load

EXAMPLE = Path(__file__).parents[1] / "examples" / "sacramento-like"
KEY = Key(bytes(range(32)))
"""Of nobody; a real key is drawn at random."""


@dataclass(frozen=True)
class Lists:
    """Lists, and who each record is about, in the order in which `link` numbers them.

    Attributes
    ----------
    lists : list of Records or of Protected
    person : array of int, shape (records,)
    """

    lists: list[Any]
    person: npt.NDArray[np.int64]


def generator(*, times: float = 1.0, at_most: float = 1.0, names: int = 0) -> Any:
    """A copy of the example's `generate.py`, which may make things harder.

    Parameters
    ----------
    times, at_most : float
        Every mistake happens, and every cell is empty, so many times as often, up to this share.
    names : int
        Everybody has one of so many common given names of women, of men, and of families; 0 for
        all.
    """
    spec = importlib.util.spec_from_file_location("sacramento_like", EXAMPLE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    for what, rate in module.RATES.items():
        module.RATES[what] = min(rate * times, max(rate, at_most))
    if names:
        all_words = module._words

        def words(file: str) -> Any:
            cut = names if file in ("family", "female", "male") else None
            return {column: words[:cut] for column, words in all_words(file).items()}

        module._words = words
    return module


def read(made: Any, write: Any) -> Lists:
    """The lists as the study of the example reads them.

    Parameters
    ----------
    made : Agencies
        From the generator's `generate`.
    write : callable
        The generator's `write`.
    """
    lists: list[Records] = []
    person = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(EXAMPLE / "study.toml", folder))
        write(made, path.parent / "lists")
        for name, each in load(path).records.items():
            file = path.parent / each.file
            records = read_records(file, name, Mapped(each.columns, each.strata, each.dates))
            first = 1 if file.suffix == ".parquet" else 2  # below the header, where there is one
            lists.append(records)
            person.append(made.person[name][records.frame["row"].to_numpy() - first])
    return Lists(lists, np.concatenate(person))


def protect(read: Lists) -> Lists:
    """The same lists protected, each in the order that its key gives it."""
    lists: list[Protected] = []
    person = []
    begin = 0
    for records in read.lists:
        end = begin + records.frame.height
        lists.append(room.protect(records.frame, KEY, name=records.name))
        person.append(read.person[begin:end][order(records.name, end - begin)])
        begin = end
    return Lists(lists, np.concatenate(person))


def order(name: str, size: int) -> npt.NDArray[np.int64]:
    """Which record stands where in a list that `protect` shuffled; whoever has the key can tell."""
    return np.random.default_rng(list(KEY.derive(f"order of {name}"))).permutation(size)
