"""What an upload holds: price files, what to quarantine, what to leave."""

import dataclasses

import pytest

from integrations.isos import archives
from integrations.isos.catalogue import Payload, name_facts, parse, survey
from integrations.isos.errors import UnreadablePublication
from tests.integrations.samples import (
    CAISO_NAME,
    DAM_NAME,
    MISO_HEADER,
    MISO_NAME,
    caiso_file,
    dam_file,
    gzipped,
    miso_file,
    miso_rows,
    only_payload,
    pjm_file,
    read,
    refusal,
    rows_of,
    text,
    zipped,
)

HTML = b"<!DOCTYPE html>\n<html><body>Acceptable Use Policy Violation</body></html>"
NO_DATA = (
    b'<?xml version="1.0" encoding="UTF-8"?><m:OASISReport xmlns:m="http://www.caiso.com/soa/OASISReport_v1.xsd">'
    b"<m:MessagePayload><m:RTO><m:name>CAISO</m:name><m:ERROR><m:ERR_CODE>1000</m:ERR_CODE>"
    b"<m:ERR_DESC>No data returned for the specified selection</m:ERR_DESC></m:ERROR></m:RTO></m:MessagePayload>"
    b"</m:OASISReport>"
)


@pytest.mark.parametrize("content", [miso_file(), caiso_file(), pjm_file(), dam_file()])
def test_formats_are_recognised_by_content_whatever_the_name(content: bytes) -> None:
    for name in ("prices", "a.txt", "x.csv", "README.md"):
        assert read(name, content).rows.num_rows > 0


def test_the_same_payload_under_any_wrapper_is_the_same() -> None:
    name, content = "20221201_rt_lmp_prelim.csv", text(MISO_HEADER, *miso_rows())
    wrapped = {
        name: content,
        f"{name}.gz": gzipped(content),
        "a.zip": zipped({f"2022/{name}": content}),
        "b.zip": zipped({"x/y.zip": zipped({f"{name}.gz": gzipped(content)})}),
    }
    payloads = [only_payload(outer, data) for outer, data in wrapped.items()]
    assert {payload.names for payload in payloads} == {(name,)}
    assert {payload.contents for payload in payloads} == {(content,)}
    facts = {"date": "2022-12-01", "market": "RTH", "feed": "rt_lmp", "vintage": "preliminary"}
    assert [name_facts(payload) for payload in payloads] == [facts] * 4
    assert [payload.place for payload in payloads] == [
        name,
        f"{name}.gz",
        f"a.zip!2022/{name}",
        f"b.zip!x/y.zip!{name}.gz",
    ]


