"""Links between records: what is compared, what is learned, and the same on every engine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.lists import blocking
from darkfigure.lists.comparisons import PLAIN, PROTECTED
from darkfigure.lists.keys import Key
from darkfigure.lists.link import Links, comparable, link, link_protected, share_of_matches
from darkfigure.lists.overlap import overlaps
from darkfigure.lists.protect import protect
from darkfigure.lists.records import Records, as_one, read_records
from tests.agencies import write_study


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> list[Records]:
    folder = tmp_path_factory.mktemp("lists")
    write_study(folder, people=8_000)
    return [read_records(folder / f"{n}.csv", n) for n in ("police", "shelter", "services")]


@pytest.fixture(scope="module")
def links(lists: list[Records]) -> Links:
    return link(lists)


def same(one: Links, other: Links) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("on", "left", "right", "log_odds")
    )


def at(lists: Sequence[Records], **changes: str | None) -> int:
    """The row, in all lists together, of the one record that says this."""
    found = as_one(lists).with_row_index()
    for column, value in changes.items():
        found = found.filter(pl.col(column) == value)
    return int(found["index"].item())


def test_pairs_are_in_order_and_each_stands_once(links: Links) -> None:
    assert np.all(links.left < links.right)
    pairs = list(zip(links.left.tolist(), links.right.tolist(), strict=True))
    assert pairs == sorted(set(pairs))


def test_the_canary_is_one_person_on_three_lists(lists: list[Records], links: Links) -> None:
    rows = as_one(lists).with_row_index().filter(pl.col("family") == "vortunquist")["index"]
    assert rows.len() == 3
    among = np.isin(links.left, rows.to_numpy()) & np.isin(links.right, rows.to_numpy())
    assert among.sum() == 3
    assert links.log_odds[among].min() > 10


def test_m_and_u_add_up_to_one_for_each_field(links: Links) -> None:
    for field in {level["field"] for level in links.levels}:
        for which in ("m", "u"):
            total = sum(level[which] for level in links.levels if level["field"] == field)
            assert total == pytest.approx(1, abs=0.002)


def test_agreement_speaks_for_one_person_and_disagreement_for_two(links: Links) -> None:
    worth = {(level["field"], level["level"]): level["weight"] for level in links.levels}
    assert worth["birth date", "same"] > 8
    assert worth["telephone number", "same"] > 8
    assert worth["birth date", "different"] < -3
    assert worth["family name", "same"] > worth["sex", "same"] > 0


@pytest.mark.parametrize("cores", [1, 2])
def test_any_number_of_cores_gives_the_same_links(
    lists: list[Records], links: Links, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "cores", lambda: cores)
    assert same(link(lists), links)


def test_spark_gives_the_same_links_and_draws(lists: list[Records], links: Links) -> None:
    if shutil.which("java") is None:
        pytest.skip("there is no Java runtime to run Spark with; `make test` installs one")
    there = link(lists, where="spark")
    assert same(there, links)
    assert overlaps(there, draws=20, seed=3) == overlaps(links, draws=20, seed=3)


def test_spark_compares_protected_lists_alike(lists: list[Records]) -> None:
    if shutil.which("java") is None:
        pytest.skip("there is no Java runtime to run Spark with; `make test` installs one")
    protected = [protect(each.frame, Key(bytes(32)), name=each.name) for each in lists]
    assert same(link_protected(protected, where="spark"), link_protected(protected))


def test_an_engine_that_is_none_is_refused() -> None:
    with (
        pytest.raises(InputError, match="'local' or 'spark', not 'cloud'"),
        engine.database(
            "cloud"  # type: ignore[arg-type]
        ),
    ):
        pass


def test_the_database_never_writes_to_disk() -> None:
    with engine.database() as api:
        spill = api.duckdb_con.execute("SELECT current_setting('temp_directory')").fetchone()
        files = api.duckdb_con.execute("SELECT path FROM duckdb_databases()").fetchall()
    assert spill == ("",)
    assert all(path in (None, "") for (path,) in files)


def test_lists_that_share_nothing_cannot_be_linked(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("given,family\nada,xy\nbea,yz\n")
    (tmp_path / "b.csv").write_text("phone\n9165550142\n9165550143\n")
    lists = [read_records(tmp_path / f"{name}.csv", name) for name in "ab"]
    with pytest.raises(NoEstimateError, match="nothing in common"):
        link(lists)


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"given": "christin"}, "one typing error"),
        ({"given": "chris"}, "short form"),
        ({"given": "doe", "family": "christina"}, "given and family name swapped"),
        ({"given": "star"}, "an alias"),
        ({"birth": "1990-07-03"}, "day and month swapped"),
        ({"birth": "1990-03-08"}, "one digit"),
        ({"birth": "1990-03-21"}, "two of day, month and year"),
        ({"birth": None, "birth_year": 1991}, "only the age known, and it fits"),
        ({"phone": "9165550143"}, "one digit"),
        ({"phone": "916555142"}, "one digit"),
    ],
)
def test_a_record_with_one_mistake_stands_on_its_level(
    change: dict[str, str | int | None], level: str
) -> None:
    """Each level's condition, as DuckDB answers it."""
    record: dict[str, str | int | list[str] | None] = {
        "given": "christina", "family": "doe", "aliases": ["star"], "birth": "1990-03-07",
        "birth_year": 1990, "sex": "f", "phone": "9165550142", "email": None, "place": "oak park",
        "identifier": None, "case": None,
    }  # fmt: skip
    if change.get("birth"):
        change = change | {"birth_year": int(str(change["birth"])[:4])}
    schema = {**dict.fromkeys(record, pl.String), "aliases": pl.List(pl.String)}
    schema |= {"birth_year": pl.Int64}
    two = pl.DataFrame([record, record | change], schema=schema).with_columns(list=pl.lit("a"))
    frame = comparable(two)
    ladder = next(
        each
        for each in PLAIN
        if level in dict(each.levels)
        and set(change)
        & {"given", "birth", "phone"}
        & {
            {"given name": "given", "birth date": "birth", "telephone number": "phone"}.get(
                each.field, ""
            )
        }
    )
    cases = " ".join(f"WHEN {sql} THEN '{words}'" for words, sql in ladder.levels)
    names = [f"a.{c} AS {c}_l, b.{c} AS {c}_r" for c in frame.columns]
    with engine.database() as api:
        api.duckdb_con.register("records", engine.arrow(frame))
        answer = api.duckdb_con.execute(
            f"SELECT CASE WHEN {ladder.missing} THEN 'missing' {cases} ELSE 'different' END FROM "
            f"(SELECT {', '.join(names)} FROM records a, records b WHERE a.unique_id < b.unique_id)"
        ).fetchone()
    assert answer == (level,)


