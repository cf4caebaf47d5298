"""What holds for every format: spellings of CSV that mean the same, and damage that must be seen."""

import pytest

from tests.integrations.samples import (
    RTM_HEADER,
    SCED_HEADER,
    caiso_file,
    dam_file,
    miso_file,
    pjm_file,
    read,
    refusal,
    rows_of,
    text,
)

RTM = text(RTM_HEADER, *(f"06/12/2024,7,{quarter},LZ_WEST,LZ,{quarter}.5,N" for quarter in (1, 2, 3, 4)))
SCED = text(SCED_HEADER, *(f"06/12/2024 07:{minute:02d}:12,N,HB_NORTH,        6.97" for minute in range(0, 60, 5)))
# format: a small file, the line of its header, and the price column
FILES = {
    "miso": (miso_file(), 5, "HE 9"),
    "caiso": (caiso_file(), 1, "MW"),
    "pjm": (pjm_file(), 1, "total_lmp_da"),
    "ercot day-ahead": (dam_file(), 1, "SettlementPointPrice"),
    "ercot real-time": (RTM, 1, "SettlementPointPrice"),
    "ercot sced": (SCED, 1, "LMP"),
}
NO_NUMBERS = ["n/a", "NaN", "-inf", "Infinity", "1.2.3", "$5", "1e400", "1_000", "0x1p3", "1e13", "-9999999999999999"]
NO_NUMBERS += ["\u0661\u0662", "\uff11\uff12", "5e", "1d3", "--5"]
NODES = (b"MINN.HUB", b"TH_NP15_GEN-APND", b"WESTERN HUB", b"LZ_WEST", b"HB_NORTH")
every_format = pytest.mark.parametrize(("content", "header", "column"), FILES.values(), ids=FILES)


@every_format
def test_spellings_of_csv_that_mean_the_same(content: bytes, header: int, column: str) -> None:
    plain = rows_of(read("x.csv", content))
    lines = content.decode().splitlines()
    quoted = [",".join(f'"{cell}"' for cell in line.split(",")) if line else "" for line in lines]
    for spelling in (
        b"\xef\xbb\xbf" + content,
        content.replace(b"\n", b"\r\n"),
        content.replace(b"\n", b"\r"),
        "\n".join(quoted).encode(),
        content + b"\n\r\n  \n",
        content.rstrip(b"\n"),
        b"\n\n" + content,
        content.replace(b"\n", b"\n\n"),
    ):
        assert rows_of(read("x.csv", spelling)) == plain


@every_format
@pytest.mark.parametrize("cell", NO_NUMBERS)
def test_what_is_no_number_names_line_and_column(content: bytes, header: int, column: str, cell: str) -> None:
    lines = content.decode().splitlines()
    position = lines[header - 1].split(",").index(column)
    cells = lines[header + 2].split(",")
    cells[position] = cell
    lines[header + 2] = ",".join(cells)
    error = refusal("x.csv", text(*lines))
    assert (error.line, error.column) == (header + 3, column)
    assert f"x.csv line {header + 3}, column {column}: " in error.reason
    assert cell in error.reason


@every_format
def test_a_file_cut_within_a_line_names_that_line(content: bytes, header: int, column: str) -> None:
    last = content.rindex(b"\n", 0, -1) + 1
    for cut in range(last + 1, content.rindex(b",")):
        error = refusal("x.csv", content[:cut])
        assert error.line == content.count(b"\n")
        assert error.column


@every_format
def test_a_header_without_rows_is_refused(content: bytes, header: int, column: str) -> None:
    lines = content.decode().splitlines()[:header]
    for tail in ("", "\n", "\n\n ,,\n"):
        error = refusal("x.csv", ("\n".join(lines) + tail).encode())
        assert "no row" in error.reason
        assert error.line == header


@every_format
def test_a_price_column_under_another_name_is_refused(content: bytes, header: int, column: str) -> None:
    lines = content.decode().splitlines()
    lines[header - 1] = lines[header - 1].replace(column, "Price?", 1)
    error = refusal("x.csv", text(*lines))
    assert (error.line, error.column) == (header, column)


@every_format
def test_a_column_that_is_there_twice_is_refused(content: bytes, header: int, column: str) -> None:
    lines = content.decode().splitlines()
    lines[header - 1] += f",{column}"
    lines[header:] = [line + ",1.0" for line in lines[header:]]
    error = refusal("x.csv", text(*lines))
    assert error.line == header
    assert "two columns" in error.reason


@every_format
def test_bytes_that_are_no_text_name_line_and_column(content: bytes, header: int, column: str) -> None:
    lines = content.splitlines()
    node = next(word for word in (b"MINN.HUB", b"TH_NP15", b"WESTERN", b"LZ_WEST", b"HB_NORTH") if word in content)
    broken = next(at for at, line in enumerate(lines) if node in line)
    lines[broken] = lines[broken].replace(node, b"\xff\xfe", 3)
    error = refusal("x.csv", b"\n".join(lines))
    assert error.line == broken + 1
    assert "UTF-8" in error.reason


@every_format
@pytest.mark.parametrize("character", ["\0", "\x1b", "\u202e", "\x7f"])
def test_control_characters_in_a_node_are_refused(content: bytes, header: int, column: str, character: str) -> None:
    node = next(word for word in NODES if word in content)
    error = refusal("x.csv", content.replace(node, node[:3] + character.encode() + node[3:]))
    assert "control character" in error.reason
    assert error.reason.isprintable()
    assert error.line is not None
    assert error.line > header


@pytest.mark.parametrize(
    ("cell", "number"),
    [("+5", 5.0), ("5.", 5.0), (".5", 0.5), ("1e3", 1000.0), ("0012", 12.0), (" -5 ", -5.0), ('"5"', 5.0)],
)
def test_spellings_of_numbers_that_are_read(cell: str, number: float) -> None:
    rows = rows_of(read("x.csv", SCED.replace(b"        6.97", cell.encode(), 1)))
    assert rows[0]["lmp_usd_per_mwh"] == number


def test_a_number_in_a_strange_blank_names_its_line() -> None:
    for cell in ("5\u00a0", "\t", "\x0b5"):
        error = refusal("x.csv", SCED.replace(b"        6.97", cell.encode(), 1))
        assert (error.line, error.column) == (2, "LMP")


def test_header_cells_and_file_names_are_shown_without_control_characters() -> None:
    content = miso_file().replace(b"HE 9", b"HE\x00 \x1b[2J9" + b"x" * 5000)
    error = refusal("a\x1b[31m\0.csv", content)
    assert error.reason.isprintable()
    assert error.column == "HE 9"
    assert error.reason.startswith("a\\x1b[31m\\x00.csv line 5, column HE 9: ")
    assert len(error.reason) <= 1000
    twice = pjm_file().replace(b"pnode_name", b"pnode_name," + b"pnode" + b" " * 3000 + b"name", 1)
    error = refusal("x.csv", twice)
    assert len(error.column or "") <= 200
