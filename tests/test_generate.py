"""The generator of nine SYNTHETIC lists: it makes what it says, and its truth is the truth."""

from __future__ import annotations

import doctest
import importlib.util
import json
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "sacramento-like"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sacramento_like", EXAMPLE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


generator = _load()


@pytest.fixture(scope="module")
def agencies() -> Any:
    return generator.generate()


@pytest.fixture(scope="module")
def many() -> Any:
    """Enough records that a rate is near its expectation."""
    return generator.generate(400_000, seed=1)


@pytest.fixture(scope="module")
def everything(many: Any) -> pl.DataFrame:
    """All records of many people on one heap, with who they are about."""
    heap: pl.DataFrame = pl.concat(
        table.with_columns(person=many.person[key], list=pl.lit(key))
        for key, table in many.records.items()
    )
    return heap


@pytest.fixture(scope="module")
def folder(agencies: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("agencies") / "lists"
    generator.write(agencies, path)
    return path


def _read(path: Path, key: str) -> pl.DataFrame:
    encoding, separator = generator.HABITS[key].encoding, generator.HABITS[key].separator
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    if path.suffix == ".xlsx":
        return pl.read_excel(path)
    text: str = path.read_bytes().decode(encoding)
    table: pl.DataFrame = pl.read_csv(text.encode(), separator=separator, infer_schema=False)
    return table


def test_the_examples_in_it_run() -> None:
    tried = doctest.testmod(_load())  # another test may have loaded it under this name meanwhile
    assert tried.attempted
    assert not tried.failed


def test_a_seed_decides_everything(agencies: Any) -> None:
    again, other = generator.generate(), generator.generate(seed=1)
    for key in generator.LISTS:
        assert again.records[key].equals(agencies.records[key])
        np.testing.assert_array_equal(again.person[key], agencies.person[key])
        assert not other.records[key].equals(agencies.records[key])


@pytest.mark.parametrize("people", [1, 10, 13_079])
def test_the_counts_are_those_of_the_persons(people: int) -> None:
    made = generator.generate(people, seed=3)
    masks = np.zeros(made.seen, dtype=int)
    for j, key in enumerate(generator.LISTS):
        assert made.records[key].height == made.person[key].size
        masks[np.unique(made.person[key])] += 1 << j
    counts = np.bincount(masks, minlength=512)
    np.testing.assert_array_equal(counts[1:], made.counts[1:])
    assert counts[0] == 0  # nobody is numbered who is on no list
    assert made.counts.sum() == made.people == people


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_lists_are_as_large_and_overlap_as_little_as_is_said(seed: int) -> None:
    made = generator.generate(seed=seed)
    assert 1_250 < made.seen < 1_550
    assert 1_700 < sum(table.height for table in made.records.values()) < 2_100
    for key, size in generator.SIZES.items():
        assert abs(np.unique(made.person[key]).size - size) < 4 * np.sqrt(size)
    lists = np.array([mask.bit_count() for mask in range(512)])
    assert made.counts[lists == 1].sum() > 0.8 * made.seen


def test_only_lists_that_refer_people_depend_on_each_other() -> None:
    chances = generator.cells()
    on = (np.arange(512)[:, None] >> np.arange(9)) & 1 == 1
    logs = np.log(chances)
    for i in range(9):
        for j in range(i + 1, 9):
            pair = {
                (generator.LISTS[i], generator.LISTS[j]),
                (generator.LISTS[j], generator.LISTS[i]),
            }
            wanted = sum(generator.REFERRALS.get(names, 0) for names in pair)
            # The odds ratio is the same whatever other lists a person is on.
            rest = np.flatnonzero(~on[:, i] & ~on[:, j])
            one, other = 1 << i, 1 << j
            ratios = logs[rest | one | other] + logs[rest] - logs[rest | one] - logs[rest | other]
            np.testing.assert_allclose(ratios, wanted, atol=1e-9)
    for j, size in enumerate(generator.SIZES.values()):
        assert chances[on[:, j]].sum() * generator.PEOPLE == pytest.approx(size)


def test_cells_are_empty_as_often_as_is_said(everything: pl.DataFrame) -> None:
    rates = generator.RATES
    empty = {
        field: everything[field].null_count() / everything.height for field in everything.columns
    }
    never = ("given", "family", "contact", "case", "exploitation", "person")
    assert {field: empty[field] for field in never} == dict.fromkeys(never, 0)
    for field in ("sex", "phone", "email", "place"):
        assert empty[field] == pytest.approx(rates[f"{field} missing"], abs=0.01)
    assert empty["birth"] == pytest.approx(rates["birth missing"] + rates["age only"], abs=0.01)
    assert empty["age"] == pytest.approx(1 - rates["age only"], abs=0.01)
    assert empty["alias"] == pytest.approx(1 - generator.HAS_ALIAS * generator.ALIAS_TOLD, abs=0.01)
    assert everything.filter(pl.col("age").is_not_null())["birth"].null_count() > 0
    assert everything.filter(pl.col("age").is_not_null() & pl.col("birth").is_not_null()).is_empty()


def test_mistakes_are_as_frequent_as_is_said(everything: pl.DataFrame) -> None:
    """Two records of one person differ where either has a mistake: about twice as often as one."""
    rates = generator.RATES
    pairs = everything.with_columns(n=pl.int_range(pl.len()).over("person"))
    pairs = pairs.filter(pl.col("n") == 0).join(pairs.filter(pl.col("n") == 1), on="person")

    def differ(field: str) -> float:
        both = pairs.filter(pl.all_horizontal(pl.col(field, f"{field}_right").is_not_null()))
        return float((both[field] != both[f"{field}_right"]).mean())  # type: ignore[arg-type]

    given = rates["given typo"] + rates["names swapped"]
    family = rates["family typo"] + rates["family changed"] + rates["names swapped"]
    birth = rates["day and month swapped"] + rates["birth digit"]
    # A nickname can only stand where there is one: most people have an alias or a short form.
    nicknames = differ("given") / 2 - given
    assert 0.4 * rates["nickname"] < nicknames < rates["nickname"]
    assert differ("family") == pytest.approx(2 * family, rel=0.15)
    assert differ("birth") == pytest.approx(2 * birth, rel=0.15)
    assert differ("sex") == pytest.approx(2 * rates["sex wrong"], rel=0.35)
    assert 0.1 < differ("phone") < 0.4  # new phones, above all
    assert 0.1 < differ("place") < 0.5
    assert differ("email") == 0


def test_people_come_back_to_a_list_and_move(many: Any, everything: pl.DataFrame) -> None:
    listings = everything.group_by("list", "person", maintain_order=True).agg(
        pl.len(), pl.col("case").n_unique().alias("cases"), pl.col("place").drop_nulls().n_unique()
    )
    repeated = listings.filter(pl.col("len") > 1)
    assert repeated.height / listings.height == pytest.approx(0.15, abs=0.01)
    assert (listings["len"] <= 4).all()
    assert (listings["place"] >= 3).any()  # the same woman three times, at three addresses
    twice = listings.filter(pl.col("len") == 2)
    assert (twice["cases"] == 1).mean() == pytest.approx(generator.SAME_CASE, abs=0.03)
    cases = everything.group_by("list", "case").agg(pl.col("person").n_unique())
    assert cases["person"].max() == 1  # a case is of one person
    for table in many.records.values():
        contact = table["contact"]
        assert contact.is_sorted()
        assert "2015-01-01" <= contact[0] <= contact[-1] <= "2020-12-31"


def test_dates_are_dates(everything: pl.DataFrame) -> None:
    years = everything["birth"].drop_nulls().str.to_date("%Y-%m-%d", strict=True).dt.year()
    assert years.is_between(1960, 2012).all()
    assert (2018 - years.to_numpy() <= 30).mean() > 0.75
    assert (2018 - years.to_numpy() >= 15).mean() > 0.85
    assert everything["phone"].drop_nulls().str.contains(r"^99\d{8}$").all()


def test_a_typo_is_never_the_right_spelling() -> None:
    luck = generator.random.Random(1)
    for word in ("O", "Le", "Aa", "Garcia", "Garcia-Lopez"):
        typos = {generator._typo(word, luck) for _ in range(300)}
        assert word not in typos
        assert "" not in typos
        assert all(abs(len(typo) - len(word)) <= 1 for typo in typos)


@pytest.mark.parametrize("key", list(generator.LISTS))
def test_every_file_can_be_read_and_says_synthetic(agencies: Any, folder: Path, key: str) -> None:
    path = folder / generator.file_name(key)
    assert path.name.startswith("SYNTHETIC-")
    table = _read(path, key)
    assert table.height == agencies.records[key].height
    assert table.columns[0] == "SYNTHETIC"
    assert set(table["SYNTHETIC"]) == {"made up"}
    case = generator.HABITS[key].header.split("|")[-2]
    assert table[case].to_list() == agencies.records[key]["case"].to_list()


def test_agencies_write_names_and_dates_in_their_own_ways(agencies: Any, folder: Path) -> None:
    police = _read(folder / generator.file_name("police"), "police")
    assert police["Last Name"].to_list() == [
        name.upper() for name in agencies.records["police"]["family"]
    ]
    births = police["DOB"].str.to_date("%m/%d/%Y").cast(pl.String)
    assert births.equals(agencies.records["police"]["birth"])
    hospital = _read(folder / generator.file_name("hospital"), "hospital")
    assert hospital["Last"].str.contains("í|é|á|ñ").any()
    services = _read(folder / generator.file_name("services"), "services")
    assert services["Client name"].str.contains("^[^,]+, [^,]+$").all()
    assert (
        pl.read_excel(folder / generator.file_name("child_welfare"))["Birth Date"].dtype == pl.Date
    )


def test_the_truth_is_beside_the_lists(agencies: Any, folder: Path) -> None:
    truth = json.loads((folder / "SYNTHETIC-truth.json").read_text(encoding="utf-8"))
    assert "SYNTHETIC" in truth["note"]
    assert truth["people"] == agencies.people == 13_079
    assert truth["seen"] == agencies.seen == agencies.counts[1:].sum()
    assert truth["seed"] == 2020
    assert {path.name for path in folder.iterdir()} == {
        "SYNTHETIC-truth.json",
        *map(generator.file_name, generator.LISTS),
    }


def test_the_same_lists_are_the_same_bytes(agencies: Any, folder: Path, tmp_path: Path) -> None:
    generator.write(agencies, tmp_path)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_nothing_is_written_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> str:
        generator.main([*arguments, "--out", str(tmp_path)])
        said = capsys.readouterr().out
        assert "SYNTHETIC" in said
        assert said.count("\n") == 1
        return said

    assert "written" in run("--people", "2000", "--seed", "1")
    assert "there already" in run("--people", "2000", "--seed", "1")
    assert "written" in run("--people", "2000", "--seed", "2")
    (tmp_path / generator.file_name("shelter")).unlink()
    assert "written" in run("--people", "2000", "--seed", "2")
    with pytest.raises(SystemExit):
        generator.main(["--people", "0"])


def test_the_study_names_files_and_columns_that_are_there(folder: Path) -> None:
    study = tomllib.loads((EXAMPLE / "study.toml").read_text(encoding="utf-8"))
    assert study["synthetic"] is True
    assert study["truth"] == generator.PEOPLE
    assert list(study["records"]) == list(generator.LISTS)
    for key, agency in study["records"].items():
        assert agency["file"] == f"lists/{generator.file_name(key)}"
        columns = list(agency["columns"].values())
        assert len(columns) == len(set(columns))
        assert set(columns) <= set(_read(folder / generator.file_name(key), key).columns)
    people, readme = generator.SIZES, (EXAMPLE / "README.md").read_text(encoding="utf-8")
    for key, agency in study["records"].items():
        assert f"| {agency['name']} | {people[key]} |" in readme
