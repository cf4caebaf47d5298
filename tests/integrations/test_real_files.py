"""Files that operators published, against a second reading of them with the csv module."""

import csv
import gzip
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from integrations.isos.catalogue import name_facts, parse, survey
from integrations.isos.ticks import GAP_SCHEMA, TICK_SCHEMA, ParsedPublication
from tests.integrations.samples import refusal

pytestmark = pytest.mark.shared

Key = tuple[str, str, datetime, datetime, int]
CENTRAL = ZoneInfo("America/Chicago")


def publications(path: Path) -> list[ParsedPublication]:
    found = survey(path.name, path.read_bytes(), named=True)
    assert found.skipped == []
    return [parse(payload) for payload in found.payloads]


def prices(publication: ParsedPublication, *columns: str) -> dict[Key, tuple[float | None, ...]]:
    assert publication.rows.schema.equals(TICK_SCHEMA)
    assert publication.gaps.schema.equals(GAP_SCHEMA)
    found = {
        (
            row["node"],
            row["node_type"],
            row["interval_start_utc"],
            row["interval_end_utc"],
            row["source_version"],
        ): tuple(row[f"{column}_usd_per_mwh"] for column in ("lmp", *columns))
        for row in publication.rows.to_pylist()
    }
    assert len(found) == publication.rows.num_rows
    return found


def table(path: Path, skip: int = 0) -> Iterator[dict[str, str]]:
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            raw = archive.read(archive.namelist()[0])
    return csv.DictReader(io.StringIO(raw.decode(), newline="").read().splitlines()[skip:])


MISO_FILES = {
    "rt_lmp_final/20190130_rt_lmp_final.csv.gz": (4, datetime(2019, 1, 30), 53184),
    "rt_lmp_final/20190310_rt_lmp_final.csv.gz": (4, datetime(2019, 3, 10), 53352),
    "rt_lmp_final/20221201_rt_lmp_final.csv": (0, datetime(2022, 12, 1), 57000),
    "rt_lmp_final/20230101_rt_lmp_final.csv": (4, datetime(2023, 1, 1), 57000),
    "da_expost_lmp/20230101_da_expost_lmp.csv": (4, datetime(2023, 1, 1), 57000),
}


@pytest.mark.parametrize("name", MISO_FILES)
def test_miso(shared_data: Path, name: str) -> None:
    skip, day, count = MISO_FILES[name]
    path = shared_data / "iso/miso" / name
    expected: dict[Key, dict[str, float]] = {}
    for row in table(path, skip):
        for hour in range(1, 25):
            start = (day + timedelta(hours=hour + 4)).replace(tzinfo=UTC)
            key = (row["Node"], row["Type"], start, start + timedelta(hours=1), 0)
            expected.setdefault(key, {})[row["Value"]] = float(row[f"HE {hour}"])
    (publication,) = publications(path)
    found = prices(publication, "congestion", "loss", "energy")
    assert len(found) == len(expected) == count
    assert {key: values[:3] for key, values in found.items()} == {
        key: (values["LMP"], values["MCC"], values["MLC"]) for key, values in expected.items()
    }
    assert all(
        abs(values[0] - values[1] - values[2] - values[3]) < 1e-7  # type: ignore[operator]
        for values in found.values()
    )
    assert publication.gaps.num_rows == 0


CAISO_FILES = {
    "prc_lmp_dam/20190915_20191013_PRC_LMP_DAM_20200511_15_28_17_v1.csv": ("MW", 672),
    "prc_lmp_dam/20191012_20191106_PRC_LMP_DAM_20200511_15_31_06_v1.csv": ("MW", 601),
    "prc_lmp_dam/oasis_SingleZip_PRC_LMP_DAM_20240418_20240420.zip": ("MW", 96),
    "prc_rtpd_lmp/20230601_20230701_PRC_RTPD_LMP_RTPD_20230927_12_19_12_v2.csv.gz": ("PRC", 2880),
    "prc_rtpd_lmp/20230917_20230919_PRC_RTPD_LMP_RTPD_20230921_11_57_28_v2.csv": ("PRC", 192),
}


@pytest.mark.parametrize("name", CAISO_FILES)
def test_caiso(shared_data: Path, name: str) -> None:
    column, count = CAISO_FILES[name]
    path = shared_data / "iso/caiso" / name
    expected: dict[Key, dict[str, float]] = {}
    for row in table(path):
        start = datetime.fromisoformat(row["INTERVALSTARTTIME_GMT"])
        end = datetime.fromisoformat(row["INTERVALENDTIME_GMT"])
        expected.setdefault((row["NODE"], "", start, end, 0), {})[row["LMP_TYPE"]] = float(row[column])
    (publication,) = publications(path)
    assert publication.feed == ("prc_lmp" if column == "MW" else "prc_rtpd_lmp")
    found = prices(publication, "energy", "congestion", "loss", "ghg")
    assert len(found) == count
    assert found == {
        key: (values["LMP"], values["MCE"], values["MCC"], values["MCL"], values.get("MGHG"))
        for key, values in expected.items()
    }
    # The single zip begins at 16:00 Pacific: 16 hours of that trade day are not in it, for each of three nodes.
    assert publication.gaps.num_rows == (48 if name.endswith(".zip") else 0)


