"""The command line as a user calls it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from darkfigure.size.methods import METHODS


def darkfigure(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "darkfigure", *args],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        check=False,
    )


def answer(*args: str) -> dict[str, Any]:
    done = darkfigure(*args, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_size_says_it_in_a_sentence_and_a_table() -> None:
    done = darkfigure("size", "uk-2013", "--method", "stepwise")
    assert done.returncode == 0
    assert done.stdout.startswith("About 11,418 people in all, between ")
    assert "share seen (%)" in done.stdout


@pytest.mark.parametrize("method", [name for name in METHODS if name != "latent-class"])
def test_every_method_is_told_in_words(method: str) -> None:
    own = ["--bootstrap", "40"] if "bootstrap" in METHODS[method].options else []
    done = darkfigure("size", "korea-palembang", "--method", method, *own)
    assert done.returncode == 0, done.stderr
    assert f"method: {method}" in done.stdout
    assert "Traceback" not in done.stderr


def test_json_has_what_scripts_rely_on() -> None:
    found = answer("size", "kosovo-1999", "--method", "bic", "--bootstrap", "40", "--seed", "7")
    assert {
        "method", "total", "lower", "upper", "level", "observed", "unseen", "lists", "seed",
        "warnings", "seconds", "model", "bic", "models", "models_fitted", "models_admissible",
        "certified",
    } <= set(found)  # fmt: skip
    assert (found["model"], found["models_admissible"], found["certified"]) == (
        "[123,14,34]",
        113,
        True,
    )
    assert found["seed"] == 7


def test_the_certificate_stands_in_the_json() -> None:
    found = answer("size", "uk-2013", "--method", "bic", "--bootstrap", "0")
    assert found["models"] == 7_785_061
    assert found["models_fitted"] + found["models_pruned"] == found["models"]
    assert found["models_admissible"] is None
    assert (found["certified"], found["gap"]) == (True, 0.0)


def test_nested_intervals_are_an_option() -> None:
    found = answer("size", "kosovo-1999", "--method", "bic", "--bootstrap", "60", "--nested", "3")
    assert [each["model"] for each in found["nested"]] == [
        "[123,14,34]",
        "[123,134]",
        "[134,12,23]",
    ]
    said = darkfigure(
        "size", "kosovo-1999", "--method", "bic", "--bootstrap", "60", "--nested", "3"
    ).stdout
    assert "choice among   3:" in said


def test_averaged_says_how_probable_each_dependence_is() -> None:
    found = answer("size", "kosovo-1999", "--method", "averaged", "--draws", "2000")
    assert found["method"] == "averaged"
    assert found["lower"] < found["total"] < found["upper"]
    assert len(found["dependent"]) == 6
    assert all(0 <= each["probability"] <= 1 for each in found["dependent"])
    laplace = answer("size", "kosovo-1999", "--method", "averaged", "--weights", "laplace")
    assert laplace["total"] != found["total"]


def test_a_bootstrap_of_a_method_without_one_is_a_note_and_no_error() -> None:
    done = darkfigure("size", "kosovo-1999", "--method", "averaged", "--bootstrap", "0", "--json")
    assert done.returncode == 0
    assert "no effect" in done.stderr
    assert json.loads(done.stdout)["method"] == "averaged"


def test_check_tells_what_drives_the_estimate() -> None:
    found = answer("check", "uk-2013-5lists")
    assert round(found["total"]) == 25311
    text = darkfigure("check", "uk-2013-5lists")
    assert text.returncode == 0
    assert "12,262 to 28,822" in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 100


def test_the_same_seed_gives_the_same_answer_and_another_does_not() -> None:
    def limits(seed: str) -> tuple[object, object]:
        found = answer("size", "korea-palembang", "--seed", seed)
        return found["lower"], found["upper"]

    assert limits("3") == limits("3")
    assert limits("3") != limits("4")


def test_data_that_cannot_answer_end_with_1_and_say_why(tmp_path: Path) -> None:
    file = tmp_path / "apart.csv"
    file.write_text("a,b,c,count\n1,0,0,9\n0,1,0,8\n0,0,1,7\n")
    for method in ("independent", "stepwise", "bic", "averaged"):
        done = darkfigure("size", str(file), "--method", method, "--json")
        assert done.returncode == 1
        told = json.loads(done.stdout)
        assert "cannot answer" in told["refused"][0]["reason"]
        assert told["lower_bound"]["people"] == 24
        assert "cannot answer" in done.stderr
        assert "Traceback" not in done.stderr
    done = darkfigure("check", str(file), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["lower_bound"]["people"] == 24
    assert "cannot answer" in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("size", "uk-2012"), "uk-2013"),
        (("size", "uk-2013", "--method", "magic"), "no method 'magic'"),
        (("size", "uk-2013", "--level", "95"), "between 0 and 1"),
        (("size", "uk-2013", "--method", "bic", "--bootstrap", "3"), "too few"),
        (("size", "uk-2013", "--bootstrap", "-3"), "--bootstrap"),
        (("size", "uk-2013", "--method", "bic", "--max-order", "6"), "between 1 and 5"),
        (("size", "uk-2013", "--max-order", "2", "--method", "stepwise"), "no --max-order"),
        (("size", "uk-2013", "--method", "bic", "--draws", "5000"), "no --draws"),
        (("size", "uk-2013", "--time-limit", "9"), "no --time-limit"),
        (("size", "uk-2013", "--method", "bic", "--nested", "-1"), "1 or more"),
        (("size", "uk-2013", "--method", "bic", "--time-limit", "0"), "above 0"),
        (("size", "uk-2013", "--method", "averaged", "--weights", "aic"), "weights"),
        (("size", "uk-2013", "--method", "averaged", "--draws", "3"), "draws"),
        (
            ("size", "uk-2013", "--method", "doubly-robust", "--covariates", "sex", "--by", "age"),
            "leave out --by",
        ),
        (("check", "uk-2012"), "uk-2013"),
        (("check", "uk-2013", "--max-order", "6"), "between 1 and 5"),
        (("check", "kosovo-1999", "--threshold", "-3"), "above 0"),
        (("tables", "nowhere-1900"), "nowhere-1900"),
        (("run", "nothing.toml"), "no such file"),
        (("size",), "TABLE"),
        (("dance",), "dance"),
    ],
)
def test_a_wrong_call_ends_with_2_and_one_sentence(args: tuple[str, ...], says: str) -> None:
    done = darkfigure(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_tables_lists_them_all_and_shows_one_with_its_marks() -> None:
    every = darkfigure("tables").stdout
    assert "uk-2013 " in every
    assert "new-orleans-2014-185" in every
    one = darkfigure("tables", "hepatitis-a-taiwan").stdout
    assert "unverified" in one
    found = answer("tables", "uk-2013")
    assert found["observed"] == 2744


def test_help_names_every_command_without_loading_the_wings() -> None:
    probe = (
        "import sys; sys.argv = ['darkfigure', '--help']\n"
        "from darkfigure.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "wings = {'numba', 'scipy', 'polars', 'altair', 'pydantic', 'vl_convert'}\n"
        "heavy = wings & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"run", "size", "check", "tables"} <= set(done.stdout.split())


def test_the_output_of_a_run_can_be_read_by_a_script(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent / "examples/uk-2013/study.toml"
    done = darkfigure("run", str(example), "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("About 12,350 people in all")
    assert json.loads((tmp_path / "out/estimate.json").read_text())["observed"] == 2744


def test_an_interrupt_is_answered_with_a_sentence(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent / "examples/uk-2013/study.toml"
    slow = example.read_text().replace("bootstrap = 1000", "bootstrap = 100000")
    (tmp_path / "study.toml").write_text(slow)
    process = subprocess.Popen(
        [sys.executable, "-m", "darkfigure", "run", str(tmp_path / "study.toml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stderr is not None
    assert "Estimating" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted." in said
    assert "Traceback" not in said
    assert not (tmp_path / "out" / tmp_path.name / "report.html").exists()
