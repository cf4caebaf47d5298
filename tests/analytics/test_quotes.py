import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.arrays import Floats
from analytics.periods import delivery_period, hours_per_day
from analytics.quotes import ConflictingQuotes, Quote, bootstrap, quoted_span, select_quotes


def quotes_of(**prices: float) -> list[Quote]:
    return [Quote.of(product, price) for product, price in prices.items()]


def day_weights(quotes: list[Quote]) -> Floats:
    return np.ones(quoted_span(quotes).days)


def hour_weights(quotes: list[Quote]) -> Floats:
    span = quoted_span(quotes)
    return hours_per_day(span.start, span.end, "America/New_York")


@pytest.mark.parametrize(
    ("first", "quarter", "expected"),
    [(("2020-01", 19.05), ("2020-Q1", 17.22), 16.27450), (("2019-01", 18.95), ("2019-Q1", 19.05), 19.102542)],
)
def test_the_rest_of_a_quarter_matches_the_published_bootstrap(
    first: tuple[str, float], quarter: tuple[str, float], expected: float
) -> None:
    quotes = [Quote.of(*first), Quote.of(*quarter)]
    result = bootstrap(quotes, day_weights(quotes))
    assert [(s.start.month, s.end.month) for s in result.segments] == [(1, 2), (2, 4)]
    np.testing.assert_allclose(result.price_usd_per_mwh, [first[1], expected], atol=5e-6)


def test_a_residual_on_both_sides_of_a_quoted_month_has_one_price() -> None:
    quotes = quotes_of(**{"2027-Q1": 50.0, "2027-02": 56.0})
    flat = bootstrap(quotes, hour_weights(quotes)).price_usd_per_mwh
    assert flat[0] == pytest.approx(flat[2], abs=1e-10)
    assert flat[0] == pytest.approx((50.0 * 2159 - 56.0 * 672) / (2159 - 672), abs=1e-10)


def test_a_quarter_of_rounded_months_is_redundant_and_says_by_how_much() -> None:
    quotes = quotes_of(**{"2027-01": 50.00, "2027-02": 52.00, "2027-03": 47.00, "2027-Q1": 49.59})
    selection = select_quotes(quotes, hour_weights(quotes))
    implied = (50.0 * 744 + 52.0 * 672 + 47.0 * 743) / 2159
    (found,) = selection.redundant
    assert {quote.product for quote in selection.used} == {"2027-01", "2027-02", "2027-03"}
    assert found.quote.product == "2027-Q1"
    assert found.implied_usd_per_mwh == pytest.approx(implied, abs=1e-12)
    assert found.difference_usd_per_mwh == pytest.approx(49.59 - implied, abs=1e-12)


def test_a_quarter_that_its_months_contradict_is_refused_by_name() -> None:
    quotes = quotes_of(**{"2019-01": 12.1, "2019-02": 14.72, "2019-03": 18.01, "2019-Q1": 13.55})
    with pytest.raises(ConflictingQuotes) as caught:
        select_quotes(quotes, day_weights(quotes))
    assert caught.value.quote.product == "2019-Q1"
    assert [quote.product for quote in caught.value.implied_by] == ["2019-01", "2019-02", "2019-03"]
    message = str(caught.value)
    assert all(part in message for part in ("2019-Q1", "13.55", "2019-02", "14.72", "14.9508"))


def test_a_conflict_names_only_the_quotes_that_take_part_in_it() -> None:
    quotes = quotes_of(**{"2027-01": 50.0, "2027-05": 40.0, "2027-01-01..2027-01-31": 51.0, "CAL-2027": 45.0})
    with pytest.raises(ConflictingQuotes) as caught:
        select_quotes(quotes, hour_weights(quotes))
    assert {quote.product for quote in (caught.value.quote, *caught.value.implied_by)} == {
        "2027-01",
        "2027-01-01..2027-01-31",
    }


def test_a_conflict_among_partial_overlaps_is_found() -> None:
    # [1, 11) + [11, 21) must equal [1, 6) + [6, 21), although no single quote is made up of others.
    days = {"01..2027-01-10": 50.0, "11..2027-01-20": 60.0, "01..2027-01-05": 40.0, "06..2027-01-20": 61.0}
    quotes = quotes_of(**{f"2027-01-{rest}": price for rest, price in days.items()})
    with pytest.raises(ConflictingQuotes) as caught:
        select_quotes(quotes, day_weights(quotes))
    assert len(caught.value.implied_by) == 3
    assert caught.value.implied_usd_per_mwh == pytest.approx((500 + 600 - 200) / 15)
    agreeing = [*quotes[:3], Quote.of("2027-01-06..2027-01-20", 60.0)]
    assert len(select_quotes(agreeing, day_weights(agreeing)).redundant) == 1


def test_a_week_straddling_months_is_kept_beside_them() -> None:
    quotes = quotes_of(**{"2027-01": 50.0, "2027-02": 54.0, "2027-01-28..2027-02-03": 53.0})
    result = bootstrap(quotes, hour_weights(quotes))
    assert len(result.selection.used) == 3
    assert len(result.segments) == 4
    assert result.price_usd_per_mwh.min() > 45
    assert result.price_usd_per_mwh.max() < 60


@pytest.mark.parametrize(
    ("weights", "problem"),
    [(np.ones(30), "31 values"), (-np.ones(31), "31 values"), (np.zeros(31), "no hours"), (np.full(31, np.nan), "nan")],
)
def test_weights_that_make_no_sense_are_refused(weights: Floats, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        select_quotes(quotes_of(**{"2027-01": 50.0}), weights)


def test_no_quotes_and_prices_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        select_quotes([], np.ones(1))
    with pytest.raises(ValueError, match="price_usd_per_mwh"):
        select_quotes(quotes_of(**{"2027-01": float("nan")}), np.ones(31))


PRODUCTS = [
    *(f"2027-{month:02d}" for month in range(1, 13)),
    *(f"2027-Q{quarter}" for quarter in range(1, 5)),
    "CAL-2027",
    "2027-01-01",
    "2027-01-02..2027-01-08",
    "2027-01-29..2027-02-04",
    "2027-03-10..2027-04-20",
    "2027-10-25..2027-11-07",
]


@settings(max_examples=60)
@given(st.sets(st.sampled_from(PRODUCTS), min_size=1), st.integers(0, 2**32 - 1))
def test_bootstrap_reprices_any_consistent_set(products: set[str], seed: int) -> None:
    year = delivery_period("CAL-2027")
    hours = hours_per_day(year.start, year.end, "America/Chicago")
    market = 50 + 20 * np.random.default_rng(seed).standard_normal(year.days)

    def mean(product: str, values: Floats) -> float:
        period = delivery_period(product)
        days = slice((period.start - year.start).days, (period.end - year.start).days)
        return float(np.average(values[days], weights=hours[days]))

    quotes = [Quote.of(product, mean(product, market)) for product in sorted(products)]
    span = quoted_span(quotes)
    days = slice((span.start - year.start).days, (span.end - year.start).days)
    result = bootstrap(quotes, hours[days])
    flat = np.full(year.days, np.nan)
    for segment, price in zip(result.segments, result.price_usd_per_mwh, strict=True):
        flat[(segment.start - year.start).days : (segment.end - year.start).days] = price
    for product in products:
        assert mean(product, flat) == pytest.approx(mean(product, market), abs=1e-8)
