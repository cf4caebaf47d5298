"""The sample that a first run is shown."""

import csv
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from integrations.isos.simulator import SampleMarket, write_sample

DAY = date(2026, 6, 15)
EASTERN = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleMarket:
    return write_sample(tmp_path_factory.mktemp("sample"), day=DAY, seed=254)


def _files(sample: SampleMarket) -> list[Path]:
    others = [sample.instrument_file, sample.quotes_file, sample.scenario_file, sample.ppa_file]
    return [*sample.price_files, *others]


def _contents(folder: Path, seed: int) -> dict[str, bytes]:
    told: list[str] = []
    sample = write_sample(folder, day=DAY, seed=seed, progress=told.append)
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(sample)}
    assert told == list(contents)
    return contents


def test_the_same_day_and_seed_are_the_same_bytes(tmp_path: Path) -> None:
    one, other = _contents(tmp_path / "one", 1), _contents(tmp_path / "other", 1)
    assert one == other
    different = _contents(tmp_path / "different", 2)
    assert different.keys() == one.keys()
    assert all(different[name] != one[name] for name in one if name.startswith("prices/"))


def test_each_operator_has_its_files_and_all_of_them_are_small(sample: SampleMarket) -> None:
    names = sorted(f"{path.parent.name}/{path.name}" for path in sample.price_files)
    assert names == [
        "caiso/20260615_20260616_PRC_LMP_DAM_20260614_14_06_40_v1.zip",
        "caiso/20260615_20260616_PRC_RTPD_LMP_RTPD_20260616_06_12_02_v2.zip",
        "ercot/NP6-788-CD_20260615.zip",
        "ercot/NP6-905-CD_20260615.zip",
        "ercot/cdr.00012331.0000000000000000.20260614.123129814.DAMSPNP4190_csv.zip",
        "miso/20260615_da_expost_lmp.csv",
        "miso/20260615_rt_lmp_final.csv",
        "pjm/da_hrl_lmps.csv",
        "pjm/rt_hrl_lmps.csv",
        "western_hub/da_hrl_lmps.csv",
    ]
    assert sum(path.stat().st_size for path in _files(sample)) < 3_000_000


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_history_is_thirteen_months_without_a_gap_and_agrees_with_the_day(sample: SampleMarket) -> None:
    by_folder = {path.parent.name: path for path in sample.price_files if path.name == "da_hrl_lmps.csv"}
    history = _rows(by_folder["western_hub"])
    stamp = "%m/%d/%Y %I:%M:%S %p"
    starts = [datetime.strptime(row["datetime_beginning_utc"], stamp).replace(tzinfo=UTC) for row in history]
    assert all(later - earlier == timedelta(hours=1) for earlier, later in pairwise(starts))
    assert starts[0].astimezone(EASTERN).replace(tzinfo=None) == datetime(2025, 5, 1)
    assert starts[-1].astimezone(EASTERN).replace(tzinfo=None) == datetime(2026, 6, 15, 23)
    assert {row["pnode_name"] for row in history} == {"WESTERN HUB"}
    of_day = [row for row in _rows(by_folder["pjm"]) if row["pnode_name"] == "WESTERN HUB"]
    assert len(of_day) == 24
    assert history[-24:] == of_day


def _months_of(product: str) -> list[date]:
    if product.startswith("CAL-"):
        return [date(int(product[4:]), month, 1) for month in range(1, 13)]
    year, part = product.split("-")
    if part.startswith("Q"):
        return [date(int(year), 3 * int(part[1]) - 2 + step, 1) for step in range(3)]
    return [date(int(year), int(part), 1)]


def _hours(month: date) -> int:
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    first, last = (datetime(day.year, day.month, 1, tzinfo=EASTERN).timestamp() for day in (month, following))
    return int(last - first) // 3600


def test_quotes_overlap_without_arbitrage_and_follow_the_day(sample: SampleMarket) -> None:
    rows = _rows(sample.quotes_file)
    assert list(rows[0]) == ["hub", "product", "price_usd_per_mwh", "source", "quoted_at"]
    assert {row["hub"] for row in rows} == {sample.hub}
    price = {row["product"]: float(row["price_usd_per_mwh"]) for row in rows}
    assert len(price) == len(rows)
    assert all(month > DAY for product in price for month in _months_of(product))
    assert all(row["price_usd_per_mwh"] == f"{float(row['price_usd_per_mwh']):.2f}" for row in rows)
    assert {datetime.fromisoformat(row["quoted_at"]) for row in rows} == {datetime(2026, 6, 15, 20, 30, tzinfo=UTC)}

    months = {_months_of(product)[0]: product for product in price if len(_months_of(product)) == 1}
    quarters = {_months_of(product)[0]: product for product in price if len(_months_of(product)) == 3}
    compared = 0
    for product in price:
        whole = _months_of(product)
        for parts in (months, quarters):
            tiles = [parts[month] for month in whole if month in parts]
            covered = [month for tile in tiles for month in _months_of(tile)]
            if covered != whole or tiles == [product]:
                continue
            compared += 1
            weights = {tile: sum(map(_hours, _months_of(tile))) for tile in tiles}
            mean = sum(price[tile] * hours for tile, hours in weights.items()) / sum(weights.values())
            assert mean == pytest.approx(price[product], abs=0.01)
    assert compared >= 5


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2026, 1, 31), date(2024, 2, 29), date(2026, 9, 30)])
def test_any_day_makes_a_sample(tmp_path: Path, day: date) -> None:
    sample = write_sample(tmp_path, day=day, seed=0)
    products = [row["product"] for row in _rows(sample.quotes_file)]
    assert len(products) == len(set(products)) == 22
    assert all(month > day for product in products for month in _months_of(product))


def test_the_inputs_of_the_main_job_name_one_hub(sample: SampleMarket) -> None:
    instrument = yaml.safe_load(sample.instrument_file.read_text())
    assert instrument == {
        "name": "PJM-WH",
        "iso": "PJM",
        "node": "WESTERN HUB",
        "node_type": "HUB",
        "market": "DA",
        "time_zone": "America/New_York",
    }
    scenario = yaml.safe_load(sample.scenario_file.read_text())
    assert scenario == {"name": "base", "growth_per_year": 0.02, "seasonal_weight": 1.0}
    ppa = yaml.safe_load(sample.ppa_file.read_text())
    assert ppa["hub"] == sample.hub == "PJM-WH"
    assert (ppa["side"], ppa["power_mw"], ppa["start"], ppa["end"]) == ("buy", 50, "2027-01", "2036-12")
    assert ppa["discount_rate_per_year"] == 0.07
    next_year = {row["product"]: float(row["price_usd_per_mwh"]) for row in _rows(sample.quotes_file)}["CAL-2027"]
    margin_usd = (next_year - ppa["fixed_price_usd_per_mwh"]) * 50 * 8760
    assert 4 < ppa["upfront_cost_usd"] / margin_usd < 6, (
        "a buyer below the market earns the outlay back in about five years"
    )
