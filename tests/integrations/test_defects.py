"""What must never get out of a file: control characters, texts without end, gigabytes, defects of a reader."""

import logging
import tracemalloc

import pytest

from integrations.isos import catalogue
from integrations.isos.catalogue import Payload, name_facts, parse, survey
from integrations.isos.errors import UnreadablePublication, unreadable
from integrations.isos.printable import printable
from tests.integrations.samples import CAISO_HEADER as CAISO
from tests.integrations.samples import (
    DAM_HEADER,
    MISO_HEADER,
    MISO_NAME,
    RTM_HEADER,
    SCED_HEADER,
    caiso_tick,
    miso_file,
    miso_rows,
    pjm_file,
    pjm_row,
    read,
    refusal,
    text,
    zipped,
)


def test_reason_and_column_are_printable_and_bounded() -> None:
    error = UnreadablePublication("a\0b\x1b[2J\r\n\u202e\udc80é", 1, "c\0")
    assert error.reason == r"a\x00b\x1b[2J\r\n\u202e\udc80é"
    assert error.column == r"c\x00"
    assert str(error) == error.reason
    error.reason.encode()
    long = unreadable("n" * 5000 + "_stamp.csv", "p" * 5000, 7, "c" * 5000)
    assert "_stamp.csv line 7, column ccc" in long.reason
    assert ": ppp" in long.reason
    assert len(long.reason) == 1000
    assert len(long.column or "") == 200


@pytest.mark.parametrize(
    "name", ["x" * 600 + "/" + "y" * 700 + MISO_NAME, "\0" * 300 + MISO_NAME, "\udc80" + MISO_NAME]
)
def test_names_of_payloads_are_printable_and_keep_their_end(name: str) -> None:
    content = text(MISO_HEADER, *miso_rows())
    (payload,) = survey(name, content, named=True).payloads
    assert len(payload.names[0]) <= 500
    assert payload.names[0].isprintable()
    assert payload.names[0].endswith(MISO_NAME)
    assert payload.place.isprintable()
    assert name_facts(payload)["date"] == "2024-06-12"
    assert parse(payload).rows.num_rows == 48


def test_names_inside_archives_are_bounded_too() -> None:
    members = {
        "d" * 3000 + "/" + "y" * 700 + "z.csv": miso_file(),
        "n" * 3000 + ".txt": b"note",
        "b" * 900 + ".csv": b"",
    }
    found = survey("a.zip", zipped(members), named=True)
    assert [len(payload.names[0]) for payload in found.payloads] == [500, 500]
    assert all(len(payload.place) <= 2000 for payload in found.payloads)
    assert all(len(skipped.place) <= 2000 for skipped in found.skipped)
    assert found.payloads[0].names[0].endswith("yz.csv")
    assert survey(".gz", b"\x1f\x8b broken", named=True).payloads[0].names == (".gz",)
    assert survey("", b"", named=True).payloads[0].names == ("unnamed",)


def _days(count: int) -> list[str]:
    return [f"{1 + at % 12:02d}/{1 + at // 12 % 28:02d}/{1990 + at // 336}" for at in range(count)]


SPARSE = {
    "sced": text(SCED_HEADER, *(f"{day} 07:00:12,N,N{at},1.5" for at, day in enumerate(_days(6000)))),
    "dam": text(DAM_HEADER, *(f"{day},07:00,N{at},1.5,N" for at, day in enumerate(_days(6000)))),
    "rtm": text(RTM_HEADER, *(f"{day},7,1,N{at},LZ,1.5,N" for at, day in enumerate(_days(6000)))),
    "pjm": pjm_file(*(pjm_row(f"{day} 7:00:00 AM", f"N{at}") for at, day in enumerate(_days(6000)))),
    "2024-Jul-Sep_RT_LMPs": text(
        f"MARKET_DAY,{MISO_HEADER.upper()}",
        *(f"{day},{row}" for at, day in enumerate(_days(2000)) for row in miso_rows([f"N{at}"])),
    ),
    "caiso": text(
        CAISO,
        *(
            row
            for at in range(2000)
            for row in caiso_tick(
                f"{2000 + at // 336}-{1 + at % 12:02d}-{1 + at // 12 % 28:02d}T07:00",
                f"{2000 + at // 336}-{1 + at % 12:02d}-{1 + at // 12 % 28:02d}T08:00",
                f"N{at}",
                30.0,
            )
        ),
    ),
}


@pytest.mark.parametrize("name", SPARSE)
def test_a_small_file_of_scattered_rows_takes_little_memory(name: str) -> None:
    payload = Payload((f"{name}.csv",), (SPARSE[name],), name)
    tracemalloc.start()
    with pytest.raises(UnreadablePublication, match=rf"{name}\.csv: the rows are too sparse"):
        parse(payload)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_a_defect_of_a_reader_is_logged_and_makes_one_file_unreadable(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    payload = Payload((MISO_NAME,), (miso_file(),), MISO_NAME)
    for defect in (ZeroDivisionError("x"), RecursionError("y")):
        monkeypatch.setattr(catalogue, "_recognise", _raising(defect))
        caplog.clear()
        with caplog.at_level(logging.ERROR), pytest.raises(UnreadablePublication) as caught:
            parse(payload)
        assert caught.value.reason == f"{MISO_NAME}: could not be read: {type(defect).__name__}"
        assert type(defect).__name__ in caplog.text
        assert name_facts(payload) == {}
        assert len(survey(MISO_NAME, miso_file(), named=False).payloads) == 1


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_want_of_memory_and_the_users_stop_are_no_faults_of_a_file(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    monkeypatch.setattr(catalogue, "_recognise", _raising(error()))
    with pytest.raises(error):
        parse(Payload((MISO_NAME,), (miso_file(),), MISO_NAME))


def _raising(error: BaseException) -> object:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_numbers_whose_sums_overflow_are_refused() -> None:
    row = pjm_row("6/12/2024 4:00:00 AM", total="1e308", energy="1e308", congestion="1e308")
    assert refusal("x.csv", pjm_file(row)).line == 2
    assert read("x.csv", pjm_file()).rows.num_rows == 4


def test_a_blank_that_does_not_print_is_shown_as_its_escape() -> None:
    assert printable("a\xa0b\u3000c\nd") == "a\\xa0b\\u3000c\\nd"
