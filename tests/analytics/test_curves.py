import csv
import gzip
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.arrays import Floats
from analytics.curves import build_monthly_curve, extend_to, smooth_daily_curve
from analytics.periods import Period, delivery_period, hours_per_day
from analytics.quotes import ConflictingQuotes, Quote, quoted_span
from analytics.seasons import SeasonalShape

FLAT = SeasonalShape(np.ones(12), fallback="flat_too_little_history", reason="history covers 1 of its 1 months")

PUBLISHED_QUOTES = [
    ("2019-05-31", 34.875),
    ("2019-06-01..2019-06-02", 32.87),
    ("2019-06-03..2019-06-09", 32.14),
    ("2019-06", 31.08),
    ("2019-07", 29.95),
    ("2019-Q3", 30.18),
    ("2019-Q4", 37.64),
    ("2019-10-01..2020-03-31", 38.05),
    ("2020-04-01..2020-09-30", 32.39),
    ("2020-10-01..2021-03-31", 37.84),
    ("2020-10-01..2021-09-30", 35.12),
]
PUBLISHED_FIRST = (
    "34.875000 33.404383 32.335617 31.800171 31.676636 31.804146 32.057113 32.337666 32.575648 32.728620 "
    "32.781858 32.745075"
)
PUBLISHED_LAST = (
    "26.727181 26.652039 26.576895 26.501749 26.426602 26.351454 26.276305 26.201156 26.126006 26.050856 "
    "25.975706 25.900556"
)


def hours_of(quotes: list[Quote], time_zone: str = "America/New_York") -> Floats:
    span = quoted_span(quotes)
    return hours_per_day(span.start, span.end, time_zone)


def quotes_of(**prices: float) -> list[Quote]:
    return [Quote.of(product, price) for product, price in prices.items()]


def test_the_published_example_is_reproduced_to_print_precision() -> None:
    quotes = [Quote.of(product, price) for product, price in PUBLISHED_QUOTES]
    curve = smooth_daily_curve(quotes, np.ones(quoted_span(quotes).days))
    assert (str(curve.day[0]), str(curve.day[-1]), curve.day.size) == ("2019-05-31", "2021-09-30", 854)
    np.testing.assert_allclose(curve.price_usd_per_mwh[:12], np.fromstring(PUBLISHED_FIRST, sep=" "), atol=1e-6, rtol=0)
    np.testing.assert_allclose(curve.price_usd_per_mwh[-12:], np.fromstring(PUBLISHED_LAST, sep=" "), atol=1e-6, rtol=0)
    assert curve.fit.solver_status == "optimal"


def exact_minimiser(quotes: list[Quote], hours: Floats) -> Floats:
    """The same problem in other words: powers of t a piece, explicit continuity, null space and least squares."""
    span = quoted_span(quotes)
    cuts = sorted({(d - span.start).days for q in quotes for d in (q.period.start, q.period.end)})
    pieces, days = len(cuts) - 1, np.arange(span.days)
    piece = np.searchsorted(cuts, days, side="right") - 1
    lengths = np.diff(cuts).astype(float)
    values = np.zeros((span.days, 5 * pieces))
    for power in range(5):
        values[days, 5 * piece + power] = ((days - np.array(cuts)[piece]) / lengths[piece]) ** power
    rows, right = [], []
    for at in range(pieces - 1):
        for order in range(3):
            row = np.zeros(5 * pieces)
            factor = [np.prod(np.arange(p, p - order, -1)) if p >= order else 0.0 for p in range(5)]
            row[5 * at : 5 * at + 5] = np.array(factor)
            row[5 * at + 5 + order] = -factor[order] * (lengths[at] / lengths[at + 1]) ** order
            rows.append(row)
            right.append(0.0)
    for quote in quotes:
        first, last = (quote.period.start - span.start).days, (quote.period.end - span.start).days
        weights = hours[first:last] / hours[first:last].sum()
        rows.append(weights @ values[first:last])
        right.append(quote.price_usd_per_mwh)
    points, weights = np.polynomial.legendre.leggauss(3)
    points, rough = (points + 1) / 2, np.zeros((3 * pieces, 5 * pieces))
    for at in range(pieces):
        second = np.stack([np.zeros(3), np.zeros(3), np.full(3, 2.0), 6 * points, 12 * points**2], axis=1)
        rough[3 * at : 3 * at + 3, 5 * at : 5 * at + 5] = second * np.sqrt(weights / 2)[:, None] * lengths[at] ** -1.5
    conditions, count = np.array(rows), len(rows)
    factors = np.linalg.qr(conditions.T, mode="complete")
    start = factors.Q[:, :count] @ np.linalg.solve(factors.R[:count].T, np.array(right))
    null = factors.Q[:, count:]
    best = start + null @ np.linalg.lstsq(rough @ null, -rough @ start, rcond=None)[0]
    return np.asarray(values @ best)


