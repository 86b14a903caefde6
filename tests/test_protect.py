"""Protected lists: what they hold, what they keep, and what cannot be read from them."""

from __future__ import annotations

import base64
import os
import stat
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from bitarray import bitarray
from fable_core.harden import xor_fold
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks import attack
from darkfigure.errors import InputError
from darkfigure.lists import _near
from darkfigure.lists import protect as room
from darkfigure.lists.keys import Key, exposed, load_key, new_key, save_key
from darkfigure.lists.protect import protect
from darkfigure.lists.protected import (
    BITS,
    ENCODINGS,
    SCHEMA,
    Protected,
    dice_sql,
    pairs,
    read_protected,
    together,
    words,
    write_protected,
)

KEY = Key(bytes(range(32)))
PERSON = {"given": "magdalena", "family": "castellanos", "birth": "1994-03-11"}


@pytest.fixture(scope="module")
def lists() -> dict[str, pl.DataFrame]:
    return attack.example(8_000, seed=3)


def table(*records: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(records), schema={**room.RECORD, "stratum_sex": pl.String})


def alike(one: dict[str, object], other: dict[str, object], encoding: str) -> float:
    """How alike the encodings of two records are, when each stands on a list of its own."""
    both = [protect(table(r), KEY, name=str(i)) for i, r in enumerate((one, other))]
    return float(pairs(together(both), encoding, least=0)[2][0])


def shared(one: dict[str, object], other: dict[str, object], tokens: str) -> bool:
    first, second = (protect(table(r), KEY, name="a").frame[tokens][0] for r in (one, other))
    return bool(set(first) & set(second))


# What is written


def test_nothing_that_was_said_can_be_found_in_what_is_written(tmp_path: Path) -> None:
    said = {
        **PERSON,
        "aliases": ["cinnamon"],
        "birth_year": 1994,
        "phone": "9165550142",
        "email": "magda.cast@example.org",
        "identifier": "d7731999",
        "case": "cw201800417",
    }
    records = pl.concat([table(said | {"stratum_sex": "f"})] * 6)
    protected = protect(records, KEY, name="shelter")
    secrets = [v for v in said.values() if isinstance(v, str)] + ["cinnamon", "1994", "03-11"]
    written = as_bytes(protected, tmp_path)
    assert [s for s in secrets if found(s.encode(), written)] == []
    assert not found(KEY.secret, written)
    assert not any(found(KEY.derive(p), written) for p in (*ENCODINGS, "phone", "years"))
    leaking = Protected("shelter", "", protected.frame.with_columns(stratum_x=pl.lit("cinnamon")))
    assert found(b"cinnamon", as_bytes(leaking, tmp_path))  # the search can find something


def as_bytes(protected: Protected, folder: Path) -> bytes:
    """The file, what is in it without compression, and how it prints."""
    file = folder / "list.protected"
    write_protected(protected, file)
    plain = folder / "plain"
    read_protected(file).frame.write_parquet(plain, compression="uncompressed")
    return file.read_bytes() + plain.read_bytes() + repr(protected).encode()


def found(secret: bytes, written: bytes) -> bool:
    """Whether a secret is there: as it is, in capitals, as UTF-16, hexadecimal or base64."""
    text = secret.decode("ascii", errors="ignore")
    forms = {secret, secret.hex().encode(), text.encode("utf-16-le")}
    forms |= {text.upper().encode(), text.title().encode()}
    coded = {base64.b64encode(bytes(shift) + secret)[4:-4] for shift in range(3)}
    forms |= {form for form in coded if len(form) >= 8}  # shorter ones are there by chance
    return any(len(form) >= 4 and form in written for form in forms)


def test_a_file_says_which_list_it_is_and_comes_back_as_it_was(tmp_path: Path) -> None:
    protected = protect(table(PERSON, {"phone": "9165550142"}), KEY, name="shelter")
    write_protected(protected, tmp_path / "list")
    back = read_protected(tmp_path / "list")
    assert (back.name, back.fingerprint) == ("shelter", KEY.fingerprint)
    assert back.frame.equals(protected.frame)
    assert os.listdir(tmp_path) == ["list"]
    assert stat.S_IMODE(os.stat(tmp_path / "list").st_mode) & 0o077 == 0


