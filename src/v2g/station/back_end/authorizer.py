"""Who may charge, as the back end answers: by what the car has proved, or by a remote start."""

from dataclasses import dataclass, replace

from v2g.ocpp import v21
from v2g.station.access import Answer, Authorizer, Identity, Verdict

NOBODY = v21.IdTokenType(idToken="", type="NoAuthorization")


@dataclass(frozen=True, slots=True)
class Grant:
    """The car of this token may charge, or whichever comes after a remote start; `remote_start` is its id."""

    token: v21.IdTokenType
    remote_start: int | None = None
    until_s: float = float("inf")
    """If no car has come by then, it lapses (EVConnectionTimeOut)."""
    reservation: int | None = None
    """The reservation that it uses."""
    profile: v21.ChargingProfileType | None = None
    """What the remote start brings for its transaction, and for no other."""


class BackEndAuthorizer:
    """`v2g.station.access.Authorizer` of one EVSE. The station's own list has to agree as well."""

    def __init__(self, local: Authorizer, *, asks: bool, unproved: bool) -> None:
        """`asks`: the back end decides; otherwise the station's list alone. `unproved`: whether a name that the car
        makes up is worth a question to the back end."""
        self.operative = True
        """Not while the back end has made this EVSE inoperative; a car that charges already may go on."""
        self.held = False
        """No new cars: a firmware waits for the transactions to end."""
        self.grant: Grant | None = None
        self.refused: str | None = None
        """Why the car that is here may not charge by what it has shown."""
        self._refused: v21.IdTokenType | None = None
        """What it had shown then; with something else it is asked about again."""
        self.wanted: v21.IdTokenType | None = None
        """The token that the back end should be asked about."""
        self.awaits: v21.IdTokenType | None = None
        """The token of the car that waits for an answer."""
        self._local, self._asks, self._unproved = local, asks, unproved

    def judge(self, identity: Identity, now: float) -> Verdict:
        """The verdict at the monotonic time `now`."""
        local = self._local.judge(identity, now)
        if local.answer is not Answer.GRANTED:
            return local
        token, grant = self._token(identity), self.granted(now)
        if self.refused is not None and token == self._refused:
            return Verdict(Answer.REFUSED, self.refused)
        self.refused = None
        if grant is not None and (grant.remote_start is not None or not self._asks or grant.token == token):
            reason = f"the back end accepts {grant.token.type} {grant.token.idToken}".strip()
            return Verdict(Answer.GRANTED, reason, charges_only=local.charges_only)
        if not self.operative:
            return Verdict(Answer.REFUSED, "the back end has made this EVSE inoperative")
        if self.held:
            return Verdict(Answer.REFUSED, "a new firmware waits for the other cars to leave")
        if not self._asks:
            self.grant = Grant(NOBODY)
            return local
        self.awaits = self.wanted = token
        if token is None:
            return Verdict(Answer.PENDING, "a remote start is awaited")
        asked = "the back end is asked"
        return Verdict(Answer.PENDING, asked if identity.contract is None else f"{asked} about the contract")

    def refuse(self, token: v21.IdTokenType, why: str) -> None:
        """Whoever shows this may not charge."""
        self.refused, self._refused = why, token

    def granted(self, now: float) -> Grant | None:
        """The grant that holds; one whose time is over is forgotten."""
        if self.grant is not None and now > self.grant.until_s:
            self.grant = None
        return self.grant

    def used(self, now: float) -> Grant | None:
        """The grant, for a transaction that begins: from now on it holds until the car leaves."""
        grant = self.granted(now)
        if grant is not None:
            self.grant = replace(grant, until_s=float("inf"), reservation=None)
        return grant

    def left(self) -> None:
        """The car is gone; the next one has to be authorised again."""
        self.grant = self.refused = self.wanted = self.awaits = None

    def _token(self, identity: Identity) -> v21.IdTokenType | None:
        """What the back end knows the car by; None without a name that is worth a question."""
        if identity.contract is not None:
            return v21.IdTokenType(idToken=identity.contract, type="eMAID")
        if identity.card:
            return v21.IdTokenType(idToken=identity.card, type="ISO14443")
        name = identity.certificate or (identity.evcc_id if self._unproved else "")
        return v21.IdTokenType(idToken=name, type="EVCCID") if name else None
