"""Whatever the wire does to a response of the station, the car neither raises nor does anything unsafe."""

from hypothesis import given
from hypothesis import strategies as st
from tests.iso15118.evcc.world import World, intent

from v2g.iso15118.d20.table import Phase
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Command

CONTACTOR_PHASES = {
    Phase.PRECHARGING,
    Phase.PRECHARGED,
    Phase.POWER_DELIVERY,
    Phase.STARTED,
    Phase.CHARGE_LOOP,
    Phase.SCHEDULE_EXCHANGE,
}


@given(
    service=st.sampled_from(Service),
    mode=st.sampled_from(ControlMode),
    number=st.integers(0, 25),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 7)), max_size=4),
    cut=st.integers(0, 3),
)
def test_garbled_responses_end_the_session_or_change_nothing_unsafe(
    service: Service, mode: ControlMode, number: int, flips: list[tuple[float, int]], cut: int
) -> None:
    seen = 0

    def garble(payload: bytes) -> bytes:
        nonlocal seen
        seen += 1
        if seen != number:
            return payload
        garbled = bytearray(payload)
        for where, bit in flips:
            garbled[int(where * len(garbled))] ^= 1 << bit
        return bytes(garbled[: len(garbled) - cut])

    world = World(intent(service, mode, duration_s=0.5), garble=garble)
    closed_in = set()

    def watch(world: World) -> bool:
        if world.evcc.command.contactor_closed:
            closed_in.add(world.evcc.phase)
        return False

    world.run(watch)
    assert world.evcc.end is not None
    assert world.evcc.command == Command()
    assert closed_in <= CONTACTOR_PHASES
    if not service.dc:
        assert not closed_in
    assert all(abs(command.charger_w) <= world.intent.limits.charge_w for command in world.commands)
    limit_a = world.intent.limits.charge_a
    assert all(-limit_a * service.bidirectional <= command.target_a <= limit_a for command in world.commands)
