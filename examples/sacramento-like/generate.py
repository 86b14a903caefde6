"""Nine SYNTHETIC agency lists with a known truth: nobody in them exists.

They are shaped by what was published of a county study: about 13,079 people in the six years 2015
to 2020, about one in ten of them on any of nine lists, which overlap little. Every name is a random
combination of a given and a family name; every telephone number is one that cannot be dialled.

    python examples/sacramento-like/generate.py [--people N] [--seed S] [--out DIR]
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

PEOPLE = 13_079
SIZES = {  # people on each list, where there are 13,079
    "police": 480,
    "attorney": 180,
    "probation": 80,
    "child_welfare": 140,
    "hospital": 60,
    "shelter": 220,
    "services": 400,
    "outreach": 60,
    "hotline": 50,
}
LISTS = tuple(SIZES)

# Who refers people to whom, and the log odds ratio that comes of it. Otherwise the lists are
# independent, and nobody is easier to find than anybody else.
REFERRALS = {
    ("police", "attorney"): 2.5,
    ("child_welfare", "probation"): 2.5,
    ("shelter", "services"): 2.0,
}

RATES = {  # how often each thing happens, as a share of the records
    "given typo": 0.04,
    "nickname": 0.04,  # or an alias in place of the given name, of those who have one
    "family typo": 0.04,
    "family changed": 0.02,
    "names swapped": 0.007,
    "birth missing": 0.07,
    "age only": 0.04,
    "day and month swapped": 0.02,
    "birth digit": 0.025,
    "sex missing": 0.03,
    "sex wrong": 0.005,
    "phone missing": 0.45,
    "phone digit": 0.02,
    "email missing": 0.75,
    "place missing": 0.10,
}
RECORDS = (0.85, 0.10, 0.035, 0.015)  # a person is on a list once, twice, three or four times
HAS_PHONE, HAS_EMAIL, HAS_ALIAS = 0.85, 0.40, 0.35  # shares of people
ALIAS_TOLD, SAME_CASE = 0.40, 0.70  # shares of records: of people with an alias, of repeats

FIELDS = (
    *("given", "family", "alias", "birth", "age", "sex"),
    *("phone", "email", "place", "contact", "case", "exploitation"),
)
HERE = Path(__file__).parent
FIRST_DAY = np.datetime64("2015-01-01")
DAYS = int((np.datetime64("2021-01-01") - FIRST_DAY).astype(int))

Texts = npt.NDArray[np.object_]
Numbers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]
Chances = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Agencies:
    """The lists of nine made-up agencies, and the truth about them.

    Attributes
    ----------
    people, seed : int
        How many people there are, seen or not, and the seed that all was made from.
    records : dict of str to polars.DataFrame
        Of each list, one row per record, sorted by the date of contact, with the columns `FIELDS`:
        texts, of which null is an empty cell. Dates are written 2018-03-07. A case number means
        something only within its list.
    person : dict of str to array of int
        Of each list, who each record is about: persons are numbered from 0 to `seen` - 1.
    counts : array of int, (2**9,)
        People by combination of lists: bit j set = on list j; entry 0 is people on no list.
    """

    people: int
    seed: int
    records: dict[str, pl.DataFrame]
    person: dict[str, Numbers]
    counts: Numbers

    @property
    def seen(self) -> int:
        """How many different people are on any list."""
        return self.people - int(self.counts[0])


def generate(people: int = PEOPLE, *, seed: int = 2020) -> Agencies:
    """Make up so many people, and what nine agencies wrote down about those they met.

    >>> agencies = generate(seed=1)
    >>> agencies.seen, agencies.records["police"].height
    (1486, 555)
    """
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(people, cells()).astype(np.int64)
    masks = rng.permutation(np.repeat(np.arange(counts.size), np.append(0, counts[1:])))
    known = _people(rng, masks.size)

    on_list, who = np.nonzero(_on(masks).T)
    times = rng.choice(np.arange(1, 1 + len(RECORDS)), who.size, p=RECORDS)
    on_list, who = np.repeat(on_list, times), np.repeat(who, times)
    contact = rng.integers(DAYS, size=who.size)
    order = np.lexsort((contact, on_list))
    on_list, who, contact = on_list[order], who[order], contact[order]
    records = _records(rng, known, on_list, who, contact)

    edges = np.searchsorted(on_list, np.arange(1 + len(LISTS))).tolist()
    parts = {key: slice(edges[j], edges[j + 1]) for j, key in enumerate(LISTS)}
    return Agencies(
        people=people,
        seed=seed,
        records={key: records[part] for key, part in parts.items()},
        person={key: who[part] for key, part in parts.items()},
        counts=counts,
    )


def cells() -> Chances:
    """The probability of each combination of lists, entry 0 that of none.

    A log-linear model with an interaction for each referral. Scaling the combinations on a list and
    those off it, over and over, reaches the sizes of the lists and leaves the odds ratios alone.

    >>> chances = cells()
    >>> print(f"{chances.sum():.6f} {PEOPLE * chances[1::2].sum():.2f} {1 - chances[0]:.3f}")
    1.000000 480.00 0.115
    """
    on = _on(np.arange(1 << len(LISTS)))
    chances = np.ones(len(on))
    for (one, other), log_odds_ratio in REFERRALS.items():
        both = on[:, LISTS.index(one)] & on[:, LISTS.index(other)]
        chances[both] *= np.exp(log_odds_ratio)
    for _ in range(100):
        for j, size in enumerate(SIZES.values()):
            share, now = size / PEOPLE, chances[on[:, j]].sum()
            chances *= np.where(on[:, j], share / now, (1 - share) / (chances.sum() - now))
    return chances


def _on(masks: Numbers) -> Truths:
    """Who is on which list: one row for each mask, one column for each list."""
    return (masks[:, None] >> np.arange(len(LISTS)) & 1).astype(bool)


def _people(rng: np.random.Generator, n: int) -> dict[str, npt.NDArray[Any]]:
    """What is true of each person. Phones and places are three, with the days they changed."""
    (women, women_share), (men, men_share) = _common("female"), _common("male")
    families, family_share = _common("family")
    street, places = _words("street")["name"], _words("places")["name"]
    names = np.concatenate([women, men])
    shorts = dict(zip(*_words("short").values(), strict=True))
    # A long name that has no customary short form is cut to three letters.
    called = _texts(shorts.get(name, name[:3] if len(name) > 5 else name) for name in names)
    female = rng.random(n) < 0.88

    def given_name() -> Numbers:
        woman = rng.choice(women.size, n, p=women_share)
        return np.where(female, woman, women.size + rng.choice(men.size, n, p=men_share))

    def alias() -> Texts:
        return np.where(female & (rng.random(n) < 0.6), rng.choice(street, n), names[given_name()])

    def changes() -> Numbers:
        days = np.sort(rng.integers(DAYS, size=(n, 2)), axis=1)
        times = rng.choice(3, n, p=(0.55, 0.30, 0.15))
        return np.where(np.arange(2) < times[:, None], days, DAYS)

    code = given_name()
    given = names[code]
    family, other = rng.choice(families, (2, n), p=family_share)
    first, second = alias(), alias()
    digits = _texts(map(str, rng.integers(1, 10_000, n).tolist()))
    # No telephone has such a number, for the area codes 990 to 999 are set aside; and no two are
    # the same, for the step has no factor in common with 10**8.
    phones = 9_900_000_000 + (rng.integers(10**8) + 61_803_399 * np.arange(3 * n)) % 10**8
    place_share = 1 / np.arange(3, 3 + places.size)
    return {
        "female": female,
        "birth": np.datetime64("2018-01-01") - _days(365.25 * (12 + 33 * rng.beta(2, 4, n))),
        "given": given,
        "short": called[code],
        "family": family,
        "later_family": np.where(rng.random(n) < 0.5, other, family + "-" + other),
        "aliases": np.stack([first, np.where(rng.random(n) < 0.6, first, second)], axis=1),
        "has_alias": rng.random(n) < HAS_ALIAS,
        "phones": phones.reshape(n, 3),
        "new_phones": changes(),
        "has_phone": rng.random(n) < HAS_PHONE,
        "emails": _texts(map(str.lower, given + "." + family + digits + "@example.org")),
        "has_email": rng.random(n) < HAS_EMAIL,
        "places": rng.choice(places, (n, 3), p=place_share / place_share.sum()),
        "moves": changes(),
        "exploitation": np.where(rng.random(n) < np.where(female, 0.8, 0.4), "sex", "labour"),
    }


def _records(
    rng: np.random.Generator,
    people: dict[str, npt.NDArray[Any]],
    on_list: Numbers,
    who: Numbers,
    contact: Numbers,
) -> pl.DataFrame:
    """What was written down about person `who` on day `contact`, with its mistakes."""
    n = who.size
    true = {what: values[who] for what, values in people.items()}
    luck = random.Random(int(rng.integers(2**62)))

    def happens(what: str, *, among: float = 1) -> Truths:
        """Where it does: the stated share of all, if only the share `among` of them can have it."""
        return rng.random(n) < RATES[what] / among

    def mistake(what: str, make: Callable[[str, random.Random], str], words: Texts) -> None:
        where = np.flatnonzero(happens(what))
        words[where] = _texts(make(word, luck) for word in words[where])

    alias = true["aliases"][np.arange(n), rng.integers(2, size=n)]
    nickname = np.where(true["has_alias"] & (rng.random(n) < 0.5), alias, true["short"])
    given = np.where(happens("nickname"), nickname, true["given"])
    family = np.where(happens("family changed"), true["later_family"], true["family"])
    mistake("given typo", _typo, given)
    mistake("family typo", _typo, family)
    swapped = happens("names swapped")

    year, month, day = _calendar(true["birth"])
    met_year, met_month, met_day = _calendar(FIRST_DAY + _days(contact))
    age = met_year - year - (100 * met_month + met_day < 100 * month + day)
    age += np.where(rng.random(n) < 0.2, rng.choice((-1, 1), n), 0)
    swap = happens("day and month swapped", among=12 / 30.44) & (day <= 12)
    birth = _isoformat(year, np.where(swap, day, month), np.where(swap, month, day))
    mistake("birth digit", _wrong_digit, birth)
    age_only = happens("age only")

    phone = _latest(true["phones"], true["new_phones"], contact)
    position = 10 ** rng.integers(8, size=n)
    digit = phone // position % 10
    other = (digit + rng.integers(1, 10, n)) % 10
    phone += np.where(happens("phone digit"), (other - digit) * position, 0)

    # A repeated record mostly has the case number of the person's first one on that list.
    listing = on_list * (who.max(initial=0) + 1) + who
    _, first, again = np.unique(listing, return_index=True, return_inverse=True)
    case = np.where(rng.random(n) < SAME_CASE, first[again], np.arange(n))
    number = 1 + case - np.searchsorted(on_list, on_list)
    cases = zip(met_year[case].tolist(), number.tolist(), strict=True)

    filled = pl.DataFrame(
        {
            "given": np.where(swapped, family, given).tolist(),
            "family": np.where(swapped, given, family).tolist(),
            "alias": alias.tolist(),
            "birth": birth.tolist(),
            "age": age,
            "sex": np.where(true["female"] ^ happens("sex wrong"), "F", "M").tolist(),
            "phone": phone,
            "email": true["emails"].tolist(),
            "place": _latest(true["places"], true["moves"], contact).tolist(),
            "contact": _isoformat(met_year, met_month, met_day).tolist(),
            "case": [f"{year}-{number:05}" for year, number in cases],
            "exploitation": true["exploitation"].tolist(),
        }
    ).cast(pl.String)
    empty = {
        "alias": ~true["has_alias"] | (rng.random(n) > ALIAS_TOLD),
        "birth": age_only | happens("birth missing", among=1 - RATES["age only"]),
        "age": ~age_only,
        "sex": happens("sex missing"),
        "phone": ~true["has_phone"] | (rng.random(n) > (1 - RATES["phone missing"]) / HAS_PHONE),
        "email": ~true["has_email"] | (rng.random(n) > (1 - RATES["email missing"]) / HAS_EMAIL),
        "place": happens("place missing"),
    }
    return filled.with_columns(
        pl.when(pl.Series(~where)).then(field).alias(field) for field, where in empty.items()
    )


def _latest(values: npt.NDArray[Any], changes: Numbers, contact: Numbers) -> npt.NDArray[Any]:
    """Of each person's values, the one that held on the day of contact."""
    changed = np.count_nonzero(changes <= contact[:, None], axis=1)
    latest: npt.NDArray[Any] = values[np.arange(len(values)), changed]
    return latest