def test_every_protected_list_has_the_same_columns_even_an_empty_one() -> None:
    for records in (table(PERSON), table(), table({"case": "x1"})):
        protected = protect(records, KEY, name="a")
        assert dict(protected.frame.schema) == {**SCHEMA, "stratum_sex": pl.String}
        assert protected.frame.height == records.height


@pytest.mark.parametrize("damage", ["cut", "changed", "other parquet", "text", "longer", "missing"])
def test_a_file_that_is_no_protected_list_is_refused(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "list"
    protected = protect(table(PERSON), KEY, name="shelter")
    write_protected(protected, file)
    whole = file.read_bytes()
    if damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "changed":
        file.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    elif damage == "other parquet":
        pl.DataFrame({"given": ["magdalena"]}).write_parquet(file)
    elif damage == "text":
        file.write_text("given,family\nmagdalena,castellanos\n")
    elif damage == "longer":
        metadata = pl.read_parquet_metadata(file)["darkfigure"]
        twice = pl.concat([protected.frame] * 2)
        twice.write_parquet(file, metadata={"darkfigure": metadata})
    else:
        file.unlink()
    with pytest.raises(
        InputError, match=r"list: (This is no protected list|.* cannot be read)"
    ) as e:
        read_protected(file)
    assert "magdalena" not in str(e.value)


ENCODED = [f"names_{word}" for word in range(16)]


def order(name: str, size: int) -> npt.NDArray[np.int64]:
    """Which record stands where in a list that was shuffled; whoever has the key can tell."""
    return np.random.default_rng(list(KEY.derive(f"order of {name}"))).permutation(size)


def test_the_order_of_the_rows_says_nothing_and_the_cores_change_nothing(
    lists: dict[str, pl.DataFrame],
) -> None:
    records = lists["police"]
    one, two = (protect(records, KEY, name="police", workers=n) for n in (1, 3))
    assert one.frame.equals(two.frame)
    other = protect(records[::-1], KEY, name="police").frame
    assert Counter(one.frame["names_0"]) == Counter(other["names_0"])
    numbers = order("police", records.height)
    assert Counter(numbers.tolist()) == Counter(range(records.height))
    alone = protect(records[numbers[:1].tolist()], KEY, name="x").frame
    assert one.frame.select(ENCODED).row(0) == alone.select(ENCODED).row(0)
    assert abs(np.corrcoef(numbers, np.arange(records.height))[0, 1]) < 0.2


# What can be compared


@pytest.mark.parametrize(
    ("change", "names", "dates"),
    [
        ({}, (1, 1), (1, 1)),
        ({"given": "castellanos", "family": "magdalena"}, (1, 1), (1, 1)),  # names swapped
        ({"birth": "1994-11-03"}, (1, 1), (1, 1)),  # day and month swapped
        ({"given": "magdelena"}, (0.7, 0.9), (0.75, 0.95)),  # a letter wrong
        ({"family": "castelanos"}, (0.75, 1), (0.85, 1)),  # a letter missing
        ({"family": "castellanos rivera"}, (0.6, 0.8), (0.6, 0.85)),  # a second family name
        ({"birth": "1994-03-17"}, (1, 1), (0.62, 0.75)),  # a digit wrong
        ({"family": "okafor"}, (0.44, 0.56), (0.55, 0.66)),  # a new family name
        ({"birth": "1987-06-24"}, (1, 1), (0.44, 0.56)),  # another with the same name
        ({"given": "joan", "family": "smith"}, (0.44, 0.56), (0.44, 0.56)),
        ({"given": "joan", "family": "smith", "birth": "1987-06-24"}, (0.44, 0.56), (0.44, 0.56)),
    ],
)
def test_how_alike_two_records_stay(
    change: dict[str, object], names: tuple[float, float], dates: tuple[float, float]
) -> None:
    for encoding, (low, high) in zip(ENCODINGS, (names, dates), strict=True):
        assert low <= alike(PERSON, PERSON | change, encoding) <= high


def test_one_name_in_common_leaves_no_trace() -> None:
    givens = ("maria", "jessica", "ashley", "sarah", "kim", "daniela", "rosa", "tatiana")
    families = ("lopez", "smith", "nguyen", "brown", "garcia", "kowalski", "ito", "chandra")
    likeness = [
        alike({"given": "guadalupe", "family": f}, {"given": "guadalupe", "family": o}, "names")
        for f, o in pairwise(families)
    ] + [
        alike({"given": g, "family": "martinez"}, {"given": o, "family": "martinez"}, "names")
        for g, o in pairwise(givens)
    ]
    assert np.mean(likeness) == pytest.approx(0.5, abs=0.012)


def test_records_of_one_person_are_near_and_strangers_are_not(
    lists: dict[str, pl.DataFrame],
) -> None:
    protected = together([protect(each, KEY, name=name) for name, each in lists.items()])
    person = np.concatenate(
        [each["person"].to_numpy()[order(name, each.height)] for name, each in lists.items()]
    )
    found: set[tuple[int, int]] = set()
    for encoding in ENCODINGS:
        left, right, _ = pairs(protected, encoding)
        found |= set(zip(left.tolist(), right.tolist(), strict=True))
    rows = pl.DataFrame({"person": person}).with_row_index().group_by("person").agg("index")
    same = {pair for of_one in rows["index"] for pair in combinations(sorted(of_one), 2)}
    assert len(same & found) / len(same) > 0.96
    strangers = person.size * (person.size - 1) / 2 - len(same)
    assert len(found - same) / strangers < 2e-4


def test_with_another_key_nobody_is_like_themselves() -> None:
    one, other = (protect(table(PERSON), key, name="a").frame for key in (KEY, new_key()))
    both = pl.concat([one, other])
    for encoding in ENCODINGS:
        assert pairs(both, encoding, least=0)[2][0] == pytest.approx(0.5, abs=0.08)
    assert not set(one["years"][0] or ()) & set(other["years"][0] or ())


def test_half_of_the_bits_are_set_however_long_the_names_are(
    lists: dict[str, pl.DataFrame],
) -> None:
    frame = protect(pl.concat(lists.values()), KEY, name="all").frame
    for encoding in ENCODINGS:
        bits = frame[f"{encoding}_bits"].drop_nulls().to_numpy()
        assert bits.mean() == pytest.approx(BITS / 2, rel=0.01)
        assert bits.std() < 20  # 16 would be chance alone


def test_tokens_meet_where_one_sign_is_wrong() -> None:
    phone = {"phone": "9165550142"}
    for near in ("9165550143", "9165550412", "916555042", "91655550142", "9165550142"):
        assert shared(phone, {"phone": near}, "phone_near")
    for far in ("9165550199", "4165550143", "2095550199"):
        assert not shared(phone, {"phone": far}, "phone_near")
    one, other = (protect(table(p), KEY, name=n).frame for p, n in ((phone, "a"), (phone, "b")))
    assert one["phone"][0] == other["phone"][0]
    assert one["phone"][0] in one["phone_near"][0].to_list()


def test_years_meet_within_two_of_each_other_under_any_name() -> None:
    one = {"given": "star", "family": "castellanos", "birth_year": 1994}
    for year in (1992, 1994, 1996):
        other = {"given": "magda", "family": "castellanos", "aliases": ["star"], "birth_year": year}
        assert shared(one, other, "years")
        assert shared(one, {"given": "castellanos", "family": "star", "birth_year": year}, "years")
    assert not shared(one, one | {"birth_year": 1997}, "years")
    assert not shared(one, one | {"given": "moon"}, "years")


def test_a_case_number_is_another_on_another_list() -> None:
    one, other = (protect(table({"case": "17"}), KEY, name=n).frame["case"][0] for n in "ab")
    assert one != other


# What is left out


def test_no_field_is_encoded_alone() -> None:
    frame = protect(
        table({"given": "maria"}, {"family": "lopez"}, {"birth": "1994-03-11", "birth_year": 1994}),
        KEY,
        name="a",
    ).frame
    assert frame.select(SCHEMA.keys()).null_count().row(0) == (3,) * len(SCHEMA)


def test_a_value_that_many_share_is_left_out() -> None:
    many = [
        {"given": "maria", "family": "lopez", "birth_year": 1990, "phone": "9165559999"}
    ] * 11 + [{"given": f"g{i}", "family": "f", "phone": f"916555{i:04}"} for i in range(300)]
    frame = protect(table(*many), KEY, name="a").frame
    assert frame["names_bits"].null_count() == frame["phone"].null_count() == 11
    assert frame["years"].null_count() == frame.height
    few = protect(table(*many[1:]), KEY, name="a").frame
    assert few["names_bits"].null_count() == few["phone"].null_count() == 0


def test_the_number_of_tokens_does_not_tell_how_long_a_value_is() -> None:
    addresses = [{"email": "a" * i + "b" * (i % 3) + "@x.org"} for i in range(1, 20)]
    sizes = protect(table(*addresses), KEY, name="a").frame["email_near"].list.len()
    assert set(sizes) <= {16, 32}
    aliased = protect(
        table(
            {**PERSON, "birth_year": 1994},
            {**PERSON, "given": "rosa", "birth_year": 1991, "aliases": ["mia", "star", "jade"]},
        ),
        KEY,
        name="a",
    )
    assert aliased.frame["years"].list.len().to_list() == [16, 16]


def test_rare_strata_are_taken_together() -> None:
    sex = ["f"] * 20 + ["m"] * 6 + ["x"] * 3 + ["y"] * 3 + [None] * 2
    coarse = room._coarse(pl.Series("stratum_sex", sex), 5)
    assert coarse.to_list() == ["f"] * 20 + ["m"] * 6 + ["other"] * 6 + [None] * 2
    assert room._coarse(pl.Series("stratum_sex", sex[:27]), 5).to_list()[-1] is None


# The kernels, against the slow obvious way


def test_filters_are_what_fable_makes_of_the_same_positions() -> None:
    left = [{"_m", "ma", "a_"}, {"_j", "jo", "o_"}, set()]
    right = [{"_l", "lo", "a_"}, {"_j", "jo", "o_"}, {"_l"}]
    secret = KEY.derive("names")
    expected = []
    for one, other in zip(left, right, strict=True):
        values = {"|".join(sorted((a, b))) for a in one for b in other}
        hashes = min(128, round(np.log(2) * 2 * BITS / max(len(values), 1)))
        bits = bitarray(2 * BITS, endian="little")
        for value in values:
            drawn = np.frombuffer(room._random(value, secret, 256), "<u2")
            for position in drawn[:hashes] % (2 * BITS):
                bits[position] = 1
        expected.append(np.frombuffer(xor_fold()(bits).tobytes(), np.uint64))
    made = room._filters(left, right, secret, workers=2)
    np.testing.assert_array_equal(made, np.array(expected))


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.uint64, st.tuples(st.integers(1, 12), st.just(16))), st.sampled_from((0.3, 0.5, 0.6))
)
def test_pairs_are_those_of_brute_force(filters: np.ndarray, least: float) -> None:
    frame = pl.DataFrame({f"x_{w}": filters[:, w].view(np.int64) for w in range(16)})
    sizes = np.array([sum(int(word).bit_count() for word in row) for row in filters])
    frame = frame.with_columns(x_bits=pl.when(pl.Series(sizes) > 0).then(pl.Series(sizes)))
    expected = {}
    for r in range(len(filters)):
        for s in range(r + 1, len(filters)):
            common = sum(
                int(a & b).bit_count() for a, b in zip(filters[r], filters[s], strict=True)
            )
            if sizes[r] and sizes[s] and 2 * common >= least * (sizes[r] + sizes[s]):
                expected[r, s] = 2 * common / (sizes[r] + sizes[s])
    left, right, dice = pairs(frame, "x", least=least)
    assert dict(zip(zip(left, right, strict=True), dice, strict=True)) == pytest.approx(expected)


