"""Settings from a TOML file, held against what they may be; each problem with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkfigure.errors import InputError, Problem

Text = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A section of settings: nothing unknown, nothing of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Given(Generic[S]):
    """What a file says: the settings (None where they do not hold), and what is wrong with them."""

    settings: S | None
    problems: tuple[Problem, ...]
    fields: dict[str, Any]
    text: str


def read(path: str | Path, model: type[S]) -> Given[S]:
    """Read a TOML file of settings.

    Raises
    ------
    InputError
        If there is no such file, or it is not TOML.
    """
    name = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            Problem(
                "There is no such file; give the path of a TOML file such as study.toml.", file=name
            )
        ) from None
    except IsADirectoryError:
        raise InputError(
            Problem("This is a folder; give the path of the TOML file in it.", file=name)
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            Problem("This is not text in UTF-8; save it as a plain text file.", file=name)
        ) from None
    except OSError as error:
        raise InputError(Problem(f"It cannot be read: {error.strerror}.", file=name)) from None
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        what = re.sub(r" ?\(at .*\)$", "", str(error))
        raise InputError(
            Problem(
                f"This is not TOML: {what}. Texts stand in quotes, one setting to a line.",
                file=name,
                line=int(line.group(1)) if line else text.count("\n") + 1,
            )
        ) from None
    try:
        return Given(model.model_validate(fields), (), fields, text)
    except ValidationError as error:
        problems = tuple(_problem(each, name, text, model) for each in error.errors())
        return Given(None, problems, fields, text)


def sections_of(path: str | Path) -> set[str]:
    """What stands at the top of a TOML file; nothing where it cannot be read, which `read` says."""
    try:
        return set(tomllib.loads(Path(path).read_text(encoding="utf-8-sig")))
    except (OSError, ValueError):
        return set()


def _problem(error: Any, file: str, text: str, whole: type[Section]) -> Problem:
    """One of pydantic's complaints as a sentence with its line."""
    path = tuple(str(part) for part in error["loc"])
    setting = ".".join(path) or "the study"
    kind = error["type"]
    if kind == "missing":
        message = f"The setting '{setting}' is missing."
    elif kind == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _settings(whole, path[:-1]), n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        message = f"There is no setting '{setting}'.{hint}"
    elif kind == "value_error":
        message = f"{setting}: {error['ctx']['error']}."
    elif kind.endswith("_type"):
        wanted = {
            "string_type": "a text in quotes",
            "int_type": "a whole number",
            "bool_type": "true or false, without quotes",
            "list_type": "a list in square brackets",
            "date_type": "a day, such as 2020-12-31, without quotes",
        }.get(kind, "a section of settings" if kind in ("model_type", "dict_type") else "a number")
        message = f"The setting '{setting}' does not fit: it must be {wanted}."
    else:
        message = (
            f"The setting '{setting}' does not fit: {error['msg'][:1].lower()}{error['msg'][1:]}."
        )
    return Problem(message.replace("..", "."), file=file, line=line_of(path, text))


def _settings(whole: type[Section], section: tuple[str, ...]) -> list[str]:
    model: Any = whole
    for name in section:
        if get_origin(model) is dict:  # the short names of lists, and then the settings of one
            model = get_args(model)[1]
            continue
        fields = getattr(model, "model_fields", {})
        match = next((f for key, f in fields.items() if name in (key, f.alias)), None)
        model = match.annotation if match else None
    both = (model, *get_args(model))  # a section may be left out: Data | None
    fields = next((m.model_fields for m in both if hasattr(m, "model_fields")), {})
    return [field.alias or key for key, field in fields.items()]


def line_of(path: tuple[str, ...], text: str) -> int:
    """The line on which a setting stands, or its section, or the first."""
    section: tuple[str, ...] = ()
    best = 1
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        if header:
            section = tuple(part.strip().strip("\"'") for part in header.group(1).split("."))
            if path[: len(section)] == section:
                best = number
            continue
        key = re.match(r"\s*([\w-]+|\"[^\"]*\"|'[^']*')\s*=", line)
        if key:
            here = (*section, key.group(1).strip("\"'"))
            if here == path:
                return number
            if path[: len(here)] == here:  # it stands in braces on this line
                best = number
    return best
