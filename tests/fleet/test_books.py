"""What a depot books: all that flowed, once, over restarts too; and which set-point holds."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.depot.scene import NOW, charger, site

from v2g.depot.controller import Controller
from v2g.depot.flexibility import Band, Flexibility
from v2g.fleet.books import Books, Flow
from v2g.fleet.member import Member, flows
from v2g.fleet.view import Aggregate, Setpoint, strange

_powers = st.integers(-4, 4).map(lambda each: each * 3_600.0)
_looks = st.tuples(
    _powers, st.sampled_from(["", "TSO", "DSO"]), st.sampled_from(["van", "bus"]), st.booleans(), st.booleans()
)


@given(st.lists(_looks, min_size=1, max_size=40))
def test_all_that_flowed_is_booked_once_however_the_process_ends(
    looks: list[tuple[float, str, str, bool, bool]],
) -> None:
    books, now, entries = Books("d", span_s=7.0), NOW, []
    charged_wh = discharged_wh = asked_wh = flows_w = 0.0
    before = "", ""
    for number, (power_w, request, vehicle, restart, stored) in enumerate(looks):
        asked_w = power_w if request else None
        if number:
            mean_w = (flows_w + power_w) / 2 if before == (request, vehicle) else flows_w
            asked_wh += mean_w / 3600 if before[0] else 0.0
            now += 1.0
            charged_wh += max(mean_w, 0.0) / 3600
            discharged_wh += max(-mean_w, 0.0) / 3600
        flows_w, before = power_w, (request, vehicle)
        books.see(now, request, [Flow("CS-1/1", vehicle, "", power_w, asked_w, "")])
        if stored and books.waiting:
            entries += books.waiting
            books.stored(len(books.waiting))
        if restart:
            seen_s, books = now, Books("d", books.document(), span_s=7.0)
            books.see(seen_s, request, [Flow("CS-1/1", vehicle, "", power_w, asked_w, "")])
    books.end()
    entries += books.waiting
    assert sum(each.charged_wh for each in entries) == pytest.approx(charged_wh)
    assert sum(each.discharged_wh for each in entries) == pytest.approx(discharged_wh)
    assert sum(each.asked_wh or 0.0 for each in entries) == pytest.approx(asked_wh)
    assert all(each.asked_wh is None for each in entries if not each.request)
    assert [each.before for each in entries] == [0, *(each.sequence for each in entries)][: len(entries)]
    assert len({each.sequence for each in entries}) == len(entries)


def test_a_stretch_ends_with_the_quarter_the_vehicle_and_the_request() -> None:
    books = Books("d", span_s=10.0)
    for second in range(25):
        by, vehicle = ("TSO" if second >= 5 else ""), ("bus" if second >= 15 else "van")
        books.see(1_000.0 + second, by, [Flow("CS-1/1", vehicle, "c", -3_600.0, -3_600.0, "")])
    assert [(each.vehicle, each.request, each.from_unix_s, each.until_unix_s) for each in books.waiting] == [
        ("van", "", 1_000.0, 1_005.0), ("van", "TSO", 1_005.0, 1_010.0), ("van", "TSO", 1_010.0, 1_015.0),
        ("bus", "TSO", 1_015.0, 1_020.0),
    ]  # fmt: skip


def test_what_a_new_request_changes_is_none_of_the_stretch_before() -> None:
    books = Books("d")
    for second, by, power_w in ((0, "", 3_600.0), (1, "TSO", -7_200.0), (2, "TSO", -7_200.0), (3, "", 3_600.0)):
        books.see(NOW + second, by, [Flow("a", "v", "", power_w, power_w, "")])
    books.end()
    assert [(each.request, each.charged_wh, each.discharged_wh, each.asked_wh) for each in books.waiting] == [
        ("", 1.0, 0.0, None), ("TSO", 0.0, 4.0, -4.0),
    ]  # fmt: skip


def test_stretches_of_two_depots_with_one_name_are_never_one_entry() -> None:
    found = list[int]()
    for process in (7_000_001, 8_000_002):
        books = Books("north", process=process)
        for step in range(20):  # both at the same microseconds
            flows = [Flow(f"C{each}", "bus", "", 1_000.0, None, "") for each in range(50)]
            books.see(NOW + step, str(step), flows)
        books.end()
        sequences = [each.sequence for each in books.waiting]
        assert len(sequences) == 20 * 50 - 50
        assert all(each.sequence >= each.from_unix_s * 1e6 for each in books.waiting)
        found += sequences
    assert len(set(found)) == len(found)


def test_a_stretch_of_a_restored_backup_has_the_sequence_that_it_had() -> None:
    def see(books: Books, first: int, last: int) -> Books:
        for second in range(first, last):
            books.see(NOW + second, "TSO", [Flow("a", "van", "", 3_600.0, 3_600.0, "")])
        return books

    lost = see(Books("d", process=1), 0, 10)
    backup = lost.document()
    see(lost, 10, 60).end()
    restored = see(Books("d", backup, process=2), 100, 110)
    restored.end()
    (whole,), (again, new) = lost.waiting, restored.waiting
    assert (again.sequence, again.from_unix_s, again.process, again.carried) == (whole.sequence, NOW, 1, True)
    assert again.until_unix_s < whole.until_unix_s
    assert new.sequence > whole.sequence
    assert (new.from_unix_s, new.process, new.carried) == (NOW + 100, 2, False)
    assert new.charged_wh == pytest.approx(9.0)


def test_a_reason_is_given_only_for_what_was_not_delivered() -> None:
    books = Books("d")
    for second in range(11):
        books.see(NOW + second, "TSO", [Flow("a", "v", "", -36_000.0, -36_000.0, "floor"),
                                        Flow("b", "w", "", -3_600.0, -36_000.0, "floor")])  # fmt: skip
    books.end()
    assert [(each.charger, each.why) for each in books.waiting] == [("a", ""), ("b", "floor")]


def test_a_reason_of_the_next_request_is_none_of_the_one_before() -> None:
    books = Books("d")
    for second, request, why in (
        (0, "DSO", "floor"),
        (5, "DSO", "floor"),
        (6, "TSO", "limit"),
        (11, "TSO", "limit"),
    ):
        books.see(NOW + second, request, [Flow("a", "", "", 0.0, -3000.0, why)])
    books.end()
    assert [(each.request, each.why) for each in books.waiting] == [("DSO", "floor"), ("TSO", "limit")]


def test_of_a_time_that_nobody_saw_nothing_is_booked() -> None:
    books = Books("d")
    books.see(NOW, "", [Flow("a", "v", "", 3_600.0, None, "")])
    books.see(NOW + 3_600, "", [Flow("a", "v", "", 3_600.0, None, "")])
    books.end()
    assert books.waiting == []


def test_books_that_cannot_be_read_are_as_none() -> None:
    assert Books("d", b"\xff\x00").waiting == []


def _setpoint(number: int, until_s: float = NOW + 10, power_w: float = -5e3, depot: str = "d") -> Setpoint:
    return Setpoint(depot=depot, number=number, power_w=power_w, until_unix_s=until_s, by="TSO")


def test_the_latest_set_point_holds_until_it_lapses() -> None:
    member = Member("d")
    assert member.take(_setpoint(5), NOW).taken
    assert not member.take(_setpoint(4, power_w=9e3), NOW).taken
    assert not member.take(_setpoint(9, depot="e"), NOW).taken
    assert not member.take(_setpoint(9, power_w=float("nan")), NOW).taken
    held = member.setpoint(NOW + 10)
    assert held is not None
    assert held.power_w == -5e3
    assert member.setpoint(NOW + 10.1) is None
    assert member.request(NOW + 10.1) is None


def test_one_that_comes_late_leaves_the_depot_to_its_own_plan() -> None:
    member = Member("d")
    member.take(_setpoint(5), NOW)
    late = member.take(_setpoint(6, until_s=NOW - 2), NOW)
    assert not late.taken
    assert "clocks" in late.why_not
    assert member.setpoint(NOW) is None


def test_none_holds_longer_than_two_minutes_and_none_has_a_default() -> None:
    member = Member("d")
    member.take(_setpoint(5, until_s=NOW + 1e6), NOW)
    request = member.request(NOW)
    assert request is not None
    assert request.until_unix_s <= NOW + 120
    assert request.default_w is None


@pytest.mark.parametrize(
    ("holds_s", "until_s"), [(nan, NOW + 10), (-1.0, NOW + 10), (15.0, 1e300), (15.0, nan), (nan, 1e300)]
)
def test_a_set_point_with_a_time_that_is_none_is_refused(holds_s: float, until_s: float) -> None:
    member = Member("d")
    found = member.take(replace(_setpoint(5, until_s=until_s), holds_s=holds_s), NOW)
    assert "is no time" in found.why_not
    assert member.setpoint(NOW) is None


def test_a_clock_that_is_late_does_not_prolong_a_set_point() -> None:
    member, late = Member("d"), NOW - 3_600.0
    sent = replace(_setpoint(5, until_s=NOW + 15), holds_s=15.0)
    assert member.take(sent, late).taken
    assert member.setpoint(late + 15.0) is not None
    assert member.setpoint(late + 15.1) is None


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("power_w", {"power_w": nan}),
        ("plan_w", {"plan_w": inf}),
        ("setpoint_w", {"setpoint_w": 1e300}),
        ("flexibility", {"flexibility": Flexibility(bands=(Band(60.0, nan, 0.0),))}),
        ("to_full_wh", {"flexibility": Flexibility(to_full_wh=inf)}),
    ],
)
def test_a_number_that_is_none_is_named(name: str, changes: dict[str, Any]) -> None:
    assert strange(replace(Aggregate(depot="d", unix_s=NOW, power_w=0.0), **changes)) == name


def test_a_depot_in_few_numbers() -> None:
    member, now = Member("d"), NOW
    member.take(_setpoint(5, power_w=-6_000), now)
    request = member.request(now)
    assert request is not None
    scene = site(charger(1, measured_w=-3e3), charger(2, vehicle=None), power_w=None)
    scene = type(scene)(tree=scene.tree, chargers=scene.chargers, requests=(request,))
    dispatch = Controller().step(scene, now)
    found = member.aggregate(scene, dispatch, now)
    assert (found.setpoint_w, found.setpoint_number, found.vehicles, found.discharging) == (-6_000, 5, 1, 1)
    assert found.flexibility.band(60).least_w < 0
    whole, one = flows(scene, dispatch)
    assert (whole.charger, whole.asked_w) == ("", -6_000)
    assert (one.charger, one.vehicle, one.power_w) == ("CS-1/1", "car 1", -3e3)


def test_an_end_without_a_time_is_taken() -> None:
    member = Member("d")
    member.take(_setpoint(5), NOW)
    assert member.take(_setpoint(6, until_s=0.0), NOW).taken
    assert member.setpoint(NOW) is None
