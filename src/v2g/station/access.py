"""Who may use an EVSE, decided on an identity that was proved wherever there is one.

An `Authorizer` is a port: the list of the configuration is one; contracts, a back end, or a package from outside
(entry point group `v2g.authorizers`) are others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from v2g.kernel.registry import Registry
from v2g.station.config.settings import Access


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of who wants to use the station."""

    evcc_id: str = ""
    """As the car states it. It can state anything."""
    certificate: str | None = None
    """Common name of the vehicle certificate whose key the car has proved to hold; None without one."""

    def __str__(self) -> str:
        proved = "no certificate" if self.certificate is None else f"certificate {self.certificate}"
        return f"EVCCID {self.evcc_id or '-'}, {proved}"

    @property
    def contradicts(self) -> bool:
        """Whether the car states another name than the one that it proved."""
        return bool(self.certificate and self.evcc_id and self.certificate != self.evcc_id)


class Answer(StrEnum):
    """To "may this car use this station?"."""

    PENDING = "pending"
    GRANTED = "granted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer, and why."""

    answer: Answer
    reason: str
    unproved: bool = False
    """The answer rests on a name that the car made up, or may have."""


class Authorizer(Protocol):
    """Obligations: `judge` returns at once (what takes time is PENDING, and asked again at every request); an identity
    or a reply that is not understood is REFUSED; a verdict may change at any time, and REFUSED ends a session.
    """

    def judge(self, identity: Identity, now: float) -> Verdict:
        """The verdict at the monotonic time `now`."""
        ...


class ListAuthorizer:
    """`access` in the configuration."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def judge(self, identity: Identity, now: float) -> Verdict:
        """Nobody, everyone, or those whose certificate, or else whose stated EVCCID, is listed."""
        access = self._access
        if access.grant == "everyone":
            return Verdict(Answer.GRANTED, "everyone may use this EVSE")
        if access.grant == "nobody":
            return Verdict(Answer.REFUSED, "nobody may use this EVSE")
        if identity.certificate is not None and identity.certificate in access.certificates:
            return Verdict(Answer.GRANTED, f"certificate {identity.certificate} is listed")
        if access.unproved and identity.evcc_id in access.evcc_ids:
            if identity.contradicts:
                return Verdict(Answer.REFUSED, f"its certificate names {identity.certificate}")
            proved = identity.certificate == identity.evcc_id
            return Verdict(Answer.GRANTED, f"EVCCID {identity.evcc_id} is listed", unproved=not proved)
        return Verdict(Answer.REFUSED, "it is not listed")


OUTSIDE: Registry[Callable[[Access], Authorizer]] = Registry("v2g.authorizers", "authoriser", {})
"""Authorisers that other packages bring: `access.authorizer` in the configuration names one."""


def authorizer_of(access: Access) -> Authorizer:
    """Who decides. Raises `RegistryError` for one that cannot be had."""
    return ListAuthorizer(access) if access.authorizer is None else OUTSIDE.load(access.authorizer)(access)
