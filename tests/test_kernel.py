"""What was compiled is used again, and only for the sources it was compiled from."""

from __future__ import annotations

from pathlib import Path

import pytest

from darkfigure import _kernel
from darkfigure.size.methods import compile_once, compiled


def test_compiled_code_is_kept_by_the_sources_of_every_wing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    for name in ("_kernel.py", "__init__.py", "size/_search.py", "lists/_near.py", "lists/link.py"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("1")
    monkeypatch.setattr(_kernel, "HERE", source)
    monkeypatch.setattr(_kernel, "HOMES", (tmp_path / "kept",))
    first = _kernel._folder()
    assert first is not None
    for name in ("__init__.py", "lists/link.py"):
        (source / name).write_text("2")
        assert _kernel._folder() == first
    for name in ("_kernel.py", "size/_search.py", "lists/_near.py"):
        (source / name).write_text("2")
        after = _kernel._folder()
        assert after != first
        assert [*(tmp_path / "kept").iterdir()] == [after]
        first = after


@pytest.mark.parametrize("name", ["auto", "chao"])
def test_a_method_is_said_to_be_compiled_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kernel, "FOLDER", tmp_path)
    assert not compiled(name)
    compile_once(name)
    assert compiled(name)
    assert not compiled("bic")
    monkeypatch.setattr(_kernel, "FOLDER", None)  # nothing can be kept: it is compiled each time
    compile_once(name)
    assert not compiled(name)
