"""Raw bytes that tenants hand in: kept as objects, and for a moment in memory, since they are asked for soon."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress

from infra.objects import MissingObject, Objects
from write_model.base import NotFound

# Its survey wants the whole of an upload, and its command twice. So many that four of the largest, an hour of all of
# CAISO's nodes, can be on their way side by side; what no command comes for, others push out.
MOST_BYTES = 256 << 20


class Uploads:
    """What tenants uploaded, by its SHA-256. Safe to use from any thread."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self.remembered_bytes = 0
        self._lock = threading.Lock()

    def keep(self, tenant: str, content: bytes) -> str:
        """Stores raw bytes as a tenant's upload; returns their SHA-256."""
        sha256 = self._objects.put("raw", content)
        self._objects.claim(tenant, sha256)
        self._remember(sha256, content)
        return sha256

    def get(self, tenant: str, sha256: str) -> bytes:
        """What a command names. Raises NotFound where this tenant did not upload it: to know a hash is no right."""
        if self._objects.is_claimed(tenant, sha256):
            with self._lock:
                found = self._recent.get(sha256)
            if found is not None and self._objects.has("raw", sha256):  # else events would tell of what is nowhere
                return found
            with suppress(MissingObject):
                content = self._objects.get("raw", sha256)
                self._remember(sha256, content)
                return content
        raise NotFound("uploaded object", sha256, remedy="Upload it first with POST /v1/objects.")

    def forget(self, *sha256s: str) -> None:
        """Nobody is expected to ask for these soon: they stay in the store, and no longer in memory."""
        with self._lock:
            for sha256 in sha256s:
                self.remembered_bytes -= len(self._recent.pop(sha256, b""))

    def _remember(self, sha256: str, content: bytes) -> None:
        with self._lock:
            self.remembered_bytes += len(content) - len(self._recent.pop(sha256, b""))
            self._recent[sha256] = content
            while self.remembered_bytes > MOST_BYTES:
                self.remembered_bytes -= len(self._recent.popitem(last=False)[1])
