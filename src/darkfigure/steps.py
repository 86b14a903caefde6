"""Files made in order, each only when what it is made from has changed.

Each step declares what it needs; its key is a hash of all that and of the version. A step whose key
is known and whose file is whole is skipped. Everything is written aside, in `.unfinished` inside
the output folder, and moved into place at the end, the record of what made it last. What an earlier
run of the same study made and this one does not is taken away then, so that nothing of it stands
beside a page that hides it; what other studies made stays, and is remembered.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from darkfigure import __version__
from darkfigure.errors import InputError, Problem

RECORD = "made.json"
ASIDE = ".unfinished"


class Steps:
    """Files made in order, each only when its needs have changed, put in place at the end."""

    def __init__(self, folder: Path, of: Path) -> None:
        self.folder = folder
        self.of = hash_of(str(of.resolve()).encode())[:16]
        self.aside = folder / ASIDE
        self.skipped: list[str] = []
        self.made: dict[str, dict[str, str]] = {}
        try:
            self.aside.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                Problem(f"The folder cannot be written to: {error.strerror}.", file=str(folder))
            ) from None

    def text(self, name: str, *, needs: Mapping[str, Any], make: Callable[[], str]) -> str:
        """The text of a file, made anew unless one is there that the same needs made."""
        key = hash_of(json.dumps([__version__, name, needs], sort_keys=True).encode())
        for place in (self.aside, self.folder):
            recorded = _record(place).get(name, {})
            file = place / name
            if recorded.get("key") == key and file.is_file():
                found = file.read_bytes()
                if hash_of(found) == recorded.get("sha256"):
                    self.skipped.append(name)
                    if place is self.folder:
                        self._keep(name, key, found)
                    else:
                        self.made[name] = recorded
                    return found.decode()
        text = make()
        self._keep(name, key, text.encode())
        return text

    def _keep(self, name: str, key: str, content: bytes) -> None:
        write(self.aside / name, content)
        self.made[name] = {"key": key, "sha256": hash_of(content)}
        write(self.aside / RECORD, json.dumps({"files": self.made}, indent=1).encode())

    def unfinished(self, *needs: Mapping[str, Any]) -> Path:
        """Where to keep what is done of one long step, for the same needs only."""
        key = hash_of(json.dumps([__version__, *needs], sort_keys=True).encode())
        for other in self.aside.glob("replicates-*"):
            if not other.name.startswith(f"replicates-{key[:16]}"):
                other.unlink()
        return self.aside / f"replicates-{key[:16]}"

    def hash_made(self, name: str) -> str:
        """The hash of a file made earlier in this run."""
        return self.made[name]["sha256"]

    def finish(self, made_by: Mapping[str, Any]) -> None:
        """Move everything into place; an interrupt waits until that is done."""
        earlier = _earlier(self.folder)
        before = earlier.pop(self.of, {})
        for files in earlier.values():
            for name in self.made:
                files.pop(name, None)  # it is of this study now
        told = {**made_by, "study": self.of, "files": self.made}
        if others := {study: files for study, files in earlier.items() if files}:
            told["of other studies"] = others
        record = json.dumps(told, indent=1, ensure_ascii=False)
        for name in self.made:
            if (self.folder / name).is_dir():
                raise InputError(
                    Problem(
                        "A folder stands where this file has to be written; move it away.",
                        file=str(self.folder / name),
                    )
                )
        with _uninterrupted():
            (self.folder / RECORD).unlink(missing_ok=True)  # while files move, nothing vouches
            for name in self.made:
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(self.aside / name, self.folder / name)
            write(self.aside / RECORD, record.encode())
            os.replace(self.aside / RECORD, self.folder / RECORD)
            for name in before.keys() - self.made.keys():
                self._remove(name, before[name].get("sha256", ""))
            for leftover in sorted(self.aside.rglob("*"), reverse=True):
                leftover.rmdir() if leftover.is_dir() else leftover.unlink()
            self.aside.rmdir()

    def _remove(self, name: str, sha256: str) -> None:
        """Take away what an earlier run made and this one does not, if nobody changed it since."""
        file = self.folder / name
        with contextlib.suppress(OSError):
            within = file.resolve().is_relative_to(self.folder.resolve())
            if within and file.is_file() and hash_of(file.read_bytes()) == sha256:
                file.unlink()


def default_folder(path: Path) -> Path:
    """Where results go: `out/` and the name of the file's folder; and its own, but for study.toml.

    So several beside each other each have their own.

    Examples
    --------
    >>> default_folder(Path("reno/study.toml")), default_folder(Path("reno/scenario.toml"))
    (PosixPath('out/reno'), PosixPath('out/reno-scenario'))
    """
    name = path.resolve().parent.name or "study"
    return Path("out") / (name if path.stem == "study" else f"{name}-{path.stem}")


def _made(place: Path) -> dict[str, Any]:
    try:
        found = json.loads((place / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _files(given: Any) -> dict[str, dict[str, str]]:
    some = given.items() if isinstance(given, dict) else ()
    return {name: each for name, each in some if isinstance(each, dict)}


def _record(place: Path) -> dict[str, dict[str, str]]:
    return _files(_made(place).get("files"))


def _earlier(place: Path) -> dict[str, dict[str, dict[str, str]]]:
    """The files that are in a folder, by the study that made them."""
    made = _made(place)
    others = made.get("of other studies")
    found = {
        str(of): _files(files) for of, files in (others if isinstance(others, dict) else {}).items()
    }
    found.setdefault(str(made.get("study", "")), {}).update(_files(made.get("files")))
    return found


def write(file: Path, content: bytes) -> None:
    """Write aside, then rename: a file is whole or it is not there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    try:
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and termination until the block is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    before = {
        number: signal.signal(number, lambda n, frame: held.append((n, frame)))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0][0])