def test_the_solver_agrees_with_an_independent_factorisation() -> None:
    quotes = quotes_of(
        **{
            "2027-01-01": 60.0,
            "2027-01-02..2027-01-08": 55.0,
            "2027-01": 50.0,
            "2027-01-29..2027-02-04": 58.0,
            "2027-03": 41.0,
            "2027-Q2": 35.0,
            "CAL-2027": 44.0,
            "CAL-2028": 43.0,
        }
    )
    curve = smooth_daily_curve(quotes, hours_of(quotes))
    expected = exact_minimiser(quotes, hours_of(quotes))
    np.testing.assert_allclose(curve.price_usd_per_mwh, expected, atol=1e-7, rtol=0)


def test_averages_are_hour_weighted_across_the_clock_change() -> None:
    quotes = quotes_of(**{"2027-02": 70.0, "2027-03": 50.0, "2027-04": 20.0})
    curve = smooth_daily_curve(quotes, hours_of(quotes))
    march = slice(28, 59)
    prices, hours = curve.price_usd_per_mwh[march], curve.weights_hours[march]
    assert hours.sum() == 743
    assert np.average(prices, weights=hours) == pytest.approx(50.0, abs=1e-9)
    assert abs(prices.mean() - 50.0) > 1e-3  # weighting by days would have met this one instead


def test_one_quote_gives_a_flat_curve() -> None:
    curve = smooth_daily_curve(quotes_of(**{"2027-01": 45.5}), np.full(31, 24.0))
    assert curve.fit.level_ends
    np.testing.assert_allclose(curve.price_usd_per_mwh, 45.5, atol=1e-9)


def test_equal_quotes_give_a_flat_curve_and_a_steady_rise_a_straight_line() -> None:
    days = [date(2027, 1, 1) + timedelta(days=k) for k in range(14)]
    flat = [Quote.of(product, 84.54) for product in ("2027-01", "2027-02", "2027-Q2", "CAL-2028")]
    np.testing.assert_allclose(smooth_daily_curve(flat, hours_of(flat)).price_usd_per_mwh, 84.54, atol=1e-9)
    rising = [Quote.of(str(day), 45.7 + 0.8 * k) for k, day in enumerate(days)]
    np.testing.assert_allclose(np.diff(smooth_daily_curve(rising, np.ones(14)).price_usd_per_mwh), 0.8, atol=1e-9)


@pytest.mark.parametrize(
    "prices", [{"2027-Q1": 50.0, "2027-02": 54.0}, {"2027-01": 50.0, "2027-01-12..2027-01-18": 54.0}]
)
def test_quotes_around_one_centre_do_not_make_a_cliff(prices: dict[str, float]) -> None:
    quotes = quotes_of(**prices)
    curve = smooth_daily_curve(quotes, hours_of(quotes))
    assert curve.fit.level_ends
    assert curve.fit.max_abs_repricing_error_usd_per_mwh < 1e-9
    assert curve.price_usd_per_mwh.min() > 40
    assert curve.price_usd_per_mwh.max() < 56


def test_a_week_straddling_months_is_met_without_a_spike() -> None:
    quotes = quotes_of(**{"2027-01": 10.0, "2027-02": 10.0, "2027-03": 10.0, "2027-01-28..2027-02-03": 10.4})
    curve = smooth_daily_curve(quotes, hours_of(quotes))
    for quote in quotes:
        assert curve.average(quote.period) == pytest.approx(quote.price_usd_per_mwh, abs=1e-9)
    assert curve.price_usd_per_mwh.min() > 9.3
    assert curve.price_usd_per_mwh.max() < 10.6


def test_a_gap_between_quotes_is_bridged_and_reported() -> None:
    quotes = quotes_of(**{"2027-01": 40.0, "2027-02": 44.0, "2027-05": 56.0})
    curve = smooth_daily_curve(quotes, hours_of(quotes))
    assert curve.gaps == (Period(date(2027, 3, 1), date(2027, 5, 1)),)
    assert curve.fit.max_abs_repricing_error_usd_per_mwh < 1e-9
    assert 44 < curve.average(delivery_period("2027-03")) < curve.average(delivery_period("2027-04")) < 56


def test_rising_quotes_give_rising_months() -> None:
    quotes = [Quote.of(f"2027-{month:02d}", 30.0 + 2 * month + 0.3 * (month % 2)) for month in range(1, 13)]
    curve = build_monthly_curve(quotes, "America/Chicago", FLAT, growth_per_year=0.02, seasonal_weight=0.0)
    assert (np.diff(curve.price_usd_per_mwh[:12]) > 0).all()
    assert (np.diff(curve.price_usd_per_mwh[12:]) > 0).all()


