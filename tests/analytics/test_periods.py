from datetime import date

import numpy as np
import pytest

from analytics.periods import Period, delivery_period, hours_per_day


@pytest.mark.parametrize(
    ("product", "start", "end"),
    [
        ("2027-01", date(2027, 1, 1), date(2027, 2, 1)),
        ("2027-12", date(2027, 12, 1), date(2028, 1, 1)),
        ("2027-Q3", date(2027, 7, 1), date(2027, 10, 1)),
        ("2027-Q4", date(2027, 10, 1), date(2028, 1, 1)),
        ("CAL-2028", date(2028, 1, 1), date(2029, 1, 1)),
        ("2027-01-05", date(2027, 1, 5), date(2027, 1, 6)),
        ("2027-01-05..2027-01-08", date(2027, 1, 5), date(2027, 1, 9)),
        ("2027-12-31", date(2027, 12, 31), date(2028, 1, 1)),
    ],
)
def test_products_name_half_open_periods(product: str, start: date, end: date) -> None:
    assert delivery_period(product) == Period(start, end)


@pytest.mark.parametrize(
    "product",
    [
        "",
        "2027",
        "2027-13",
        "2027-00",
        "2027-Q5",
        "Cal-28",
        "CAL-9999",
        "2027-02-30",
        "2027-01-08..2027-01-05",
        "Q3-2027",
    ],
)
def test_other_names_are_refused_with_the_forms_understood(product: str) -> None:
    with pytest.raises(ValueError, match="CAL-2028") as caught:
        delivery_period(product)
    assert repr(product) in str(caught.value)


def test_local_days_have_23_24_or_25_hours() -> None:
    hours = hours_per_day(date(2026, 1, 1), date(2027, 1, 1), "America/Chicago")
    assert hours.size == 365
    assert hours.sum() == 8760
    assert hours[(date(2026, 3, 8) - date(2026, 1, 1)).days] == 23
    assert hours[(date(2026, 11, 1) - date(2026, 1, 1)).days] == 25
    assert (hours == 24).sum() == 363


def test_a_zone_without_daylight_saving_has_only_24_hours() -> None:
    assert np.all(hours_per_day(date(2026, 1, 1), date(2027, 1, 1), "America/Phoenix") == 24)


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ValueError, match="America/Nowhere"):
        hours_per_day(date(2026, 1, 1), date(2026, 1, 2), "America/Nowhere")
