"""A model's chains, by the No-U-Turn sampler of NumPyro, or a refusal.

The chains run one after the other in one compiled loop, so that what they draw does not depend on
how many cores there are; side by side they would take many times as long, for each move would be as
long as that of the slowest chain. JAX runs them on a GPU where it sees one. It is loaded here, as
late as it can be, and its numbers have 64 bits here only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure._kernel import FOLDER
from darkfigure.convergence import convergence
from darkfigure.errors import InputError, NoEstimateError

RHAT = 1.01  # the most (Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021)
ACCEPT = (0.95, 0.99)  # what share of moves to accept; the second where there were divergences
ROUNDS = 10  # how often the chains may go on where they do not agree yet
DEPTH = (7, 10)  # doublings of a move, while steps are set and after
KEPT = 8  # models whose compiled code is kept, together
JITTER = 0.1  # how far from the start given the chains begin, in unbounded coordinates

Floats = npt.NDArray[np.float64]

_runs = itertools.count(1)


@dataclass(frozen=True)
class Mixing:
    """What the chains say of themselves.

    Attributes
    ----------
    rhat : float
        The worst rank-normalised split R-hat of all that was drawn.
    ess : float
        The least number of independent draws that anything is worth, in the middle or the tails.
    divergences : int
        Moves that went astray; none where an answer is given.
    accept : float
        The share of moves that the steps were set to accept.
    leaps : float
        Steps of a move, on average.
    """

    rhat: float
    ess: float
    divergences: int
    accept: float
    leaps: float


@dataclass(frozen=True)
class Chains:
    """Draws of each quantity, shape (chains, draws, ...), and how the chains mixed."""

    draws: Mapping[str, Floats]
    mixing: Mixing


def sample(
    model: Callable[..., None],
    data: Any,
    start: Mapping[str, npt.ArrayLike],
    *,
    chains: int,
    warmup: int,
    draws: int,
    seed: int,
) -> Chains:
    """Draw from the posterior of `model(data)`.

    Parameters
    ----------
    model : callable
        A NumPyro model.
    data : object
        What it is given.
    start : mapping of str to array
        A likely value of every unknown, from which the chains start, each a little off.
    chains, warmup, draws : int
        How many chains, of how many moves each to set the steps, and of how many that are kept.
        Where they do not agree yet they go on for as many, up to nine times.
    seed : int
        Of all that is random.

    Raises
    ------
    NoEstimateError
        If moves go astray even with short steps, or the chains do not agree.
    InputError
        If NumPyro is not installed, or there are too few chains or draws.
    """
    if chains < 2 or warmup < 50 or draws < 50:
        raise InputError(
            "At least 2 chains of 50 moves to set the steps and 50 to keep are needed, not "
            f"{chains} of {warmup} and {draws}."
        )
    for accept in ACCEPT:
        found = _run(model, data, start, chains, warmup, draws, seed, accept)
        if next(_runs) % KEPT == 0:
            _forget_compiled()
        if not found.mixing.divergences:
            break
    mixing = found.mixing
    if mixing.divergences or mixing.rhat > RHAT:
        raise NoEstimateError(
            f"The {chains} chains cannot be trusted: R-hat is "
            f"{mixing.rhat:.3f} (at most {RHAT}), what they drew is worth {mixing.ess:,.0f} "
            f"independent draws, and {mixing.divergences:,} moves went astray (none may). No "
            "number is given. Longer chains may help (more warm-up and draws), or more data."
        )
    return found


def _run(
    model: Callable[..., None],
    data: Any,
    start: Mapping[str, npt.ArrayLike],
    chains: int,
    warmup: int,
    draws: int,
    seed: int,
    accept: float,
) -> Chains:
    try:
        import jax
        from numpyro.infer import MCMC, NUTS
        from numpyro.infer.util import constrain_fn, potential_energy
    except ImportError as error:
        raise InputError(
            "For this model, first install what it needs: pip install 'darkfigure[bayes]'."
        ) from error

    if FOLDER is not None:  # what was compiled for a model of one shape is kept
        settings: Any = jax.config
        settings.update("jax_compilation_cache_dir", str(FOLDER / "jax"))
    with jax.enable_x64(True):
        # The start is given and the density compiled as one piece: for a search for a start, and
        # for each of its operations alone, compilation would take longer than the chains.
        @jax.jit
        def potential(at: Mapping[str, Any]) -> Any:
            return potential_energy(model, (data,), {}, at)

        @jax.jit
        @jax.vmap
        def bounded(at: Mapping[str, Any]) -> Any:
            return constrain_fn(model, (data,), {}, at, return_deterministic=True)

        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
        begin = {
            name: np.asarray(value) + rng.uniform(-JITTER, JITTER, (chains, *np.shape(value)))
            for name, value in sorted(start.items())
        }
        mcmc = MCMC(
            # Before the steps are set a move may be very long, and teaches no more for it.
            NUTS(potential_fn=potential, target_accept_prob=accept, max_tree_depth=DEPTH),
            num_warmup=warmup, num_samples=draws, num_chains=chains,
            chain_method="sequential", progress_bar=False,
        )  # fmt: skip
        rounds: list[dict[str, Floats]] = []
        key, fields, astray, leaps = jax.random.key(seed), ("diverging", "num_steps"), 0, 0.0
        mcmc.run(key, init_params=begin, extra_fields=fields)
        while True:
            bounds = {k: v for k, v in bounded(mcmc.get_samples()).items() if v.size}
            rounds.append(
                {k: np.asarray(v).reshape(chains, draws, *v.shape[1:]) for k, v in bounds.items()}
            )
            extra = mcmc.get_extra_fields()
            astray += int(extra["diverging"].sum())
            leaps += float(extra["num_steps"].mean())
            drawn = {k: np.concatenate([each[k] for each in rounds], axis=1) for k in rounds[0]}
            rhat, ess = _said(drawn)
            if astray or rhat <= RHAT or len(rounds) == ROUNDS:
                return Chains(drawn, Mixing(rhat, ess, astray, accept, leaps / len(rounds)))
            mcmc.post_warmup_state = mcmc.last_state
            # With the first key again the chains would be driven by the same numbers, and merge
            # with what they did before.
            mcmc.run(jax.random.fold_in(key, len(rounds)), extra_fields=fields)


def _forget_compiled() -> None:
    """Let go of what was compiled for single models.

    JAX keeps it for as long as the process lives, and after some forty models the system has no
    more pieces of memory to give. Small pieces serve every model, so they are kept for a few.
    """
    import gc

    import jax

    clear: Any = jax.clear_caches  # JAX has no types for it
    clear()
    gc.collect()


def _said(drawn: Mapping[str, Floats]) -> tuple[float, float]:
    """The worst R-hat and the least effective size of anything."""
    rhat, ess = 1.0, math.inf
    for values in drawn.values():
        for one in np.moveaxis(values.reshape(*values.shape[:2], -1), 2, 0):
            said = convergence(one)
            rhat, ess = max(rhat, said.rhat), min(ess, said.ess_bulk, said.ess_tail)
    return rhat, ess
