"""Elements of OASIS's XML, whatever namespace the version of its schema gives them."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element


def all_of(element: Element, tag: str) -> Iterator[Element]:
    """The elements of that name, at any depth."""
    return (found for found in element.iter() if local_name(found.tag) == tag)


def text_of(element: Element, tag: str) -> str:
    """The text of the first child of that name, stripped; empty without one."""
    return next(((child.text or "").strip() for child in element if local_name(child.tag) == tag), "")


def local_name(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]
