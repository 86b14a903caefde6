"""Small lists of made-up agencies, with values that must not be seen again anywhere."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import polars as pl

EXAMPLE = Path(__file__).parents[1] / "examples" / "sacramento-like"

CANARIES = {
    "given": "zyxquilla",
    "family": "vortunquist",
    "alias": "quellstar",
    "birth": "1987-11-23",
    "phone": "9917654321",
    "email": "zyxq@vort.example.org",
    "place": "canaryville heights",
    "case": "CN-7788991",
}
"""One person who is on every list, with a name nobody has."""

STUDY = """\
title = "Killed and scanned"
people = "made-up people"
place = "Nowhere"
period = "2020"
synthetic = true
[records.police]
file = "police.csv"
[records.shelter]
file = "shelter.csv"
[records.services]
file = "services.csv"
[link]
draws = 5
[method]
name = "stepwise"
bootstrap = 100
"""


def generator() -> Any:
    """The example's generator of agencies' lists."""
    spec = importlib.util.spec_from_file_location("sacramento_like", EXAMPLE / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def write_study(folder: Path, people: int = 4_000) -> Path:
    """A study of three lists, each with the canary on it; its fields are known by their headers."""
    folder.mkdir(parents=True, exist_ok=True)
    made = generator().generate(people, seed=1)
    for name in ("police", "shelter", "services"):
        table = made.records[name].drop("exploitation", "age")
        canary = pl.DataFrame([CANARIES], schema=dict.fromkeys(CANARIES, pl.String))
        pl.concat([table, canary], how="diagonal").write_csv(folder / f"{name}.csv")
    study = folder / "study.toml"
    study.write_text(STUDY)
    return study


def traces(*folders: Path) -> list[tuple[Path, str]]:
    """Every file below that holds a canary, in any common coding, and which."""
    found = []
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file():
                content = file.read_bytes().lower()
                found += [(file, value) for value in CANARIES.values() if _holds(content, value)]
    return found


def _holds(content: bytes, value: str) -> bool:
    forms = {value, value.replace("-", ""), "".join(c for c in value if c.isalnum())}
    return any(
        form.lower().encode(coding) in content
        for form in forms
        for coding in ("utf-8", "utf-16-le", "utf-16-be")
    )
