"""Many tables estimated by one method, on any engine, and kept in a file as they are done.

A stratum has several completed tables, of which many are alike; those that differ are estimated
once, with seeds of the stratum's own. So the numbers depend neither on the engine nor on what else
is estimated, and a run goes on where it stopped. A table that fails takes nothing else with it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure import __version__, engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size.impute import Completed
from darkfigure.size.methods import method
from darkfigure.size.pooled import LEAST, MOST_WITHOUT, _spread
from darkfigure.size.refusal import refusals, refuse

MOST_INFINITE = 0.01
"""Of the replicates of a stratum that stands alone, so many may have no estimate."""

Group = tuple[int, ...]
"""Strata that are estimated together, by their numbers."""


@dataclass(frozen=True)
class Found:
    """What a method said of one table: an estimate as JSON and its draws, or why it has none."""

    told: str = ""
    draws: npt.NDArray[np.float32] | None = None
    refused: str = ""
    wrong_call: bool = False


@dataclass(frozen=True)
class Piece:
    """One stratum's tables, those that differ, each with its seed."""

    lists: tuple[str, ...]
    masks: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    seeds: tuple[int, ...]


def estimated(piece: Piece, *, name: str, options: Mapping[str, Any]) -> list[Found]:
    """The estimates of one stratum's tables, which share the replicates or draws asked for; runs
    wherever the engine is."""
    parameters = inspect.signature(method(name).estimate).parameters
    tables, own = len(piece.counts), dict(options)
    for key, least in LEAST.items():
        if key in parameters and (asked := own.get(key, parameters[key].default)):
            own[key] = max(least, -(-asked // tables)) if tables > 1 else asked
    return [
        _one(piece, counts, seed, name, own)
        for counts, seed in zip(piece.counts, piece.seeds, strict=True)
    ]


def _one(
    piece: Piece,
    people: npt.NDArray[np.int64],
    seed: int,
    name: str,
    options: Mapping[str, Any],
) -> Found:
    on = np.bitwise_or.reduce(piece.masks[people > 0], initial=0)
    lists = [j for j in range(len(piece.lists)) if on >> j & 1]
    if len(lists) < 2:
        return Found(refused="Fewer than two lists have anybody of these people.")
    counts = np.zeros(1 << len(lists), np.int64)
    to = sum((piece.masks >> j & 1) << i for i, j in enumerate(lists))
    np.add.at(counts, to, people)
    empty = [f"'{each}'" for j, each in enumerate(piece.lists) if j not in lists]
    notes = [f"Nobody of this stratum is on {' or '.join(empty)}."] if empty else []
    own = {**options, "seed": seed, "workers": 1}
    if "max_order" in own:
        own["max_order"] = min(own["max_order"], len(lists) - 1)
    histories = CaptureHistories([piece.lists[j] for j in lists], counts, notes)
    try:
        refuse(histories, [reason for reason in refusals(histories) if reason.hard])
        estimate = method(name).estimate(histories, **own)
    except InputError as error:
        return Found(refused=str(error), wrong_call=True)
    except NoEstimateError as error:
        return Found(refused=str(error))
    except Exception as error:  # one stratum that fails must not lose the others
        return Found(refused=f"The computation failed ({type(error).__name__}).")
    told = estimate.to_dict()
    if estimate.draws is None:  # by Wald's interval, in an order of the stratum's own
        spread = _spread(estimate) if math.isfinite(estimate.upper) else np.full(200, np.inf)
        draws = np.random.default_rng(seed).permutation(spread)
    else:
        draws = estimate.draws
    told["draws"] = None
    return Found(json.dumps(told, sort_keys=True), draws.astype(np.float32))


def _packed(found: Found) -> dict[str, Any]:
    draws = None if found.draws is None else found.draws.astype("<f4").tobytes()
    text = None if draws is None else base64.b64encode(draws).decode()
    return {"told": found.told, "draws": text, "refused": found.refused, "wrong": found.wrong_call}


def _unpacked(kept: Mapping[str, Any]) -> Found:
    text = kept["draws"]
    draws = None if text is None else np.frombuffer(base64.b64decode(text), "<f4")
    return Found(kept["told"], draws, kept["refused"], kept["wrong"])


class Asked:
    """What a method says of groups of strata, each asked once and kept.

    Parameters
    ----------
    tables : Completed
    name : str
        The method.
    options : mapping
        Its options, which can be written as JSON.
    seed : int
    resume : Path, optional
        A file for what was found, one line of JSON for each group. What is there already, and was
        found from the same counts by the same method, is not found again.
    where, workers, progress
        As for `engine.run`.
    """

    def __init__(
        self,
        tables: Completed,
        name: str,
        options: Mapping[str, Any],
        *,
        seed: int,
        resume: Path | None = None,
        where: engine.Where = "local",
        workers: int | None = None,
        progress: engine.Progress | None = None,
    ) -> None:
        self.tables, self.seed, self.resume = tables, seed, resume
        self.work = partial(estimated, name=name, options=dict(options))
        self.about = json.dumps([__version__, name, options], sort_keys=True)
        self.run = partial(engine.run, where=where, workers=workers, progress=progress)
        self.found: dict[Group, list[Found]] = {}
        self.kept = _read(resume) if resume else {}

    def ask(self, groups: Sequence[Group]) -> None:
        """Have these groups estimated, those that have not been.

        Raises
        ------
        InputError
            If the method refuses how it was called.
        """
        new = [group for group in groups if group not in self.found]
        pieces = [self._piece(group) for group in new]
        keys = [self._key(piece) for piece, _ in pieces]
        todo = [i for i, key in enumerate(keys) if key not in self.kept]
        with self.resume.open("ab") if self.resume else contextlib.nullcontext() as stream:
            found_anew = self.run(self.work, [pieces[i][0] for i in todo])
            for i, found in zip(todo, found_anew, strict=True):
                self.kept[keys[i]] = found
                if stream is not None:
                    line = {"key": keys[i], "found": [_packed(each) for each in found]}
                    stream.write(json.dumps(line).encode() + b"\n")
                    stream.flush()
        for group, key, (_, which) in zip(new, keys, pieces, strict=True):
            if wrong := next((f.refused for f in self.kept[key] if f.wrong_call), ""):
                raise InputError(wrong)
            self.found[group] = [self.kept[key][i] for i in which]

    def _piece(self, group: Group) -> tuple[Piece, npt.NDArray[np.intp]]:
        """A group's tables that differ, and which of them each of its tables is."""
        counts = self.tables.counts[:, list(group)].sum(axis=1)
        different, first, which = np.unique(counts, axis=0, return_index=True, return_inverse=True)
        seeds = tuple(self.seed_of(group, table) for table in first.tolist())
        return Piece(self.tables.lists, self.tables.masks, different, seeds), which.reshape(-1)

    def _key(self, piece: Piece) -> str:
        digest = hashlib.sha256(repr((self.about, piece.lists, piece.seeds)).encode())
        for array in (piece.masks, piece.counts):
            digest.update(array.astype("<i8").tobytes())
        return digest.hexdigest()

    def seed_of(self, group: Group, *table: int) -> int:
        """A seed of the group's own, which is the same whatever else there is."""
        name = "\x1f".join("\x1e".join(self.tables.kinds[i]) for i in group)
        words = np.frombuffer(hashlib.sha256(name.encode()).digest(), "<u4").tolist()
        sequence = np.random.SeedSequence(self.seed, spawn_key=(3, *words, *table))
        return int(sequence.generate_state(1)[0])

    def answers(self, group: Group) -> bool:
        """Is there an estimate, in nearly all tables and with an upper limit?"""
        found = self.found[group]
        draws = [each.draws for each in found if each.draws is not None]
        if len(found) - len(draws) > MOST_WITHOUT * len(found) or not draws:
            return False
        return float(np.mean([np.isinf(each).mean() for each in draws])) <= MOST_INFINITE

    def refusal(self, group: Group) -> str:
        """Why the group has no estimate, in the words of the method."""
        return next((each.refused for each in self.found[group] if each.refused), "")


def _read(file: Path) -> dict[str, list[Found]]:
    """What an earlier call has left in a file, which is cut off after the last whole line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Found]] = {}
    whole = 0
    with file.open("a+b") as stream:
        stream.seek(0)
        for line in stream:
            try:
                stored = json.loads(line)
                found[stored["key"]] = [_unpacked(each) for each in stored["found"]]
            except (ValueError, KeyError, TypeError):
                break
            if not line.endswith(b"\n"):
                break
            whole += len(line)
        stream.truncate(whole)
    return found
