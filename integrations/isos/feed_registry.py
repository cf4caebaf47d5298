"""Every feed there is."""

from collections.abc import Mapping

from integrations.isos.feeds import Feed

FEEDS: Mapping[str, Feed] = {}
