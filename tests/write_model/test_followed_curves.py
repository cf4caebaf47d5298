"""Following and unfollowing a curve."""

from __future__ import annotations

from uuid import uuid4

import pytest

from write_model.base import NotFound
from write_model.followed_curves import FollowedCurve, Rights

ADA, BEN = Rights(("analyst",), "api"), Rights(("analyst", "reader"), "hub", "k1")


def test_whoever_asks_last_is_asked_for_rights() -> None:
    followed = FollowedCurve.follow(uuid4(), "WH", "base", ADA)
    followed.follow_again(BEN)
    assert (followed.rights, followed.is_followed) == (BEN, True)


def test_what_nobody_follows_cannot_be_taken_back() -> None:
    followed = FollowedCurve.follow(uuid4(), "WH", "base", ADA)
    followed.unfollow()
    assert not followed.is_followed
    with pytest.raises(NotFound, match="WH under base"):
        followed.unfollow()
    followed.follow_again(ADA)
    assert followed.is_followed
