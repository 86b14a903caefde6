"""Try to read protected lists without the key, as whoever links them could.

    python -m benchmarks.attack

The attacker has all nine lists, knows how they were made, and has the census's lists of how common
names are. Each attack guesses the given and the family name of every record; what counts is the
share guessed right, beside that of always saying the most common name. The same attacks go against
filters of one name alone without any hardening, where they must succeed, or they would prove
nothing. Printed, and written to benchmarks/results/attack-<date>.json; 1 if a bar is missed.
"""

from __future__ import annotations

import functools
import hmac
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from bitarray import bitarray
from fable_core.bits import random_hash
from fable_core.common import tokenize
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from benchmarks.agencies import EXAMPLE, KEY, generator, order
from darkfigure.lists import standardise
from darkfigure.lists.keys import Key
from darkfigure.lists.protect import protect
from darkfigure.lists.protected import BITS, ENCODINGS, WORDS, pairs, together, words

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "threat-model.md"
BEGIN, END = "<!-- attacks: written by python -m benchmarks.attack -->\n", "<!-- end of attacks -->"

PEOPLE, SEED = 140_000, 1  # about 20,000 records
WOMEN = 0.88  # their share in the example; the attacker is told
HASHES = 15  # of the unhardened filters, as in Schnell, Bachteler & Reiher (2009)
ALIKE = (0.55, 0.57, 0.6, 0.65, 0.7, 0.8, 0.9)
TOGETHER = (0.03, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7)
CANDIDATES = 5_000
Z = 2.576  # a 99 % interval
FREQUENCY = "most frequent encodings"
SUCCESS = 2.0  # times the base rate, which the attacks must reach where nothing is hardened

Row = dict[str, Any]
Texts = npt.NDArray[np.str_]
Numbers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Public:
    """How common names are: the most common first."""

    names: Texts
    share: Reals

    @property
    def letters(self) -> list[set[str]]:
        return [tokenize(name) for name in self.names]


@dataclass(frozen=True)
class Target:
    """What is attacked: encodings, each as bits, and the records that have them.

    Parameters
    ----------
    what : str
    which : tuple of str
        Whose names a filter holds; the attacker knows that.
    bar : float
        At least so many times the base rate must be reached; at most the base rate if it is 0, and
        no bar if it is not a number.
    encodings : array, (encodings, bits) of bool or (encodings, 1) of int
        Every filter there is; or every token, of which only equality can be seen.
    of, person : arrays of int, (records,)
        Which encoding each record has, and who it is about.
    truth : dict of str to array of str, (records,)
    """

    what: str
    which: tuple[str, ...]
    bar: float
    encodings: npt.NDArray[Any]
    of: Numbers
    person: Numbers
    truth: dict[str, Texts]

    @property
    def times(self) -> Numbers:
        return np.bincount(self.of, minlength=len(self.encodings))


def main(people: int = PEOPLE, seed: int = SEED) -> int:
    """Attack, print and write."""
    began = datetime.now(UTC)
    public = public_names()
    rows: list[Row] = []
    print(
        f"{'':<4}{'attack':<34}{'on':<32}{'name':<8}{'guessed':>9}{'99 % interval':>17}{'base':>8}"
    )
    for target in targets(people, seed):
        for row in attacked(target, public):
            rows.append(row)
            show(row)
    missed = sum(row["ok"] is False for row in rows)
    result = {
        "measured": began.isoformat(timespec="seconds"),
        "darkfigure": version("darkfigure"),
        "fable-core": version("fable-core"),
        "people": people,
        "seed": seed,
        "attacks": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    written = RESULTS / f"attack-{began:%Y-%m-%d}.json"
    written.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + section(rows) + after, encoding="utf-8")
    took = (datetime.now(UTC) - began).total_seconds()
    print(f"written to {written.relative_to(ROOT)}; bars missed: {missed}; {took:.0f} s in all")
    return int(missed > 0)


def attacked(target: Target, public: dict[str, Public]) -> Iterator[Row]:
    """Every attack on one target, for each name that it holds; the best guess of each attack."""
    attacks = {FREQUENCY: by_frequency, "groups of alike encodings": by_likeness}
    attacks["bits set together"] = by_letters
    for name, attack in attacks.items():
        for which in target.which if target.encodings.dtype == bool or name == FREQUENCY else ():
            truth = target.truth[which]
            rate = max(float(np.mean(guess == truth)) for guess in attack(target, which, public))
            yield row(name, target, which, rate, truth)
    for which in target.which if target.encodings.dtype == bool else ():
        rate, truth = with_half_known(target, which)
        yield {**row("half of the people known", target, which, rate, truth), "ok": None}


