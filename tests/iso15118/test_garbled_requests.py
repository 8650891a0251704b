"""Damaged requests: the station's engine never raises, and never goes on as if nothing had happened."""

from copy import copy
from functools import cache

from hypothesis import given
from hypothesis import strategies as st
from tests.iso15118.requests import exi, payload_type_of
from tests.iso15118.test_silence import VIEWS, Walker, explored, words

from v2g.iso15118.d20.wire import PROTOCOLS
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Stage
from v2g.messages import decode

KINDS = [(service, mode) for service in Service for mode in ControlMode]


@cache
def walkers(service: Service, mode: ControlMode) -> list[Walker]:
    return explored(service, mode)


@given(st.data())
def test_a_damaged_request_is_answered_or_ends_the_session(data: st.DataObject) -> None:
    service, mode = data.draw(st.sampled_from(KINDS))
    walker = data.draw(st.sampled_from(walkers(service, mode)))
    asked = list(words(walker.engine.session.session_id, service, mode))
    _, request = asked[data.draw(st.integers(0, len(asked) - 1))]
    payload = bytearray(exi(request))
    for where, bit in data.draw(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 7)), max_size=6)):
        payload[int(where * len(payload))] ^= 1 << bit
    payload = payload[: len(payload) - data.draw(st.integers(0, 3))]
    payload_type = data.draw(st.sampled_from([payload_type_of(request), 0x8001, 0x8002, 0x8003, 0x8004, 0x8101]))
    engine, view = copy(walker.engine), data.draw(st.sampled_from(list(VIEWS.values())))
    before = engine.next_deadline()
    step = engine.receive(payload_type, bytes(payload), walker.now, view)
    assert len(step.send) <= 1
    if not step.send and not engine.waits:
        assert engine.end is not None, "unanswered, so over"
    if engine.end is not None:
        assert engine.demand.stage is Stage.OFF
        assert engine.next_deadline() is None
    elif engine.demand.stage is Stage.ENERGY and walker.stage is Stage.ENERGY and not _is_loop(step.send):
        assert engine.next_deadline() == before


def _is_loop(sent: list[tuple[int, bytes]]) -> bool:
    return any(type(decode(PROTOCOLS[kind], each)).__name__.endswith("ChargeLoopRes") for kind, each in sent)