def _days(number: npt.NDArray[np.float64] | Numbers) -> npt.NDArray[np.timedelta64]:
    return number.astype("timedelta64[D]")


def _calendar(days: Days) -> tuple[Numbers, Numbers, Numbers]:
    """Year, month and day."""
    months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
    month, day = (months - years).astype(int), (days - months).astype(int)
    return 1970 + years.astype(int), 1 + month, 1 + day


def _isoformat(year: Numbers, month: Numbers, day: Numbers) -> Texts:
    parts = pl.DataFrame({"year": year, "month": month, "day": day})
    return _texts(parts.select(pl.date("year", "month", "day").cast(pl.String)).to_series())


def _typo(word: str, luck: random.Random) -> str:
    """The word with a letter inserted, left out, mistaken for its neighbour, or transposed."""
    at = luck.randrange(len(word))
    before, letter, after = word[:at], word[at], word[at + 1 :]
    slip = luck.choice(_neighbours().get(letter.lower(), letter))
    typed = (letter + slip + after, after, slip + after, after[:1] + letter + after[1:])
    wrong = (before + luck.choice(typed)).title()
    return wrong if wrong not in ("", word) else _typo(word, luck)


@functools.cache
def _neighbours() -> dict[str, str]:
    """Of each key of the keyboard, those beside it."""
    rows = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    at = {key: (x, y) for y, row in enumerate(rows) for x, key in enumerate(row)}
    return {
        key: "".join(o for o in at if o != key and abs(at[o][0] - x) < 2 and abs(at[o][1] - y) < 2)
        for key, (x, y) in at.items()
    }


