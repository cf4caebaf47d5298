"""`python -m tests.deploy.compose_checker` builds the checker into the services' cache, unless it is there."""

from __future__ import annotations

import sys

from tests.deploy.compose_checker import build
from tests.services.cache import FetchFailed

try:
    print(build())
except FetchFailed as error:
    sys.exit(f"FetchFailed: {error}")
