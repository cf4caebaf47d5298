"""The verbs by which a platform of many processes is run: what they refuse, and the keys that they share."""

from __future__ import annotations

import signal

import pytest

from api.cli.main import main
from infra.seals import public_key_of
from infra.settings import Settings


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "CLICKHOUSE_DSN"):
        monkeypatch.delenv(name, raising=False)


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["carbon254", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_new_keys_are_settings_that_belong_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "new-keys") == 0
    printed = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert public_key_of(bytes.fromhex(printed["CARBON254_SEAL_KEY"])) == printed["CARBON254_SEAL_PUBLIC_KEY"]
    for name, value in printed.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.cursor_key
    assert settings.cursor_key.get_secret_value() == printed["CARBON254_CURSOR_KEY"]
    secret = set(printed.values()) - {printed["CARBON254_SEAL_PUBLIC_KEY"]}
    assert [value for value in secret if value in repr(settings)] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--service", "pricing"), "There is no service pricing"),
        (("serve", "--service", "curves", "--sample"), "--service is a part"),
        (("projector", "--only", "curve"), "There is nothing to project named curve"),
        (("worker", "--queue", "mail"), "There is no queue mail"),
    ],
)
def test_what_there_is_not_is_refused_by_name(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, *arguments) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.enable_socket
@pytest.mark.parametrize("arguments", [("serve", "--service", "curves"), ("projector",), ("worker",)])
def test_without_shared_engines_none_starts(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("infra.logs.configure", lambda: None)
    assert ended(monkeypatch, *arguments, "--port", "0") == 1
    said = " ".join(capsys.readouterr().err.split())
    for name in (
        "DATABASE_URL",
        "CLICKHOUSE_DSN",
        "CARBON254_OBJECTS",
        "CARBON254_OIDC_ISSUER",
        "CARBON254_CURSOR_KEY",
    ):
        assert name in said


def test_settings_of_services_are_addresses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CARBON254_SERVICES", '{"curves": "curves:8001"}')
    assert ended(monkeypatch, "doctor") == 2
    assert "CARBON254_SERVICES" in capsys.readouterr().err
