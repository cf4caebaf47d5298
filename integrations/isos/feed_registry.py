"""Every feed there is."""

from collections.abc import Mapping

from integrations.isos.feeds import Feed
from integrations.isos.pjm.feeds import FEEDS as PJM_FEEDS

FEEDS: Mapping[str, Feed] = {feed.id: feed for feed in (*PJM_FEEDS,)}
