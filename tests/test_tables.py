"""The published overlap tables are whole, and claim no more than is known."""

from __future__ import annotations

import csv
import subprocess
import sys

import numpy as np
import pytest

from darkfigure import InputError, tables

_BRIGHTON = ["treat", "arrest", "exchange", "survey"]
_SCOTLAND = {"social_enquiry": 901, "hospital": 953, "drug_misuse_db": 3504, "hcv_db": 827}
_SPINA_BIFIDA = {"S1": 509, "S2": 206, "S3": 187}

# The people on each list and on any list, as the publications and the descriptions of the data
# give them.
SIZES: dict[str, tuple[int, dict[str, int]]] = {
    "uk-2013": (
        2744,
        {"LA": 94, "NG": 567, "PF": 1102, "GO": 807, "GP": 336, "NCA": 102},
    ),
    "uk-2013-5lists": (2744, {"LA": 94, "NG": 567, "PFNCA": 1169, "GO": 807, "GP": 336}),
    "netherlands-2010-2015": (
        8234,
        {"P": 4812, "K": 1348, "Z": 848, "R": 742, "O": 536, "I": 398},
    ),
    "netherlands-2010-2015-5lists": (
        8234,
        {"P": 4812, "K": 1348, "Z": 848, "R": 742, "IO": 929},
    ),
    "new-orleans-2014": (
        186,
        {"A": 31, "B": 6, "C": 76, "D": 40, "E": 12, "F": 7, "G": 8, "H": 22},
    ),
    "new-orleans-2014-185": (
        185,
        {"A": 31, "B": 6, "C": 75, "D": 39, "E": 12, "F": 7, "G": 8, "H": 22},
    ),
    "new-orleans-2014-5lists": (186, {"A": 31, "BEFG": 32, "C": 76, "D": 40, "H": 22}),
    "new-orleans-2014-5lists-185": (185, {"A": 31, "BEFG": 32, "C": 75, "D": 39, "H": 22}),
    "western-us": (345, {"A": 64, "B": 98, "C": 126, "D": 52, "E": 30}),
    "australia-2015-2017": (414, {"A": 50, "B": 77, "C": 260, "D": 120}),
    "korea-palembang": (123, {"b": 77, "c": 71, "d": 59}),
    "kosovo-1999": (4400, {"EXH": 1910, "ABA": 1528, "OSCE": 1786, "HRW": 685}),
    "scotland-pwid-2006": (5670, _SCOTLAND),
    "scotland-pwid-2006-stratified": (5670, _SCOTLAND),
    "brighton-pwid-total": (856, dict(zip(_BRIGHTON, (193, 82, 631, 126), strict=True))),
    "hiv-lazio-1990": (1896, {"c1": 466, "c2": 630, "c3": 693, "c4": 236}),
    "allegheny-lesbian": (2185, {"A": 997, "B": 873, "C": 506, "D": 542}),
    "hepatitis-a-taiwan": (
        271,
        {"P_serum": 135, "Q_hospital": 122, "E_epidemiologist": 126},
    ),
    "diabetes-italy": (
        2069,
        {"clinic_physician": 1754, "hospital": 452, "prescription": 1135, "reagent_strips": 173},
    ),
    "congenital-anomaly-massachusetts": (
        537,
        {
            "obstetric": 183,
            "other_hospital": 215,
            "public_health": 36,
            "mental_health": 263,
            "schools": 252,
        },
    ),
    "spina-bifida-new-york": (621, _SPINA_BIFIDA),
    "spina-bifida-new-york-stratified": (621, _SPINA_BIFIDA),
}

# Every figure that may be shown as fact: estimate, lower and upper limit.
VERIFIED = {
    "allegheny-lesbian": [(7031, 5850, 8576)],
    "australia-2015-2017": [(None, 1342, 1897)],
    "brighton-pwid-total": [(2304, 1514, 3737)],
    "korea-palembang": [(None, 124, 198)],
    "kosovo-1999": [(None, 9002, 12122)],
    "netherlands-2010-2015": [(6250, None, None)],
    "netherlands-2010-2015-5lists": [(6250, None, None)],
    "scotland-pwid-2006": [(31700, 24900, 38700), (25000, 20700, 35000)],
    "scotland-pwid-2006-stratified": [(31700, 24900, 38700), (25000, 20700, 35000)],
    "uk-2013": [(None, 10000, 13000)],
    "uk-2013-5lists": [(None, 10000, 13000)],
}


@pytest.mark.parametrize("name", tables.names())
def test_every_table_loads_with_its_columns_all_described(name: str) -> None:
    table = tables.describe(name)
    with tables.path(name).open(newline="") as file:
        columns = next(csv.reader(file))
    assert sorted(columns) == sorted([*table.strata, *table.lists, "count"])
    assert tables.load(name).lists == tuple(table.lists)
    assert tables.load(name).observed > 0


@pytest.mark.parametrize("name", tables.names())
def test_plain_names_change_the_names_and_nothing_else(name: str) -> None:
    coded, plain = tables.load(name), tables.load(name, plain_names=True)
    assert plain.lists == tuple(tables.describe(name).lists.values())
    assert np.array_equal(coded.counts, plain.counts)


