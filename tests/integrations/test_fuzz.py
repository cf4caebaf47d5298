"""Damaged files: read, or refused with a reason, but never anything else."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.isos import catalogue
from integrations.isos.catalogue import Payload, name_facts, parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import GAP_SCHEMA, TICK_SCHEMA, ParsedPublication
from tests.integrations.samples import (
    CAISO_NAME,
    DAM_NAME,
    MISO_NAME,
    PJM_NAME,
    RTM_HEADER,
    SCED_HEADER,
    caiso_file,
    dam_file,
    gzipped,
    miso_file,
    pjm_file,
    text,
    zipped,
)

RTM = text(RTM_HEADER, "11/03/2024,2,1,LZ_WEST,LZ,1.5,N", "11/03/2024,2,1,LZ_WEST,LZ,1.5,Y")
SCED = text(SCED_HEADER, "01/29/2023 00:05:15,N,HB_NORTH,        6.97", "01/29/2023 00:05:15,N,HB_WEST,        7.97")
FILES = {
    MISO_NAME: miso_file(),
    CAISO_NAME: caiso_file(2),
    PJM_NAME: pjm_file(),
    DAM_NAME: dam_file(),
    "rtm.csv": RTM,
    "sced.csv": SCED,
    "all.zip": zipped({MISO_NAME: miso_file(), "pjm.csv": pjm_file()}),
    f"{DAM_NAME}.gz": gzipped(dam_file()),
}
JUNK = [
    b"\xff",
    b"\0",
    b'"',
    b",",
    b"\n",
    b"\r",
    b"-",
    b"nan",
    b"9" * 25,
    b"\xef\xbf\xbd",
    b"Y",
    b"99",
    b"/",
    b" ",
    b"",
]

Edit = tuple[float, int, bytes]
edits: st.SearchStrategy[list[Edit]] = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 40), st.sampled_from(JUNK) | st.binary(max_size=4)),
    min_size=1,
    max_size=4,
)


def damaged(content: bytes, changes: Sequence[Edit], keep: float) -> bytes:
    for where, length, replacement in changes:
        at = int(where * len(content))
        content = content[:at] + replacement + content[at + length :]
    return content[: int(keep * len(content)) + 1]


@pytest.fixture(autouse=True, scope="module")
def _defects_are_raised() -> Iterator[None]:
    """What a user gets as an unreadable file is a failure here: log a defect by raising it."""

    def raise_it(*_: object) -> None:
        raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue.logger, "exception", raise_it)
        yield


def read_or_reason(payload: Payload) -> ParsedPublication | UnreadablePublication:
    try:
        return parse(payload)
    except UnreadablePublication as error:
        return error


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=120)
@given(changes=edits, keep=st.sampled_from([1.0, 1.0, 0.5, 0.97]))
def test_a_damaged_file_is_read_or_refused(name: str, changes: list[Edit], keep: float) -> None:
    found = survey(name, damaged(FILES[name], changes, keep), named=True)
    assert found.payloads
    for payload in found.payloads:
        name_facts(payload)
        publication = read_or_reason(payload)
        if isinstance(publication, UnreadablePublication):
            assert publication.reason
            assert publication.reason.isprintable()
            assert (publication.column or "x").isprintable()
            assert publication.line is None or publication.line >= 1
            continue
        assert publication.rows.schema.equals(TICK_SCHEMA)
        assert publication.gaps.schema.equals(GAP_SCHEMA)
        publication.rows.validate(full=True)
        assert publication.rows.num_rows
        assert publication.rows["lmp_usd_per_mwh"].null_count == 0
