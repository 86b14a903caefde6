"""Sensitivity indices against functions whose indices are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from darkfigure.demand.break_even import turn
from darkfigure.demand.sobol import design, indices
from darkfigure.errors import InputError


def test_ishigami() -> None:
    a, b = 7.0, 0.1
    x = np.pi * (2 * design(3, 5 * 2**13, seed=1) - 1)
    values = np.sin(x[..., 0]) + a * np.sin(x[..., 1]) ** 2 + b * x[..., 2] ** 4 * np.sin(x[..., 0])
    found = indices(values)
    one, two, both = (
        0.5 * (1 + b * np.pi**4 / 5) ** 2,
        a**2 / 8,
        b**2 * np.pi**8 * (1 / 18 - 1 / 50),
    )
    total = one + two + both
    assert found.first == pytest.approx(np.array([one, two, 0.0]) / total, abs=0.015)
    assert found.total == pytest.approx(np.array([one + both, two, both]) / total, abs=0.015)


def test_the_g_function_of_sobol() -> None:
    a = np.array([0.0, 1.0, 4.5, 99.0])
    x = design(4, 6 * 2**13, seed=2)
    found = indices(np.prod((np.abs(4 * x - 2) + a) / (1 + a), axis=-1))
    part = 1 / (3 * (1 + a) ** 2)
    whole = np.prod(1 + part) - 1
    assert found.first == pytest.approx(part / whole, abs=0.02)
    assert found.total == pytest.approx(
        [part[i] * np.prod(np.delete(1 + part, i)) / whole for i in range(4)], abs=0.02
    )


def test_standard_errors_are_as_wide_as_the_indices_scatter() -> None:
    def one(seed: int) -> tuple[float, float]:
        x = design(3, 5 * 256, seed=seed)
        plain = np.random.default_rng(seed).random((2, 256, 3))  # without the sequence's evenness
        x = np.concatenate([plain, np.repeat(plain[:1], 3, axis=0)])
        for i in range(3):
            x[2 + i, :, i] = plain[1, :, i]
        found = indices(x[..., 0] + x[..., 1] * x[..., 2], seed=seed)
        return float(found.total[0]), float(found.total_se[0])

    both = np.array([one(seed) for seed in range(60)])
    assert both[:, 0].std() == pytest.approx(both[:, 1].mean(), rel=0.35)


def test_what_does_not_matter_has_an_index_of_zero() -> None:
    x = design(3, 5 * 512, seed=1)
    found = indices(x[..., 0] ** 2)
    assert found.total[1:].tolist() == [0.0, 0.0]
    nothing = indices(np.zeros((5, 64)))
    assert nothing.first.tolist() == nothing.total.tolist() == [0.0] * 3


def test_all_is_due_to_the_only_unknown() -> None:
    only = indices(design(1, 64, seed=1)[..., 0])
    assert only.first.tolist() == only.total.tolist() == [1.0]


def test_too_few_runs_are_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        design(20, 40, seed=1)


def test_break_even_of_a_straight_line_and_of_a_bend() -> None:
    rng = np.random.default_rng(1)
    share = rng.random(5000)
    noise = rng.normal(0, 1, 5000)
    assert turn(share, 4 * share - 1 + noise).at == pytest.approx([0.25], abs=0.03)
    assert turn(share, 4 * share + 1 + noise).at == ()
    bend = turn(share, 20 * (share - 0.3) * (share - 0.8) + noise).at
    assert bend == pytest.approx([0.3, 0.8], abs=0.03)


def test_noise_alone_has_no_break_even() -> None:
    rng = np.random.default_rng(2)
    found = [turn(rng.random(2000), rng.normal(0, 1, 2000)).at for _ in range(100)]
    assert sum(bool(each) for each in found) <= 12
