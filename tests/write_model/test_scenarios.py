import pytest

from tests.write_model.specification import Given
from write_model.base import Refused
from write_model.scenarios import Assumptions, Scenario, scenario_id

BASE = Assumptions(growth_per_year=0.02, seasonal_weight=1.0)
HIGH = Assumptions(growth_per_year=0.05, seasonal_weight=1.0)


def defined() -> Given:
    return Given(lambda stream: Scenario.define(stream, "base", BASE))


def test_a_scenario_is_defined_with_its_assumptions() -> None:
    events = Scenario.define(scenario_id("t", "base"), "base", BASE).collect_events()
    assert [type(e) for e in events] == [Scenario.Defined]
    assert events[0].originator_version == 0


def test_the_same_definition_again_changes_nothing() -> None:
    defined().when(lambda s: s.define_again(BASE)).then()


def test_another_definition_under_the_same_name_is_refused() -> None:
    defined().when(lambda s: s.define_again(HIGH)).then_refused("other assumptions")


def test_a_revision_replaces_the_assumptions_and_counts() -> None:
    scenario = defined().when(lambda s: s.revise(HIGH)).then((Scenario.Revised, {"name": "base", "assumptions": HIGH}))
    assert (scenario.assumptions, scenario.revision) == (HIGH, 2)


def test_a_revision_to_the_same_assumptions_is_on_record_and_changes_nothing() -> None:
    scenario = defined().when(lambda s: s.revise(BASE)).then((Scenario.Confirmed, {}))
    assert (scenario.assumptions, scenario.revision) == (BASE, 1)


def test_a_revision_of_what_was_looked_at_is_refused_once_it_is_another() -> None:
    scenario = (
        defined().when(lambda s: s.revise(HIGH, 1)).then((Scenario.Revised, {"name": "base", "assumptions": HIGH}))
    )
    with pytest.raises(Refused, match="at revision 2 by now, not 1") as refused:
        scenario.revise(BASE, 1)
    assert refused.value.status == 412
    assert scenario.revision == 2


def test_a_name_finds_its_stream_in_its_tenant_only() -> None:
    assert scenario_id("a", "base") == scenario_id("a", "base")
    assert scenario_id("a", "base") != scenario_id("b", "base")
