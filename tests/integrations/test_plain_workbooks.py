"""Plain workbooks hold what a reader of all workbooks finds in them, cell by cell; all others are left to that one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from integrations.isos.documents import Document
from integrations.isos.errors import UnreadablePublication
from integrations.isos.grids import grid_of
from integrations.isos.plain_workbooks import plain_sheets

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORDS = ["Hour", "North & South", "", "x"]
# By number: as it is, a date, hours and minutes, a number with a word in its format, hours beyond a day.
FORMATS = [0, 14, 164, 165, 166]
STYLES = (
    f'<styleSheet {MAIN}><numFmts><numFmt numFmtId="164" formatCode="h:mm"/>'
    '<numFmt numFmtId="165" formatCode="0.0 &quot;days&quot;"/>{more}</numFmts>'
    "<cellXfs>{formats}</cellXfs></styleSheet>"
)
ROWS = (
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" s="0" t="s"><v>1</v></c><c r="D1"/></row>'
    '<row r="3" spans="1:3"><c r="A3" s="1"><v>45658</v></c><c r="B3" s="1"><v>45658.25</v></c>'
    '<c r="C3" s="2"><v>0.0104166666666667</v></c><c r="AB3" t="n" s="3"><v>-1.5E-3</v></c></row>'
    '<row r="10"><c r="A10" s="0" t="s"><v>2</v></c><c r="B10"><v>12345678901.123457</v></c></row>'
)


def workbook(
    rows: str = ROWS,
    *,
    words: str | None = None,
    formats: Sequence[int] = FORMATS[:4],
    parts: Mapping[str, str] | None = None,
) -> bytes:
    """A workbook of one sheet; `parts` are put in place of its members."""
    texts = "".join(f"<si><t>{word.replace('&', '&amp;')}</t></si>" for word in WORDS) if words is None else words
    styles = STYLES.format(
        more='<numFmt numFmtId="166" formatCode="[h]:mm"/>',
        formats="".join(f'<xf numFmtId="{code}"/>' for code in formats),
    )
    content = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships {RELATIONS}><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{OFFICE}"><sheets><sheet name="Jan" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships {RELATIONS}>"
        f'<Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{OFFICE}/styles" Target="styles.xml"/>'
        f'<Relationship Id="r3" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/styles.xml": styles,
        "xl/sharedStrings.xml": f"<sst {MAIN}>{texts}</sst>",
        "xl/worksheets/sheet1.xml": f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>",
    } | dict(parts or {})
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return sink.getvalue()


def by_calamine(content: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def typed(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> dict[str, list[list[tuple[type, Any]]]]:
    return {name: [[(type(cell), cell) for cell in row] for row in sheet] for name, sheet in sheets.items()}


@pytest.mark.parametrize(
    "pattern", ["ercot/dam_hub*/*.xlsx", "ercot/fuel_mix*/*.xlsx", "ercot/native_load/*.xlsx", "miso/sr_gfm/*.xlsx"]
)
def test_cells_of_real_workbooks_are_those_that_calamine_finds(shared_data: Path, pattern: str) -> None:
    (path,) = (shared_data / "iso").glob(pattern)
    content = path.read_bytes()
    found = plain_sheets(content)
    assert found is not None
    assert typed(found) == typed(by_calamine(content))


def test_numbers_texts_dates_and_what_is_empty() -> None:
    found = plain_sheets(workbook())
    assert found is not None
    assert typed(found) == typed(by_calamine(workbook()))
    sheet = found["Jan"]
    assert (len(sheet), sheet[0][:4]) == (10, ["Hour", "", "North & South", ""])
    assert sheet[2][:3] == [date(2025, 1, 1), datetime(2025, 1, 1, 6), time(0, 15)]
    assert sheet[2][27] == -0.0015
    assert sheet[9][:2] == ["", 12345678901.123457]
    assert list(grid_of(list(sheet))) == list(sheet)


CELLS = st.one_of(
    st.floats(-1e9, 1e9).map(lambda number: f"<v>{number!r}</v>"),
    st.sampled_from(range(len(WORDS))).map(lambda word: f"t{word}"),
    st.none(),
)


@settings(deadline=None)
@given(st.lists(st.lists(CELLS, max_size=30), max_size=12))
def test_any_numbers_and_texts(lines: list[list[str | None]]) -> None:
    rows = ""
    for number, cells in enumerate(lines, start=1):
        rows += f'<row r="{number}">'
        for column, cell in enumerate(cells):
            letters = chr(ord("A") + column) if column < 26 else f"A{chr(ord('A') + column - 26)}"
            if cell is None:
                rows += f'<c r="{letters}{number}" s="3"/>'
            elif cell.startswith("t"):
                rows += f'<c r="{letters}{number}" s="3" t="s"><v>{cell[1:]}</v></c>'
            else:
                rows += f'<c r="{letters}{number}">{cell}</c>'
        rows += "</row>"
    found = plain_sheets(workbook(rows))
    assert found is not None
    assert typed(found) == typed(by_calamine(workbook(rows)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1" t="inlineStr"><is><t>Hour</t></is></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1" t="str"><v>Hour</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1" t="b"><v>1</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1" t="e"><v>#N/A</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1"><f>1+1</f><v>2</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1" t="s"><v>4</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1" t="s"><v>-1</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1" t="s"><v>0.5</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1"><v>nan</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1"><v></v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A1" cm="1"><v>0</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c t="s" r="A1"><v>0</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', "<c><v>0</v></c>"),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="A2" t="s"><v>0</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<c r="D1" t="s"><v>0</v></c>'),
        ('<c r="A1" t="s"><v>0</v></c>', '<!-- <c r="A1" t="s"><v>0</v></c> -->'),
        ('<row r="1">', "<row>"),
        ('<row r="3"', '<row r="0"'),
        ('s="1"><v>45658<', 's="1"><v>12<'),
        ("45658.25", "-3"),
    ],
)
def test_what_is_not_plain_is_left_to_the_reader_of_all_workbooks(old: str, new: str) -> None:
    assert old in ROWS
    content = workbook(ROWS.replace(old, new, 1))
    assert plain_sheets(content) is None
    try:
        expected = by_calamine(content)
    except Exception:
        with pytest.raises(UnreadablePublication):
            _ = Document("x.xlsx", content, "workbook").sheets
    else:
        assert str(Document("x.xlsx", content, "workbook").sheets) == str(expected)


@pytest.mark.parametrize(
    "content",
    [
        workbook(words="<si><r><t>Ho</t></r><r><t>ur</t></r></si><si><t>x</t></si><si/>"),
        workbook(words='<si><t xml:space="preserve"> Hour</t></si><si><t>x</t></si><si><t></t></si>'),
        workbook(words="<si><t>_x000D_</t></si><si><t>x</t></si><si><t></t></si>"),
        workbook(words="<si><t>a\nb</t></si><si><t>x</t></si><si><t></t></si>"),
        workbook(formats=FORMATS),
        workbook(parts={"xl/workbook.xml": "<workbook"}),
        workbook(parts={"xl/_rels/workbook.xml.rels": "<Relationships/>"}),
        workbook(parts={"xl/worksheets/sheet1.xml": "<worksheet/>"}),
        workbook()[:-40],
        b"PK\x03\x04",
    ],
)
def test_a_workbook_with_more_or_less_than_plain_parts_is_left_alone(content: bytes) -> None:
    assert plain_sheets(content) is None


def test_a_sheet_without_cells_is_empty() -> None:
    for rows in ("", '<row r="1"><c r="A1" s="0"/></row>'):
        found = plain_sheets(workbook(rows))
        assert found is not None
        assert list(found["Jan"]) == by_calamine(workbook(rows))["Jan"] == []
