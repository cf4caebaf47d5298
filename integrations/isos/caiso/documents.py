"""CAISO files that are no CSV, by what they hold."""

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.recognition import OtherProduct


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """What a document of CAISO is; None for any other."""
    return None
