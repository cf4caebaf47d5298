"""Every feed there is, by its id."""

from collections.abc import Mapping

from integrations.isos.caiso.feeds import FEEDS as CAISO
from integrations.isos.ercot.feeds import FEEDS as ERCOT
from integrations.isos.feeds import Feed
from integrations.isos.miso.feeds import FEEDS as MISO
from integrations.isos.pjm.feeds import FEEDS as PJM

FEEDS: Mapping[str, Feed] = {feed.id: feed for feed in (*MISO, *CAISO, *PJM, *ERCOT)}
