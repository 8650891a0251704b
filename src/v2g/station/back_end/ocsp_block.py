"""M06: whether the station's own certificates for cars were revoked, asked through the back end."""

from base64 import b64decode
from binascii import Error as BadBase64
from itertools import pairwise

from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.station.back_end import x509
from v2g.station.back_end.block import Block
from v2g.station.back_end.certificates import Certificates
from v2g.station.back_end.charging_station import ChargingStation

RENEW_S = 24 * 3600.0
"""Between questions about a certificate; the standard allows a week (M06.FR.06)."""
RETRY_S = 600.0
"""After a question without a good answer."""


class OwnStatus(Block):
    """Asks about every certificate of a chain that names a responder. TLS gets what comes back about the leaf."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self._chains: dict[str, str] = {}
        self._due_s: dict[str, float] = {}
        """When the chain of a use is asked about next."""

    def step(self) -> None:
        station = self.station
        if not station.online:
            return
        held = station.block(Certificates)
        for use, own in held.own.items():
            if use == "ChargingStationCertificate":
                continue
            renewed = self._chains.get(use) != own.chain
            if renewed or station.now >= self._due_s[use]:
                self._chains[use], self._due_s[use] = own.chain, station.now + RENEW_S
                chain = held.chain(use)
                for depth, (each, issuer) in enumerate(pairwise(chain)):
                    self._ask(use, own.chain, each, issuer, leaf=depth == 0)

    def _ask(self, use: str, chain: str, pem: str, issuer: str, *, leaf: bool) -> None:
        data, station = x509.status_request(pem, issuer), self.station
        if data is None:
            return

        def then(response: Message | None, now: float) -> None:
            answer = _answer(response)
            if answer is None:
                self._due_s[use] = min(self._due_s[use], now + RETRY_S)
                station.log.append(f"the back end does not say whether the {use} was revoked; cars may refuse it")
            elif leaf and self._chains.get(use) == chain:
                station.block(Certificates).staple(use, answer)

        station.call("GetCertificateStatus", v21.GetCertificateStatusRequest(ocspRequestData=data), then)


def _answer(response: Message | None) -> bytes | None:
    if not isinstance(response, v21.GetCertificateStatusResponse) or response.status != "Accepted":
        return None
    try:
        return b64decode(given(response.ocspResult, ""), validate=True) or None
    except BadBase64:
        return None