def test_ladders_are_told_apart_by_their_columns() -> None:
    for ladders in (PLAIN, PROTECTED):
        columns = [ladder.column for ladder in ladders]
        assert len(set(columns)) == len(columns)
        assert all(column.isidentifier() for column in columns)


def test_a_rule_that_takes_too_many_pairs_is_left_out() -> None:
    one_day = pl.DataFrame({"birth": ["1990-03-07"] * 3_000, "phone": [None] * 3_000})
    birth, phone = (next(r for r in blocking.RULES if r.left == (c,)) for c in ("birth", "phone"))
    chosen = {each.rule: each for each in blocking.choose(one_day, [birth, phone])}
    assert chosen[birth].pairs == 3_000 * 2_999 // 2
    assert not chosen[birth].used  # four and a half million pairs of three thousand records
    assert (chosen[phone].pairs, chosen[phone].used) == (0, False)


def test_the_share_of_matches_is_found_again() -> None:
    """Of 1,000 records 700 pairs match; evidence drawn as a model with those odds has it."""
    rng = np.random.default_rng(1)
    pairs, d = 1_000 * 999 // 2, 6.0  # evidence that is N(d, 2d) of one person, N(-d, 2d) of two
    matches, strangers = rng.normal(d, (2 * d) ** 0.5, 700), rng.normal(-d, (2 * d) ** 0.5, pairs)
    found = share_of_matches(np.concatenate([matches, strangers[700:]]), 1_000) * pairs
    assert found == pytest.approx(700, rel=0.15)


def test_lists_with_one_field_alone_are_refused_or_linked_but_never_break(tmp_path: Path) -> None:
    for name in "ab":
        rows = "\n".join(f"91655500{i:02d}" for i in range(40))
        (tmp_path / f"{name}.csv").write_text(f"phone\n{rows}\n")
    found = link([read_records(tmp_path / f"{name}.csv", name) for name in "ab"])
    assert len(found.on) == 80
    assert overlaps(found, draws=0).observed <= 80
