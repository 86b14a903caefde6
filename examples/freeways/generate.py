"""Make a SYNTHETIC region: people who do not exist, moved along the real freeways.

    python examples/freeways/generate.py [--people N] [--seed S] [--out DIR]

Writes SYNTHETIC-sightings.csv and SYNTHETIC-truth.json. Where people go follows a gravity model on
the hours of the shipped road network; how many, how long they stay and how often they are seen is
chosen, not measured.
"""

from __future__ import annotations

import argparse
import csv
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from darkfigure.circuit.road_tables import shipped_roads
from darkfigure.circuit.simulation import Region, simulate

CITIES = (
    "Sacramento", "Stockton", "Vallejo", "Oakland", "San Francisco", "San Jose", "Fresno", "Reno",
)  # fmt: skip
MONTHS = tuple(f"2024-{month:02}" for month in range(1, 13))
PEOPLE = 9_000
STAY = 0.84  # to be still in any of the cities a month later
LEAVE = 0.25  # to be in another of them then, on average
HOURS, SIZE = -0.8, 0.4  # elasticities of movement
SEEN = (0.15, 0.12, 0.14, 0.22, 0.16, 0.13, 0.12, 0.10)
LOOK_HARDER = {"Sacramento": 2.0}  # so many times as likely to be seen there
AT_FIRST = 0.22  # of all people are there in the first month


def region(people: int = PEOPLE, seed: int = 1) -> Region:
    """The region and its truth."""
    roads = shipped_roads()
    hours, size = roads.hours(CITIES), roads.populations(CITIES)
    pull = np.exp(HOURS * np.log(hours + np.eye(len(CITIES)))) * size**SIZE
    np.fill_diagonal(pull, 0.0)
    pull *= LEAVE / (1 - LEAVE) / pull.sum(axis=1).mean()
    np.fill_diagonal(pull, 1.0)
    movement = pull / pull.sum(axis=1, keepdims=True)
    share = size**0.7 / np.sum(size**0.7)
    entry = np.tile((1 - AT_FIRST) / (len(MONTHS) - 1) * share, (len(MONTHS), 1))
    entry[0] = AT_FIRST * share
    seen = np.array([SEEN[i] * LOOK_HARDER.get(city, 1.0) for i, city in enumerate(CITIES)])
    return simulate(CITIES, MONTHS, people, entry, STAY, movement, seen, seed=seed)


def main() -> None:
    """Write the sightings and the truth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    given = parser.parse_args()
    made = region(given.people, given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(given.seed)
    rows = []
    patterns = np.repeat(made.histories.patterns, made.histories.freq, axis=0)
    for person, history in enumerate(patterns[rng.permutation(len(patterns))]):
        for month, city in enumerate(history, 1):
            if city:
                day = date(2024, month, 1) + timedelta(int(rng.integers(0, 28)))
                rows.append((day, f"made-up-{person:05}", CITIES[city - 1]))
    with (given.out / "SYNTHETIC-sightings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["person", "date", "city", "SYNTHETIC"])
        for day, person, where in sorted(rows):
            writer.writerow([person, day, where, "made up"])
    truth = {
        "SYNTHETIC": "made up",
        "people": made.people,
        "stock": float(made.stock.sum(axis=1).mean()),
        "cities": {
            city: {"stock": float(made.stock[:, r].mean()), "flow": int(made.ever[r])}
            for r, city in enumerate(CITIES)
        },
    }
    text = json.dumps(truth, indent=1) + "\n"
    (given.out / "SYNTHETIC-truth.json").write_text(text, encoding="utf-8")
    seen = made.histories.people
    print(f"SYNTHETIC: {seen:,} of {made.people:,} made-up people were seen, {len(rows):,} times.")


if __name__ == "__main__":
    main()
