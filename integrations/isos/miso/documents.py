"""MISO files that are no CSV, by what they hold."""

from functools import partial

import msgspec

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.heads import column_key
from integrations.isos.miso import (
    ancillary,
    answers,
    five_minute_lmps,
    five_minute_tables,
    histories,
    pricing_api,
    workbooks,
)
from integrations.isos.recognition import OtherProduct


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """What a document of MISO is; None for any other. Raises UnreadablePublication for one of ours that is damaged."""
    if document.kind == "workbook":
        return _recognise_workbook(document)
    if document.kind == "json":
        return _recognise_answer(document)
    return None


def _recognise_workbook(document: Document) -> RecognisedDocument | OtherProduct | None:
    if workbooks.is_load_report(document):
        return RecognisedDocument(document, workbooks.parse_load)
    if workbooks.is_generation_report(document):
        return RecognisedDocument(document, workbooks.parse_generation)
    if history := histories.history_of(document):
        return RecognisedDocument(document, partial(histories.parse, history=history))
    if workbooks.is_price_summary(document):
        day = workbooks.day_of_price_summary(document)
        return RecognisedDocument(document, workbooks.parse_price_summary, {"date": day.isoformat()})
    if "Market Reports Data Elements" in document.sheets:
        return OtherProduct("MISO's directory of its reports: it describes them and holds no number of a market")
    return None


def _recognise_answer(document: Document) -> RecognisedDocument | OtherProduct | None:
    keys = document.members.keys()
    prices = document.json["LMPData"] if "LMPData" in keys else None
    if isinstance(prices, dict) and "ExAnteLMP" in prices:
        return OtherProduct("MISO's ex-ante LMPs of hubs: not one of the price products read here")
    if "MCPData" in keys:
        return RecognisedDocument(document, ancillary.parse_answer)
    if {"headers", "data"} <= keys:
        return _recognise_table(document)
    if "LMPData" in keys:
        return RecognisedDocument(document, answers.parse_consolidated_table)
    if {"RefId", "Fuel"} <= keys:
        return RecognisedDocument(document, answers.parse_fuel_mix)
    if "LoadInfo" in keys:
        return RecognisedDocument(document, answers.parse_total_load)
    if {"RefId", "MktDay", "Forecast"} <= keys:
        # Both answers have the same shape; only the address that was asked, and so the name, tells wind from sun.
        for word in ("wind", "solar"):
            if word in document.name.lower():
                series = f"{word}_forecast"
                return RecognisedDocument(
                    document, partial(answers.parse_renewable_forecast, series=series), {"feed": series}
                )
        return OtherProduct("a MISO forecast whose name says neither wind nor solar")
    if {"RefId", "MktDay", "instance"} <= keys:
        return _recognise_wind_and_solar(document)
    return pricing_api.recognise(document)


def _recognise_table(document: Document) -> RecognisedDocument | None:
    headers = msgspec.json.decode(document.members["headers"])
    keys = [column_key(header) for header in headers if isinstance(header, str)] if isinstance(headers, list) else []
    layout = next((layout for layout in five_minute_lmps.LAYOUTS if layout.is_header(keys)), None)
    return RecognisedDocument(document, partial(five_minute_tables.parse, layout=layout)) if layout else None


def _recognise_wind_and_solar(document: Document) -> RecognisedDocument | OtherProduct:
    """Wind, solar power or both, as forecast and as it came; of one alone only the name tells which."""
    entries = document.json["instance"]
    first = entries[0] if isinstance(entries, list) and entries else None
    is_actual = isinstance(first, dict) and {"DateTimeEST", "Value"} <= first.keys()
    if not isinstance(first, dict) or not (is_actual or "ForecastValue" in first):
        names = {"Wind": "wind", "Solar": "solar"}
        return RecognisedDocument(document, partial(answers.parse_wind_and_solar, names=names, feed="wind_and_solar"))
    for word in ("wind", "solar"):
        if word in document.name.lower():
            read = partial(answers.parse_wind_and_solar, names={"": word}, feed=word)
            if is_actual:
                read = partial(answers.parse_actual_power, series=word)
            return RecognisedDocument(document, read, {"feed": word})
    return OtherProduct("MISO's wind or solar power, and its name says neither wind nor solar")
