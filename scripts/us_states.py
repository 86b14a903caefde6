"""Join the hotline's calls and cases of each state and year with what the FBI has of them.

A state without a record in a year has empty cells, for it is not known to have had no offence.

    python scripts/us_states.py
"""

from __future__ import annotations

import csv

from darkfigure.tables import sheets

NAME = "us-states-2012-2016"
RECORDED = ("offences", "agencies_with_a_record")


def joined() -> list[dict[str, str]]:
    """One row per state and year of the hotline."""
    records = {(row["state"], row["year"]): row for row in sheets.rows("us-fbi-states-2013-2020")}
    rows = sheets.rows("us-hotline-states-2012-2016")
    nothing = dict.fromkeys(RECORDED, "")
    return [
        row | {c: records.get((row["state"], row["year"]), nothing)[c] for c in RECORDED}
        for row in rows
    ]


def main() -> None:
    """Write the sheet."""
    rows = joined()
    with sheets.path(NAME).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
