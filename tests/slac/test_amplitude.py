"""The exchange of amplitude maps after a match."""

from tests.slac.bench import Lot

from v2g.slac import car as car_side
from v2g.slac import mme, station
from v2g.slac.amplitude import AmplitudeExchange
from v2g.slac.constants import C_EV_MATCH_RETRY, TP_AMP_MAP_EXCHANGE_S, TT_MATCH_RESPONSE_S
from v2g.slac.event import Step
from v2g.slac.mme import LOCAL_MODEM, Frame, Mme

HOST, PEER, MODEM, OTHER = (bytes((2, 0, 0, 0, 0, n)) for n in range(4))
MAP = mme.CM_AMP_MAP_REQ(num_carriers=3, amplitudes=b"\x21\x03")


def hear(exchange: AmplitudeExchange, message: Mme, source: bytes, now: float = 0.0) -> list[tuple[bytes, Mme | None]]:
    return sent(exchange.receive(Frame.of(HOST, source, message), MODEM, now))


def sent(step: Step) -> list[tuple[bytes, Mme | None]]:
    frames = [Frame.unpack(data) for data in step.send]
    return [(frame.destination, frame.message) for frame in frames]


def test_map_is_asked_for_until_the_peer_has_taken_it() -> None:
    exchange = AmplitudeExchange(HOST, (1, 2, 3))
    assert sent(exchange.begin(PEER, 0.0)) == [(PEER, MAP)]
    assert sent(exchange.expire(TT_MATCH_RESPONSE_S)) == [(PEER, MAP)]
    hear(exchange, mme.CM_AMP_MAP_CNF(result=1), PEER)
    hear(exchange, mme.CM_AMP_MAP_CNF(), OTHER)
    assert exchange.next_deadline() is not None
    hear(exchange, mme.CM_AMP_MAP_CNF(), PEER)
    assert exchange.next_deadline() is None


def test_peer_that_does_not_answer_is_asked_a_few_times() -> None:
    exchange = AmplitudeExchange(HOST, (1, 2, 3))
    exchange.begin(PEER, 0.0)
    asked = 0
    while (deadline := exchange.next_deadline()) is not None:
        asked += len(exchange.expire(deadline).send)
    assert asked == C_EV_MATCH_RETRY


def test_wish_of_the_peer_goes_to_the_own_modem_and_its_answer_back() -> None:
    exchange = AmplitudeExchange(HOST)
    assert sent(exchange.begin(PEER, 0.0)) == []
    assert hear(exchange, MAP, OTHER) == []
    assert hear(exchange, mme.CM_AMP_MAP_REQ(num_carriers=0, amplitudes=b""), PEER) == []
    assert hear(exchange, MAP, PEER) == [(LOCAL_MODEM, MAP)]
    assert hear(exchange, mme.CM_AMP_MAP_CNF(result=0), MODEM) == [(PEER, mme.CM_AMP_MAP_CNF(result=0))]
    assert hear(exchange, mme.CM_AMP_MAP_CNF(result=0), MODEM) == []


def test_modem_that_does_not_answer_is_a_failure_for_the_peer() -> None:
    exchange = AmplitudeExchange(HOST)
    exchange.begin(PEER, 0.0)
    hear(exchange, MAP, PEER)
    assert sent(exchange.expire(TP_AMP_MAP_EXCHANGE_S)) == [(PEER, mme.CM_AMP_MAP_CNF(result=1))]
    assert exchange.next_deadline() is None


def test_nothing_is_exchanged_without_a_link() -> None:
    exchange = AmplitudeExchange(HOST, (1,))
    exchange.begin(PEER, 0.0)
    exchange.end()
    assert exchange.next_deadline() is None
    assert hear(exchange, MAP, PEER) == []


def test_both_sides_tell_each_other_over_the_line() -> None:
    lot = Lot(station.StationMatchingSettings(amplitudes=(5, 6)))
    car = lot.car(8.0, car_side.CarMatchingSettings(amplitudes=(7, 8, 9)))
    lot.plug_in(car)
    lot.run(3.0)
    assert (lot.modem.amplitudes, lot.modems[0].amplitudes) == (b"\x87\x09", b"\x65")
