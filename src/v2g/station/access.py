"""Who may use an EVSE, decided on an identity that was proved wherever there is one.

An `Authorizer` is a port: the list of the configuration is one; contracts, a back end, or a package from outside
(entry point group `v2g.authorizers`) are others.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from v2g.iso15118.contract import Flaw, plain_emaid, plain_name
from v2g.kernel.registry import Registry
from v2g.station.config.settings import Access, Rule


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of who wants to use the station."""

    evcc_id: str = ""
    """As the car states it. It can state anything."""
    certificate: str | None = None
    """Common name of the vehicle certificate whose key the car has proved to hold; None without one."""
    contract: str | None = None
    """eMAID of the contract whose key the car has proved to hold, without separators; None without one."""
    doubt: str = ""
    """Why that contract, or that certificate, is enough to charge, and not to feed the grid."""
    bidirectional: bool = True
    """Whether the edition that the car speaks has services that feed the grid; if not, a negative current may do it."""
    let_in: str = ""
    """The client of the local API that has let this car in; empty if none has."""
    card: str = ""
    """The card (RFID) that was shown for it; empty if none was. Whoever shows it holds it, and it can be copied."""

    def __str__(self) -> str:
        proved = "no certificate" if self.certificate is None else f"certificate {self.certificate}"
        paid = "" if self.contract is None else f", contract {self.contract}"
        shown = f", card {self.card}" if self.card else ""
        return f"EVCCID {self.evcc_id or '-'}, {proved}{paid}{shown}"

    @property
    def proved(self) -> bool:
        """Whether the car has proved anything of who it is."""
        return self.certificate is not None or self.contract is not None

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
    charges_only: str = "nobody has allowed it to feed the grid"
    """Why the car may not feed the grid; empty if it may."""
    flaw: Flaw | None = None
    """What is wrong with its contract, if that is why it is refused."""

    @property
    def discharge(self) -> bool:
        """Whether the car may feed the grid as well."""
        return self.answer is Answer.GRANTED and not self.charges_only


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
        self._judged: tuple[Identity, Verdict] | None = None
        """The latest, which is asked about again and again."""

    def judge(self, identity: Identity, now: float) -> Verdict:
        """By the first rule that fits. Otherwise nobody, everyone, or those whose contract or certificate, or else
        whose stated EVCCID, is listed; and a car that proves nothing charges at most."""
        if self._judged is None or self._judged[0] != identity:
            self._judged = identity, self._verdict(identity)
        return self._judged[1]

    def _verdict(self, identity: Identity) -> Verdict:
        rule = next((each for each in self._access.rules if _fits(each, identity)), None)
        if rule is None:
            return self._within(identity, self._granted(identity))
        named = " and ".join(f"{kind} {name}" for kind, name in _named(rule))
        if rule.may == "nothing":
            return Verdict(Answer.REFUSED, f"a rule for {named} refuses it", flaw=Flaw.NOT_ALLOWED)
        only = "" if rule.may == "discharge" else f"a rule for {named} lets it charge only"
        return Verdict(Answer.GRANTED, f"a rule for {named} admits it", charges_only=only or self._doubt(identity))

    def _doubt(self, identity: Identity) -> str:
        """Why this car does not feed the grid, whoever it is; or nothing."""
        return identity.doubt if self._access.discharge else "no car may feed the grid here (`discharge: false`)"

    def _within(self, identity: Identity, verdict: Verdict) -> Verdict:
        """The verdict, within what a car may do that proves nothing of who it is."""
        access = self._access
        if verdict.answer is not Answer.GRANTED:
            return verdict
        if not identity.proved and access.unknown == "nothing":
            return Verdict(Answer.REFUSED, "it proves nothing of who it is (`unknown: nothing`)")
        only = self._doubt(identity)
        if not only and not identity.proved and not access.bench_discharge and not self._trusts(identity):
            only = "it proves nothing of who it is"
        return replace(verdict, charges_only=only)

    def _trusts(self, identity: Identity) -> bool:
        """Whether a negative current is taken from this car although nothing proves its name."""
        listed = map(plain_name, self._access.negative_current_unproved)
        return not identity.bidirectional and plain_name(identity.evcc_id) in listed

    def _granted(self, identity: Identity) -> Verdict:
        access = self._access
        if access.grant == "everyone":
            return Verdict(Answer.GRANTED, "everyone may use this EVSE")
        if access.grant == "nobody":
            return Verdict(Answer.REFUSED, "nobody may use this EVSE")
        if identity.contract is not None and identity.contract in map(plain_emaid, access.contracts):
            return Verdict(Answer.GRANTED, f"contract {identity.contract} is listed")
        if identity.certificate is not None and identity.certificate in access.certificates:
            return Verdict(Answer.GRANTED, f"certificate {identity.certificate} is listed")
        if access.unproved and identity.evcc_id in access.evcc_ids:
            if identity.contradicts:
                return Verdict(Answer.REFUSED, f"its certificate names {identity.certificate}")
            proved = identity.certificate == identity.evcc_id
            return Verdict(Answer.GRANTED, f"EVCCID {identity.evcc_id} is listed", unproved=not proved)
        if identity.card and identity.card.upper() in map(str.upper, access.cards):
            return Verdict(Answer.GRANTED, f"card {identity.card} is listed")
        if access.cards and access.grant == "listed" and not identity.card:
            return Verdict(Answer.PENDING, "it waits for a card")
        if access.grant == "asked":
            if identity.let_in:
                return Verdict(Answer.GRANTED, f"{identity.let_in} has let it in")
            return Verdict(Answer.PENDING, "it waits for a client of the local API to let it in")
        return Verdict(Answer.REFUSED, "it is not listed")


def _named(rule: Rule) -> list[tuple[str, str]]:
    named = (("contract", rule.contract), ("vehicle", rule.vehicle))
    return [(kind, name) for kind, name in named if name is not None]


def _fits(rule: Rule, identity: Identity) -> bool:
    """Whether all that a rule names is proved to be this car's."""
    proved = {"contract": identity.contract, "vehicle": identity.certificate}
    return all(_matches(name, proved[kind], emaid=kind == "contract") for kind, name in _named(rule))


def _matches(pattern: str, proved: str | None, *, emaid: bool) -> bool:
    if proved is None:
        return False
    start = pattern.removesuffix("*")
    start = plain_emaid(start) if emaid else start
    return proved.startswith(start) if pattern.endswith("*") else proved == start


OUTSIDE: Registry[Callable[[Access], Authorizer]] = Registry("v2g.authorizers", "authoriser", {})
"""Authorisers that other packages bring: `access.authorizer` in the configuration names one."""


def authorizer_of(access: Access) -> Authorizer:
    """Who decides. Raises `RegistryError` for one that cannot be had."""
    return ListAuthorizer(access) if access.authorizer is None else OUTSIDE.load(access.authorizer)(access)