def row(name: str, target: Target, which: str, rate: float, truth: Texts) -> Row:
    """A row of the table. The base rate is what comes of always saying the most common name."""
    base = float(np.unique(truth, return_counts=True)[1].max() / truth.size)
    error = Z * float(np.sqrt(rate * (1 - rate) / truth.size))
    ok = rate >= target.bar * base if target.bar else rate - error <= base
    return {
        "attack": name,
        "on": target.what,
        "name": which,
        "records": int(truth.size),
        "guessed": round(rate, 5),
        "lower": round(max(0.0, rate - error), 5),
        "upper": round(rate + error, 5),
        "base": round(base, 5),
        "ok": None if np.isnan(target.bar) else ok,
    }


def by_frequency(target: Target, which: str, public: dict[str, Public]) -> Iterator[Texts]:
    """The most frequent encoding is the most common name, the next the next, and so on."""
    ranked = ranks(target.times)
    if len(target.which) == 1:
        yield best(public[which].names, ranked)[target.of]
        return
    # A filter of both names: the attacker ranks all combinations of common ones.
    given, family = (Public(p.names[:1_000], p.share[:1_000]) for p in public.values())
    both = np.outer(given.share, family.share)
    order = np.argsort(-both, axis=None, kind="stable")
    one, other = np.unravel_index(order, both.shape)
    combined = given.names[one] if which == "given" else family.names[other]
    yield best(combined, ranked)[target.of]
    yield best(public[which].names, ranked)[target.of]


def by_likeness(target: Target, which: str, public: dict[str, Public]) -> Iterator[Texts]:
    """The largest group of encodings that hang together by likeness is the most common name."""
    n = len(target.encodings)
    left, right, alike = pairs(columns(target.encodings), "x", least=min(ALIKE))
    for least in ALIKE:
        near = alike >= least
        edges = (np.ones(near.sum(), bool), (left[near], right[near]))
        _, group = connected_components(coo_matrix(edges, shape=(n, n)), directed=False)
        sizes = np.bincount(group, weights=target.times)
        yield best(public[which].names, ranks(sizes))[group][target.of]


def by_letters(target: Target, which: str, public: dict[str, Public]) -> Iterator[Texts]:
    """Bits that are set together are a letter pair, the most frequent ones the most common pair.

    After Christen, Vidanage, Ranbaduge & Schnell (2018), with one thing more: which letter pair is
    which is improved by how often two of them are in one name.
    """
    bits, weight = target.encodings.astype(np.float64), target.times / target.times.sum()
    centred = bits - weight @ bits
    spread = np.sqrt(np.maximum(weight @ centred**2, 1e-12))
    together = (centred * weight[:, None]).T @ centred / np.outer(spread, spread)
    share, letters = public[which].share, public[which].letters
    every = sorted(set().union(*letters))
    has = np.array([[pair in name for pair in every] for name in letters])
    has = has[:, np.argsort(-(share @ has), kind="stable")]
    for least in TOGETHER:
        _, group = connected_components(coo_matrix(together >= least), directed=False)
        sets = [np.flatnonzero(group == g) for g in np.flatnonzero(np.bincount(group) >= 3)]
        if not sets:
            yield np.full(target.of.size, public[which].names[0])
            continue
        held = np.array([target.encodings[:, found].mean(axis=1) > 0.9 for found in sets]).T
        held = held[:, np.argsort(-(weight @ held), kind="stable")][:, : has.shape[1]]
        yield decoded(held, weight, has, public[which])[target.of]


def decoded(held: Truths, weight: Reals, has: Truths, public: Public) -> Texts:
    """The name that best explains which sets of bits an encoding has."""
    k = held.shape[1]
    seen = (held * weight[:, None]).T @ held.astype(float)
    expected = (has * public.share[:, None]).T @ has.astype(float)
    pair = matched(seen, expected, np.arange(k))
    expects = has[:, pair]
    likely = np.where(expects, 0.95, 0.05)
    score = held @ np.log(likely / (1 - likely)).T + np.log(1 - likely).sum(axis=1)
    return public.names[(score + np.log(public.share)).argmax(axis=1)]


