"""Every number against published and peer results; the random ones with half the runs."""

import pytest

from benchmarks import parity


@pytest.mark.parametrize("part", parity.DETERMINISTIC, ids=lambda part: part.__name__)
def test_deterministic(part):
    rows = list(part())
    assert rows
    assert [row for row in rows if not row.ok] == []


@pytest.mark.parametrize("part", parity.MONTE_CARLO, ids=lambda part: part.__name__)
def test_monte_carlo(part):
    rows = list(part(100, 60))
    assert rows
    assert [row for row in rows if not row.ok] == []