def test_all_pairs_are_found_however_many_there_are_and_on_any_number_of_cores(
    lists: dict[str, pl.DataFrame],
) -> None:
    frame = protect(lists["police"], KEY, name="a").frame.drop_nulls("dates_bits")
    n = frame.height
    assert n > 150
    left, _, _ = pairs(frame, "dates", least=0, workers=1)
    assert len(left) == n * (n - 1) / 2
    one, three = (pairs(frame, "dates", least=0.52, workers=w) for w in (1, 3))
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)
    sizes = np.empty(n, np.int64)
    _near.sizes_of(words(frame, "dates"), sizes)
    assert sizes.tolist() == frame["dates_bits"].to_list()


def test_sql_gives_the_same_likeness(lists: dict[str, pl.DataFrame]) -> None:
    frame = protect(lists["police"], KEY, name="a").frame[:40].with_row_index("row")
    con = duckdb.connect()
    for encoding in ENCODINGS:
        both = [frame.rename(lambda c, side=side: f"{c}_{side}") for side in "lr"]
        con.register("l", both[0].to_arrow())
        con.register("r", both[1].to_arrow())
        query = f"SELECT row_l, row_r, {dice_sql(encoding)} AS d FROM l, r WHERE row_l < row_r"
        found = con.sql(f"{query} ORDER BY 1, 2").fetchall()
        left, right, dice = pairs(frame, encoding, least=0)
        known = {(a, b): d for a, b, d in found if d is not None}
        expected = dict(zip(zip(left.tolist(), right.tolist(), strict=True), dice, strict=True))
        assert known == pytest.approx(expected)


