import numpy as np
import pytest

from analytics import price_paths
from analytics.arrays import Floats
from analytics.mean_reversion import OuProcess
from analytics.price_paths import price_multipliers

START = np.arange(24) / 12
END = np.arange(1, 25) / 12
PROCESS = OuProcess(kappa_per_year=4.0, sigma_per_sqrt_year=0.9)
REAL = OuProcess(kappa_per_year=110.0, sigma_per_sqrt_year=4.8)  # as fitted to daily prices of a hub

# Under way since 20 days, adjoining, after a gap of three months, adjoining, after a gap of a day.
BROKEN_START = np.array([-20.0, 11.0, 130.0, 160.0, 192.0]) / 365
BROKEN_END = np.array([11.0, 39.0, 160.0, 191.0, 222.0]) / 365


def law(start: Floats, end: Floats, process: OuProcess, monkeypatch: pytest.MonkeyPatch) -> tuple[Floats, Floats]:
    """Mean and covariance of the logs as they are coded, free of chance: one path a unit shock, the last one none."""
    with monkeypatch.context() as patch:
        patch.setattr(price_paths, "_normals", lambda seed, first, paths, count: np.eye(count + 1, count))
        logs = np.log(price_multipliers(start, end, process, seed=0, first_path=0, paths=2 * end.size + 1))
    effect = logs[:, :-1] - logs[:, -1:]
    return logs[:, -1], effect @ effect.T


def covariance(first: tuple[float, float], second: tuple[float, float], process: OuProcess) -> float:
    """Of the averages of X over two stretches, by Gauss-Legendre quadrature of the OU's autocovariance.

    X is 0 before time 0. Stretches are the same or do not overlap; where they are the same, the square is folded along
    its diagonal, on which the integrand has a kink.
    """
    kappa = process.kappa_per_year
    nodes, weights = np.polynomial.legendre.leggauss(80)
    nodes, weights = (nodes + 1) / 2, weights / 2
    begins, ends = np.maximum([first[0], second[0]], 0.0), np.array([first[1], second[1]])
    u = begins[0] + (ends - begins)[0] * nodes[:, np.newaxis]
    if first == second:
        v = begins[1] + (u - begins[1]) * nodes
        measure = 2 * (u - begins[0]) * weights * weights[:, np.newaxis] * (ends - begins)[0]
    else:
        v = begins[1] + (ends - begins)[1] * nodes
        measure = weights * weights[:, np.newaxis] * np.prod(ends - begins)
    joint = process.variance(np.minimum(u, v)) * np.exp(-kappa * np.abs(u - v))
    return float((measure * joint).sum()) / ((first[1] - first[0]) * (second[1] - second[0]))


