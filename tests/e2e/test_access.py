"""Tokens and keys with the installed program, and the door of a real server."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.e2e.program import Program, Server
from tests.infra.test_signing_keys import KEYS, jwks, serving
from tests.infra.test_tokens import signed, signed_hs256

OPEN = ("/livez", "/readyz", "/openapi.json", "/docs", "/static-offline-docs/swagger-ui.css", "/.well-known/jwks.json")
NO_TOKEN = {"Authorization": ""}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Program(tmp_path_factory.mktemp("access") / "home").serve() as serving:
        yield serving


def with_token(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(server: Server, token: str) -> int:
    return server.ask("GET", "/v1/curves", headers=with_token(token))[0]


@pytest.mark.enable_socket
def test_a_token_of_the_local_issuer_lets_its_holder_in(server: Server) -> None:
    assert "Tokens: local development issuer" in server.said()
    made = server.program.run("token", "--actor", "alice", "--tenant", "acme", "--role", "analyst", "--ttl", "2m")
    token = made.stdout.strip()
    assert "alice of acme: analyst, until" in made.stderr
    assert status(server, token) == 200
    key_file = server.program.home / "issuer-key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600

    code, published = server.ask("GET", "/.well-known/jwks.json", headers=NO_TOKEN)
    (key,) = json.loads(published)["keys"]
    assert (code, set(key)) == (200, {"kty", "n", "e", "kid", "use", "alg"}), "only what is public"
    claims = jwt.decode(token, RSAKey.import_key(key), algorithms=["RS256"]).claims
    assert (claims["sub"], claims["tenant"], claims["roles"], claims["exp"] - claims["iat"]) == (
        "alice", "acme", ["analyst"], 120,
    )  # fmt: skip


@pytest.mark.enable_socket
def test_only_the_owner_of_the_folder_makes_tokens(server: Server) -> None:
    signed_token = server.program.run("token").stdout.strip()
    key = server.program.json("api-keys", "issue", "k", "--role", "admin")["secret"]
    for token in (signed_token, key):
        assert status(server, token) == 200
        code, answer = server.ask("POST", "/v1/tokens", headers=with_token(token), body={"actor": "eve"})
        assert (code, "owner of the data folder" in answer) == (403, True)
    assert server.ask("POST", "/v1/tokens", headers=NO_TOKEN, body={})[0] == 401


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--ttl", "soon"], "--ttl"),
        (["--ttl", "400d"], "ttl_s"),
        (["--ttl", "0s"], "ttl_s"),
        (["--role", "king"], "roles"),
        (["--channel", "back"], "channel"),
        (["--actor", "two words"], "actor"),
        (["--tenant", ""], "tenant"),
    ],
)
def test_a_wrong_option_is_named(server: Server, arguments: list[str], named: str) -> None:
    assert named in server.program.run("token", *arguments, code=2).stderr


@pytest.mark.enable_socket
def test_the_life_of_a_key_by_verbs(server: Server) -> None:
    run = server.program
    issued = run.run("api-keys", "issue", "loader", "--role", "reader", "--role", "analyst")
    key_id, key = issued.stdout.split()
    assert "this once" in issued.stderr
    assert status(server, key) == 200
    (listed,) = run.json("api-keys", "list", "--prefix", key[:12])
    assert (listed["id"], listed["roles"], listed["status"]) == (key_id, ["analyst", "reader"], "active")
    assert listed["last_used_at"] is not None
    assert key not in run.run("api-keys", "list").stdout
    run.run("api-keys", "revoke", key_id)
    assert status(server, key) == 401
    assert run.json("api-keys", "list", "--prefix", key[:12])[0]["status"] == "revoked"
    assert run.run("api-keys", "revoke", uuid4(), code=1).stderr.startswith("Error: there is no API key")


@pytest.mark.enable_socket
def test_all_of_an_actor_is_revoked_by_a_verb(server: Server) -> None:
    token = server.program.run("token", "--actor", "mallory").stdout.strip()
    key = server.program.json("api-keys", "issue", "k", "--role", "reader", "--actor", "mallory")["secret"]
    assert (status(server, token), status(server, key)) == (200, 200)
    server.program.run("actors", "revoke", "mallory")
    assert (status(server, token), status(server, key)) == (401, 401)


def test_keys_and_revocations_outlive_the_process(program: Program) -> None:
    """Each verb opens the folder anew."""
    made = program.json("api-keys", "issue", "k", "--role", "reader")
    assert program.json("api-keys", "list")[0]["status"] == "active"
    program.run("api-keys", "revoke", made["id"])
    assert program.json("api-keys", "list")[0]["status"] == "revoked"
    with program.serve() as again:
        for secret in (made["secret"], program.run("token").stdout.strip()):
            assert secret not in again.said()
    stored = b"".join(file.read_bytes() for file in program.home.rglob("*") if file.is_file() and file.name != "lock")
    assert made["secret"][5:17].encode() in stored, "the prefix is"
    assert made["secret"][18:].encode() not in stored, "the secret is in no file"


@pytest.mark.enable_socket
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET", "TRACE", "PATCH"])
@pytest.mark.parametrize("path", ["/v1/curves", "/v1/prices", "/v1/nothing", "/graphql", "/metrics", "/", "/livez/"])
def test_every_method_of_what_is_guarded_needs_a_token(server: Server, method: str, path: str) -> None:
    code, content = server.ask(method, path, headers=NO_TOKEN)
    assert code == 401
    assert (content == "") == (method == "HEAD")
    assert server.ask(method, path)[0] in {200, 400, 404, 405, 422, 307}


@pytest.mark.enable_socket
@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_answers_every_method(server: Server, path: str) -> None:
    assert server.ask("GET", path, headers=NO_TOKEN)[0] == 200
    for method in ("HEAD", "OPTIONS"):
        code, content = server.ask(method, path, headers=NO_TOKEN)
        assert code in {200, 405}
        assert method == "OPTIONS" or content == ""


@pytest.mark.enable_socket
def test_forged_tokens_and_long_headers_are_turned_away(server: Server) -> None:
    token = server.program.run("token").stdout.strip()
    _, claims, signature = token.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    published = server.ask("GET", "/.well-known/jwks.json", headers=NO_TOKEN)[1]
    pem = RSAKey.import_key(json.loads(published)["keys"][0]).as_pem(private=False)
    forged = [f"{none}.{claims}.", f"{none}.{claims}.{signature}", signed_hs256(pem), token[:-9], "x" * 16_384]
    for credential in forged:
        code, answer = server.ask("GET", "/v1/curves", headers=with_token(credential))
        assert code == 401, answer
        assert credential[:40] not in answer
    assert status(server, token) == 200
    assert server.process.poll() is None


@pytest.mark.enable_socket
@pytest.mark.parametrize(("credential", "expected"), [(None, 401), ("wrong", 401), ("right", 403)])
def test_a_websocket_needs_a_token_too(server: Server, credential: str | None, expected: int) -> None:
    """Behind the door there is no WebSocket route yet, which Starlette answers with 403."""
    token = (server.program.home / "token").read_text().strip() if credential == "right" else credential
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    } | (with_token(token) if token else {})
    connection.request("GET", "/livez", headers=headers)
    answer = connection.getresponse()
    assert answer.status == expected
    assert (answer.getheader("www-authenticate") is not None) == (expected == 401)
    connection.close()


@pytest.mark.enable_socket
def test_with_an_issuer_configured_the_local_one_is_off(program: Program) -> None:
    local = program.run("token").stdout.strip()
    pages: dict[str, tuple[int, bytes]] = {}
    with serving(pages) as issuer:
        configuration = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
        program.environment |= {"CARBON254_OIDC_ISSUER": issuer, "CARBON254_OIDC_AUDIENCE": "power"}
        now = int(time.time())
        claims = {"iss": issuer, "aud": "power", "sub": "alice", "tenant": "acme", "iat": now, "exp": now + 300}
        claims["realm_access"] = {"roles": ["reader"]}
        token = signed(claims, KEYS["old"], kid="old")
        with program.serve() as server:
            assert f"Tokens: {issuer} for the audience power" in server.said()
            assert status(server, token) == 503, "the issuer has not answered yet"
            assert server.ask("GET", "/livez", headers=NO_TOKEN)[0] == 200
            assert server.ask("GET", "/.well-known/jwks.json", headers=NO_TOKEN)[0] == 404
            assert "names another" in program.run("token", code=1).stderr
            assert program.json("doctor")["token_issuer"] == f"{issuer} for the audience power"
        pages["/.well-known/openid-configuration"] = (200, json.dumps(configuration).encode())
        pages["/keys"] = (200, json.dumps(jwks("old")).encode())
        with program.serve() as server:
            assert status(server, token) == 200
            code, answer = server.ask("GET", "/v1/curves", headers=with_token(local))
            assert (code, json.loads(answer)["title"]) == (401, "the token is signed with an unknown key")


@pytest.mark.parametrize(
    ("settings", "code", "named"),
    [
        ({"OIDC_ISSUER": "http://issuer.example", "OIDC_AUDIENCE": "power"}, 2, "CARBON254_OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://issuer.example", "OIDC_JWKS_URL": "file:///keys"}, 2, "CARBON254_OIDC_JWKS_URL"),
        ({"OIDC_ISSUER": "https://issuer.example"}, 1, "CARBON254_OIDC_AUDIENCE"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, settings: dict[str, str], code: int, named: str) -> None:
    program = Program(tmp_path / "home", **{f"CARBON254_{name}": value for name, value in settings.items()})
    failed = program.run("curves", "list", code=code)
    assert named in failed.stderr
    assert not re.search("Traceback", failed.stderr)