def test_every_member_of_a_zip_is_a_publication_and_notes_are_listed() -> None:
    members = {MISO_NAME: miso_file(), "in/pjm.csv": pjm_file(), "notes.txt": b"call ERCOT", "x.xml": b"<OASISReport/>"}
    found = survey("all.zip", zipped(members), named=True)
    assert [payload.place for payload in found.payloads] == [f"all.zip!{MISO_NAME}", "all.zip!in/pjm.csv"]
    assert [skipped.place for skipped in found.skipped] == ["all.zip!notes.txt", "all.zip!x.xml"]
    assert "XML" in found.skipped[1].reason


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"\r\n  \n", "empty"),
        ("a.csv", HTML, "HTML"),
        ("a.csv", b"\xef\xbb\xbf  <!-- x -->\n<HTML lang='en'>", "HTML"),
        ("a.zip", HTML, "HTML"),
        ("a.csv", b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html/>', "HTML"),
        ("INVALID_REQUEST.xml", NO_DATA, "1000 No data returned"),
        (
            "20240101_da_expost_lmp.csv",
            b"<?xml?><Error><Code>BlobNotFound</Code><Message>Gone</Message></Error>",
            "Blob",
        ),
        ("a.zip", b"no zip \0", "named as an archive"),
        ("a.gz", b"no gzip", "named as an archive"),
        ("a.zip", zipped({"a.csv": b"x" * 99})[:-9], "zip"),
        ("a.csv.gz", gzipped(b"x" * 99)[:-9], "gzip"),
        ("a.zip", zipped({}), "no file"),
        (MISO_NAME, b"node;type;value\n1;2;3\n", "named as a report that is read"),
        (CAISO_NAME, b'{"statusCode": 429}', "named as a report that is read"),
        (DAM_NAME, b"\x00\x01\x02", "named as a report that is read"),
        ("rt_hrl_lmps.csv", b"a,b\n1,2\n", "named as a report that is read"),
    ],
)
def test_what_is_no_price_file_but_should_be_is_quarantined(name: str, content: bytes, words: str) -> None:
    error = refusal(name, content)
    assert words in error.reason
    assert name in error.reason
    assert name_facts(only_payload(name, content)) == {}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.txt", b"remember the milk", "none of the files"),
        ("notes about da_hrl_lmps.txt", b"remember the milk", "none of the files"),
        ("a.json", b'{"a": 1}', "JSON"),
        ("a.xml", b"<OASISReport></OASISReport>", "XML"),
        ("cdr.1.DAMSPNP4190_xml.xml", b"<DAMSPPs/>", "XML"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "workbook"),
        ("a.xlsx", zipped({"[Content_Types].xml": b"x"}), "document"),
        ("a.tar", b"x" * 257 + b"ustar", "tar"),
        ("a.7z", b"7z\xbc\xaf", "7-Zip"),
        ("a.csv", b"a,b\n1,2\n", "none of the files"),
        ("spp.csv", b"Interval,GMTIntervalEnd,Settlement Location,Pnode,LMP,MLC,MCC,MEC\n1,2,3,4,5,6,7,8\n", "none of"),
    ],
)
def test_anything_else_is_skipped_with_the_reason_and_quarantined_when_named(
    name: str, content: bytes, words: str
) -> None:
    found = survey(name, content, named=False)
    assert found.payloads == []
    assert [skipped.place for skipped in found.skipped] == [name]
    assert words in found.skipped[0].reason

    named = survey(name, content, named=True)
    assert named.skipped == []
    assert [(payload.names, payload.contents) for payload in named.payloads] == [((name,), (content,))]
    with pytest.raises(UnreadablePublication, match=words):
        parse(named.payloads[0])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.xml", b"<?xml version='1.0'?><OASISReport><REPORT_ITEM>"),
        ("x.json", b'{"fields": [{"name": "LMP"}], "data": [["2024'),
        (CAISO_NAME.replace(".csv", ".xml"), b"<?xml version='1.0'?><m:Report"),
    ],
)
def test_a_damaged_document_inside_a_zip_is_quarantined(name: str, content: bytes) -> None:
    found = survey("a.zip", zipped({name: content}), named=False)
    assert found.skipped == []
    with pytest.raises(UnreadablePublication, match="cannot be read") as caught:
        parse(found.payloads[0])
    assert caught.value.reason.count(name) == 1


def test_a_damaged_document_that_is_named_bears_its_name_once() -> None:
    (payload,) = survey("x.xml", b"<other><", named=True).payloads
    with pytest.raises(UnreadablePublication) as caught:
        parse(payload)
    assert caught.value.reason.count("x.xml") == 1


def test_an_oasis_error_inside_a_zip_is_quarantined() -> None:
    error = refusal("20240612_PRC_LMP.zip", zipped({"INVALID_REQUEST.xml": NO_DATA}))
    assert "1000 No data returned for the specified selection" in error.reason


def test_a_zip_with_a_broken_member_keeps_the_others() -> None:
    content = bytearray(zipped({"bad.csv": b"abcdefgh" * 50, MISO_NAME: miso_file()}))
    content[content.index(b"bad.csv") + len(b"bad.csv") + 3] ^= 0xFF
    found = survey("a.zip", bytes(content), named=True)
    assert [payload.place for payload in found.payloads] == ["a.zip", f"a.zip!{MISO_NAME}"]
    with pytest.raises(UnreadablePublication, match=r"bad\.csv"):
        parse(found.payloads[0])
    # The same from stored bytes, without what the survey knew.
    with pytest.raises(UnreadablePublication, match=r"bad\.csv"):
        parse(dataclasses.replace(found.payloads[0], problem=""))
    assert rows_of(parse(found.payloads[1])) == rows_of(read(MISO_NAME, miso_file()))


def test_an_upload_past_the_limits_is_one_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1)
    content = zipped({MISO_NAME: miso_file(), "notes.txt": b"x"})
    found = survey("a.zip", content, named=False)
    assert (len(found.payloads), found.skipped) == (1, [])
    with pytest.raises(UnreadablePublication, match="more than 1 files"):
        parse(found.payloads[0])


def test_a_payload_put_together_by_hand_is_read_too() -> None:
    payload = Payload((MISO_NAME,), (miso_file(),), "anywhere")
    assert parse(payload).rows.num_rows == 48
