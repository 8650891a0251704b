"""Contracts and the back end (OCPP C07): what it gets to know of a chain, and chains that only it can judge."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from v2g.iso15118.contract import Contracts, Flaw, Judgement, common_name, plain_emaid
from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.station.back_end import x509

if TYPE_CHECKING:
    from v2g.station.back_end.charging_station import ChargingStation

MOST_KEPT = 16
HOLDS_S = 300.0
"""How long the back end's judgement of a chain is taken for the same chain."""
MOST_HASHES = 4
"""Certificates of a chain in one Authorize."""
_ISO15118 = "ISO15118Ctrlr"
HEARSAY = "no root of this station stands above its contract: only the back end vouches for it"
FLAWS: dict[str, Flaw] = {
    "CertificateExpired": Flaw.EXPIRED,
    "CertificateRevoked": Flaw.REVOKED,
    "ContractCancelled": Flaw.CANCELED,
    "NoCertificateAvailable": Flaw.UNKNOWN,
}
"""What AuthorizeResponse says of a chain; the rest is an error of the chain."""


class BackEndContracts:
    """`v2g.iso15118.contract.Contracts`: the station judges a chain itself; one whose root it does not know goes to the
    back end if `CentralContractValidationAllowed` says so (C07.FR.06). The back end can set that variable itself, so
    such a contract lets the car charge only, unless the station's configuration says otherwise."""

    def __init__(self, may: Literal["charge", "discharge"] = "charge") -> None:
        """`may`: what a contract is enough for of whose chain only the back end says that it is good."""
        self.station: ChargingStation | None = None
        """Who speaks to the back end; None while the process starts."""
        self._may = may
        self._own: Contracts | None = None
        self._asked: dict[tuple[bytes, ...], tuple[float, Judgement]] = {}
        self._chains: dict[str, tuple[bytes, ...]] = {}

    def over(self, own: Contracts) -> Contracts:
        """With the station's own judgement."""
        self._own = own
        return self

    def judge(self, chain: tuple[bytes, ...], edition: str, unix_s: int) -> Judgement:
        """What is known of a chain, DER, the leaf first."""
        assert self._own is not None
        found, station = self._own.judge(chain, edition, unix_s), self.station
        if station is None or found.pending:
            return found
        flag = station.model.flag
        if found.flaw is None:
            if not station.online and not flag(_ISO15118, "ContractValidationOffline"):  # C07.FR.07
                return Judgement(Flaw.UNKNOWN, "the back end is away, and without it no contract is accepted")
            self._keep(plain_emaid(common_name(chain[0])), found.path)
            return found
        if not found.rootless or not station.online or not flag(_ISO15118, "CentralContractValidationAllowed"):
            return found
        return self._centrally(station, chain)

    def statuses(self, emaid: str) -> tuple[v21.OCSPRequestDataType, ...]:
        """What the back end needs to ask whether a contract was revoked: each certificate that names a responder."""
        path = [x509.pem_of(each) for each in self._chains.get(emaid, ())]
        found = (x509.status_request(each, issuer) for each, issuer in pairwise(path))
        return tuple(each for each in found if each is not None)[:MOST_HASHES]

    def _keep(self, emaid: str, path: Sequence[bytes]) -> None:
        self._chains.pop(emaid, None)
        self._chains[emaid] = tuple(path)
        while len(self._chains) > MOST_KEPT:
            del self._chains[next(iter(self._chains))]

    def _centrally(self, station: "ChargingStation", chain: tuple[bytes, ...]) -> Judgement:
        """The back end's judgement (C07.FR.06); pending until it is there."""
        known = self._asked.get(chain)
        if known is not None and station.now < known[0]:
            return known[1]
        while len(self._asked) >= MOST_KEPT:
            del self._asked[next(iter(self._asked))]
        pending = Judgement(pending=True, reason="the back end has not judged the contract yet")
        self._asked[chain] = (float("inf"), pending)
        token = v21.IdTokenType(idToken=plain_emaid(common_name(chain[0])), type="eMAID")

        def then(response: Message | None, now: float) -> None:
            if isinstance(response, v21.AuthorizeResponse):
                self._asked[chain] = now + HOLDS_S, self._judged(response)
                if given(response.certificateStatus, "") == "Accepted":
                    self._answered(station, token, response)
            else:
                self._asked.pop(chain, None)  # it is asked again while the car waits

        pem = "".join(map(x509.pem_of, chain))
        station.call("Authorize", v21.AuthorizeRequest(idToken=token, certificate=pem), then, urgent=True)
        return pending

    def _answered(self, station: "ChargingStation", token: v21.IdTokenType, response: v21.AuthorizeResponse) -> None:
        from v2g.station.back_end.authorization import Authorization

        allowed = given(response.allowedEnergyTransfer, None)
        station.block(Authorization).tokens.answered(token, response.idTokenInfo, station.unix_s, allowed)

    def _judged(self, response: v21.AuthorizeResponse) -> Judgement:
        status: Any = given(response.certificateStatus, "NoCertificateAvailable")
        if status == "Accepted":
            return Judgement(doubt="" if self._may == "discharge" else HEARSAY)
        return Judgement(FLAWS.get(status, Flaw.CHAIN), f"the back end answers: {status}")