@pytest.mark.parametrize("process", [OuProcess(1e-6, 0.7), OuProcess(0.8, 0.5), PROCESS, REAL, OuProcess(400.0, 9.0)])
def test_averages_have_the_exact_covariance_with_gaps_and_a_month_under_way(
    process: OuProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, found = law(BROKEN_START, BROKEN_END, process, monkeypatch)
    months = list(zip(BROKEN_START.tolist(), BROKEN_END.tolist(), strict=True))
    expected = [[covariance(one, other, process) for other in months] for one in months]
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("process", [PROCESS, REAL])
def test_the_mean_is_the_forward_exactly(process: OuProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    # The mean of exp of a normal is exp(mean + variance / 2), so the two must cancel.
    for start, end in ((START, END), (BROKEN_START, BROKEN_END)):
        mean, covariances = law(start, end, process, monkeypatch)
        np.testing.assert_allclose(mean, -np.diag(covariances) / 2, rtol=1e-9)


def test_months_apart_are_less_alike_than_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = law(START, END, REAL, monkeypatch)
    correlation = found[12] / np.sqrt(found[12, 12] * np.diag(found))
    # Neighbours share what is left of the last days: (1 - exp(-y))^2 / (2 (y - 1 + exp(-y))) with y = kappa / 12.
    y = 110 / 12
    assert correlation[13] == pytest.approx((1 - np.exp(-y)) ** 2 / (2 * (y - 1 + np.exp(-y))), rel=1e-6)
    assert correlation[14] == pytest.approx(correlation[13] * np.exp(-y), rel=1e-6)


def test_drawn_logs_have_that_law() -> None:
    x = np.log(price_multipliers(START, END, PROCESS, seed=3, first_path=0, paths=40_000))
    variance = PROCESS.average_variance(START, END)
    np.testing.assert_allclose(x.var(axis=1), variance, rtol=0.04)
    np.testing.assert_allclose(x.mean(axis=1), -variance / 2, atol=0.01)
    joint = covariance((START[20], END[20]), (START[21], END[21]), PROCESS)
    assert np.cov(x[20], x[21])[0, 1] == pytest.approx(joint, rel=0.04)


def test_mean_price_is_the_forward_within_three_standard_errors() -> None:
    draws = price_multipliers(START, END, PROCESS, seed=7, first_path=0, paths=20_000)
    error = draws.std(axis=1, ddof=1) / np.sqrt(draws.shape[1])
    assert np.all(np.abs(draws.mean(axis=1) - 1) < 3 * error)
    assert np.all(error < 0.004)


def test_the_mean_of_a_month_of_daily_prices_scatters_as_the_model_says() -> None:
    # A year on, eight prices a day: the settlement as it is, an arithmetic mean of prices and not of their logs.
    paths, days, a_day = 20_000, 30, 8
    begin, length, step = 1.0, days / 365, 1 / (365 * a_day)
    noise, decay = np.sqrt(REAL.variance(step)), np.exp(-REAL.kappa_per_year * step)
    generator = np.random.default_rng(5)
    x = np.sqrt(REAL.variance(begin)) * generator.standard_normal(paths)
    total, logs = np.zeros(paths), np.zeros(paths)
    for _ in range(days * a_day):
        x = decay * x + noise * generator.standard_normal(paths)
        total += np.exp(x - REAL.variance(begin) / 2)
        logs += x
    prices, average = total / (days * a_day), logs / (days * a_day)
    assert average.var() == pytest.approx(REAL.average_variance(begin, begin + length), rel=0.03)
    months = (np.array([begin]), np.array([begin + length]))
    model = price_multipliers(*months, REAL, seed=7, first_path=0, paths=paths)[0]
    assert model.std() == pytest.approx(prices.std(), rel=0.03)
    np.testing.assert_allclose(np.quantile(model, (0.05, 0.95)), np.quantile(prices, (0.05, 0.95)), rtol=0.02)


def test_a_path_is_the_same_bits_alone_or_among_others() -> None:
    for start, end in ((START, END), (BROKEN_START, BROKEN_END)):
        whole = price_multipliers(start, end, PROCESS, seed=7, first_path=0, paths=100)
        for first, count in ((0, 1), (17, 1), (17, 3), (40, 60)):
            part = price_multipliers(start, end, PROCESS, seed=7, first_path=first, paths=count)
            assert part.tobytes() == np.ascontiguousarray(whole[:, first : first + count]).tobytes()


def test_a_longer_horizon_keeps_the_earlier_prices() -> None:
    short = price_multipliers(START[:6], END[:6], PROCESS, seed=7, first_path=0, paths=50)
    long = price_multipliers(START, END, PROCESS, seed=7, first_path=0, paths=50)
    assert short.tobytes() == long[:6].tobytes()


def test_seeds_and_paths_differ() -> None:
    one = price_multipliers(START, END, PROCESS, seed=7, first_path=0, paths=1000)
    other = price_multipliers(START, END, PROCESS, seed=8, first_path=0, paths=1000)
    assert not np.any(one == other)
    assert np.unique(one[-1]).size == 1000
    assert abs(np.corrcoef(one[-1], other[-1])[0, 1]) < 0.1


def test_days_gone_by_do_not_vary() -> None:
    # Of a month of 30 days one is left: its average moves by a thirtieth of what that day's does.
    month = price_multipliers(np.array([-29 / 365]), np.array([1 / 365]), REAL, seed=7, first_path=0, paths=500)
    day = price_multipliers(np.array([0.0]), np.array([1 / 365]), REAL, seed=7, first_path=0, paths=500)
    assert np.log(month).std() == pytest.approx(np.log(day).std() / 30, rel=1e-9)


def test_without_volatility_the_forward_is_certain() -> None:
    for start, end in ((START, END), (BROKEN_START, BROKEN_END)):
        draws = price_multipliers(start, end, OuProcess(4.0, 0.0), seed=7, first_path=0, paths=5)
        assert np.all(draws == 1.0)


def test_bad_bounds_and_seeds_are_refused() -> None:
    def refused(start: list[float], end: list[float], match: str, seed: int = 7) -> None:
        with pytest.raises(ValueError, match=match):
            price_multipliers(np.array(start), np.array(end), PROCESS, seed=seed, first_path=0, paths=1)

    refused([0.1, 0.0], [0.2, 0.1], "start_years")
    refused([0.0, 0.1], [0.2, 0.3], "start_years")
    refused([0.2], [0.1], "end_years")
    refused([-0.2], [-0.1], "end_years")
    refused([0.1], [0.2, 0.3], "end_years")
    refused([0.0], [0.1], "seed", seed=-1)
