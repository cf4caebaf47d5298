from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from analytics.arrays import Dates, Floats
from analytics.irr import NO_SIGN_CHANGE
from analytics.mean_reversion import OuProcess
from analytics.ppas import NO_OUTLAY, PpaTerms, PpaValuation, forward_of, price_ppa

PROCESS = OuProcess(kappa_per_year=30.0, sigma_per_sqrt_year=2.5)
TERMS = PpaTerms("buyer", 45.0, 0.07, date(2026, 11, 15))
MONTHS: Dates = np.arange(np.datetime64("2027-01"), np.datetime64("2037-01"))
FORWARD: Floats = 50.0 + 8.0 * np.cos(np.arange(120) * np.pi / 6)
VOLUME: Floats = np.full(120, 7300.0)


def value(terms: PpaTerms = TERMS, *, paths: int = 2000, seed: int = 7, block_paths: int = 2048) -> PpaValuation:
    return price_ppa(terms, MONTHS, FORWARD, VOLUME, PROCESS, paths=paths, seed=seed, block_paths=block_paths)


def test_one_month_by_hand() -> None:
    month = np.array(["2027-01"], dtype="datetime64[M]")
    terms = PpaTerms("buyer", 40.0, 0.10, date(2026, 2, 1), upfront_cost_usd=1000.0)
    found = price_ppa(
        terms, month, np.array([50.0]), np.array([744.0]), OuProcess(5.0, 0.0), paths=2, seed=1
    )  # settled on 2027-02-01, 365 days on
    assert found.npv_closed_form_usd == pytest.approx(7440.0 / 1.1 - 1000.0, rel=1e-14)
    assert found.npv_mean_usd == pytest.approx(7440.0 / 1.1 - 1000.0, rel=1e-14)
    assert found.npv_standard_error_usd == 0
    assert found.break_even_price_usd_per_mwh == pytest.approx(50.0 - 1000.0 * 1.1 / 744.0, rel=1e-14)
    assert found.irr.rate == pytest.approx(6.44, rel=1e-12)


@pytest.mark.parametrize("seed", [1, 7, 42, 2027, 2**64 + 5])
def test_the_closed_form_lies_within_three_standard_errors(seed: int) -> None:
    found = value(paths=10_000, seed=seed)
    assert found.npv_standard_error_usd > 0
    assert abs(found.npv_mean_usd - found.npv_closed_form_usd) < 3 * found.npv_standard_error_usd


def test_the_standard_error_is_honest() -> None:
    # Over many seeds the errors in units of the reported standard error must scatter like a standard normal.
    scores = [
        (found.npv_mean_usd - found.npv_closed_form_usd) / found.npv_standard_error_usd
        for found in (value(paths=400, seed=seed) for seed in range(100))
    ]
    assert np.std(scores) == pytest.approx(1.0, abs=0.2)
    assert abs(np.mean(scores)) < 0.3


@pytest.mark.parametrize("block_paths", [1, 7, 999, 1000, 4096])
def test_the_same_seed_gives_the_same_bits_in_any_block(block_paths: int) -> None:
    assert repr(value(paths=1000, block_paths=block_paths)) == repr(value(paths=1000))


def test_another_seed_gives_another_number_but_the_same_exact_one() -> None:
    one, other = value(seed=7), value(seed=8)
    assert one.npv_mean_usd != other.npv_mean_usd
    assert one.npv_closed_form_usd == other.npv_closed_form_usd


def test_the_seller_stands_opposite_the_buyer() -> None:
    buyer, seller = value(), value(replace(TERMS, side="seller"))
    assert seller.npv_mean_usd == pytest.approx(-buyer.npv_mean_usd, rel=1e-12)
    assert seller.npv_p5_usd == pytest.approx(-buyer.npv_p95_usd, rel=1e-9)
    assert seller.break_even_price_usd_per_mwh == pytest.approx(buyer.break_even_price_usd_per_mwh, rel=1e-14)


@pytest.mark.parametrize("side", ["buyer", "seller"])
def test_at_the_break_even_price_the_expected_value_is_zero(side: str) -> None:
    terms = PpaTerms(side, 45.0, 0.07, date(2026, 11, 15), upfront_cost_usd=2e6)  # type: ignore[arg-type]
    price = value(terms).break_even_price_usd_per_mwh
    at = value(replace(terms, fixed_price_usd_per_mwh=price))
    assert abs(at.npv_closed_form_usd) < 1e-6
    assert (price < 50) == (side == "buyer")


def test_the_value_falls_with_the_fixed_price_and_widens_with_volatility() -> None:
    values = [value(replace(TERMS, fixed_price_usd_per_mwh=price)).npv_mean_usd for price in (40.0, 45.0, 50.0)]
    assert values[0] > values[1] > values[2]
    calm = price_ppa(TERMS, MONTHS, FORWARD, VOLUME, OuProcess(30.0, 1.0), paths=2000, seed=7)
    wild = value()
    assert wild.npv_p5_usd < calm.npv_p5_usd < calm.npv_p50_usd < calm.npv_p95_usd < wild.npv_p95_usd