def _wrong_digit(written: str, luck: random.Random) -> str:
    """The date with one digit wrong, still a date on which somebody could have been born."""
    at = luck.choice((2, 3, 5, 6, 8, 9))
    wrong = written[:at] + luck.choice("0123456789") + written[at + 1 :]
    try:
        fits = 1960 <= date.fromisoformat(wrong).year <= 2012 and wrong != written
    except ValueError:
        fits = False
    return wrong if fits else _wrong_digit(written, luck)


def _texts(words: Iterable[str]) -> Texts:
    return np.array(list(words), dtype=object)


@functools.cache
def _words(file: str) -> dict[str, Texts]:
    """The columns of a file of names."""
    table = pl.read_csv(HERE / "names" / f"{file}.csv", infer_schema=False)
    return {column.name: _texts(column) for column in table}


def _common(file: str) -> tuple[Texts, Chances]:
    """Names, and the chance of each."""
    names, percent = _words(file).values()
    shares = percent.astype(float)
    return names, shares / shares.sum()


@dataclass(frozen=True)
class _Habits:
    """How an agency keeps its list: the words of its header, and how it writes things down."""

    header: str  # in the order of FIELDS; nothing where it does not keep that
    file: str = "csv"
    encoding: str = "utf-8"
    separator: str = ","
    dates: str = ""  # not needed in a file that knows what a date is
    phone: str = "$1-$2-$3"
    sex: tuple[str, str] = ("F", "M")
    full_name: bool = False  # "Lopez, Maria", in one column
    capitals: bool = False
    accents: bool = False

    def kept(self, records: pl.DataFrame) -> pl.DataFrame:
        """The records as they stand in the agency's file."""
        accents = dict(zip(*_words("accents").values(), strict=True)) if self.accents else {}
        spelled = [pl.col(name).replace(accents) for name in ("given", "family")]
        if self.capitals:
            spelled = [name.str.to_uppercase() for name in spelled]
        dates = [pl.col(field).str.to_date("%Y-%m-%d") for field in ("birth", "contact")]
        if self.dates:
            dates = [day.dt.strftime(self.dates) for day in dates]
        columns = {
            **{field: pl.col(field) for field in FIELDS},
            **dict(zip(("given", "family"), spelled, strict=True)),
            **dict(zip(("birth", "contact"), dates, strict=True)),
            "sex": pl.col("sex").replace(dict(zip("FM", self.sex, strict=True))),
            "phone": pl.col("phone").str.replace(r"^(...)(...)(....)$", self.phone),
        }
        if self.full_name:
            given, family = columns.pop("given"), columns.pop("family")
            columns = {"name": pl.format("{}, {}", family, given), **columns}
        named = zip(self.header.split("|"), columns.values(), strict=True)
        return records.select(
            pl.lit("made up").alias("SYNTHETIC"), *(c.alias(word) for word, c in named if word)
        )


