"""Who may charge, as the back end answers: by what the car has proved, or by a remote start."""

from dataclasses import dataclass

from v2g.ocpp import v21
from v2g.station.access import Answer, Authorizer, Identity, Verdict

NOBODY = v21.IdTokenType(idToken="", type="NoAuthorization")


@dataclass(frozen=True, slots=True)
class Grant:
    """A car may charge on this token; `remote_start` is the id of the remote start that said so."""

    token: v21.IdTokenType
    remote_start: int | None = None
    until_s: float = float("inf")
    """If no car has come by then, it lapses (EVConnectionTimeOut)."""
    reservation: int | None = None
    """The reservation that it uses."""


class BackEndAuthorizer:
    """`v2g.station.access.Authorizer` of one EVSE. The station's own list has to agree as well."""

    def __init__(self, local: Authorizer, *, asks: bool, unproved: bool) -> None:
        """`asks`: the back end decides; otherwise the station's list alone. `unproved`: whether a name that the car
        makes up is worth a question to the back end."""
        self.operative = True
        """Not while the back end has made this EVSE inoperative; a car that charges already may go on."""
        self.grant: Grant | None = None
        self.refused: str | None = None
        """Why the car that is here may not charge, or not any more."""
        self.wanted: v21.IdTokenType | None = None
        """The token that the back end should be asked about."""
        self._local, self._asks, self._unproved = local, asks, unproved

    def judge(self, identity: Identity, now: float) -> Verdict:
        """The verdict at the monotonic time `now`."""
        local = self._local.judge(identity, now)
        if local.answer is not Answer.GRANTED:
            return local
        if self.refused is not None:
            return Verdict(Answer.REFUSED, self.refused)
        grant = self.grant
        if grant is not None and now <= grant.until_s:
            reason = f"the back end accepts {grant.token.type} {grant.token.idToken}".strip()
            return Verdict(Answer.GRANTED, reason, charges_only=local.charges_only)
        if not self.operative:
            return Verdict(Answer.REFUSED, "the back end has made this EVSE inoperative")
        if not self._asks:
            self.grant = Grant(NOBODY)
            return local
        if identity.contract is not None:
            self.wanted = v21.IdTokenType(idToken=identity.contract, type="eMAID")
            return Verdict(Answer.PENDING, "the back end is asked about the contract")
        name = identity.certificate or (identity.evcc_id if self._unproved else "")
        if identity.contract is not None:
            self.wanted = v21.IdTokenType(idToken=identity.contract, type="eMAID")
            return Verdict(Answer.PENDING, "the back end is asked")
        if name:
            self.wanted = v21.IdTokenType(idToken=name, type="EVCCID")
            return Verdict(Answer.PENDING, "the back end is asked")
        return Verdict(Answer.PENDING, "a remote start is awaited")

    def left(self) -> None:
        """The car is gone; the next one has to be authorised again."""
        self.grant = self.refused = self.wanted = None
