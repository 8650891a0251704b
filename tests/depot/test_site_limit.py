"""Limits of the grid operator: contacts, heartbeat, fail-safe value."""

from math import inf

import pytest
from tests.depot.scene import NOW

from v2g.depot.site.grid_limit import CONTACTS_S, FAIL_SAFE_W, FREE, HEARTBEAT_S, Contact, GridLimit, Limit, LimitError

BOX = (
    Contact(name="W3", charge_w=4_200.0),
    Contact(name="W4", charge_w=0.0, feed_w=0.0),
    Contact(name="S1", feed_w=3_000.0),
)


def test_the_least_of_all_active_contacts_holds() -> None:
    limit = GridLimit(contacts=BOX)
    limit.contacts({"W3": False, "W4": False, "S1": False}, NOW)
    assert limit.bound(NOW) == FREE
    limit.contacts({"W3": True, "W4": False, "S1": True}, NOW)
    assert limit.bound(NOW)[:2] == (4_200.0, 3_000.0)
    assert limit.bound(NOW).by == "contact W3 + contact S1"
    limit.contacts({"W3": True, "W4": True, "S1": True}, NOW)
    assert limit.bound(NOW)[:2] == (0.0, 0.0)


def test_contacts_that_nobody_reads_are_no_permission() -> None:
    limit = GridLimit(contacts=BOX, fail_safe_feed_w=0.0)
    assert limit.bound(NOW)[:2] == (FAIL_SAFE_W, 0.0), "before the first reading"
    limit.contacts(dict.fromkeys(("W3", "W4", "S1"), False), NOW)
    assert limit.bound(NOW + CONTACTS_S) == FREE
    assert limit.bound(NOW + CONTACTS_S + 0.1)[:2] == (FAIL_SAFE_W, 0.0)
    limit.contacts({"W3": False, "S1": False}, NOW + 6.0)
    assert limit.bound(NOW + 6.0).charge_w == 0.0, "a contact is missing"


def test_the_fail_safe_value_holds_without_a_heartbeat() -> None:
    limit = GridLimit(remote=True)
    assert limit.bound(NOW).charge_w == FAIL_SAFE_W
    limit.heartbeat(NOW)
    assert limit.bound(NOW + HEARTBEAT_S) == FREE
    assert limit.bound(NOW + HEARTBEAT_S + 0.1).charge_w == FAIL_SAFE_W
    assert limit.fail_safe(NOW + HEARTBEAT_S + 0.1)
    limit.heartbeat(NOW + 200.0)
    assert limit.bound(NOW + 200.0) == FREE
    assert limit.bound(NOW + 1e6).charge_w == FAIL_SAFE_W, "for as long as it takes"


def test_a_limit_holds_for_its_time_and_over_a_silence() -> None:
    limit = GridLimit(remote=True)
    limit.put(Limit(charge_w=6_000.0, feed_w=0.0, for_s=900.0), NOW)
    for beat in range(9):
        limit.heartbeat(NOW + 100.0 * beat)
        assert limit.bound(NOW + 100.0 * beat)[:2] == (6_000.0, 0.0)
    limit.heartbeat(NOW + 900.0)
    assert limit.bound(NOW + 900.0) == FREE


def test_a_release_after_a_long_silence_is_a_choice() -> None:
    limit = GridLimit(remote=True, release_s=7_200.0)
    limit.heartbeat(NOW)
    assert limit.bound(NOW + HEARTBEAT_S + 7_199.0).charge_w == FAIL_SAFE_W
    assert limit.bound(NOW + HEARTBEAT_S + 7_201.0) == FREE


@pytest.mark.parametrize(
    "wrong", [Limit(charge_w=-1.0), Limit(feed_w=float("nan")), Limit(charge_w=inf), Limit(for_s=0.0)]
)
def test_a_limit_that_is_none_is_refused(wrong: Limit) -> None:
    limit = GridLimit(remote=True)
    with pytest.raises(LimitError):
        limit.put(wrong, NOW)
    assert limit.bound(NOW).charge_w == FAIL_SAFE_W


def test_a_contact_that_bounces_limits_all_the_time() -> None:
    limit = GridLimit(contacts=[Contact(name="W4", charge_w=4_200.0)])
    limit.contacts({"W4": False}, NOW)
    assert limit.bound(NOW).charge_w == inf
    for step in range(20):
        at_s = NOW + 1.0 + 0.5 * step
        limit.contacts({"W4": step % 2 == 0}, at_s)
        assert limit.bound(at_s).charge_w == 4_200.0
    for after_s, charge_w in ((1.4, 4_200.0), (2.1, inf)):
        limit.contacts({"W4": False}, NOW + 10.0 + after_s)
        assert limit.bound(NOW + 10.0 + after_s).charge_w == charge_w
