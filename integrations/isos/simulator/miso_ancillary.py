"""MISO's ancillary reports (MCPs): prices of regulation, spinning and supplemental reserve, wide by the hour.

The prices follow that of energy; there is no market of reserves behind them.
"""

from datetime import date
from typing import Final

import numpy as np

from integrations.isos.simulator.columns import csv_rows, each_repeated
from integrations.isos.simulator.market import PriceBlock
from integrations.isos.simulator.texts import decimals

_TITLES: Final = {
    "asm_exante_damcp": "Dayahead Market ExAnte MCPs.",
    "asm_expost_damcp": "Dayahead Market MCPs.",
    "asm_rtmcp_prelim": "Preliminary Realtime Market MCPs.",
    "asm_rtmcp_final": "Realtime Market MCPs.",
}
_HEADER = ",".join(["", "", "MCP Type", *(f" HE {hour}" if hour == 1 else f"HE {hour}" for hour in range(1, 25))])
_ZONES = ("MISO Wide", *(f"Zone {number}" for number in range(1, 9)))
# Of each product: what it costs at the least, in cents, and how it goes with the price of energy.
_PRODUCTS: Final = {"REG": (250, 0.22), "SPIN": (80, 0.06), "SUPP": (20, 0.01)}
_RESOURCES = ("DEM", "GEN")


def ancillary_report(report: str, block: PriceBlock, day: date) -> bytes:
    """The report of the 24 hours of `block`, one row per zone, kind of resource and product."""
    energy = block.energy[:, 0]
    kinds = [f"{resource}{product}MCP" for product in _PRODUCTS for resource in _RESOURCES]
    of_kind = np.stack(
        [
            np.maximum(least + np.rint(share * energy).astype(np.int64), 0)
            for least, share in _PRODUCTS.values()
            for _ in _RESOURCES
        ]
    )
    prices = np.tile(of_kind, (len(_ZONES), 1))
    labels = [each_repeated(_ZONES, len(kinds)), each_repeated(["-"], len(prices))]
    types = each_repeated(kinds * len(_ZONES), 1)
    hours = (decimals(np.ascontiguousarray(prices[:, hour]), 2, trimmed=True) for hour in range(prices.shape[1]))
    note = f"{day:%m/%d/%Y},,All Hours-Ending are Eastern Standard Time (EST)"
    head = "\n".join([_TITLES[report], "", note, "", _HEADER, ""])
    return head.encode() + csv_rows([*labels, types, *hours], "\n")