def test_conflicts_reach_the_caller_by_name() -> None:
    quotes = quotes_of(**{"2027-01": 50.0, "2027-02": 52.0, "2027-03": 47.0, "2027-Q1": 55.0})
    with pytest.raises(ConflictingQuotes, match="2027-Q1 at 55"):
        smooth_daily_curve(quotes, hours_of(quotes))


@settings(max_examples=40)
@given(
    st.sets(
        st.one_of(
            st.integers(1, 12).map(lambda month: f"2027-{month:02d}"),
            st.integers(1, 4).map(lambda quarter: f"2027-Q{quarter}"),
            st.sampled_from(["CAL-2027", "CAL-2028", "2028-Q1", "2028-02"]),
            st.tuples(st.integers(0, 700), st.integers(0, 9)).map(
                lambda d: f"{date(2027, 1, 1) + timedelta(d[0])}..{date(2027, 1, 1) + timedelta(d[0] + d[1])}"
            ),
        ),
        min_size=1,
        max_size=25,
    ),
    st.integers(0, 2**32 - 1),
)
def test_any_consistent_set_of_quotes_is_met_to_a_millionth(products: set[str], seed: int) -> None:
    start, end = date(2027, 1, 1), date(2029, 1, 1)
    hours = hours_per_day(start, end, "America/Chicago")
    market = 45 + 15 * np.random.default_rng(seed).standard_normal(hours.size)

    def mean(period: Period) -> float:
        days = slice((period.start - start).days, (period.end - start).days)
        return float(np.average(market[days], weights=hours[days]))

    quotes = [Quote(p, delivery_period(p), mean(delivery_period(p))) for p in sorted(products)]
    curve = smooth_daily_curve(quotes, hours_of(quotes, "America/Chicago"))
    assert len(curve.used) + len(curve.redundant) == len(quotes)
    for quote in quotes:
        assert curve.average(quote.period) == pytest.approx(quote.price_usd_per_mwh, abs=1e-6)


def test_past_the_last_quote_come_growth_and_season() -> None:
    factors = 1.0 + 0.2 * np.cos(np.arange(12) * np.pi / 6)
    shape = SeasonalShape(factors, 1)
    quotes = [Quote.of(f"2027-{month:02d}", 50.0 * factors[month - 1]) for month in range(1, 13)]
    curve = build_monthly_curve(quotes, "America/Chicago", shape, growth_per_year=0.03, seasonal_weight=1.0)
    assert (str(curve.month[0]), str(curve.month[-1]), curve.month.size) == ("2027-01", "2050-12", 288)
    assert curve.is_extrapolated.sum() == 276
    assert not curve.is_extrapolated[:12].any()
    assert curve.base_usd_per_mwh == pytest.approx(50.0, abs=1e-8)
    expected = 50.0 * 1.03 ** (np.arange(1, 277) / 12) * np.tile(factors, 23)
    np.testing.assert_allclose(curve.price_usd_per_mwh[12:], expected, rtol=1e-9)


def test_the_seasonal_weight_scales_the_season_and_zero_growth_keeps_the_level() -> None:
    factors = np.linspace(0.8, 1.2, 12)
    daily = smooth_daily_curve(quotes_of(**{"CAL-2027": 40.0}), np.full(365, 24.0))
    half = extend_to(daily, SeasonalShape(factors, 1), growth_per_year=0.0, seasonal_weight=0.5)
    none = extend_to(daily, SeasonalShape(factors, 1), growth_per_year=0.0, seasonal_weight=0.0)
    np.testing.assert_allclose(none.price_usd_per_mwh, 40.0, rtol=1e-9)
    np.testing.assert_allclose(half.price_usd_per_mwh[12:24] / half.base_usd_per_mwh, 1 + 0.5 * (factors - 1))


def test_a_month_quoted_in_part_is_the_mean_of_its_quoted_days() -> None:
    quotes = quotes_of(**{"2027-01-18..2027-01-31": 61.0, "2027-02": 55.0, "2027-03": 48.0})
    curve = build_monthly_curve(quotes, "America/Chicago", FLAT, growth_per_year=0.0, seasonal_weight=1.0)
    np.testing.assert_allclose(curve.price_usd_per_mwh[:3], [61.0, 55.0, 48.0], atol=1e-9)
    hours = np.array([14 * 24, 672, 743])
    assert curve.base_usd_per_mwh == pytest.approx(np.average([61.0, 55.0, 48.0], weights=hours), abs=1e-9)
    assert curve.diagnostics()["last_quoted_month"] == "2027-03"


