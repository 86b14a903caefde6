"""Who is who: the records of all lists, and how likely each two of them are one person.

Fellegi & Sunter (1969, JASA 64), learned without any known matches by Splink: u from random pairs,
m by expectation-maximisation within pairs that agree on something telling (Winkler 1988), and the
share of pairs that match from the scores themselves. What comes out is not a clustering but the log
odds of every pair worth looking at; `overlap` draws from them who is who.

Learning is bounded work and is done here, whatever the engine; only scoring grows with the records
and goes to the engine. So the weights, and with them the clusters, are the same on every engine.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from darkfigure import engine
from darkfigure.errors import NoEstimateError
from darkfigure.lists import blocking, standardise
from darkfigure.lists.blocking import Rule
from darkfigure.lists.comparisons import DIFFERENT, PLAIN, PROTECTED, Ladder, usable
from darkfigure.lists.protected import ENCODINGS, TOKEN_LISTS, Protected, pairs, together
from darkfigure.lists.records import Records, as_one

if TYPE_CHECKING:
    from splink import Linker, SettingsCreator

    Worth = list[list[tuple[float, float]]]

LOWEST = 0.001
"""Pairs less likely than this to be one person are let go."""

APART = 0.003
"""Two records less likely than this to be one person never come together by way of others."""

SMALLEST_M = 0.001
"""Every kind of error that has been thought of happens at least so often, whatever the data say."""

USUAL_M = 0.85
"""How often two records of one person are the same where the data cannot tell how often."""

SAMPLED_PAIRS = 1_000_000
LEARNED_FROM = 100_000
"""Of more records, m and u are learned from so many, drawn at random."""

FEW = 50_000
"""Up to so many records, u is mended for the matches among the random pairs it was learned from."""

NOTHING = (
    "The lists have nothing in common by which people could be recognised: no two records have the "
    "same telephone number, day of birth, given and family name together, or anything else by "
    "which records are looked up."
)

Watch = Callable[[str], None]
"""Told what is being done, as it begins."""


def _nobody() -> npt.NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Links:
    """The records, and every pair of them that may be one person.

    Attributes
    ----------
    lists : tuple of str
        The lists' names.
    on : array of int, shape (records,)
        The list that each record stands on.
    left, right : array of int, shape (pairs,)
        The two records of each pair, `left < right`, in order.
    log_odds : array of float, shape (pairs,)
        Natural logarithm of the odds that the two are one person, prior included.
    apart_left, apart_right : array of int, shape (apart,)
        The two records of each pair that was compared and cannot be one person, of those that a
        chain of links would bring together.
    levels : list of dict
        What each level of each comparison says: field, level, m, u, weight (log2 of m/u).
    rules : list of dict
        Which pairs were compared: words, pairs, used.
    """

    lists: tuple[str, ...]
    on: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    log_odds: npt.NDArray[np.float64]
    apart_left: npt.NDArray[np.int64] = field(default_factory=_nobody)
    apart_right: npt.NDArray[np.int64] = field(default_factory=_nobody)
    levels: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)


def link(
    lists: Sequence[Records],
    *,
    where: engine.Where = "local",
    seed: int = 1,
    watch: Watch = lambda what: None,
) -> Links:
    """How likely each two records are one person, within lists and between them.

    Parameters
    ----------
    lists : sequence of Records
        2 to 20 lists, read at one trusted place.
    where : {'local', 'spark'}
        The engine that scores the pairs.
    seed : int
        Of the random pairs from which u is learned.
    watch : callable, optional
        Told what is being done.

    Raises
    ------
    NoEstimateError
        If the lists have nothing in common by which people could be recognised.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pathlib import Path
    >>> from darkfigure.lists.records import read_records
    >>> rows = [f"person{chr(97 + i % 26)}{chr(97 + i // 26)},x{i % 7}ray,19{50 + i % 50}-03-07"
    ...         for i in range(300)]
    >>> with TemporaryDirectory() as folder:
    ...     made = []
    ...     for name, part in (("a", rows[:200]), ("b", rows[100:])):
    ...         file = Path(folder, f"{name}.csv")
    ...         _ = file.write_text("\\n".join(["given,family,birth", *part]))
    ...         made.append(read_records(file, name))
    >>> links = link(made)
    >>> len(links.on), int((links.log_odds > 0).sum())
    (400, 100)
    """
    frame = comparable(as_one(lists))
    filled = [name for name in frame.columns if frame[name].null_count() < frame.height]
    ladders = usable(PLAIN, filled)
    watch("Choosing which records to compare.")
    rules = [rule for rule in blocking.RULES if set(rule.left + rule.right) <= set(filled)]
    chosen = blocking.choose(frame, rules)
    if not any(each.used for each in chosen):
        raise NoEstimateError(NOTHING)
    return linked(
        frame,
        [each.name for each in lists],
        ladders,
        chosen,
        where=where,
        seed=seed,
        watch=watch,
    )


def link_protected(
    lists: Sequence[Protected],
    *,
    where: engine.Where = "local",
    seed: int = 1,
    watch: Watch = lambda what: None,
) -> Links:
    """As `link`, of lists that were protected inside the agencies with one key.

    Every two records are looked at whose filters are alike or which share a token.

    Parameters
    ----------
    lists : sequence of Protected
    where, seed, watch
        As for `link`.

    Raises
    ------
    InputError
        If the lists were protected with different keys.
    NoEstimateError
        If the lists have nothing in common by which people could be recognised.
    """
    frame = together(lists).with_row_index("unique_id").rename({"case": "case_number"})
    frame = frame.with_columns(
        pl.col("unique_id").cast(pl.Int64), years_least=pl.col("years").list.min()
    )
    filled = [name for name in frame.columns if frame[name].null_count() < frame.height]
    watch("Choosing which records to compare.")
    rules = [rule for rule in blocking.PROTECTED_RULES if set(rule.left) <= set(filled)]
    chosen = blocking.choose(frame, rules)
    near = [blocking.sharing(frame, column) for column in TOKEN_LISTS]
    for encoding in ENCODINGS:
        left, right, _ = pairs(frame, encoding)
        near.append(pl.DataFrame({"join_key_l": left, "join_key_r": right}))
        alike = Rule(f"{encoding} alike, encoded", (encoding,))
        chosen.append(blocking.Chosen(alike, len(left), True))
    near += [
        blocking.agreeing(frame, each.rule) for each in chosen if each.rule in rules and each.used
    ]
    compared = pl.concat(near).unique().sort("join_key_l", "join_key_r")
    if not compared.height:
        raise NoEstimateError(NOTHING)
    return linked(
        frame,
        [each.name for each in lists],
        usable(PROTECTED, filled),
        chosen,
        compared=compared,
        where=where,
        seed=seed,
        watch=watch,
    )


def linked(
    frame: pl.DataFrame,
    names: Sequence[str],
    ladders: Sequence[Ladder],
    chosen: Sequence[blocking.Chosen],
    *,
    compared: pl.DataFrame | None = None,
    where: engine.Where,
    seed: int,
    watch: Watch,
) -> Links:
    """The links among records whose columns the ladders and the rules read.

    Parameters
    ----------
    frame : DataFrame
        With `unique_id` from 0, and `list`.
    names : sequence of str
    ladders, chosen
        How records are compared, and which.
    compared : DataFrame, optional
        The pairs to compare, `join_key_l` and `join_key_r`, in place of those that the rules take.
    where, seed, watch
        As for `link`.
    """
    watch("Learning how alike the records of one person are.")
    rules = [each.rule for each in chosen if each.used and compared is None]
    worth = _learned(frame, ladders, blocking.training(chosen), seed)
    n = frame.height
    if n <= FEW:
        _, _, evidence = _scored(frame, ladders, worth, rules, compared, "local")
        worth = _mended(worth, share_of_matches(evidence, n), n)
    watch("Comparing the records.")
    left, right, evidence = _scored(frame, ladders, worth, rules, compared, where)
    share = share_of_matches(evidence, n)
    log_odds = evidence + math.log(share / (1 - share))
    likely = log_odds > math.log(LOWEST / (1 - LOWEST))
    order = np.lexsort((right, left))
    left, right, log_odds, likely = left[order], right[order], log_odds[order], likely[order]
    chain = coo_matrix((likely[likely], (left[likely], right[likely])), shape=(n, n))
    hanging = connected_components(chain, directed=False)[1]
    apart = (log_odds < math.log(APART / (1 - APART))) & (hanging[left] == hanging[right])
    on = frame["list"].replace_strict(list(names), range(len(names)), return_dtype=pl.Int64)
    return Links(
        lists=tuple(names),
        on=on.to_numpy(),
        left=left[likely],
        right=right[likely],
        log_odds=np.round(log_odds[likely], 6),  # beyond that engines may differ
        apart_left=left[apart],
        apart_right=right[apart],
        levels=_told(ladders, worth),
        rules=[{"words": c.rule.words, "pairs": c.pairs, "used": c.used} for c in chosen],
    )


def comparable(frame: pl.DataFrame) -> pl.DataFrame:
    """The records with all columns that comparisons and blocking read.

    Parameters
    ----------
    frame : DataFrame
        As `as_one` makes it.
    """
    birth = pl.col("birth")
    month, day = birth.str.slice(5, 2), birth.str.slice(8, 2)
    can_swap = (day.cast(pl.Int64) <= 12) & (day != month)
    words = pl.col("aliases").list.eval(pl.element().str.split(" ").explode())
    return frame.with_row_index("unique_id").select(
        pl.col("unique_id").cast(pl.Int64),
        "list",
        "given",
        "family",
        "birth",
        "birth_year",
        "sex",
        "phone",
        "email",
        "place",
        "identifier",
        case_number="case",
        names=words.fill_null([]),
        birth_swapped=pl.when(can_swap).then(birth.str.slice(0, 5) + day + "-" + month),
        birth_month=birth.str.slice(0, 7),
        birth_day=birth.str.slice(5, 5),
        given_sound=standardise.sound(pl.col("given")),
        family_sound=standardise.sound(pl.col("family")),
        place_words=pl.col("place").str.split(" "),
    )


def share_of_matches(evidence: npt.NDArray[np.float64], n: int) -> float:
    """The share of all pairs of n records that are one person, by maximum likelihood.

    Pairs that were not compared are taken as different people (EM for a mixing proportion).

    Parameters
    ----------
    evidence : array of float, shape (pairs,)
        The natural logarithm of m/u, added up over the fields, of each pair that was compared.
    n : int

    Examples
    --------
    >>> round(share_of_matches(np.array([20.0, 20.0, -5.0]), 100) * 4950)
    2
    """
    pairs = n * (n - 1) / 2
    share = 1 / max(n, 3)
    for _ in range(200):
        matches = float(np.sum(1 / (1 + np.exp(-(evidence + math.log(share / (1 - share)))))))
        share, before = min(max(matches, 0.5) / pairs, 0.5), share
        if abs(share - before) < 1e-9 * share:
            break
    return share


def _settings(
    frame: pl.DataFrame, ladders: Sequence[Ladder], rules: Sequence[Rule], worth: Worth | None
) -> SettingsCreator:
    from splink import SettingsCreator
    from splink.blocking_rule_library import CustomRule

    known = worth or [[] for _ in ladders]
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[each.comparison(mu) for each, mu in zip(ladders, known, strict=True)],
        blocking_rules_to_generate_predictions=[CustomRule(rule.sql) for rule in rules],
        retain_matching_columns=False,
        probability_two_random_records_match=_share_to_begin_with(frame),
        max_iterations=50,
    )


def _share_to_begin_with(frame: pl.DataFrame) -> float:
    return 1 / max(frame.height, 10)


def _linker(
    api: Any,
    frame: pl.DataFrame,
    settings: SettingsCreator | dict[str, Any],
    name: str = "records",
) -> Linker:
    from splink import Linker

    table = engine.register(api, frame, name)
    return Linker(table, settings, log_level=logging.ERROR)


def _learned(
    frame: pl.DataFrame, ladders: Sequence[Ladder], rules: Sequence[Rule], seed: int
) -> Worth:
    """m and u of every level of every comparison, m within pairs that a rule takes."""
    from splink.blocking_rule_library import CustomRule
    from splink.internals.exceptions import SplinkException

    if frame.height > LEARNED_FROM:
        chosen = np.random.default_rng(seed).choice(frame.height, LEARNED_FROM, replace=False)
        frame = frame[np.sort(chosen)]
    with engine.database("local") as api:
        linker = _linker(api, frame, _settings(frame, ladders, rules, None))
        linker.training.estimate_u_using_random_sampling(
            max_pairs=SAMPLED_PAIRS + 1, seed=seed, min_count_per_level=None, num_chunks=1
        )
        for rule in rules:
            if all(set(rule.left) & set(ladder.reads) for ladder in ladders):
                continue  # nothing is left to learn about
            before = linker.misc.save_model_to_json()
            try:
                linker.training.estimate_parameters_using_expectation_maximisation(
                    CustomRule(rule.sql),
                    max_pairs=SAMPLED_PAIRS,
                    estimate_without_term_frequencies=True,
                )
            except (SplinkException, ValueError):
                # Where very few pairs agree Splink refuses what it learns: as if never tried.
                linker = _linker(api, frame, before, name=f"without {rule.words}")
        model = linker.misc.save_model_to_json()
    least = 0.5 / _sampled(frame.height)
    worth: Worth = []
    for comparison in model["comparisons"]:
        found = []
        levels = [x for x in comparison["comparison_levels"] if not x.get("is_null_level")]
        learned = any(isinstance(x.get("m_probability"), float) for x in levels)
        for i, level in enumerate(levels):
            m, u = level.get("m_probability"), level.get("u_probability")
            if not learned:  # no rule left this field to learn about
                m = USUAL_M if i == 0 else (1 - USUAL_M) / (len(levels) - 1)
            if not isinstance(m, float) and not isinstance(u, float):
                found.append((least, least))  # a level that nobody was seen on says nothing
                continue
            seen_m, seen_u = (x if isinstance(x, float) else 0.0 for x in (m, u))
            found.append((max(seen_m, SMALLEST_M), max(seen_u, least)))
        worth.append(_to_one(found))
    return worth


def _mended(worth: Worth, share: float, n: int) -> Worth:
    """u without the matches among the random pairs: (u as seen - share x m) / (1 - share).

    Of few records, random pairs hold enough matches to make an agreement on a birth date look as if
    strangers had it.
    """
    least = 0.5 / _sampled(n)
    return [_to_one([(m, max((u - share * m) / (1 - share), least)) for m, u in w]) for w in worth]


def _sampled(n: int) -> float:
    return min(SAMPLED_PAIRS, max(n * (n - 1) / 2, 1))


def _to_one(worth: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """m and u adding up to one, to four digits: sums over several cores differ beyond."""
    all_m, all_u = (sum(column) for column in zip(*worth, strict=True))
    return [(float(f"{m / all_m:.4g}"), float(f"{u / all_u:.4g}")) for m, u in worth]


def _told(ladders: Sequence[Ladder], worth: Worth) -> list[dict[str, Any]]:
    return [
        {"field": ladder.field, "level": words, "m": m, "u": u, "weight": math.log2(m / u)}
        for ladder, levels in zip(ladders, worth, strict=True)
        for words, (m, u) in zip(
            [*(words for words, _ in ladder.levels), DIFFERENT], levels, strict=True
        )
    ]


def _scored(
    frame: pl.DataFrame,
    ladders: Sequence[Ladder],
    worth: Worth,
    rules: Sequence[Rule],
    compared: pl.DataFrame | None,
    where: engine.Where,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The pairs compared, with the evidence of each: the natural logarithm of m/u in all."""
    share = _share_to_begin_with(frame)
    with engine.database(where) as api:
        linker = _linker(api, frame, _settings(frame, ladders, rules, worth))
        if compared is not None:
            linker.table_management.register_blocked_pairs_for_predict(
                engine.register(api, compared.with_columns(match_key=pl.lit("0")))
            )
        found = linker.inference.predict()
        scores: Any = found
        table = scores.as_pyarrow_table().select(["unique_id_l", "unique_id_r", "match_weight"])
    one, other, weight = (column.to_numpy() for column in table.columns)
    evidence = weight.astype(np.float64) * math.log(2) - math.log(share / (1 - share))
    return np.minimum(one, other), np.maximum(one, other), evidence
