"""Counts of one list from a file: what is read, and what is refused with its place."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure import InputError
from darkfigure.demand import Counts, people, read_counts
from darkfigure.demand.formula import columns_of, design


def written(folder: Path, text: str) -> Path:
    file = folder / "counts.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_one_row_for_each_person_and_one_for_each_count_are_the_same(tmp_path: Path) -> None:
    by_person = read_counts(written(tmp_path, "person,arrests\na,1\nb,1\nc,2\nd,5\n"))
    assert by_person.frequencies == {1: 2, 2: 1, 5: 1}
    by_count = read_counts(written(tmp_path, "times;people\n1;2\n2;1\n5;1\n"))
    assert by_count.frequencies == by_person.frequencies
    assert by_count.observed == by_person.observed == 4


@pytest.mark.parametrize("name", ["count", "arrests", "Times", "y"])
def test_the_count_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    assert read_counts(written(tmp_path, f"{name},age\n2,30\n1,40\n")).observed == 2


def test_a_column_can_be_named(tmp_path: Path) -> None:
    file = written(tmp_path, "stops,n\n1,40\n2,9\n")
    assert read_counts(file, count="stops", people="n").observed == 49
    with pytest.raises(InputError, match=r"No column says how often.*--count.*stops, n"):
        read_counts(file)
    with pytest.raises(InputError, match="There is no column 'stop'"):
        read_counts(file, count="stop")


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("0", "line 3, column 'count': The count is 0: somebody who was never met"),
        ("-2", "line 3, column 'count': The number is -2"),
        ("1.5", "line 3, column 'count': The number is 1.5; .* not a fraction"),
        ("", "line 3, column 'count': This must be how often"),
        ("many", "line 3, column 'count': This must be how often"),
        ("nan", "line 3, column 'count': The number is nan"),
        ("inf", "line 3, column 'count': The number is inf"),
        ("1_0", "line 3, column 'count': This must be how often"),
        ("1e9", "from 1 to 10,000"),
        ("6+", r"class of 6 times or more, not a count. Say so by --top 6\+"),
        (">=6", r"class of 6 times or more"),
        ("6 or more", r"class of 6 times or more"),
    ],
)
def test_a_count_that_is_none_is_refused_with_its_place(
    tmp_path: Path, cell: str, sentence: str
) -> None:
    file = written(tmp_path, f"count,freq\n1,20\n{cell},9\n2,5\n")
    with pytest.raises(InputError, match=sentence) as refused:
        read_counts(file)
    assert str(file) in str(refused.value)


def test_every_wrong_line_is_told_up_to_twenty(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read_counts(written(tmp_path, "count\n" + "0\n" * 30))
    assert len(refused.value.problems) == 21
    assert "10 more" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("count,freq\n", "nobody below the header"),
        ("count,freq\n1,0\n", "nobody in these counts"),
        ("count,freq\n1,3,9\n", "3 cells and the header 2"),
        ("count,freq\n1,2.5\n", "column 'freq': .* not a fraction"),
        ("count,count\n1,2\n", "Two columns are called 'count'"),
        ("count,\n1,2\n", "A column has no name"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_counts(written(tmp_path, text))


def test_a_top_class_has_to_be_said(tmp_path: Path) -> None:
    file = written(tmp_path, "count,freq\n1,541\n2,169\n3,95\n6+,23\n")
    assert read_counts(file, top="6+").top == 6
    as_a_number = written(tmp_path, "count,freq\n1,541\n2,169\n3,95\n6,23\n")
    assert read_counts(as_a_number, top=6).top == 6
    assert read_counts(as_a_number).top == 0
    with pytest.raises(InputError, match="class of 6 times"):
        read_counts(written(tmp_path, "count,freq\n1,541\n6+,23\n"), top="5+")
    with pytest.raises(InputError, match="nobody may have a higher count"):
        read_counts(written(tmp_path, "count,freq\n1,541\n7,23\n"), top="6+")
    with pytest.raises(InputError, match="written as '6\\+'"):
        read_counts(as_a_number, top="six")
    assert read_counts("vancouver-street-contacts").top == 6, "a published one knows its own"


def test_a_table_of_something_else_is_refused() -> None:
    with pytest.raises(InputError, match="has no counts of times"):
        read_counts("geese")
    with pytest.raises(InputError, match="Did you mean 'edinburgh-taxicabs'"):
        read_counts("edinburgh-taxicab")


def test_what_is_missing_is_told_only_if_the_formula_needs_it(tmp_path: Path) -> None:
    file = written(tmp_path, "count,sex,age\n" + "1,f,30\n2,m,41\n1,m,35\n2,f,22\n" * 5 + "1,,50\n")
    counts = read_counts(file)
    assert people(counts, "ztpoisson", "y ~ age").observed == 21
    with pytest.raises(InputError, match=r"line 22, column 'sex': The cell is missing"):
        people(counts, "ztpoisson", "y ~ sex")
    with pytest.raises(InputError, match="names the column 'nation', which is not there"):
        people(counts, "ztpoisson", "y ~ nation")


def test_no_cell_of_a_person_is_in_a_message(tmp_path: Path) -> None:
    secret = "Jane-Doe-of-Elm-Street"
    file = written(tmp_path, f"count,name,sex\n1,{secret},\n2,{secret},m\n3,x,f\n")
    with pytest.raises(InputError) as refused:
        people(read_counts(file), "ztpoisson", "y ~ sex")
    assert secret not in str(refused.value)


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("sex", "is no formula"),
        ("y ~", "is no formula"),
        ("y ~ a ~ b", "is no formula"),
        ("y ~ sex age", "no formula that can be read"),
        ("y ~ sex | age", "no formula that can be read"),
        ("y ~ .", "no formula that can be read"),
        ("y ~ log(age)", "no name of a column.*Work out a logarithm"),
        ("y ~ __import__('os').getcwd()", "no formula that can be read"),
        ("y ~ {age + 1}", "no name of a column"),
        ("y ~ 2:age", "no name of a column"),
        ("y ~ sex[0]", "no name of a column"),
        ("y ~ age^2", "a power, which in a formula is no square"),
        ("y ~ age**2", "a power, which in a formula is no square"),
        ("y ~ `1` + age", "is called by a number"),
        ("y ~ sex - 1", "leaves out the intercept"),
        ("y ~ sex - sex", "has a '-'; columns are joined by"),
        ("y ~ sex / age", "`age/group`"),
        ("y ~ sex %in% age", "has a '%'"),
        ("y ~ ``", "names no column"),
        ("y ~ 1 + 1", "names no column"),
        ("y ~ 0 + sex", "leaves out the intercept"),
        ("sex ~ age", "which is not the count"),
        ("log(y) ~ age", "which is not the count"),
        ("y ~ same", "same value for everybody"),
        ("y ~ sex + twin", "say the same thing twice"),
    ],
)
def test_a_formula_that_is_none_is_refused(formula: str, sentence: str) -> None:
    sex = ["f", "m", "m", "f"]
    counts = Counts(
        [1, 2, 1, 3],
        covariates={
            "sex": sex, "age": list("3425"), "place": list("abab"), "same": ["x"] * 4, "twin": sex,
        },
    )  # fmt: skip
    with pytest.raises(InputError, match=sentence):
        design(formula, counts)


def test_coding_is_that_of_r() -> None:
    counts = Counts(
        [1] * 6, covariates={"sex": list("fmfmfm"), "n": ["1", "2", "3", "4", "5", "7"]}
    )
    x, names = design("y ~ sex * n", counts)
    assert names == ["(Intercept)", "sexm", "n", "sexm:n"]
    np.testing.assert_array_equal(x[:, 1], [0, 1, 0, 1, 0, 1])
    np.testing.assert_array_equal(x[:, 3], x[:, 1] * x[:, 2])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "b", "c c", "d.e", "f[1]", "g-h", "i^2", "j/k"]),
        min_size=1,
        max_size=4,
    )
)
def test_columns_stand_once_in_their_order(names: list[str]) -> None:
    formula = "y ~ " + " + ".join(f"`{name}`" for name in names)
    assert columns_of(formula) == list(dict.fromkeys(names))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*"+:*-/()[]{}`'\"01%|~.\\=<, ", "sex", "é", "{+!}`"]), max_size=8))
def test_no_text_ends_in_a_traceback(parts: list[str]) -> None:
    with contextlib.suppress(InputError):
        assert all(isinstance(name, str) for name in columns_of("y ~ " + "".join(parts)))


def test_what_two_do_alone_has_a_column_for_every_word() -> None:
    """As R does: without `sex` itself no word stands for the rest."""
    counts = Counts([1] * 4, covariates={"sex": list("fmfm"), "n": list("1234")})
    x, names = design("y ~ sex:n", counts)
    assert names == ["(Intercept)", "sexf:n", "sexm:n"]
    np.testing.assert_array_equal(x[:, 1], [1, 0, 3, 0])


def test_three_columns_and_more_may_be_joined_up_to_a_bound() -> None:
    rng = np.random.default_rng(1)
    many = {name: [str(v) for v in rng.choice(list("abcdefghij"), 400)] for name in "uvw"}
    two = {name: [str(v) for v in rng.choice(list("ab"), 400)] for name in "xyz"}
    counts = Counts([1] * 400, covariates=many | two)
    x, names = design("y ~ x * y * z", counts)
    assert x.shape == (400, 8)
    assert names[-1] == "xb:yb:zb"
    with pytest.raises(InputError, match="makes 1,330 columns; a regression takes 500 at most"):
        design("y ~ u * v * w", counts)


def test_bad_cells_and_missing_columns_are_told_together(tmp_path: Path) -> None:
    file = written(tmp_path, "count,sex\n1,f\nx,m\n2,\n")
    with pytest.raises(InputError) as refused:
        read_counts(file, covariates=["sex", "nation", "sex"])
    told = [str(problem) for problem in refused.value.problems]
    assert len(told) == 3
    assert "names 'nation', which is not there" in told[0]
    assert "line 3, column 'count'" in told[1]
    assert "line 4, column 'sex': The cell is missing" in told[2]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"counts": [1, 0]}, "below 1"),
        ({"counts": [1.5, 2]}, "whole numbers"),
        ({"counts": ["1", "2"]}, "row of numbers"),
        ({"counts": []}, "row of numbers"),
        ({"counts": [1, 2], "people": [1]}, "differ in length"),
        ({"counts": [1, 2], "people": [1, -1]}, "below zero"),
        ({"counts": [1, 2], "top": 1}, "2 at least"),
    ],
)  # fmt: skip
def test_counts_that_are_none_are_refused(given: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Counts(**given)
