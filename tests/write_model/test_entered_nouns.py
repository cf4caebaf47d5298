from dataclasses import replace
from datetime import date
from uuid import uuid4

from tests.write_model.specification import Given
from write_model.curves import Curve, CurveShape
from write_model.instruments import Hub, Instrument
from write_model.ppas import PpaContract, Terms
from write_model.results import Computation, Origin

HUB = Hub(name="WH", iso="PJM", node="WESTERN HUB", node_type="HUB", market="DA", time_zone="America/New_York")
TERMS = Terms(
    hub="WH", side="buy", power_mw=(10.0,), fixed_price_usd_per_mwh=40.0, first_month=date(2027, 1, 1),
    last_month=date(2036, 12, 1), discount_rate_per_year=0.07, upfront_cost_usd=0.0,
)  # fmt: skip
SHAPE = CurveShape("WH", date(2027, 1, 1), date(2028, 12, 1), date(2050, 12, 1), 288)
COMPUTATION = Computation({"quotes": "q"}, {"hub": Origin(uuid4(), 1)}, {"growth_per_year": 0.02}, "v1", "a", "d")


def test_a_hub_keeps_its_definition() -> None:
    registered = Given(lambda stream: Instrument.register(stream, HUB))
    registered.when(lambda i: i.register_again(HUB)).then()
    elsewhere = replace(HUB, node="EASTERN HUB")
    Given(lambda stream: Instrument.register(stream, HUB)).when(lambda i: i.register_again(elsewhere)).then_refused(
        "node 'WESTERN HUB', not 'EASTERN HUB'"
    )


def test_a_contract_keeps_its_terms() -> None:
    Given(lambda stream: PpaContract.register(stream, "a", TERMS)).when(lambda c: c.register_again(TERMS)).then()
    dearer = replace(TERMS, fixed_price_usd_per_mwh=41.0)
    Given(lambda stream: PpaContract.register(stream, "a", TERMS)).when(
        lambda c: c.register_again(dearer)
    ).then_refused("other terms")


def test_recomputing_records_whether_the_digest_came_out_the_same() -> None:
    curve = Given(lambda stream: Curve.build(stream, SHAPE, COMPUTATION, {}))
    equal = curve.when(lambda c: c.record_recomputation(code_version="v2", digest="d", difference="")).then(
        (Curve.Recomputed, {"code_version": "v2", "digest": "d", "equal": True, "difference": ""})
    )
    assert equal.last_recomputation_equal
    other = Given(lambda stream: Curve.build(stream, SHAPE, COMPUTATION, {}))
    different = other.when(lambda c: c.record_recomputation(code_version="v2", digest="x", difference="2027-01"))
    assert not different.then(
        (Curve.Recomputed, {"code_version": "v2", "digest": "x", "equal": False, "difference": "2027-01"})
    ).last_recomputation_equal