HABITS = {
    "police": _Habits(
        "First Name|Last Name|AKA|DOB|Age|Sex|Phone||City|Incident Date|Report No|Type",
        dates="%m/%d/%Y",
        phone="($1) $2-$3",
        capitals=True,
    ),
    "attorney": _Habits(
        "victim_first|victim_last|victim_aka|birth_date|age|sex|phone||city|filed|case_id|charge",
        file="parquet",
        phone="$1$2$3",
    ),
    "probation": _Habits(
        "Forename|Surname|Alias|Date of birth|Age|Sex|Telephone|E-mail|Area|Seen on|File|Kind",
        dates="%m-%d-%Y",
        phone="$1.$2.$3",
    ),
    "child_welfare": _Habits(
        "Given Name|Family Name|Also Known As|Birth Date|Age at Referral|Gender|Phone|Email"
        "|Neighborhood|Referral Date|Referral ID|Concern",
        file="xlsx",
        sex=("Female", "Male"),
    ),
    "hospital": _Habits(
        "First|Last||Born|Age|Sex|Tel|Mail|Residence|Admitted|Record|Exploitation",
        dates="%d.%m.%Y",
        phone="+1 $1 $2 $3",
        encoding="cp1252",
        separator=";",
        accents=True,
    ),
    "shelter": _Habits(
        "first_name|last_name|nickname|dob|age|gender|phone|email|from|intake|client_id|type",
        dates="%Y-%m-%d",
        sex=("female", "male"),
    ),
    "services": _Habits(
        "Client name|Goes by|Birthday|Age|Sex|Phone|Email|Lives in|First contact|Case|Need",
        dates="%-d %b %Y",
        sex=("Female", "Male"),
        full_name=True,
    ),
    "outreach": _Habits(
        "Name|Surname|Street name|Birth date|Age about|M/F|Mobile|Email|Where|Date|Card|Work",
        dates="%d/%m/%Y",
        encoding="utf-16",
        separator="\t",
    ),
    "hotline": _Habits(
        "Caller First|Caller Last|Other Name|Date of Birth|Age|Sex|Number|Email|Location|Call Date"
        "|Ticket|Situation",
        dates="%b %-d, %Y",
        encoding="utf-8-sig",
    ),
}


