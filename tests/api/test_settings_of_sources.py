"""Settings of sources: base URLs and API keys."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from api.cli.main import _wrong_setting
from api.wiring import _open_feeds
from infra.clock import Clock
from infra.errors import PlatformError
from infra.settings import Settings


def test_they_are_read_from_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBON254_SOURCES", '{"caiso-oasis": "http://127.0.0.1:9"}')
    monkeypatch.setenv("CARBON254_SOURCE_KEYS", '{"caiso-oasis": "s3cret"}')
    settings = Settings()
    assert settings.sources == {"caiso-oasis": "http://127.0.0.1:9"}
    assert settings.source_keys["caiso-oasis"].get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "given", "said"),
    [
        ("CARBON254_SOURCES", "{", "must be JSON"),
        ("CARBON254_SOURCES", '{"caiso-oasis": "http://elsewhere.example"}', "must be an https address"),
        ("CARBON254_SOURCE_KEYS", '{"caiso-oasis": "s3cret"', "must be JSON"),
        ("CARBON254_SOURCE_KEYS", '["s3cret"]', "valid dictionary"),
        ("CARBON254_SOURCE_KEYS", '{"caiso-oasis": {"s3cret": 1}}', "valid string"),
    ],
)
def test_what_is_wrong_is_named_but_no_key(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str, said: str
) -> None:
    monkeypatch.setenv(variable, given)
    with pytest.raises(ValidationError) as refused:
        Settings()
    message = "; ".join(map(_wrong_setting, refused.value.errors()))
    assert variable in message
    assert said in message
    assert "s3cret" not in message


@pytest.mark.parametrize("setting", ["sources", "source_keys"])
def test_a_source_that_there_is_not_is_refused(setting: str) -> None:
    settings = Settings.model_validate({setting: {"caiso-oasys": "https://elsewhere.example"}})
    with pytest.raises(PlatformError, match="names caiso-oasys") as refused:
        _open_feeds(settings, lambda _: None, Clock(), {}, is_simulated=False)
    assert "caiso-oasis" in refused.value.remedy
