"""Where requests arrive: what becomes of them over a restart, and how many there may be."""

import pytest

from v2g.depot.configuration import Standing
from v2g.depot.desk import MOST, Channel, Desk, RequestError
from v2g.depot.request import (
    AnyRequest,
    Limit,
    Limited,
    LimitRequest,
    PowerRequest,
    Price,
    PriceRequest,
    ScheduleRequest,
    Step,
    asked,
    limited,
)

NOW, BACK_S = 1_800_000_000.0, 3600.0


class Rows:
    """What is on the disk."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        self.kept.pop((kind, key), None)
        if value is not None:
            self.kept[kind, key] = value
        return 0


def restarted(rows: Rows) -> Desk:
    return Desk(Standing(), rows)


@pytest.mark.parametrize(
    "request_",
    [
        PowerRequest(by="EMS", power_w=-8_000.0, from_unix_s=NOW - 1.0, until_unix_s=NOW + 60.0),
        ScheduleRequest(by="EMS", steps=(Step(NOW - 9.0, 1.0), Step(NOW, -8_000.0)), until_unix_s=NOW + 60.0),
    ],
)
def test_a_request_ends_in_its_time_though_the_clock_was_set_back_before_a_restart(request_: AnyRequest) -> None:
    rows = Rows()
    restarted(rows).put(Channel.HTTP, request_, NOW)
    back = NOW - BACK_S
    assert asked(restarted(rows).current(back), back, None).power_w == -8_000.0
    assert asked(restarted(rows).current(back + 59.0), back + 59.0, None).power_w == -8_000.0
    assert asked(restarted(rows).current(back + 61.0), back + 61.0, None).power_w is None


def test_a_limit_holds_on_though_the_clock_was_set_back_before_a_restart() -> None:
    rows = Rows()
    steps = Limit(NOW - 9.0, 5_000.0), Limit(NOW, 0.0, 0.0), Limit(NOW + 900.0, 1_000.0)
    restarted(rows).put(Channel.SUNSPEC, LimitRequest(by="DSO", steps=steps, until_unix_s=NOW + 1800.0), NOW)
    for after_s, charge_w in ((-BACK_S, 0.0), (899.0, 0.0), (900.0, 1_000.0)):
        found = limited(restarted(rows).current(NOW + after_s), NOW + after_s)
        assert found.charge_w == charge_w
    assert limited(restarted(rows).current(NOW + 1801.0), NOW + 1801.0) == Limited()


def test_prices_are_of_the_wall_clock() -> None:
    rows = Rows()
    prices = PriceRequest(by="EMS", prices=(Price(NOW, 0.3, 0.1),), until_unix_s=NOW + 60.0)
    restarted(rows).put(Channel.HTTP, prices, NOW)
    assert restarted(rows).current(NOW - BACK_S) == (prices,)


def test_many_requests_of_one_way_keep_nobody_else_s_limit_out() -> None:
    desk = restarted(Rows())
    for number in range(MOST):
        desk.put(Channel.MQTT, PowerRequest(by=f"EMS {number}", power_w=1.0), NOW)
    with pytest.raises(RequestError, match="withdraw one"):
        desk.put(Channel.MQTT, PowerRequest(by="one more", power_w=1.0), NOW)
    desk.put(Channel.IEC_104, LimitRequest(by="DSO", steps=(Limit(NOW, 0.0, 0.0),)), NOW)
    assert limited(desk.current(NOW), NOW).charge_by == "DSO"
    desk.own = {"EMS"}  # has a token that the others do not have
    desk.put(Channel.MQTT, LimitRequest(by="EMS", steps=(Limit(NOW, 0.0, 0.0),)), NOW)


def test_two_that_contradict_each_other_and_renew_do_not_take_turns() -> None:
    desk = restarted(Rows())

    def holds(by: str, power_w: float, now: float) -> float | None:
        desk.put(Channel.HTTP, PowerRequest(by=by, power_w=power_w, until_unix_s=now + 10.0), now)
        return asked(desk.current(now), now, None).power_w

    assert holds("TSO", -500e3, NOW) == -500e3
    assert holds("trader", 500e3, NOW + 1.0) == 500e3
    assert [holds("TSO", -400e3, NOW + 2.0), holds("trader", 300e3, NOW + 3.0)] == [500e3, 300e3]
    assert holds("TSO", -400e3, NOW + 10.0) == 300e3
    assert holds("TSO", -400e3, NOW + 14.0) == -400e3  # the trader has fallen silent
    assert holds("trader", 300e3, NOW + 15.0) == 300e3  # and begins to ask