def file_name(key: str) -> str:
    """What the file of a list is called."""
    return f"SYNTHETIC-{key}.{HABITS[key].file}"


def write(agencies: Agencies, folder: Path) -> None:
    """Write the nine lists as their agencies keep them, then SYNTHETIC-truth.json.

    A file is there whole or not at all, and the truth only when all of the lists are. The same
    people and seed write the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth = folder / "SYNTHETIC-truth.json"
    truth.unlink(missing_ok=True)
    for key, habits in HABITS.items():
        path = folder / file_name(key)
        aside = path.with_name(f".{path.name}.part")
        _save(habits.kept(agencies.records[key]), habits, aside)
        aside.replace(path)
    aside = truth.with_name(f".{truth.name}.part")
    aside.write_text(json.dumps(_truth(agencies), indent=2) + "\n", encoding="utf-8")
    aside.replace(truth)


def _save(table: pl.DataFrame, habits: _Habits, path: Path) -> None:
    if habits.file == "parquet":
        table.write_parquet(path)
    elif habits.file == "xlsx":
        import xlsxwriter  # type: ignore[import-untyped]  # needed here only

        with xlsxwriter.Workbook(path) as book:
            book.set_properties({"created": datetime(2021, 1, 1), "comments": "SYNTHETIC"})
            table.write_excel(book, worksheet="SYNTHETIC")
    else:
        path.write_bytes(table.write_csv(separator=habits.separator).encode(habits.encoding))


def _truth(agencies: Agencies) -> dict[str, object]:
    return {
        "note": "SYNTHETIC: made up by examples/sacramento-like/generate.py. Nobody in it exists.",
        "seen": agencies.seen,
        "on_list": {key: np.unique(who).size for key, who in agencies.person.items()},
        "records": sum(table.height for table in agencies.records.values()),
        "log_odds_ratios": {" and ".join(pair): size for pair, size in REFERRALS.items()},
        **_settings(agencies.people, agencies.seed),
    }


def _settings(people: int, seed: int) -> dict[str, object]:
    """All that decides what is written."""
    source = hashlib.sha256()
    for path in (Path(__file__), *sorted((HERE / "names").glob("*.csv"))):
        source.update(path.read_bytes())
    return {"people": people, "seed": seed, "source": source.hexdigest()}


def main(arguments: list[str] | None = None) -> None:
    """Write the lists, unless the same are there already, and say so in one line."""
    parser = argparse.ArgumentParser(description="Write nine SYNTHETIC agency lists.")
    parser.add_argument("--people", type=int, default=PEOPLE, help="all of them, seen or not")
    parser.add_argument("--seed", type=int, default=2020)
    parser.add_argument("--out", type=Path, default=HERE / "lists", help="the folder to write to")
    asked = parser.parse_args(arguments)
    if asked.people < 1 or asked.seed < 0:
        parser.error("--people must be at least 1, and --seed not less than 0")
    try:
        truth = json.loads((asked.out / "SYNTHETIC-truth.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        truth = {}
    there = all((asked.out / file_name(key)).is_file() for key in LISTS)
    done = "were there already"
    if not (there and truth.items() >= _settings(asked.people, asked.seed).items()):
        agencies = generate(asked.people, seed=asked.seed)
        write(agencies, asked.out)
        truth, done = _truth(agencies), "written"
    print(
        f"Nine SYNTHETIC lists {done} in {asked.out}: {truth['records']:,} records of "
        f"{truth['seen']:,} of {truth['people']:,} made-up people."
    )


if __name__ == "__main__":
    main()