# Keys


def test_a_key_is_written_once_for_its_owner_alone_and_says_whom_it_is_for(tmp_path: Path) -> None:
    key, file = new_key(), tmp_path / "study.key"
    save_key(key, file)
    assert load_key(file) == key
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert exposed(file) is None
    text = file.read_text()
    assert text.startswith("darkfigure key")
    assert "agencies" in text
    with pytest.raises(InputError, match="already"):
        save_key(new_key(), file)
    assert load_key(file) == key
    with pytest.raises(InputError, match="cannot be written"):
        save_key(key, tmp_path / "none" / "study.key")
    file.chmod(0o644)
    assert "chmod 600" in str(exposed(file))


def test_a_key_does_not_show_itself(tmp_path: Path) -> None:
    key, file = new_key(), tmp_path / "study.key"
    save_key(key, file)
    secret = base64.b64encode(key.secret).decode()
    protected = protect(table(PERSON), key, name="a")
    for shown in (repr(key), str(key), f"{key}", key.fingerprint, repr(protected)):
        assert not {secret[:20], key.secret.hex()[:20], repr(key.secret)[2:20]} & {shown}
        assert secret[:20] not in shown
        assert key.secret.hex()[:20] not in shown
        assert repr(key.secret)[2:20] not in shown
    assert key.fingerprint == load_key(file).fingerprint != new_key().fingerprint


