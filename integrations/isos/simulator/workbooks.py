"""Workbooks as operators publish them (Office Open XML): sheets of texts and numbers under a header, nothing else."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from integrations.isos.simulator.tables import EMPTY, Column, Numbers, Table, Texts, rows_of
from integrations.isos.simulator.texts import decimals, rows

Cell: TypeAlias = str | float | date | None
Lines = Sequence[Sequence[Cell]]
"""A sheet as it is written by hand: cells of texts, numbers and days, None for an empty one."""

_DATE_STYLE = 1
_DAY_ZERO = date(1899, 12, 30)
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_STYLES = (
    f'{_XML}<styleSheet {_MAIN}><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0"/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>'
)
_ROOT = f'{_XML}<Relationships {_RELATIONS}><Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'  # noqa: E501


def workbook(
    sheets: Mapping[str, Table | Lines], *, dates: Sequence[str] = (), above: Sequence[str] = (), level: int = 6
) -> bytes:
    """The bytes of a workbook; a sheet is a table under its header, of which `dates` are the columns of days, or lines.

    `above` are texts that stand in a line each above the header, in the first column; an empty one is an empty line.
    Days are numbers since 1899-12-30.
    """
    words: dict[str, int] = {}
    members = {
        f"xl/worksheets/sheet{number}.xml": (
            _sheet(sheet, words, dates, above) if isinstance(sheet, Mapping) else _written(sheet, words)
        )
        for number, sheet in enumerate(sheets.values(), start=1)
    }
    shared = "".join(f"<si><t>{escape(word, quote=False)}</t></si>" for word in words)
    parts = _parts(list(sheets)) | {"xl/sharedStrings.xml": f"{_XML}<sst {_MAIN}>{shared}</sst>"}
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in (parts | members).items():
            info = zipfile.ZipInfo(name)  # of 1980, as in the files of operators
            info.create_system = 3
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def _parts(names: Sequence[str]) -> dict[str, str]:
    """All that a workbook has besides its sheets and their texts."""
    numbers = range(1, len(names) + 1)
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="r{number}"/>'
        for number, name in zip(numbers, names, strict=True)
    )
    targets = {f"r{number}": ("worksheet", f"worksheets/sheet{number}.xml") for number in numbers}
    targets |= {"s1": ("styles", "styles.xml"), "s2": ("sharedStrings", "sharedStrings.xml")}
    related = "".join(
        f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    kinds = {"workbook.xml": "sheet.main", "styles.xml": "styles", "sharedStrings.xml": "sharedStrings"}
    kinds |= {f"worksheets/sheet{number}.xml": "worksheet" for number in numbers}
    typed = "".join(
        f'<Override PartName="/xl/{name}" ContentType="{_TYPE}.{kind}+xml"/>' for name, kind in kinds.items()
    )
    return {
        "[Content_Types].xml": f'{_XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{typed}</Types>',
        "_rels/.rels": _ROOT,
        "xl/workbook.xml": f'{_XML}<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"{_XML}<Relationships {_RELATIONS}>{related}</Relationships>",
        "xl/styles.xml": _STYLES,
    }


def _sheet(table: Table, words: dict[str, int], dates: Sequence[str], above: Sequence[str]) -> bytes:
    """One sheet; `words` learns its texts."""
    head = _lines([*([text] if text else [] for text in above), list(table)], words)
    header, count = len(above) + 1, rows_of(table)
    number = pa.array(np.arange(header + 1, header + 1 + count)).cast(pa.string())
    parts: list[pa.Array | str] = ['<row r="', number, '">']
    for position, (name, column) in enumerate(table.items()):
        parts.append(_cells(column, _letters(position), number, words, is_date=name in dates))
    return _framed(head.encode() + (rows(*parts, "</row>") if count else b""))


def _written(lines: Lines, words: dict[str, int]) -> bytes:
    return _framed(_lines(lines, words).encode())


def _framed(content: bytes) -> bytes:
    return f"{_XML}<worksheet {_MAIN}><sheetData>".encode() + content + b"</sheetData></worksheet>"


def _lines(lines: Lines, words: dict[str, int]) -> str:
    """Lines without a cell are left out."""
    return "".join(
        f'<row r="{number}">{"".join(_cell(number, position, cell, words) for position, cell in enumerate(line))}</row>'
        for number, line in enumerate(lines, start=1)
        if line
    )


def _cell(line: int, position: int, cell: Cell, words: dict[str, int]) -> str:
    if cell is None or cell == "":
        return ""
    form, value = "", cell
    if isinstance(cell, str):
        form, value = ' t="s"', words.setdefault(cell, len(words))
    elif isinstance(cell, date):
        form, value = f' s="{_DATE_STYLE}"', day_number(cell)
    return f'<c r="{_letters(position)}{line}"{form}><v>{value}</v></c>'


def day_number(day: date) -> int:
    """A day as workbooks count it, since 1899-12-30."""
    return (day - _DAY_ZERO).days


def _cells(column: Column, letters: str, number: pa.Array, words: dict[str, int], *, is_date: bool) -> pa.Array:
    """The cells of a column; an empty text and an empty number have none."""
    if isinstance(column, Texts):
        codes = np.array([words.setdefault(value, len(words)) if value else EMPTY for value in column.values])
        values, form = codes[column.codes] if len(codes) else np.zeros(0, dtype=np.int64), ' t="s"'
        shown = pa.array(values).cast(pa.string())
    else:
        assert isinstance(column, Numbers), "a workbook has texts and numbers"
        values, form = column.units, f' s="{_DATE_STYLE}"' if is_date else ""
        shown = decimals(np.where(values == EMPTY, 0, values), column.decimals, trimmed=column.decimals > 0)
    cells = pc.binary_join_element_wise(f'<c r="{letters}', number, f'"{form}><v>', shown, "</v></c>", "")
    if (empty := values == EMPTY).any():
        cells = pc.if_else(pa.array(empty), "", cells)
    return cells


def _letters(position: int) -> str:
    """A to Z, then AA, AB and so on."""
    first, last = divmod(position, 26)
    return (chr(64 + first) if first else "") + chr(65 + last)