@pytest.mark.parametrize(
    ("valuation_date", "share"),
    [(date(2026, 11, 15), 1.0), (date(2027, 1, 1), 1.0), (date(2027, 1, 20), 12 / 31), (date(2027, 1, 31), 1 / 31)],
)
def test_a_month_scatters_by_its_average_over_the_days_to_come(valuation_date: date, share: float) -> None:
    month = np.array(["2027-01"], dtype="datetime64[M]")
    terms = PpaTerms("buyer", 45.0, 0.0, valuation_date)
    found = price_ppa(terms, month, np.array([50.0]), np.array([744.0]), PROCESS, paths=20_000, seed=7)
    start, end = ((date(2027, at, 1) - valuation_date).days / 365 for at in (1, 2))
    variance = share**2 * PROCESS.average_variance(max(start, 0.0), end)
    deviation = 744.0 * 50.0 * float(np.sqrt(np.expm1(variance)))
    assert found.npv_standard_error_usd * np.sqrt(20_000) == pytest.approx(deviation, rel=0.03)
    middle = 744.0 * (50.0 * float(np.exp(-variance / 2)) - 45.0)
    assert found.npv_p50_usd == pytest.approx(middle, abs=0.05 * deviation)


def test_months_may_be_missing_from_the_schedule() -> None:
    winter = np.isin(MONTHS.astype(np.int64) % 12, (0, 1, 11))
    found = price_ppa(TERMS, MONTHS[winter], FORWARD[winter], VOLUME[winter], PROCESS, paths=10_000, seed=7)
    assert abs(found.npv_mean_usd - found.npv_closed_form_usd) < 3 * found.npv_standard_error_usd


def test_the_yearly_table_adds_up_to_the_closed_form() -> None:
    found = value(replace(TERMS, upfront_cost_usd=500_000.0))
    assert [row.year for row in found.yearly] == list(range(2027, 2037))
    discounted = sum(row.discounted_usd for row in found.yearly)
    assert discounted - 500_000.0 == pytest.approx(found.npv_closed_form_usd, rel=1e-12)
    first = found.yearly[0]
    assert first.volume_mwh == 12 * 7300
    assert first.market_revenue_usd == pytest.approx(7300 * FORWARD[:12].sum())
    assert first.fixed_cost_usd == pytest.approx(45.0 * 12 * 7300)
    assert first.net_usd == pytest.approx(first.market_revenue_usd - first.fixed_cost_usd)
    for row in found.yearly:
        assert row.net_p5_usd < row.net_usd < row.net_p95_usd


def test_the_rate_of_return_discounts_the_expected_flows_to_zero() -> None:
    terms = replace(TERMS, upfront_cost_usd=2e6, fixed_price_usd_per_mwh=41.0)
    found = value(terms)
    assert found.irr.rate is not None
    at = value(replace(terms, discount_rate_per_year=found.irr.rate))
    assert abs(at.npv_closed_form_usd) < 1e-4


def test_no_outlay_and_no_sign_change_leave_the_rate_empty_with_the_reason() -> None:
    assert (value().irr.rate, value().irr.reason) == (None, NO_OUTLAY)
    losing = value(replace(TERMS, upfront_cost_usd=1.0, fixed_price_usd_per_mwh=90.0))
    assert (losing.irr.rate, losing.irr.reason) == (None, NO_SIGN_CHANGE)


def test_negative_forwards_are_priced() -> None:
    found = price_ppa(TERMS, MONTHS, -FORWARD, VOLUME, PROCESS, paths=2000, seed=7)
    assert abs(found.npv_mean_usd - found.npv_closed_form_usd) < 3 * found.npv_standard_error_usd


def test_a_month_under_way_is_valued_and_one_gone_by_is_refused() -> None:
    under_way = replace(TERMS, valuation_date=date(2027, 1, 20))
    assert np.isfinite(value(under_way).npv_mean_usd)
    with pytest.raises(ValueError, match="2027-01 is over"):
        value(replace(TERMS, valuation_date=date(2027, 2, 1)))


def test_forward_of_names_the_months_a_curve_lacks() -> None:
    np.testing.assert_array_equal(forward_of(MONTHS[3:5], MONTHS, FORWARD), FORWARD[3:5])
    with pytest.raises(ValueError, match="2 delivery months from 2036-11 to 2036-12"):
        forward_of(MONTHS, MONTHS[:-2], FORWARD[:-2])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"side": "lender"}, "side"),
        ({"fixed_price_usd_per_mwh": np.nan}, "fixed_price_usd_per_mwh"),
        ({"discount_rate_per_year": -1.0}, "discount_rate_per_year"),
        ({"upfront_cost_usd": -5.0}, "upfront_cost_usd"),
    ],
)
def test_terms_that_make_no_sense_are_named(changes: dict[str, object], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        replace(TERMS, **changes)  # type: ignore[arg-type]


def test_arrays_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="shapes"):
        price_ppa(TERMS, MONTHS, FORWARD[:-1], VOLUME, PROCESS, paths=10, seed=1)
    with pytest.raises(ValueError, match="months must rise"):
        price_ppa(TERMS, MONTHS[::-1], FORWARD, VOLUME, PROCESS, paths=10, seed=1)
    with pytest.raises(ValueError, match="volume_mwh"):
        price_ppa(TERMS, MONTHS, FORWARD, 0 * VOLUME, PROCESS, paths=10, seed=1)
    with pytest.raises(ValueError, match="paths"):
        value(paths=1)
