"""Someone with full rights on the event table cannot change it unseen: each way is named, with stream and position.

The log of these tests is the fixture `sealed`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra import event_digests
from infra.errors import PlatformError
from infra.event_store import EventLog
from infra.log_verification import Difference, verify_log
from infra.objects import Objects
from infra.sealing import Sealer
from infra.seals import BrokenSeal, Seals
from tests.generated_log import fill_log
from tests.infra import tampering
from tests.infra.tampering import ON_ONE_EVENT, execute, stream_at
from tests.infra.test_event_store import define
from tests.plugins_log import SEAL_KEY


def difference(log: EventLog, seals: Seals) -> Difference:
    found = verify_log(log, seals).difference
    assert found is not None, "it was not seen"
    return found


def test_an_untouched_log_agrees_and_the_newest_are_counted(sealed: EventLog, seals: Seals) -> None:
    found = verify_log(sealed, seals)
    assert found.difference is None
    assert (found.events, found.sealed_events, found.unsealed_events, found.seals) == (10, 9, 1, 2)


@pytest.mark.parametrize("case", ON_ONE_EVENT)
def test_what_was_done_to_an_event_is_named_by_stream_and_position(sealed: EventLog, seals: Seals, case: str) -> None:
    tamper, kind, position = ON_ONE_EVENT[case]
    stream = stream_at(sealed, position)
    tamper(sealed)
    found = difference(sealed, seals)
    assert (found.kind, found.position, found.stream_id) == (kind, position, stream)


def test_an_inserted_event_is_named(sealed: EventLog, seals: Seals) -> None:
    tampering.insert(4)(sealed)
    found = difference(sealed, seals)
    assert (found.kind, found.position, found.stream_id) == ("inserted", 4, stream_at(sealed, 4))


def test_an_event_put_in_behind_the_end_is_named(sealed: EventLog, seals: Seals) -> None:
    tampering.insert(11)(sealed)
    execute(sealed, "UPDATE log.head SET position = 10")
    found = difference(sealed, seals)
    assert (found.kind, found.position, found.stream_id) == ("inserted", 11, stream_at(sealed, 11))


def test_the_loss_of_the_unsealed_end_is_seen_by_the_head(sealed: EventLog, seals: Seals) -> None:
    tampering.delete(10)(sealed)
    found = difference(sealed, seals)
    assert (found.kind, found.position) == ("cut off", 10)


def test_all_events_gone_is_seen_though_the_head_was_forged(sealed: EventLog, seals: Seals) -> None:
    first = stream_at(sealed, 1)
    tampering.cut_off(0)(sealed)
    found = difference(sealed, seals)
    assert (found.kind, found.position, found.stream_id) == ("cut off", 1, first)


def test_everything_computed_anew_with_a_forged_head_is_seen(sealed: EventLog, seals: Seals) -> None:
    """A whole history is written again, with right hashes throughout, an event fewer, and a head that fits."""
    stream = stream_at(sealed, 5)
    tampering.cut_off(8)(sealed)
    for position in (1, 4, 6):
        tampering.forge(position, actor="somebody else")(sealed)
    assert (difference(sealed, seals).kind, difference(sealed, seals).position) == ("changed", 1)
    # With the first seal's events as they were, the first that differs is still named.
    tampering.forge(1, actor="a")(sealed)
    tampering.forge(4, actor="a")(sealed)
    assert stream_at(sealed, 5) == stream
    assert (difference(sealed, seals).kind, difference(sealed, seals).position) == ("changed", 6)


def test_a_renumbered_far_away_event_is_found_at_once(sealed: EventLog, seals: Seals) -> None:
    tampering.change_column("position = 4000000000000000000", 4)(sealed)
    found = difference(sealed, seals)
    assert (found.kind, found.position) == ("reordered", 4)


def test_a_change_in_the_unsealed_end_breaks_its_streams_chain(log: EventLog, seals: Seals) -> None:
    stream = define(log, events=3)
    tampering.change_column("payload = '{}'", 2)(log)
    found = difference(log, seals)
    assert (found.kind, found.position, found.stream_id) == ("broken chain", 3, stream.id)


@pytest.mark.parametrize(("version", "position"), [(5, 3), (1, 1)])
def test_a_gap_in_the_versions_of_an_unsealed_stream_is_named(
    log: EventLog, seals: Seals, version: int, position: int
) -> None:
    stream = define(log, events=3 if position == 3 else 1)
    tampering.change_column(f"version = {version}", position)(log)
    found = difference(log, seals)
    assert (found.kind, found.position, found.stream_id) == ("broken chain", position, stream.id)


@pytest.mark.parametrize("position", [2_500, 4_001, 5_999])
def test_a_long_log_is_read_by_processes_and_differences_are_named_all_the_same(
    log: EventLog, seals: Seals, objects: Objects, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    monkeypatch.setattr(event_digests, "WORTH_PROCESSES", 5_000)
    fill_log(log, objects, 6_000)
    Sealer(log, seals, lambda: datetime.now(UTC)).seal_pending()
    told: list[tuple[int, int]] = []
    found = verify_log(log, seals, progress=lambda position, of: told.append((position, of)))
    assert (found.events, found.sealed_events, found.seals, found.difference) == (6_000, 6_000, 6, None)
    assert told == [(2_000, 6_000), (4_000, 6_000), (6_000, 6_000)]
    stream = stream_at(log, position)
    tampering.change("metadata", "actor-", "nobody-", position)(log)
    changed = verify_log(log, seals)
    assert changed.difference
    assert (changed.difference.kind, changed.difference.position) == ("changed", position)
    assert (changed.difference.stream_id, changed.sealed_events) == (stream, position - 1)


def test_a_log_that_cannot_be_read_is_an_error_and_no_verdict(
    log: EventLog, seals: Seals, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_digests, "WORTH_PROCESSES", 10)
    fill_log(log, objects, 20)
    execute(log, "ALTER TABLE log.events RENAME COLUMN payload TO content")
    with pytest.raises(PlatformError, match="payload"):
        verify_log(log, seals)


def test_a_removed_a_changed_and_a_put_back_seal(sealed: EventLog, seals: Seals, tmp_path: Path) -> None:
    first, second = sorted((tmp_path / "seals").glob("*.json"))
    content = first.read_bytes()
    for damaged in (
        content.replace(b'"first_ordinal":1', b'"first_ordinal":2'),
        content.replace(b'"versions":[0,1', b'"versions":[0,2'),
        content[:-30],
        b"",
    ):
        assert damaged != content
        first.write_bytes(damaged)
        assert difference(sealed, seals).kind == "broken seal"
    first.unlink()
    assert difference(sealed, seals).kind == "broken seal"
    first.write_bytes(content)
    assert verify_log(sealed, seals).difference is None
    second.unlink()
    assert verify_log(sealed, seals).unsealed_events == 5


def test_a_seal_in_the_place_of_another_is_seen(sealed: EventLog, seals: Seals, tmp_path: Path) -> None:
    first, second = sorted((tmp_path / "seals").glob("*.json"))
    first.write_bytes(second.read_bytes())
    assert difference(sealed, seals).kind == "broken seal"


def test_a_changed_event_with_a_changed_seal_to_match_is_seen(sealed: EventLog, seals: Seals, tmp_path: Path) -> None:
    before = sealed.page(1, 1)[0].stored.hash
    tampering.forge(2, actor="somebody else")(sealed)
    after = sealed.page(1, 1)[0].stored.hash
    first = min((tmp_path / "seals").glob("*.json"))
    first.write_bytes(first.read_bytes().replace(before.encode(), after.encode()))
    assert difference(sealed, seals).kind == "broken seal"


def test_a_seal_of_another_key_is_not_trusted(sealed: EventLog, seals: Seals, tmp_path: Path) -> None:
    other = Seals(tmp_path / "seals", bytes(32))
    assert difference(sealed, other).kind == "broken seal"


def sealed_anew(log: EventLog, folder: Path) -> Seals:
    """Seals by one who has the key, over the log as it stands now."""
    anew = Seals(folder, SEAL_KEY)
    Sealer(log, anew, lambda: datetime.now(UTC)).seal_pending()
    return anew


def newest_file(seals: Seals) -> tuple[bytes, str]:
    """The newest seal as an auditor takes it with him: its file, and its hash."""
    newest = seals.newest()
    assert newest is not None
    content = seals.content(newest.sha256)
    assert content is not None
    return content, newest.sha256


def test_a_seal_kept_elsewhere_tells_that_log_and_seals_were_replaced(
    sealed: EventLog, seals: Seals, tmp_path: Path
) -> None:
    content, sha256 = newest_file(seals)
    for kept in (content, sha256):
        assert verify_log(sealed, seals, kept).difference is None
    lost = stream_at(sealed, 6)
    tampering.cut_off(5)(sealed)
    anew = sealed_anew(sealed, tmp_path / "anew")
    assert verify_log(sealed, anew).difference is None
    by_hash = verify_log(sealed, anew, sha256).difference
    assert by_hash
    assert by_hash.kind == "unknown seal"
    by_file = verify_log(sealed, anew, content).difference
    assert by_file
    assert (by_file.kind, by_file.position, by_file.stream_id) == ("cut off", 6, lost)


def test_a_seal_kept_elsewhere_names_the_event_that_was_changed_since(
    sealed: EventLog, seals: Seals, tmp_path: Path
) -> None:
    content, sha256 = newest_file(seals)
    tampering.forge(8, actor="somebody else")(sealed)
    anew = sealed_anew(sealed, tmp_path / "anew")
    found = verify_log(sealed, anew, content).difference
    assert found
    assert (found.kind, found.position, found.stream_id) == ("changed", 8, stream_at(sealed, 8))
    assert sha256 in found.detail


def test_a_kept_seal_is_known_by_its_signature(sealed: EventLog, seals: Seals, tmp_path: Path) -> None:
    content, sha256 = newest_file(seals)
    assert seals.kept(content).sha256 == sha256
    with pytest.raises(BrokenSeal, match="kept elsewhere"):
        seals.kept(content.replace(b'"first_ordinal":6', b'"first_ordinal":5'))
    with pytest.raises(BrokenSeal, match="another key"):
        Seals(tmp_path / "other", bytes(32)).kept(content)
    # All of it by another key: the log's seals agree with each other, but not with the one that was kept.
    replaced = Seals(tmp_path / "replaced", bytes(32))
    Sealer(sealed, replaced, lambda: datetime.now(UTC)).seal_pending()
    found = verify_log(sealed, replaced, content).difference
    assert found
    assert found.kind == "unknown seal"
    assert "another key signed it" in found.detail


def test_the_running_sealer_follows_the_log_and_seals_the_rest_when_stopped(log: EventLog, seals: Seals) -> None:
    sealer = Sealer(log, seals, lambda: datetime.now(UTC))
    sealer.start()
    define(log, events=5)
    sealer.stop()
    found = verify_log(log, seals)
    assert (found.difference, found.sealed_events) == (None, 5)