def test_every_file_is_in_the_catalogue_and_the_other_way_round() -> None:
    files = {file.stem for file in tables.path("uk-2013").parent.glob("*.csv")}
    assert files == set(tables.names())


@pytest.mark.parametrize("name", SIZES)
def test_lists_are_as_long_as_published(name: str) -> None:
    observed, sizes = SIZES[name]
    counts = tables.load(name)
    assert counts.observed == observed
    assert {column: counts.size_of(column) for column in counts.lists} == sizes


@pytest.mark.parametrize("name", ["new-orleans-2014", "new-orleans-2014-5lists"])
def test_the_new_orleans_editions_differ_by_one_person_on_c_and_d_only(name: str) -> None:
    later, earlier = tables.load(name), tables.load(f"{name}-185")
    on_c_and_d = 1 << later.lists.index("C") | 1 << later.lists.index("D")
    difference = later.counts[1:] - earlier.counts[1:]
    assert np.flatnonzero(difference).tolist() == [on_c_and_d - 1]
    assert difference.sum() == 1


@pytest.mark.parametrize(
    ("six", "together", "five"),
    [
        ("uk-2013", ["PF", "NCA"], "uk-2013-5lists"),
        ("netherlands-2010-2015", ["I", "O"], "netherlands-2010-2015-5lists"),
        ("new-orleans-2014", ["B", "E", "F", "G"], "new-orleans-2014-5lists"),
        ("new-orleans-2014-185", ["B", "E", "F", "G"], "new-orleans-2014-5lists-185"),
    ],
)
def test_five_list_versions_are_the_full_ones_with_lists_merged(
    six: str, together: list[str], five: str
) -> None:
    def people(rows: list[dict[str, int]]) -> set[tuple[tuple[str, int], ...]]:
        return {tuple(sorted(row.items())) for row in rows}

    (merged_name,) = set(tables.load(five).lists) - set(tables.load(six).lists)
    merged = tables.load(six).merge(together, into=merged_name)
    assert people(merged.rows()) == people(tables.load(five).rows())


@pytest.mark.parametrize("name", ["scotland-pwid-2006", "spina-bifida-new-york"])
def test_strata_add_up_to_the_pooled_table(name: str) -> None:
    strata = tables.describe(f"{name}-stratified").strata
    pooled = tables.load(name)
    for by in (strata, strata[:1]):
        groups = tables.load_strata(f"{name}-stratified", by)
        assert len(groups) > 1
        assert np.array_equal(sum(h.counts[1:] for h in groups.values()), pooled.counts[1:])
    assert tables.load(f"{name}-stratified") == pooled


def test_brighton_groups_add_up_to_brighton() -> None:
    def counts(group: str) -> np.ndarray:
        return tables.load(f"brighton-pwid-{group}").counts[1:]

    assert np.array_equal(counts("male") + counts("female"), counts("total"))
    for sex in ("male", "female"):
        assert np.array_equal(counts(f"{sex}-15-29") + counts(f"{sex}-30-44"), counts(sex))


def test_only_figures_read_at_their_source_are_marked_verified() -> None:
    marked = {
        name: [
            (figure.estimate, figure.lower, figure.upper)
            for figure in tables.describe(name).published
            if figure.status == "verified"
        ]
        for name in tables.names()
    }
    assert {name: figures for name, figures in marked.items() if figures} == VERIFIED


def test_the_hepatitis_census_is_unverified() -> None:
    (census,) = tables.describe("hepatitis-a-taiwan").published
    assert (census.estimate, census.status) == (545, "unverified")


def test_what_is_not_verified_is_explained() -> None:
    for table in map(tables.describe, tables.names()):
        assert {p.status for p in table.published} <= {"verified", "secondary", "unverified"}
        if not table.published or any(p.status != "verified" for p in table.published):
            assert table.status_note or table.name == "artificial-3"


def test_published_points_for_new_orleans_go_with_the_185_person_editions() -> None:
    for name, point in (("new-orleans-2014", 1184), ("new-orleans-2014-5lists", 1034)):
        assert not tables.describe(name).published
        assert tables.describe(f"{name}-185").published[0].estimate == point
        assert "6 %" in tables.describe(name).note


def test_the_dutch_estimate_says_it_is_per_year() -> None:
    table = tables.describe("netherlands-2010-2015")
    assert "a year" in table.published[0].method
    assert "pools six years" in table.note


def test_invented_data_says_so_wherever_it_goes() -> None:
    assert "Invented (synthetic)" in tables.load("artificial-3").notes[0]
    assert not tables.describe("artificial-3").published


def test_an_unknown_table_is_refused_with_the_nearest_name() -> None:
    for wrong in (tables.load, tables.describe, tables.path):
        with pytest.raises(InputError, match=r"'uk-2013'.*`darkfigure tables`"):
            wrong("uk-2031")


def test_a_table_is_split_only_by_its_strata() -> None:
    with pytest.raises(InputError, match="its strata are: 'Region', 'Gender', 'Age'"):
        tables.load_strata("scotland-pwid-2006-stratified", ["Height"])
    with pytest.raises(InputError, match="its strata are: none"):
        tables.load_strata("uk-2013", ["Region"])


def test_importing_the_tables_needs_no_data_frames() -> None:
    code = "import sys, darkfigure.tables; sys.exit(bool({'polars', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