def test_quotes_past_2050_shape_the_curve_but_do_not_lengthen_it() -> None:
    quotes = [Quote.of(f"CAL-{year}", 50.0 + year - 2048) for year in range(2048, 2053)]
    curve = build_monthly_curve(quotes, "America/Chicago", FLAT, growth_per_year=0.0, seasonal_weight=0.0)
    assert str(curve.month[-1]) == "2050-12"
    assert not curve.is_extrapolated.any()


@pytest.mark.parametrize(
    ("growth", "weight", "field"),
    [(-1.0, 0.5, "growth_per_year"), (np.nan, 0.5, "growth"), (0.0, 1.5, "seasonal_weight")],
)
def test_scenario_numbers_out_of_range_are_named(growth: float, weight: float, field: str) -> None:
    daily = smooth_daily_curve(quotes_of(**{"2027-01": 40.0}), np.full(31, 24.0))
    with pytest.raises(ValueError, match=field):
        extend_to(daily, FLAT, growth_per_year=growth, seasonal_weight=weight)


def test_diagnostics_report_solver_redundancy_gaps_and_fallback() -> None:
    quotes = quotes_of(**{"2027-01": 50.0, "2027-02": 52.0, "2027-03": 47.0, "2027-Q1": 49.59, "2027-05": 40.0})
    found = build_monthly_curve(quotes, "America/Chicago", FLAT, growth_per_year=0.0, seasonal_weight=1.0).diagnostics()
    assert found["solver"] == "CLARABEL"
    assert found["solver_tolerance"] == 1e-10
    assert found["seasonal_fallback"] == "flat_too_little_history"
    assert found["seasonal_fallback_reason"] == FLAT.reason
    assert found["gaps"] == [{"start": "2027-04-01", "end": "2027-05-01"}]
    redundant = found["quotes_redundant"]
    assert isinstance(redundant, list)
    assert [entry["product"] for entry in redundant] == ["2027-Q1"]


BITS = """
import hashlib
from datetime import date
from analytics.curves import smooth_daily_curve
from analytics.periods import hours_per_day
from analytics.quotes import Quote
quotes = [Quote.of(f"{y}-{m:02d}", 40.0 + (7 * y + 5 * m) % 17) for y in (2026, 2027) for m in range(1, 13)]
quotes += [Quote.of(f"CAL-{y}", 45.0 + y % 7) for y in range(2028, 2051)]
curve = smooth_daily_curve(quotes, hours_per_day(date(2026, 1, 1), date(2051, 1, 1), "America/Chicago"))
print(hashlib.sha256(curve.price_usd_per_mwh.tobytes()).hexdigest())
"""


def test_the_bits_do_not_depend_on_the_number_of_threads() -> None:
    root = str(Path(__file__).parents[2])
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", BITS],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads, "PYTHONPATH": root},
            stdout=subprocess.PIPE,
            text=True,
        )
        for threads in ("1", "2")
    ]
    digests = [run.communicate(timeout=120)[0].strip() for run in runs]
    assert len(digests[0]) == 64
    assert digests[0] == digests[1]


def eex_quotes(folder: Path, trading_day: str) -> list[Quote]:
    quotes = []
    for kind in "MQY":
        name = f"EEX_POWER_FUT_DE_BASE_{kind}_2021-2024.csv.gz"
        with gzip.open(folder / "analytics" / "forwards" / "eex_de" / name, "rt") as lines:
            for row in csv.DictReader(lines, delimiter=";"):
                if row["TimeStamp"].startswith(trading_day) and row["Settlement"]:
                    period = Period(date.fromisoformat(row["Begin"][:10]), date.fromisoformat(row["End"][:10]))
                    price = float(row["Settlement"].replace(",", "."))
                    quotes.append(Quote(f"{kind} {period.start}", period, price))
    return quotes


@pytest.mark.shared
@pytest.mark.parametrize("trading_day", ["2021-01-04", "2022-08-26", "2023-03-27", "2024-10-14"])
def test_all_real_quotes_of_a_day_are_repriced_within_a_cent(trading_day: str, shared_data: Path) -> None:
    quotes = eex_quotes(shared_data, trading_day)
    assert len(quotes) > 20
    curve = smooth_daily_curve(quotes, hours_of(quotes, "Europe/Berlin"))
    assert curve.redundant
    assert curve.fit.max_abs_repricing_error_usd_per_mwh < 1e-9
    for quote in quotes:
        assert curve.average(quote.period) == pytest.approx(quote.price_usd_per_mwh, abs=0.01)