def matched(seen: Reals, expected: Reals, pair: Numbers) -> Numbers:
    """Which letter pair each set of bits is: begun by rank, improved as long as it gets better."""
    pair, spare = pair.copy(), len(expected)

    def error(candidate: Numbers) -> float:
        return float(((seen - expected[np.ix_(candidate, candidate)]) ** 2).sum())

    now, better = error(pair), True
    while better:
        better = False
        for i in range(min(len(pair), 40)):
            for letter in range(max(0, pair[i] - 10), min(spare, pair[i] + 11)):
                tried = pair.copy()
                tried[pair == letter] = pair[i]
                tried[i] = letter
                if (new := error(tried)) < now - 1e-12:
                    pair, now, better = tried, new, True
    return pair


def with_half_known(target: Target, which: str) -> tuple[float, Texts]:
    """An attacker who knows the names of half of the people guesses the others by naive Bayes.

    No bar: it tells how much the encodings hold for somebody who knows far more than a stranger.
    """
    chance = np.random.default_rng(SEED).random(target.person.max() + 1)
    known = chance[target.person] < 0.5
    names, said, times = np.unique(
        target.truth[which][known], return_inverse=True, return_counts=True
    )
    common = np.argsort(-times, kind="stable")[:300]
    bits = target.encodings[target.of].astype(np.float32)
    set_by = np.zeros((len(names), bits.shape[1]), np.float32)
    np.add.at(set_by, said, bits[known])
    prior = 20.0  # records' worth, that a name seen twice is not believed too much
    likely = (set_by[common] + prior * bits[known].mean(axis=0)) / (times[common, None] + prior)
    likely = np.clip(likely, 1e-4, 1 - 1e-4)
    score = bits[~known] @ np.log(likely / (1 - likely)).T + np.log(1 - likely).sum(axis=1)
    guess = names[common][(score + np.log(times[common])).argmax(axis=1)]
    truth = target.truth[which][~known]
    return float(np.mean(guess == truth)), truth


def targets(people: int, seed: int) -> Iterator[Target]:
    """Filters that are not hardened, and the encodings of the protected lists."""
    lists = example(people, seed)
    records = pl.concat(lists.values())

    def target(
        what: str, which: tuple[str, ...], bar: float, encoded: npt.NDArray[Any], rows: Numbers
    ) -> Target:
        """The target that the encodings of some records are, one each."""
        distinct, of = np.unique(encoded, axis=0, return_inverse=True)
        truth = {name: records[name].to_numpy()[rows].astype(str) for name in which}
        person = records["person"].to_numpy()[rows]
        return Target(what, which, bar, distinct, of.ravel(), person, truth)

    both = ("given", "family")
    for which in ((w,) for w in both):
        rows = known(records, which)
        bits = plain_filters(records[rows].select(which), KEY)
        yield target(f"{which[0]} name alone", which, SUCCESS, bits, rows)
    rows = known(records, (*both, "birth"))
    bits = plain_filters(records[rows].select(*both, "birth"), KEY)
    yield target("one filter of all, not hardened", both, np.nan, bits, rows)
    frame = together([protect(each, KEY, name=name) for name, each in lists.items()])
    sizes = np.array([each.height for each in lists.values()])
    begin = np.cumsum(sizes) - sizes
    orders = [order(name, each.height) for name, each in lists.items()]
    number = np.concatenate([b + each for b, each in zip(begin, orders, strict=True)])
    for encoding in ENCODINGS:
        there = known(frame, (f"{encoding}_bits",))
        there = there[np.isin(number[there], known(records, both))]
        filters = words(frame[there], encoding).view(np.uint8)
        bits = np.unpackbits(filters, axis=1, bitorder="little").astype(bool)
        yield target(f"protected: {encoding}", both, 0.0, bits, number[there])
    there = known(frame, ("years",))
    there = there[np.isin(number[there], known(records, both))]
    tokens = frame[there].select("years").with_row_index("row").explode("years")
    often = tokens.with_columns(times=pl.len().over("years")).sort("times", "years")
    of = often.group_by("row").last().sort("row")["years"].rank("dense").to_numpy() - 1
    yield target("protected: years", both, 0.0, of.astype(np.int64)[:, None], number[there])


def known(frame: pl.DataFrame, columns: Sequence[str]) -> Numbers:
    """The rows in which none of some columns is missing."""
    there = frame.select(pl.all_horizontal(pl.col(columns).is_not_null())).to_series()
    return there.arg_true().to_numpy().astype(np.int64)


