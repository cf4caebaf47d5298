"""What can be set from outside, as environment variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.data_folder import default_home


class Settings(BaseSettings):
    """CARBON254_HOME, CARBON254_HOST and CARBON254_PORT; DATABASE_URL, where set, replaces the embedded PostgreSQL."""

    model_config = SettingsConfigDict(
        env_prefix="CARBON254_", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    home: Path = Field(default_factory=default_home)
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
