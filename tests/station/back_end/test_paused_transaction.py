"""A transaction runs on in a pause, for whoever paused; nobody else pays it, and another pause is not its own."""

from collections.abc import Iterator
from dataclasses import replace

from msgspec import structs
from tests.station.back_end.test_charging_station import CAR, SETTINGS, Bench
from tests.station.back_end.test_whose_grant import OTHER, asked
from tests.station.scene import INTENT

from v2g.bench.sim.world import NOWHERE
from v2g.ocpp import v21
from v2g.station.config.settings import Pilot
from v2g.v2gtp.framing import PayloadType

WITH_PILOT = structs.replace(SETTINGS, pilot=Pilot(device=NOWHERE))


def paused() -> Bench:
    """The first car has paused, and is still plugged in."""
    bench = Bench(settings=WITH_PILOT)
    bench.world._peer = bytes(64)
    bench.run(3.0)
    come(bench, CAR, pause=True)
    return bench


def come(bench: Bench, evcc_id: str, *, pause: bool = False) -> None:
    """A car at the cable, from its first to its last message."""
    intent = replace(INTENT, evcc_id=evcc_id, duration_s=3.0, pause=pause)
    bench.world.plug_in(intent=intent)
    bench.run(60.0, until=lambda: bench.world.evse.busy)
    bench.run(60.0, until=lambda: not bench.world.evse.busy)
    bench.world.unplug()
    bench.run(3.0)


def transactions(bench: Bench) -> Iterator[tuple[str, list[v21.TransactionEventRequest]]]:
    """Who pays, and the events."""
    ids = dict.fromkeys(each.transactionInfo.transactionId for each in bench.events())
    for id in ids:
        events = [each for each in bench.events() if each.transactionInfo.transactionId == id]
        assert isinstance(events[0].idToken, v21.IdTokenType)
        yield events[0].idToken.idToken, events


def imported(event: v21.TransactionEventRequest) -> float:
    assert isinstance(event.meterValue, tuple)
    return next(
        each.value for each in event.meterValue[0].sampledValue if each.measurand == "Energy.Active.Import.Register"
    )


def test_who_comes_to_the_cable_of_a_paused_session_pays_for_itself() -> None:
    bench = paused()
    assert bench.events()[-1].eventType != "Ended"
    come(bench, OTHER)
    (first, before), (second, after) = transactions(bench)
    assert (first, second) == (CAR, OTHER)
    assert [events[-1].eventType for events in (before, after)] == ["Ended", "Ended"]
    assert imported(before[-1]) <= imported(after[0]) < imported(after[-1])


def test_a_session_that_ends_is_over_whoever_has_paused_before() -> None:
    bench = paused()
    bench.world.pull_out()
    bench.run(3.0)
    come(bench, OTHER)
    (_, before), (_, after) = transactions(bench)
    assert bench.world.evse.paused is not None
    assert [events[-1].eventType for events in (before, after)] == ["Ended", "Ended"]
    assert after[-1].transactionInfo.stoppedReason == "StoppedByEV"


def test_the_back_end_is_asked_about_a_car_only_once_it_has_named_itself() -> None:
    bench = paused()
    bench.world.pull_out()
    bench.run(3.0)
    bench.world._peer = bytes([1]) * 64
    delays_s = [1.0]

    def slow(to_station: bool, payload_type: int, payload: bytes) -> list[tuple[float, int, bytes]]:
        """Its SessionSetupReq takes its time."""
        first = to_station and payload_type == PayloadType.MAIN and bool(delays_s)
        return [(delays_s.pop() if first else 0.0, payload_type, payload)]

    bench.world.wire = slow
    come(bench, OTHER)
    assert not delays_s
    assert asked(bench) == [CAR, OTHER]