def plain_filters(records: pl.DataFrame, key: Key) -> Truths:
    """A Bloom filter for each record, keyed, but not hardened in any way.

    Letter pairs of names, and the parts of the date of birth (Schnell, Bachteler & Reiher 2011).
    """
    secrets = {column: key.derive(f"plain {column}") for column in records.columns}

    @functools.cache
    def bits(column: str, part: str) -> bitarray:
        made = bitarray(BITS)
        digest = hmac.digest(secrets[column], part.encode(), "sha256")
        random_hash(made, HASHES, Random(int.from_bytes(digest, "little")))
        return made

    filters = []
    for record in records.iter_rows(named=True):
        made = bitarray(BITS)
        for column, value in record.items():
            for part in tokenize(value) if column != "birth" else value.split("-"):
                made |= bits(column, part)
        filters.append(made.tobytes())
    packed = np.frombuffer(b"".join(filters), np.uint8).reshape(-1, BITS // 8)
    return np.unpackbits(packed, axis=1, bitorder="little").astype(bool)


def example(people: int, seed: int) -> dict[str, pl.DataFrame]:
    """The nine made-up lists, standardised, with who each record is about."""
    made = generator().generate(people, seed=seed)
    return {
        name: frame.select(
            standardise.name(pl.col("given")),
            standardise.name(pl.col("family")),
            "birth",
            birth_year=pl.col("birth").str.slice(0, 4).cast(pl.Int64),
            person=pl.Series(made.person[name]),
        )
        for name, frame in made.records.items()
    }


def public_names() -> dict[str, Public]:
    """The census's names, as the attacker has them."""

    def read(which: str, weight: float) -> pl.DataFrame:
        table = pl.read_csv(EXAMPLE / "names" / f"{which}.csv")
        share = weight * pl.col("percent") / pl.col("percent").sum()
        return table.select(name=standardise.name(pl.col("name")), share=share)

    def common(*tables: pl.DataFrame) -> Public:
        table = pl.concat(tables).group_by("name").sum().sort("share", "name", descending=True)
        table = table[:CANDIDATES]
        return Public(table["name"].to_numpy().astype(str), table["share"].to_numpy())

    given = common(read("female", WOMEN), read("male", 1 - WOMEN))
    return {"given": given, "family": common(read("family", 1.0))}


def columns(bits: Truths) -> pl.DataFrame:
    """Bits as the columns of an encoding called x."""
    filters = np.packbits(bits, axis=1, bitorder="little").view(np.int64)
    frame = pl.DataFrame({f"x_{w}": filters[:, w] for w in range(WORDS)})
    return frame.with_columns(x_bits=pl.Series(bits.sum(axis=1)))


def ranks(sizes: npt.NDArray[Any]) -> Numbers:
    """The rank of each by its size, the largest being 0."""
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank


def best(names: Texts, rank: Numbers) -> Texts:
    """The name of each rank; beyond the list, the most common one."""
    return names[np.where(rank < len(names), rank, 0)]


def newest() -> list[Row]:
    """The rows of the newest result."""
    file = max(RESULTS.glob("attack-*.json"))
    rows: list[Row] = json.loads(file.read_text(encoding="utf-8"))["attacks"]
    return rows


def section(rows: list[Row]) -> str:
    """The table on the page, between its marks: what each attack read, in hundredths."""
    lines = ["| attacked | attack | given name | family name |", "|---|---|---|---|"]
    bases: dict[str, float] = {}
    for on, attack in dict.fromkeys((row["on"], row["attack"]) for row in rows):
        said = []
        for name in ("given", "family"):
            found = [r for r in rows if (r["on"], r["attack"], r["name"]) == (on, attack, name)]
            bases.update((name, r["base"]) for r in found)
            said += [f"{r['guessed']:.1%}" for r in found] or ["–"]
        lines.append(f"| {on} | {attack} | {' | '.join(said)} |")
    lines.append(f"| | *base rate* | {' | '.join(f'{bases[n]:.1%}' for n in bases)} |")
    return BEGIN + "\n".join(lines) + "\n" + END


def show(row: Row) -> None:
    """Print one row."""
    mark = {True: "ok", False: "NOT", None: ""}[row["ok"]]
    interval = f"{row['lower']:.2%} - {row['upper']:.2%}"
    print(
        f"{mark:<4}{row['attack']:<34}{row['on']:<32}{row['name']:<8}{row['guessed']:>9.2%}"
        f"{interval:>17}{row['base']:>8.2%}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
