"""Letting in what an ISO published: read whole, or quarantined with the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from msgspec import structs
from pydantic import BaseModel, Field, model_validator

from commands.message import Caller, Command, Context, Tools, example
from commands.uploads import Uploads
from integrations.isos.archives import is_archive
from integrations.isos.catalogue import Payload, survey
from write_model.publications import Defect, Publication, Source, publication_id

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(min_length=1, max_length=500)]


class IngestPublication(Command):
    """A payload whose bytes were uploaded before: their hashes, the names its parts bear, and where they were found.

    More than one part only where the operator splits one publication over files (CAISO group zips). `reparse` reads a
    known publication again where the parser is newer than the one that read it.
    """

    model_config = example(
        objects=["5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"],
        names=["20260131_da_expost_lmp.csv"],
    )

    objects: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=10)]
    names: Annotated[tuple[FileName, ...], Field(min_length=1, max_length=10)]
    place: Annotated[str, Field(max_length=4000)] = ""
    reparse: bool = False

    @model_validator(mode="after")
    def _one_name_a_part(self) -> IngestPublication:
        if len(self.objects) != len(self.names):
            raise ValueError(f"{len(self.objects)} objects but {len(self.names)} names; give each object its name")
        return self


# An upload of more publications than this is an archive of many small ones, for which reading ahead gains nothing.
READ_AHEAD = 4


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
    tools: Tools, tenant: str, sha256: str, name: str, *, named: bool
) -> tuple[list[FoundPayload], list[SkippedFile]]:
    """The publications inside uploaded bytes, each kept as objects of its own, and what is none.

    A few new publications are read right away, so that files on their way side by side are also read side by side,
    though their commands come one after the other.
    """
    whole = tools.uploads.get(tenant, sha256)
    found = survey(name, whole, named=named)
    payloads = []
    for payload in found.payloads:
        # A plain file is its own payload, and was checked against its hash just now.
        keys = tuple(sha256 if c is whole else tools.uploads.keep(tenant, c) for c in payload.contents)
        payloads.append(FoundPayload(objects=list(keys), names=list(payload.names), place=payload.place))
        if len(found.payloads) <= READ_AHEAD:
            publication = publication_id(tenant, keys, tools.readings.name_facts(payload, keys))
            if tools.read_aggregate(Publication, publication) is None:
                tools.readings.read_ahead(payload, keys)
    if all(sha256 not in payload.objects for payload in payloads):
        tools.uploads.forget(sha256)  # an archive: commands name what is in it
    return payloads, [SkippedFile(file=skipped.place, reason=skipped.reason) for skipped in found.skipped]


def stream_of_publication(command: IngestPublication, caller: Caller, tools: Tools) -> UUID:
    payload = _payload(command, caller, tools.uploads)
    return publication_id(caller.tenant, command.objects, tools.readings.name_facts(payload, command.objects))


def handle_ingest_publication(
    command: IngestPublication, publication: Publication | None, context: Context
) -> Publication:
    payload = _payload(command, context.caller, context.tools.uploads)
    context.tools.uploads.forget(*command.objects)
    if publication is None:
        source = Source(
            raw_sha256=command.objects,
            names=command.names,
            place=command.place,
            size_bytes=sum(map(len, payload.contents)),
            name_facts=context.tools.readings.name_facts(payload, command.objects),
        )
        return Publication.ingest(context.stream_id, source, context.tools.readings.read(payload, command.objects))
    if publication.reading is None or command.reparse:
        outcome = context.tools.readings.read(payload, command.objects)
        if isinstance(outcome, Defect):
            publication.read_again(outcome)
        elif not publication.is_read_by(outcome.parser_version):
            publication.read_again(structs.replace(outcome, ranked_as=context.first_position))
    return publication


def status_of_publication(publication: Publication, changed: bool) -> str:
    if publication.defect:
        return "quarantined"
    return "done" if changed else "unchanged"


def _payload(command: IngestPublication, caller: Caller, uploads: Uploads) -> Payload:
    contents = tuple(uploads.get(caller.tenant, key) for key in command.objects)
    payload = Payload(names=command.names, contents=contents, place=command.place or command.names[0])
    if len(contents) == 1 and is_archive(contents[0]):
        # An archive is only sent as a publication where nothing in it could be; the survey knows why.
        found = survey(command.names[0], contents[0], named=True).payloads
        if len(found) == 1 and found[0].contents == contents:
            return replace(payload, problem=found[0].problem)
    return payload
