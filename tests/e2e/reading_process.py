"""A second process over the same stores that only answers: it claims no database and projects nothing.

One of many processes needs an S3 service and an issuer besides; this does without them. Everything between a request
and its answer is the product's. Run: python -m tests.e2e.reading_process PORT OBJECTS
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import uvicorn

from api import engines, wiring
from api.app import create_app
from infra.data_folder import DataFolder
from infra.settings import Settings
from infra.subscriptions import Subscription


def main() -> None:
    engines.own_database = lambda dsn: lambda: None  # type: ignore[attr-defined]
    Subscription.start = lambda self: None  # type: ignore[method-assign]
    settings = Settings()
    _share_objects(settings.home, Path(sys.argv[2]))
    platform = wiring.open_platform(settings)
    try:
        uvicorn.run(create_app(platform), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
    finally:
        platform.close()


def _share_objects(home: Path, objects: Path) -> None:
    """As processes share a bucket."""
    DataFolder.open(home).close()
    shutil.rmtree(home / "objects")
    (home / "objects").symlink_to(objects)


if __name__ == "__main__":
    main()
