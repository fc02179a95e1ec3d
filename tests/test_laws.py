"""Power laws through learning curves, and the forecast that was written before the full runs."""

from __future__ import annotations

import numpy as np
import pytest

from course_utils import laws, ledger

SIZES = np.array([250, 500, 1000, 2000, 4000, 8000], float)
ARMS = ("plain", "augmented")
NOTEBOOK = "09_data_and_size"


def noisy(law: tuple[float, float, float], seed: int = 0, runs: int = 6) -> list[ledger.Record]:
    rng = np.random.default_rng(seed)
    errors = laws.at(law, SIZES) * rng.normal(1, 0.01, (runs, len(SIZES)))
    return [{"errors": dict(zip(map(str, SIZES.astype(int)), row, strict=True))} for row in errors]


@pytest.mark.parametrize("law", [(90.0, 0.2, 0.0), (300.0, 0.5, 8.0), (2000.0, 1.0, 12.0)])
def test_a_law_without_noise_is_found_again(law: tuple[float, float, float]) -> None:
    errors = laws.at(law, SIZES)
    np.testing.assert_allclose(laws.at(laws.floor(SIZES, errors), 48_000), laws.at(law, 48_000),
                               rtol=1e-6)  # fmt: skip
    if law[2] == 0:
        np.testing.assert_allclose(laws.straight(SIZES, errors), law, rtol=1e-9)


def test_the_floor_is_never_below_zero() -> None:
    bent_down = 60 * np.exp(-0.02 * np.log(SIZES) ** 2)
    assert laws.floor(SIZES, bent_down)[2] == 0


def test_the_interval_holds_the_truth_where_the_law_is_right() -> None:
    law = (90.0, 0.2, 0.0)
    hit = 0
    for seed in range(8):
        told = laws.forecast(noisy(law, seed), 48_000)["straight"]
        hit += told["low"] <= laws.at(law, 48_000) <= told["high"]
    assert hit >= 5  # six runs are few for a bootstrap: its 95 % are a bit less


@pytest.mark.parametrize("times", [0.5, 1.0, 3.0])
def test_a_curve_that_is_moved_is_worth_as_many_times_the_pictures(times: float) -> None:
    law = (90.0, 0.2, 0.0)
    plain, better = laws.at(law, SIZES), laws.at(law, SIZES * times)
    assert laws.times_the_pictures(SIZES, plain, better) == pytest.approx(times)


def test_the_forecast_is_what_the_small_sizes_give_and_older_than_the_full_runs() -> None:
    written = laws.written()
    assert set(written["forecast"]) == set(ARMS)
    for arm in ARMS:
        small = ledger.recorded("full", NOTEBOOK, f"{arm}_to_8000")
        assert len(small) >= 6
        assert all(run["time"] <= written["written"] for run in small)
        again = laws.forecast(small, written["pictures"])
        for law, numbers in written["forecast"][arm].items():
            assert numbers == pytest.approx(again[law], abs=1e-3)
        full = ledger.recorded("full", NOTEBOOK, f"{arm}_to_{written['pictures']}")
        assert full and all(written["written"] < run["time"] for run in full)