PJM_FILES = ["ALDENE_20250616_20260615", "hubs_20250501_20250801"]


@pytest.mark.parametrize("feed", ["da", "rt"])
@pytest.mark.parametrize("covers", PJM_FILES)
def test_pjm(shared_data: Path, feed: str, covers: str) -> None:
    path = min((shared_data / f"iso/pjm/{feed}_hrl_lmps").glob(f"*{covers[:4]}*"))
    expected: dict[Key, tuple[float, ...]] = {}
    for row in table(path):
        start = datetime.strptime(row["datetime_beginning_utc"], "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC)
        key = (row["pnode_name"], row["type"], start, start + timedelta(hours=1), int(row["version_nbr"]))
        expected[key] = tuple(
            float(row[f"{column}_{feed}"])
            for column in ("total_lmp", "system_energy_price", "congestion_price", "marginal_loss_price")
        )
    (publication,) = publications(path)
    assert (publication.feed, publication.vintage) == (f"{feed}_hrl_lmps", "final" if feed == "da" else "verified")
    assert prices(publication, "energy", "congestion", "loss") == expected
    assert publication.gaps.num_rows == 0


def central(day: str, hour: int, minute: int = 0) -> datetime:
    local = datetime.strptime(day, "%m/%d/%Y").replace(tzinfo=CENTRAL)
    return (local + timedelta(hours=hour - 1, minutes=minute)).astimezone(UTC)


def test_ercot_day_ahead(shared_data: Path) -> None:
    folder = shared_data / "iso/ercot/dam_spp_np4-190-cd"
    total = 0
    for path in sorted(folder.iterdir()):
        expected = {}
        for row in table(path):
            start = central(row["DeliveryDate"], int(row["HourEnding"][:2]))
            key = (row["SettlementPoint"], "", start, start + timedelta(hours=1), 0)
            expected[key] = (float(row["SettlementPointPrice"]),)
        (publication,) = publications(path)
        assert prices(publication) == expected
        assert publication.gaps.num_rows == 0
        total += len(expected)
    assert total == 202872
    (publication,) = publications(folder / "cdr.00012331.0000000000000000.20220131.122921.DAMSPNP4190.csv")
    assert publication.published_at == datetime(2022, 1, 31, 18, 29, 21, tzinfo=UTC)


def test_ercot_real_time(shared_data: Path) -> None:
    files = sorted((shared_data / "iso/ercot/rtm_spp_np6-905-cd/20220131").iterdir())
    starts = set()
    for path in files:
        expected = {}
        for row in table(path):
            start = central(row["DeliveryDate"], int(row["DeliveryHour"]), 15 * (int(row["DeliveryInterval"]) - 1))
            key = (row["SettlementPointName"], row["SettlementPointType"], start, start + timedelta(minutes=15), 0)
            expected[key] = (float(row["SettlementPointPrice"]),)
        (publication,) = publications(path)
        assert prices(publication) == expected
        assert len(expected) == 781
        starts.add(start)
    assert len(starts) == len(files) == 96


def test_ercot_sced(shared_data: Path) -> None:
    for path in sorted((shared_data / "iso/ercot/rt_lmp_np6-788-cd").iterdir()):
        rows = list(table(path))
        (publication,) = publications(path)
        stamps = {row["SCEDTimestamp"] for row in rows}
        (stamp,) = stamps
        start = datetime.strptime(stamp, "%m/%d/%Y %H:%M:%S").replace(tzinfo=CENTRAL).astimezone(UTC)
        mark = datetime.fromtimestamp(round(start.timestamp() / 300) * 300, UTC)
        expected = {
            (row["SettlementPoint"], "", start, mark + timedelta(minutes=5), 0): (float(row["LMP"]),) for row in rows
        }
        assert prices(publication) == expected


# An excerpt that its collector cut, so that its XML does not close.
CUT = "ene_slrs.xml"


def test_every_file_is_read_whole_or_skipped_with_a_reason(shared_data: Path) -> None:
    rows: Counter[str] = Counter()
    refused = []
    for path in sorted((shared_data / "iso").rglob("*")):
        if not path.is_file():
            continue
        found = survey(path.name, path.read_bytes(), named=False)
        assert all(skipped.reason for skipped in found.skipped)
        assert found.payloads or found.skipped, path
        for payload in found.payloads:
            if payload.names == (CUT,):
                refused.append(refusal(CUT, payload.contents[0]).reason)
                continue
            publication = parse(payload)
            if publication.dataset == "prices":
                assert bool(name_facts(payload)) == (payload.names[0] == "20221201_rt_lmp_final.csv")
                rows[publication.feed] += publication.rows.num_rows
    assert refused == [f"{CUT}: the XML cannot be read: mismatched tag: line 78, column 2; get it again"]
    assert rows == {
        "rt_lmp": 434040,
        "da_expost_lmp": 57000,
        "prc_lmp": 1393,
        "prc_rtpd_lmp": 3264,
        "da_hrl_lmps": 35245,
        "rt_hrl_lmps": 35268,
        "dam_spp": 202872,
        "dam_lzhb_spp": 124920,
        "rtm_spp": 74976,
        "sced_lmp": 39264,
    }
