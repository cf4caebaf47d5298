"""Who calls: the data folder's token, an API key, or a signed token."""

from __future__ import annotations

import hmac

from infra.principal import NotAuthenticated, Principal


class PlatformAuthenticator:
    """Accepts the folder's own token for `local`."""

    def __init__(self, folder_token: str, local: Principal) -> None:
        self._folder_token = folder_token.encode()
        self._local = local

    async def authenticate(self, credential: str) -> Principal:
        if hmac.compare_digest(credential.encode(), self._folder_token):
            return self._local
        raise NotAuthenticated("the token is not known here", remedy="Send a token or key that this platform issued.")
