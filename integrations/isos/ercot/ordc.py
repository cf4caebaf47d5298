"""ERCOT's price adders, the reserves behind them and the system lambda: by run (NP6-323, NP6-322) or quarter (NP6-324).

Until 2025-12-05 the operating reserve demand curve (ORDC) added to the price of energy: RTORPA for reserves on line,
RTOFFPA for those off line, RTORDPA for the deployment of reliability measures. On that day real-time co-optimization
(RTC+B) took scarcity into the prices of ancillary services, and what remains are adders for reliability deployments, on
energy (RTRDPA) and on each service. An adder is read only where it was in force; outside, a number other than zero is
refused, for it would be taken for a price.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from integrations.isos.csv_reading import Frame
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.times import Times, read_timed, refuse_repeats, times_of
from integrations.isos.heads import CsvFile, column_key
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import Floats, ParsedPublication, labels, seconds

CO_OPTIMIZED_FROM = datetime(2025, 12, 5, tzinfo=CENTRAL).astimezone(UTC)
"""Since when energy and reserves are dispatched together (RTC+B)."""

SYSTEM_LAMBDA = "SYSTEM_LAMBDA"


@dataclass(frozen=True)
class Adder:
    """A column of prices: in force from `since` (included) to `until` (not included), null for open.

    `reserve` is the column of the megawatts behind it.
    """

    name: str
    columns: tuple[str, ...]
    reserve: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def in_force(
        self, starts: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which intervals, by their start in seconds since 1970 UTC, the adder was in force for."""
        after = starts >= (self.since.timestamp() if self.since else -np.inf)
        return np.asarray(after & (starts < (self.until.timestamp() if self.until else np.inf)))


def _ended(name: str, reserve: str = "") -> Adder:
    return Adder(name, (name,), reserve, until=CO_OPTIMIZED_FROM)


def _begun(name: str) -> Adder:
    return Adder(name, (name,), since=CO_OPTIMIZED_FROM)


ADDERS: tuple[Adder, ...] = (
    # The physical responsive capability is the reserve that the operator watches whatever the price.
    Adder(SYSTEM_LAMBDA, ("SystemLambda", "CappedSystemLambda"), "PRC"),
    _ended("RTORPA", "RTOLCAP"),
    _ended("RTOFFPA", "RTOFFCAP"),
    _ended("RTORDPA"),
    _ended("RTRSVPOR"),
    _ended("RTRSVPOFF"),
    _ended("RTRDP"),
    *(_begun(f"RTRDPA{service}") for service in ("", "RUS", "RDS", "RRS", "ECRS", "NSS")),
    *(_begun(f"RTRDP{service}") for service in ("RU", "RD", "RRS", "ECRS", "NS")),
)  # fmt: skip


# Adders that come together, and the reserves that come with them.
_TOGETHER: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("RTORPA", "RTOFFPA"), ("RTOLCAP", "RTOFFCAP")),
    (("RTRSVPOR", "RTRSVPOFF"), ()),
    (("RTRDPARUS", "RTRDPARDS", "RTRDPARRS", "RTRDPAECRS", "RTRDPANSS"), ("RTRDPA",)),
    (("RTRDPRU", "RTRDPRD", "RTRDPRRS", "RTRDPECRS", "RTRDPNS"), ("RTRDPA",)),
)


def columns_of(file: CsvFile) -> dict[str, int]:
    """Where the adders of the file and their reserves stand, by the adder's name and the reserve's column.

    Raises UnreadablePublication where one is missing that comes with the others.
    """
    for adders, others in _TOGETHER:
        if {column_key(adder) for adder in adders} & set(file.header.keys):
            for column in (*adders, *others):
                file.need(column)
    wanted = {adder.name: adder.columns for adder in ADDERS}
    wanted |= {adder.reserve: (adder.reserve,) for adder in ADDERS if adder.reserve}
    found = {name: file.find(*map(column_key, spellings)) for name, spellings in wanted.items()}
    return {name: position for name, position in found.items() if position is not None}


def parse(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """Every adder of the file as rows. Raises UnreadablePublication, also for an adder past its end."""
    columns = columns_of(file)
    return publication(read_timed(file, columns, frozenset(columns)), published_at)


def publication(frame: Frame, published_at: datetime | None) -> ParsedPublication:
    """The publication of a table with a column an adder."""
    times = times_of(frame)
    refuse_repeats(frame, times, [], times.column, "the report")
    present = [adder for adder in ADDERS if frame.has(adder.name)]
    tables = [_rows(frame, times, adder) for adder in present]
    if not frame.has("stamp"):
        feed, market = "rtm_price_adders", "RT15"
    else:
        feed, market = ("sced_price_adders" if len(present) > 1 else "sced_system_lambda"), "RT5"
    return series_publication(
        "ordc", pa.concat_tables(tables).unify_dictionaries(), iso="ERCOT", feed=feed, market=market,
        published_at=published_at, parser="ercot.price_adders",
    )  # fmt: skip


def _rows(frame: Frame, times: Times, adder: Adder) -> pa.Table:
    price, starts = frame.number(adder.name), times.start()
    in_force = adder.in_force(starts)
    if (stray := ~in_force & (np.nan_to_num(price) != 0)).any():
        problem = "the adder ended on 2025-12-05, when" if adder.until else "the adder began on 2025-12-05, when"
        frame.fail(int(np.argmax(stray)), adder.name, f"{problem} real-time co-optimization (RTC+B) took over")
    kept = in_force & ~np.isnan(price)
    reserve = frame.number(adder.reserve) if adder.reserve and frame.has(adder.reserve) else None
    columns = {
        "adder": labels(np.zeros(int(kept.sum()), dtype=np.int32), [adder.name]),
        "interval_start_utc": seconds(starts[kept]),
        "interval_end_utc": seconds(times.end()[kept]),
        "price_usd_per_mwh": price[kept],
    }
    return series_rows("ordc", columns if reserve is None else columns | {"reserve_mw": _reserves(reserve[kept])})


def _reserves(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
