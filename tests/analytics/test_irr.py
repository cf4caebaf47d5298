import csv
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from analytics.irr import NO_RATE, NO_SIGN_CHANGE, irr, npv, xirr, xnpv


def test_npv_matches_the_published_values() -> None:
    flows = [-40000, 5000, 8000, 12000, 30000]
    assert npv(0.08, flows) == pytest.approx(3065.222668179, abs=1e-9)
    assert npv(0.08, flows) / 1.08 == pytest.approx(2838.169137203, abs=1e-9)


@pytest.mark.parametrize(
    ("flows", "published"),
    [
        ([-100, 39, 59, 55, 20], 0.28094842116),
        ([-100, 0, 0, 74], -0.09549583034),
        ([-100, 100, 0, -7], -0.08329966618),
        ([-100, 100, 0, 7], 0.06205848562),
        ([-5, 10.5, 1, -8, 1], 0.08859833852),
        ([-150000, 15000, 25000, 35000, 45000, 60000], 0.05243288885),
        ([-40000, 5000, 8000, 12000, 30000], 0.10582259840),
        ([-10, 2, 2, 2, 2], -0.08364541746615),
        ([-161445.03, 2113.73, 7626.73, 8619.84, 8612.92], -0.43658134635),
        ([-50, -100, 600, 300, -100], 1.85441782844611),
        ([-172545.848122807] + [787.735232517999] * 480, 0.0038401048),
    ],
)
def test_irr_finds_the_published_rate(flows: list[float], published: float) -> None:
    found = irr(flows)
    assert min(abs(root - published) for root in found.roots) < 1e-9
    scale = sum(abs(flow) for flow in flows)
    assert all(abs(npv(root, flows)) < 1e-9 * scale for root in found.roots)


def test_several_roots_are_told_and_the_falling_one_is_taken() -> None:
    found = irr([-100, 230, -132])  # zero at 10 % and at 20 %
    assert found.has_several_roots
    np.testing.assert_allclose(found.roots, [0.1, 0.2], atol=1e-12)
    assert found.rate == pytest.approx(0.2, abs=1e-12)
    assert not irr([-100, 110]).has_several_roots


@pytest.mark.parametrize("flows", [[0, 0, 0], [1, 2, 3], [-1, 0, -2]])
def test_flows_that_never_change_sign_have_no_rate_and_say_so(flows: list[float]) -> None:
    found = irr(flows)
    assert (found.rate, found.roots, found.reason) == (None, (), NO_SIGN_CHANGE)


def test_order_and_split_of_dated_flows_do_not_matter() -> None:
    whole = xirr([0, 365, 730], [-100.0, 60.0, 60.0])
    split = xirr([730, 0, 365, 365, 0], [60.0, -30.0, 20.0, 40.0, -70.0])
    assert whole.rate == pytest.approx(irr([-100, 60, 60]).rate, abs=1e-12)
    assert split.rate == pytest.approx(whole.rate, abs=1e-12)


def test_a_rate_of_minus_one_and_missing_days_are_refused() -> None:
    with pytest.raises(ValueError, match="rate"):
        npv(-1.0, [1.0])
    with pytest.raises(ValueError, match="days"):
        xirr([0.0], [1.0, 2.0])


XIRR = {
    "unordered": 0.16353715844,
    "single_redemption": 0.13616957937417506,
    "random_100": 29.829404437653,
    "zeros": 0.175680730580782,
    "minus_0_99": -0.9989769231734277,
    "30-0": 0.1660454339589889,
    "30-1": 0.18180763138335373,
    "30-2": -0.0027489547855574564,
    "30-3": 5.852451769434373,
    "30-4": 0.16098047379438984,
    "30-5": 0.008979287890185613,
    "30-6": 0.3255467341810659,
    "30-7": 0.3501464865493174,
    "30-8": 3.353029509425298,
    "30-9": 2.878013825163697,
    "30-10": 0.11143674454788119,
    "30-11": -0.12606921657689435,
    "30-12": -0.02578630164755525,
    "30-13": -0.6590570693637554,
    "30-14": 0.6996860198137344,
    "30-15": 0.02976853488940409,
    "30-16": 0.44203743561153225,
    "30-17": 2.7956075643765765,
    "30-18": -0.2692266976014054,
    "30-19": -0.0016474932646633118,
    "30-21": 0.05900900202336096,
    "30-22": -0.028668460065440993,
    "30-23": 1.1276768367328942,
    "30-24": 32.90894421344702,
    "30-25": -0.001245880387491199,
    "30-26": -0.33228389267806224,
    "30-27": 0.00017475536849502265,
    "30-28": -0.10396735360664396,
}
SECOND_ROOT = {"30-13": -0.02910731236366771, "30-22": -0.3154082674273421, "30-28": 1.1258287638216773}


def read_flows(folder: Path, name: str) -> tuple[list[float], list[float]]:
    with (folder / "analytics" / "irr" / "pyxirr_samples" / f"{name}.csv").open() as lines:
        rows = [(date.fromisoformat(day).toordinal(), float(amount)) for day, amount in csv.reader(lines)]
    return [float(day) for day, _ in rows], [amount for _, amount in rows]


@pytest.mark.shared
@pytest.mark.parametrize("name", XIRR)
def test_xirr_finds_the_published_rate(name: str, shared_data: Path) -> None:
    days, flows = read_flows(shared_data, name)
    found = xirr(days, flows)
    expected = [XIRR[name], *([SECOND_ROOT[name]] if name in SECOND_ROOT else [])]
    for rate in expected:
        assert min(abs(root - rate) for root in found.roots) < 1e-9 * max(1.0, rate)
    assert found.has_several_roots or len(expected) == 1


@pytest.mark.shared
def test_xirr_says_where_there_is_no_rate(shared_data: Path) -> None:
    found = xirr(*read_flows(shared_data, "30-29"))
    assert (found.rate, found.roots, found.reason) == (None, (), NO_RATE)


@pytest.mark.shared
def test_xirr_finds_a_deep_negative_rate_that_a_tolerance_on_the_value_misses(shared_data: Path) -> None:
    # The published answer is "none", yet first and last flow differ in sign, so that a root must exist.
    days, flows = read_flows(shared_data, "30-20")
    (root,) = xirr(days, flows).roots
    assert xnpv(root - 1e-9, days, flows) > 0 > xnpv(root + 1e-9, days, flows)


@pytest.mark.shared
def test_xnpv_and_periodic_irr_match_the_published_samples(shared_data: Path) -> None:
    unordered, random_100 = read_flows(shared_data, "unordered"), read_flows(shared_data, "random_100")
    assert xnpv(0.10, *unordered) == pytest.approx(2218.42566365675, abs=1e-9)
    assert xnpv(0.10, *random_100) == pytest.approx(6488.0382272781, abs=1e-9)
    assert irr(unordered[1]).rate == pytest.approx(0.7039842300, abs=1e-9)
    assert min(abs(root - 2.3320600601) for root in irr(random_100[1]).roots) < 1e-9
