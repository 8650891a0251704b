"""The exchange of amplitude maps (ISO 15118-3 A.9.6): either side may request how loud the other sends on each carrier.

The request of the peer goes to this side's modem, and the modem's answer to the peer.
"""

from collections.abc import Sequence

from v2g.slac import mme
from v2g.slac.constants import C_EV_MATCH_RETRY, TP_AMP_MAP_EXCHANGE_S, TT_MATCH_RESPONSE_S
from v2g.slac.event import Step
from v2g.slac.mme import LOCAL_MODEM, Frame, Mme

_FAILED = 1


class AmplitudeExchange:
    """With one peer, from `begin` to `end`."""

    def __init__(self, mac: bytes, wanted: Sequence[int] = ()) -> None:
        """`wanted`: requested of the peer, 0 to 15 for each carrier. Empty: no request."""
        self._mac = mac
        self._peer: bytes | None = None
        padded = [*wanted, 0]
        octets = bytes(padded[place] | padded[place + 1] << 4 for place in range(0, len(wanted), 2))
        self._request = mme.CM_AMP_MAP_REQ(num_carriers=len(wanted), amplitudes=octets)
        self._repeat: float | None = None
        self._repeats = 0
        self._modem_deadline: float | None = None

    def begin(self, peer: bytes, now: float) -> Step:
        """The link to the peer is up."""
        self._peer, self._repeats = peer, 0
        return self._ask(now) if self._request.num_carriers else Step()

    def end(self) -> None:
        """The link is gone."""
        self._peer = self._repeat = self._modem_deadline = None

    def receive(self, frame: Frame, modem: bytes | None, now: float) -> Step:
        """A frame of the peer, or of this side's `modem`."""
        match frame.message:
            case mme.CM_AMP_MAP_REQ() as message if frame.source == self._peer and message.num_carriers:
                self._modem_deadline = now + TP_AMP_MAP_EXCHANGE_S
                return self._send(LOCAL_MODEM, message)
            case mme.CM_AMP_MAP_CNF(result=result) if frame.source == modem:
                return self._answer(result)
            case mme.CM_AMP_MAP_CNF(result=0) if frame.source == self._peer:
                self._repeat = None
        return Step()

    def expire(self, now: float) -> Step:
        """Time has passed."""
        if self._modem_deadline is not None and now >= self._modem_deadline:
            return self._answer(_FAILED)
        if self._repeat is not None and now >= self._repeat:
            if self._repeats < C_EV_MATCH_RETRY:
                self._repeats += 1
                return self._ask(now)
            self._repeat = None
        return Step()

    def next_deadline(self) -> float | None:
        """When `expire` is to be called."""
        return min((each for each in (self._repeat, self._modem_deadline) if each is not None), default=None)

    def _ask(self, now: float) -> Step:
        assert self._peer is not None
        self._repeat = now + TT_MATCH_RESPONSE_S
        return self._send(self._peer, self._request)

    def _answer(self, result: int) -> Step:
        if self._modem_deadline is None or self._peer is None:
            return Step()
        self._modem_deadline = None
        return self._send(self._peer, mme.CM_AMP_MAP_CNF(result=result))

    def _send(self, destination: bytes, message: Mme) -> Step:
        return Step(send=[Frame.of(destination, self._mac, message).pack()])
