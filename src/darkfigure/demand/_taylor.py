"""Numbers that carry their first and second derivatives, so that likelihoods read like equations.

A `Taylor` holds values of shape (m,), their gradient (k, m) and Hessian (k, k, m) in k variables.
Sums, products and smooth functions of such numbers have exact derivatives by the chain rule:

    (f(u))' = f'(u) u'        (f(u))'' = f'(u) u'' + f''(u) u' u'^T
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


class Taylor:
    """Values with derivatives in k variables, for m rows at once."""

    __slots__ = ("gradient", "hessian", "value")

    def __init__(self, value: Floats, gradient: Floats, hessian: Floats) -> None:
        self.value, self.gradient, self.hessian = value, gradient, hessian

    def of(self, value: Floats, first: Floats, second: Floats) -> Taylor:
        """A function of this number, from its value and its first two derivatives there."""
        g = self.gradient
        return Taylor(value, first * g, first * self.hessian + (second * g)[:, None] * g[None])

    def __add__(self, other: Taylor | npt.NDArray[Any] | float) -> Taylor:
        if isinstance(other, Taylor):
            return Taylor(
                self.value + other.value,
                self.gradient + other.gradient,
                self.hessian + other.hessian,
            )
        return Taylor(self.value + other, self.gradient, self.hessian)

    __radd__ = __add__

    def __mul__(self, other: Taylor | npt.NDArray[Any] | float) -> Taylor:
        if not isinstance(other, Taylor):
            return Taylor(self.value * other, self.gradient * other, self.hessian * other)
        g, f = self.gradient, other.gradient
        crossed = g[:, None] * f[None]
        return Taylor(
            self.value * other.value,
            self.value * f + other.value * g,
            self.value * other.hessian
            + other.value * self.hessian
            + crossed
            + crossed.transpose(1, 0, 2),
        )

    __rmul__ = __mul__

    def __neg__(self) -> Taylor:
        return Taylor(-self.value, -self.gradient, -self.hessian)

    def __sub__(self, other: Taylor | npt.NDArray[Any] | float) -> Taylor:
        return self + -other

    def __rsub__(self, other: npt.NDArray[Any] | float) -> Taylor:
        return -self + other

    def at(self, rows: npt.NDArray[np.bool_], other: Taylor) -> Taylor:
        """This number in the rows that are true, the other one elsewhere."""
        return Taylor(
            np.where(rows, self.value, other.value),
            np.where(rows, self.gradient, other.gradient),
            np.where(rows, self.hessian, other.hessian),
        )

    def among(self, k: int, place: int) -> Taylor:
        """This number of one variable as one of k variables, of which it is the one at `place`."""
        m = self.value.size
        gradient, hessian = np.zeros((k, m)), np.zeros((k, k, m))
        gradient[place], hessian[place, place] = self.gradient[0], self.hessian[0, 0]
        return Taylor(self.value, gradient, hessian)

    def summed(self, by: int) -> Taylor:
        """Sums over each `by` rows that follow each other."""
        k = self.gradient.shape[0]
        return Taylor(
            self.value.reshape(-1, by).sum(axis=-1),
            self.gradient.reshape(k, -1, by).sum(axis=-1),
            self.hessian.reshape(k, k, -1, by).sum(axis=-1),
        )

    def put(self, at: npt.NDArray[np.intp], other: Taylor) -> Taylor:
        """This number with some of its rows from another one."""
        value, gradient, hessian = self.value.copy(), self.gradient.copy(), self.hessian.copy()
        value[at], gradient[..., at], hessian[..., at] = other.value, other.gradient, other.hessian
        return Taylor(value, gradient, hessian)


def variables(*values: Floats) -> list[Taylor]:
    """The variables themselves: gradient 1, Hessian 0."""
    k, m = len(values), values[0].size
    unit = np.eye(k)[:, :, None] * np.ones(m)
    return [Taylor(v, unit[i], np.zeros((k, k, m))) for i, v in enumerate(values)]


def exp(u: Taylor) -> Taylor:
    e = np.exp(u.value)
    return u.of(e, e, e)


def log(u: Taylor) -> Taylor:
    inverse = 1 / u.value
    return u.of(np.log(u.value), inverse, -inverse * inverse)


def log1p(u: Taylor) -> Taylor:
    inverse = 1 / (1 + u.value)
    return u.of(np.log1p(u.value), inverse, -inverse * inverse)


def one_less_exp(u: Taylor) -> Taylor:
    """1 - exp(u), without loss where u is next to zero."""
    e = np.exp(u.value)
    return u.of(-np.expm1(u.value), -e, -e)


def log_expit(u: Taylor) -> Taylor:
    """log(1 / (1 + exp(-u)))."""
    p = special.expit(u.value)
    return u.of(special.log_expit(u.value), 1 - p, -p * (1 - p))


def log_cloglog(u: Taylor) -> Taylor:
    """log(1 - exp(-exp(u)))."""
    t = np.exp(u.value)
    odds = t / np.expm1(t)  # the derivative
    return u.of(np.log(-np.expm1(-t)), odds, odds * (1 - t - odds))


def log_poisson_beyond_one(rate: Taylor) -> Taylor:
    """log P(Y > 1) of a Poisson count, without loss where the rate is small."""
    r = rate.value
    beyond = special.gammainc(2.0, r)
    first = r * np.exp(-r) / beyond
    return rate.of(np.log(beyond), first, first * (1 / r - 1 - first))


def log_rising(alpha: Taylor, counts: npt.NDArray[np.int64]) -> Taylor:
    """The sum of log(1 + alpha j) over j = 0, ..., count - 1, for one alpha in all rows."""
    a, j = alpha.value[0], np.arange(max(int(counts.max()), 1), dtype=np.float64)
    share = j / (1 + a * j)

    def upto(terms: Floats) -> Floats:
        return np.concatenate([[0.0], np.cumsum(terms)])[counts]

    return alpha.of(upto(np.log1p(a * j)), upto(share), upto(-share * share))
