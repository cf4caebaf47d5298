"""What is checked of each dataset's rows, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from read_models.prices import price_table
from read_models.series import DATASETS

COMPONENT_TOLERANCE_USD_PER_MWH = 0.03  # four numbers, each rounded to a cent, and the float that holds them


@dataclass(frozen=True)
class Limits:
    """What lies outside [low, high] is no number of this kind: beyond every cap and congestion, or a wrong unit."""

    low: float
    high: float
    unit: str

    def __str__(self) -> str:
        return f"beyond {self.low:,.0f} to {self.high:,.0f} {self.unit}"


ENERGY_LIMITS = Limits(-2_000, 10_000, "$/MWh")
RESERVE_LIMITS = Limits(-500, 15_000, "$/MW")  # stacked penalty factors reach past the offer caps of energy
SHADOW_PRICE_LIMITS = Limits(-15_000, 15_000, "$/MWh")
# Half as much again as the largest of the four has ever carried: no load, plant or flow of them comes near.
POWER_LIMITS = Limits(-250_000, 250_000, "MW")
SERIES_LIMITS: Mapping[str, Limits] = {
    "MW": POWER_LIMITS,
    "MWh": replace(POWER_LIMITS, unit="MWh"),
    "USD/MWh": ENERGY_LIMITS,
}
"""Of fundamentals by their unit; other units have none."""


@dataclass(frozen=True)
class Checks:
    """How a dataset is judged.

    `value` is the column whose numbers are shown and, where `has_spikes`, compared over time. `limits` are those of
    `value`, None where they go by unit; `others` are the further columns that were published.
    """

    dataset: str
    table: str
    labels: tuple[str, ...]
    value: str
    others: tuple[str, ...]
    limits: Limits | None
    has_spikes: bool

    @property
    def is_prices(self) -> bool:
        """Prices add up from components, and are published once a version: elsewhere a file may say again what an
        earlier one said (a month as it grows, a forecast's next issue), and repeats are only counted."""
        return self.dataset == "prices"

    @property
    def has_issues(self) -> bool:
        """Whether rows are told apart by when they were issued."""
        return "issued_at" in self.others

    @property
    def powers(self) -> tuple[str, ...]:
        """The further columns that are in MW."""
        return tuple(column for column in self.others if column.endswith("_mw"))

    def place(self, labels: Mapping[str, str]) -> str:
        """A place in the words by which the series are asked for it."""
        return ", ".join(f"{name}={labels[name]}" for name in self.labels)

    def limits_of(self, labels: Mapping[str, str]) -> Limits:
        return self.limits or SERIES_LIMITS[labels["unit"]]


def _series(name: str, value: str, limits: Limits | None, *, has_spikes: bool) -> Checks:
    dataset = DATASETS[name]
    others = tuple(column for column in dataset.values if column != value)
    return Checks(name, dataset.table, dataset.labels, value, others, limits, has_spikes)


_COMPONENTS = ("energy_usd_per_mwh", "congestion_usd_per_mwh", "loss_usd_per_mwh", "ghg_usd_per_mwh")

CHECKS: Mapping[str, Checks] = {
    checks.dataset: checks
    for checks in (
        Checks(
            "prices", price_table(), ("node", "node_type"), "lmp_usd_per_mwh", _COMPONENTS, ENERGY_LIMITS,
            has_spikes=True,
        ),
        _series("ancillary", "price_usd_per_mw", RESERVE_LIMITS, has_spikes=True),
        _series("ordc", "price_usd_per_mwh", ENERGY_LIMITS, has_spikes=True),
        _series("fundamentals", "value", None, has_spikes=False),
        # What binds comes and goes: a shadow price that jumps is the market at work.
        _series("constraints", "shadow_price_usd_per_mwh", SHADOW_PRICE_LIMITS, has_spikes=False),
    )
}  # fmt: skip
"""By dataset, those whose rows are of market days (`read_models.market_days` says why the others have none)."""
