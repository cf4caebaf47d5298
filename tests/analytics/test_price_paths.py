import numpy as np
import pytest

from analytics.mean_reversion import OuProcess
from analytics.price_paths import price_multipliers

YEARS = np.arange(1, 25) / 12
PROCESS = OuProcess(kappa_per_year=4.0, sigma_per_sqrt_year=0.9)


def test_mean_price_is_the_forward_within_three_standard_errors() -> None:
    draws = price_multipliers(YEARS, PROCESS, seed=7, first_path=0, paths=20_000)
    error = draws.std(axis=1, ddof=1) / np.sqrt(draws.shape[1])
    assert np.all(np.abs(draws.mean(axis=1) - 1) < 3 * error)
    assert np.all(error < 0.004)


def test_logs_have_the_exact_variance_and_autocorrelation() -> None:
    x = np.log(price_multipliers(YEARS, PROCESS, seed=3, first_path=0, paths=40_000))
    np.testing.assert_allclose(x.var(axis=1), PROCESS.variance(YEARS), rtol=0.04)
    np.testing.assert_allclose(x.mean(axis=1), -PROCESS.variance(YEARS) / 2, atol=0.01)
    step = np.corrcoef(x[20], x[21])[0, 1]
    assert step == pytest.approx(np.exp(-4.0 / 12), abs=0.02)


def test_a_path_is_the_same_bits_alone_or_among_others() -> None:
    whole = price_multipliers(YEARS, PROCESS, seed=7, first_path=0, paths=100)
    for first, count in ((0, 1), (17, 1), (17, 3), (40, 60)):
        part = price_multipliers(YEARS, PROCESS, seed=7, first_path=first, paths=count)
        assert part.tobytes() == np.ascontiguousarray(whole[:, first : first + count]).tobytes()


def test_a_longer_horizon_keeps_the_earlier_prices() -> None:
    short = price_multipliers(YEARS[:6], PROCESS, seed=7, first_path=0, paths=50)
    long = price_multipliers(YEARS, PROCESS, seed=7, first_path=0, paths=50)
    assert short.tobytes() == long[:6].tobytes()


def test_seeds_and_paths_differ() -> None:
    one = price_multipliers(YEARS, PROCESS, seed=7, first_path=0, paths=1000)
    other = price_multipliers(YEARS, PROCESS, seed=8, first_path=0, paths=1000)
    assert not np.any(one == other)
    assert np.unique(one[-1]).size == 1000
    assert abs(np.corrcoef(one[-1], other[-1])[0, 1]) < 0.1


def test_without_volatility_the_forward_is_certain() -> None:
    draws = price_multipliers(YEARS, OuProcess(4.0, 0.0), seed=7, first_path=0, paths=5)
    assert np.all(draws == 1.0)


def test_bad_times_and_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="years"):
        price_multipliers(YEARS[::-1], PROCESS, seed=7, first_path=0, paths=1)
    with pytest.raises(ValueError, match="seed"):
        price_multipliers(YEARS, PROCESS, seed=-1, first_path=0, paths=1)
