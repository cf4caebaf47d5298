"""What the simulated files say, read with the csv module alone, on a plain day and on both DST days."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from integrations.isos.simulator import caiso, ercot, miso, pjm
from integrations.isos.simulator.files import SimulatedFile, fixed, trimmed, zipped
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.market import SimulatedMarket
from integrations.isos.simulator.places import PLACES

SPRING, AUTUMN, PLAIN = date(2026, 3, 8), date(2026, 11, 1), date(2026, 6, 15)
HOURS = {SPRING: 23, AUTUMN: 25, PLAIN: 24}
DAYS = list(HOURS)


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        return {name: archive.read(name) for name in names}


def _only_csv(content: bytes) -> tuple[str, list[dict[str, str]]]:
    ((name, inner),) = _members(content).items()
    return name, list(csv.DictReader(io.StringIO(inner.decode())))


@pytest.mark.parametrize(
    ("units", "decimals", "full", "short"),
    [
        (0, 2, "0.00", "0"),
        (-31, 2, "-0.31", "-0.31"),
        (3100, 2, "31.00", "31"),
        (-1_234_560, 5, "-12.34560", "-12.3456"),
    ],
)
def test_decimal_text(units: int, decimals: int, full: str, short: str) -> None:
    assert fixed(units, decimals) == full
    assert trimmed(units, decimals) == short


def test_an_archive_is_the_same_bytes_every_time_and_is_dated_by_its_members() -> None:
    member = SimulatedFile("a.csv", b"x" * 500, datetime(2026, 3, 8, 4, 5, 6))
    one, other = (zipped("a.zip", [member], folder="d/") for _ in range(2))
    assert one == other
    assert one.published_at == member.published_at
    with zipfile.ZipFile(io.BytesIO(one.content)) as archive:
        assert archive.infolist()[0].filename == "d/a.csv"
        assert archive.infolist()[0].date_time == (2026, 3, 8, 4, 5, 6)
    with pytest.raises(ValueError, match=r"a\.zip: an archive needs at least one member"):
        zipped("a.zip", [])


@pytest.mark.parametrize("day", DAYS)
def test_miso_counts_24_hours_every_day(day: date) -> None:
    market = SimulatedMarket("MISO", 7)
    block = market.prices("DA", market_days("MISO", day, day, minutes=60))
    lines = miso.day_ahead_lmp(market, day).content.decode().splitlines()
    assert lines[1] == f"{day:%m/%d/%Y}"
    rows = list(csv.DictReader(lines[4:]))
    assert len(rows) == 3 * len(PLACES["MISO"])
    first = next(row for row in rows if row["Value"] == "LMP")
    assert float(first["HE 24"]) * 100 == pytest.approx(block.lmp[23, 0])
    assert {row["Type"] for row in rows} == {"Gennode", "Loadzone", "Hub", "Interface"}
    assert "-0." not in "".join(lines[5:]), "the day-ahead report has no zero before the point"


def test_miso_real_time_keeps_two_decimals() -> None:
    content = miso.real_time_lmp(SimulatedMarket("MISO", 7), PLAIN).content.decode()
    assert content.endswith("\r\n")
    lines = content.split("\r\n")
    assert lines[1] == "6/15/2026"
    prices = [cell for line in lines[5:-1] for cell in line.split(",")[3:]]
    assert len(prices) == 3 * len(PLACES["MISO"]) * 24
    assert all(len(cell.partition(".")[2]) == 2 for cell in prices)


@pytest.mark.parametrize("day", DAYS)
def test_pjm_names_hours_by_their_beginning_on_both_clocks(day: date) -> None:
    market = SimulatedMarket("PJM", 7)
    text = pjm.day_ahead_lmps(market, day).content.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == HOURS[day] * len(PLACES["PJM"])
    hub = [row for row in rows if row["pnode_name"] == "WESTERN HUB"]
    pattern = "%m/%d/%Y %I:%M:%S %p"
    utc = [datetime.strptime(row["datetime_beginning_utc"], pattern).replace(tzinfo=UTC) for row in hub]
    assert all(later - earlier == timedelta(hours=1) for earlier, later in pairwise(utc))
    eastern = [moment.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None) for moment in utc]
    assert eastern == [datetime.strptime(row["datetime_beginning_ept"], pattern) for row in hub]
    assert {moment.date() for moment in eastern} == {day}
    ones = [row["datetime_beginning_ept"] for row in hub if row["datetime_beginning_ept"].endswith(" 1:00:00 AM")]
    assert len(ones) == (2 if day == AUTUMN else 1)
    for row in rows:
        parts = ("system_energy_price_da", "congestion_price_da", "marginal_loss_price_da")
        assert float(row["total_lmp_da"]) == pytest.approx(sum(float(row[part]) for part in parts), abs=1e-9)


@pytest.mark.parametrize("day", DAYS)
def test_caiso_numbers_the_repeated_hour_25_and_skips_the_missing_one(day: date) -> None:
    name, rows = _only_csv(caiso.day_ahead_lmp(SimulatedMarket("CAISO", 7), day).content)
    assert name.endswith(".csv")
    inside = [place for place in PLACES["CAISO"] if place.role != "outside"]
    assert len(rows) == HOURS[day] * len(inside) * 4
    lmp = sorted(
        (row for row in rows if row["NODE"] == "TH_SP15_GEN-APND" and row["LMP_TYPE"] == "LMP"),
        key=lambda row: row["INTERVALSTARTTIME_GMT"],
    )
    hours = [int(row["OPR_HR"]) for row in lmp]
    expected = {
        SPRING: [1, 2, *range(4, 25)],
        AUTUMN: [1, 2, 25, *range(3, 25)],
        PLAIN: list(range(1, 25)),
    }
    assert hours == expected[day]
    assert [row["INTERVALENDTIME_GMT"] for row in lmp[:-1]] == [row["INTERVALSTARTTIME_GMT"] for row in lmp[1:]]
    assert {row["OPR_DT"] for row in rows} == {day.isoformat()}
    # A run of one node and type has one group number, and isn't in order of time.
    assert len({row["GROUP"] for row in rows}) == len(inside) * 4
    first = [row["INTERVALSTARTTIME_GMT"] for row in rows if row["GROUP"] == "1"]
    assert first != sorted(first)


@pytest.mark.parametrize("day", DAYS)
def test_caiso_real_time_adds_greenhouse_gas_and_adds_up(day: date) -> None:
    name, rows = _only_csv(caiso.real_time_lmp(SimulatedMarket("CAISO", 7), day).content)
    assert "_PRC_RTPD_LMP_RTPD_" in name
    assert len(rows) == HOURS[day] * 4 * len(PLACES["CAISO"]) * 5
    cells: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        cells.setdefault((row["NODE"], row["INTERVALSTARTTIME_GMT"]), {})[row["LMP_TYPE"]] = float(row["PRC"])
    assert len(cells) == HOURS[day] * 4 * len(PLACES["CAISO"])
    for cell in cells.values():
        assert cell["LMP"] == pytest.approx(cell["MCE"] + cell["MCC"] + cell["MCL"] + cell["MGHG"], abs=1e-9)
    assert {row["OPR_INTERVAL"] for row in rows} == {"1", "2", "3", "4"}
    assert ("25" in {row["OPR_HR"] for row in rows}) == (day == AUTUMN)
    assert ("03" in {row["OPR_HR"] for row in rows}) == (day != SPRING)


@pytest.mark.parametrize("day", DAYS)
def test_ercot_day_ahead_flags_the_second_pass(day: date) -> None:
    name, rows = _only_csv(ercot.day_ahead_spp(SimulatedMarket("ERCOT", 7), day).content)
    assert name == f"cdr.00012331.0000000000000000.{day - timedelta(days=1):%Y%m%d}.123129.DAMSPNP4190.csv"
    hub = [(row["HourEnding"], row["DSTFlag"]) for row in rows if row["SettlementPoint"] == "HB_NORTH"]
    plain = [(f"{hour:02d}:00", "N") for hour in range(1, 25)]
    expected = {SPRING: plain[:2] + plain[3:], AUTUMN: [*plain[:2], ("02:00", "Y"), *plain[2:]], PLAIN: plain}
    assert hub == expected[day]
    names = [row["SettlementPoint"] for row in rows]
    assert len(set(names)) * HOURS[day] == len(names)


@pytest.mark.parametrize("day", DAYS)
def test_ercot_real_time_is_a_document_per_quarter_hour(day: date) -> None:
    bundle = _members(ercot.real_time_spp(SimulatedMarket("ERCOT", 7), day).content)
    assert len(bundle) == HOURS[day] * 4
    seen = []
    for outer, content in bundle.items():
        assert outer.startswith(f"{day:%Y%m%d}/cdr.00012301.0000000000000000.")
        inner, rows = _only_csv(content)
        points = {(row["SettlementPointName"], row["SettlementPointType"]) for row in rows}
        assert points == {(place.node, place.node_type) for place in PLACES["ERCOT"]}
        assert len(rows) == len(points)
        ((delivery_day, hour, quarter, flag),) = {
            (row["DeliveryDate"], row["DeliveryHour"], row["DeliveryInterval"], row["DSTFlag"]) for row in rows
        }
        assert delivery_day == f"{day:%m/%d/%Y}"
        seen.append((int(hour), int(quarter), flag, inner.split("SPPHLZNP6905_")[1].removesuffix(".csv")))
    assert seen[0][:3] == (1, 1, "N")
    assert seen[-1] == (24, 4, "N", f"{day + timedelta(days=1):%Y%m%d}_0000")
    second_pass = [(quarter, stamp) for hour, quarter, flag, stamp in seen if flag == "Y"]
    expected = [(1, "0115_xhr"), (2, "0130_xhr"), (3, "0145_xhr"), (4, "0200")] if day == AUTUMN else []
    assert second_pass == [(quarter, f"{day:%Y%m%d}_{stamp}") for quarter, stamp in expected]
    assert (3 in {hour for hour, *_ in seen}) == (day != SPRING)


@pytest.mark.parametrize("day", DAYS)
def test_ercot_sced_is_a_document_per_run_stamped_off_its_mark(day: date) -> None:
    market = SimulatedMarket("ERCOT", 7)
    bundle = _members(ercot.sced_lmp(market, day).content)
    assert len(bundle) == HOURS[day] * 12
    central = ZoneInfo("America/Chicago")
    starts = []
    for outer, content in bundle.items():
        inner, rows = _only_csv(content)
        ((stamp, flag),) = {(row["SCEDTimestamp"], row["RepeatedHourFlag"]) for row in rows}
        local = datetime.strptime(stamp, "%m/%d/%Y %H:%M:%S").replace(tzinfo=central, fold=int(flag == "Y"))
        assert f"LMPSROSNODENP6788_{local:%Y%m%d_%H%M%S}{'_xhr' if flag == 'Y' else ''}" in inner
        assert ("xhr" in outer) == ("xhr" in inner) == (flag == "Y")
        assert all(len(row["LMP"]) == 12 for row in rows)
        starts.append(int(local.timestamp()))
    runs = ercot.sced_runs(market.seed, day)
    assert starts == runs.start_s.tolist()
    marks = [round(start / 300) * 300 for start in starts]
    assert [mark + 300 for mark in marks] == runs.end_s.tolist()
    assert len(set(marks)) == len(marks), "no two runs round to the same five minutes"
    assert {start - mark for start, mark in zip(starts, marks, strict=True)} <= {-5, *range(13, 25)}
    assert -5 in {start - mark for start, mark in zip(starts, marks, strict=True)}