@pytest.mark.parametrize(
    "damage",
    ["letter", "short", "empty", "not base64", "binary", "table", "missing", "folder"],
)
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, damage: str) -> None:
    key, file = Key(bytes(range(32))), tmp_path / "study.key"
    save_key(key, file)
    file.chmod(0o600)
    *head, last = file.read_text().splitlines()
    lines = {
        "letter": [*head, last[:9] + ("A" if last[9] != "A" else "B") + last[10:]],
        "short": [*head, last[:-8]],
        "empty": [],
        "not base64": [*head, "%" * 48],
        "table": ["given,family", "magdalena,castellanos"],
    }
    if damage in lines:
        file.write_text("\n".join(lines[damage]) + "\n")
    elif damage == "binary":
        file.write_bytes(bytes(range(256)))
    else:
        file.unlink()
        if damage == "folder":
            file.mkdir()
    with pytest.raises(
        InputError, match=r"study\.key: .*(no darkfigure key|damaged|read)"
    ) as error:
        load_key(file)
    assert last[:12] not in str(error.value)
    assert "magdalena" not in str(error.value)


def test_lists_made_with_different_keys_are_not_put_together() -> None:
    one, other = (
        protect(table(PERSON), key, name=name) for key, name in ((KEY, "a"), (new_key(), "b"))
    )
    with pytest.raises(InputError, match="different keys"):
        together([one, other])
    with pytest.raises(InputError, match="same name"):
        together([one, one])
    assert together([one])["list"].to_list() == ["a"]


# The attacks of benchmarks.attack, on fewer people


def test_attacks_read_what_is_not_hardened_and_guess_no_better_than_chance_what_is() -> None:
    public = attack.public_names()
    read: dict[tuple[str, str], float] = {}
    for target in attack.targets(30_000, seed=5):
        if target.what.startswith("one filter"):
            continue
        for row in attack.attacked(target, public):
            read[row["on"], row["attack"]] = row["guessed"] / row["base"]
            if target.bar == 0 and row["ok"] is not None:
                assert row["ok"], row
    assert read["given name alone", "bits set together"] > 5
    assert read["given name alone", "most frequent encodings"] > 1.2
    assert read["protected: dates", "half of the people known"] < 2


def test_the_attacks_on_the_page_are_the_newest_that_were_measured() -> None:
    rows = attack.newest()
    assert attack.section(rows) in attack.PAGE.read_text(encoding="utf-8")
    assert not [row for row in rows if row["ok"] is False]
