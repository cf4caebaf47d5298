"""Letting in what an ISO published: read whole, or quarantined with the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import UUID

import pyarrow.compute as pc
from pydantic import BaseModel, Field, model_validator

from commands.message import Caller, Command, Context, Tools
from infra.canonical import digest, to_parquet
from infra.objects import MissingObject, Objects
from integrations.isos.archives import is_archive
from integrations.isos.catalogue import Payload, name_facts, parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication
from write_model.base import NotFound
from write_model.publications import Defect, Publication, Reading, Source, publication_id

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(min_length=1, max_length=500)]


class IngestPublication(Command):
    """A payload whose bytes were uploaded before: their hashes, the names its parts bear, and where they were found.

    More than one part only where the operator splits one publication over files (CAISO group zips). `reparse` reads a
    known publication again where the parser is newer than the one that read it.
    """

    objects: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=10)]
    names: Annotated[tuple[FileName, ...], Field(min_length=1, max_length=10)]
    place: Annotated[str, Field(max_length=4000)] = ""
    reparse: bool = False

    @model_validator(mode="after")
    def _one_name_a_part(self) -> IngestPublication:
        if len(self.objects) != len(self.names):
            raise ValueError(f"{len(self.objects)} objects but {len(self.names)} names; give each object its name")
        return self


def uploaded(objects: Objects, sha256: str) -> bytes:
    """Bytes that a command names. Raises NotFound where nobody uploaded them."""
    try:
        return objects.get("raw", sha256)
    except MissingObject as error:
        raise NotFound("uploaded object", sha256, remedy="Upload it first with POST /v1/objects.") from error


class FoundPayload(BaseModel):
    """One publication found in an upload: the fields of `ingest-publication`."""

    objects: list[str]
    names: list[str]
    place: str


class SkippedFile(BaseModel):
    """A file that is no publication, and why it was left out."""

    file: str
    reason: str


def survey_upload(
    objects: Objects, sha256: str, name: str, *, named: bool
) -> tuple[list[FoundPayload], list[SkippedFile]]:
    """The publications inside uploaded bytes, each kept as objects of its own, and what is none."""
    found = survey(name, uploaded(objects, sha256), named=named)
    payloads = [
        FoundPayload(
            objects=[objects.put("raw", content) for content in payload.contents],
            names=list(payload.names),
            place=payload.place,
        )
        for payload in found.payloads
    ]
    return payloads, [SkippedFile(file=skipped.place, reason=skipped.reason) for skipped in found.skipped]


def stream_of_publication(command: IngestPublication, caller: Caller, tools: Tools) -> UUID:
    return publication_id(caller.tenant, command.objects, name_facts(_payload(command, tools.objects)))


def handle_ingest_publication(
    command: IngestPublication, publication: Publication | None, context: Context
) -> Publication:
    payload = _payload(command, context.tools.objects)
    if publication is None:
        source = Source(
            raw_sha256=command.objects,
            names=command.names,
            place=command.place,
            size_bytes=sum(map(len, payload.contents)),
            name_facts=name_facts(payload),
        )
        return Publication.ingest(context.stream_id, source, _read(payload, context.tools.objects))
    if publication.reading is None or command.reparse:
        outcome = _read(payload, context.tools.objects, ranked_as=context.first_position)
        if not (isinstance(outcome, Reading) and publication.is_read_by(outcome.parser_version)):
            publication.read_again(outcome)
    return publication


def status_of_publication(publication: Publication, changed: bool) -> str:
    if publication.defect:
        return "quarantined"
    return "done" if changed else "unchanged"


def _payload(command: IngestPublication, objects: Objects) -> Payload:
    contents = tuple(uploaded(objects, key) for key in command.objects)
    payload = Payload(names=command.names, contents=contents, place=command.place or command.names[0])
    if len(contents) == 1 and is_archive(contents[0]):
        # An archive is only sent as a publication where nothing in it could be; the survey knows why.
        found = survey(command.names[0], contents[0], named=True).payloads
        if len(found) == 1 and found[0].contents == contents:
            return replace(payload, problem=found[0].problem)
    return payload


def _read(payload: Payload, objects: Objects, ranked_as: int | None = None) -> Reading | Defect:
    try:
        parsed = parse(payload)
    except UnreadablePublication as defect:
        return Defect(reason=defect.reason, file=payload.place, line=defect.line, column=defect.column)
    return _store(parsed, objects, ranked_as)


def _store(parsed: ParsedPublication, objects: Objects, ranked_as: int | None) -> Reading:
    rows = parsed.rows
    return Reading(
        iso=parsed.iso,
        market=parsed.market,
        feed=parsed.feed,
        vintage=parsed.vintage,
        parser=parsed.parser,
        parser_version=parsed.parser_version,
        rows_sha256=objects.put("rows", to_parquet(rows)),
        rows_digest=digest(rows),
        row_count=rows.num_rows,
        gaps_sha256=objects.put("rows", to_parquet(parsed.gaps)) if parsed.gaps.num_rows else None,
        gap_count=parsed.gaps.num_rows,
        first_interval_start_utc=pc.min(rows["interval_start_utc"]).as_py(),
        last_interval_end_utc=pc.max(rows["interval_end_utc"]).as_py(),
        published_at=parsed.published_at,
        ranked_as=ranked_as,
    )
