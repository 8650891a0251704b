"""Requests that a hostile car makes up, in the words of its edition."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from msgspec import structs

from v2g.exi.facets import Type
from v2g.exi.least import least
from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.d20.wire import PROTOCOLS
from v2g.iso15118.din.dialect import DIN
from v2g.messages import ExiError, codec, encode, iso2
from v2g.messages.iso20 import ac, common, dc
from v2g.messages.iso20.types import MessageHeader, Processing, RationalNumber
from v2g.v2gtp.framing import PayloadType

D20, D2, DIN_70121 = "ISO 15118-20", ISO2.edition.name, DIN.edition.name

Made = Callable[[bytes, int], Type]
"""A request of a session, stamped with a time in seconds since 1970."""


@dataclass(frozen=True)
class Speech:
    """What can be said in an edition."""

    sets: dict[int, str]
    """Payload type -> message set."""
    power_deliveries: tuple[Made, ...]
    """All of them leave the contactor closed."""
    requests: tuple[Made, ...]
    stamped: Callable[[Type, bytes, int], Type]
    """A message with the header of a session."""

    def payload_type(self, message: Type) -> int:
        """What it is sent as."""
        if len(self.sets) == 1:
            return next(iter(self.sets))
        return {ac.__name__: PayloadType.AC, dc.__name__: PayloadType.DC}.get(
            type(message).__module__, PayloadType.MAIN
        )

    def encoded(self, message: Type) -> tuple[int, bytes]:
        """As it goes over the wire."""
        payload_type = self.payload_type(message)
        return payload_type, encode(self.sets[payload_type], message)


def speech(edition: str) -> Speech:
    """Of an edition, by its name."""
    return _SPEECHES[edition]


def made_wild(random: Random, message: Type) -> Type:
    """The same message with some of its numbers replaced; the same object if none is."""
    changes: dict[str, object] = {}
    for name in type(message).__struct_fields__:
        value = getattr(message, name)
        if isinstance(value, RationalNumber):
            if random.random() < _SHARE:
                changes[name] = random.choice(_WILD)
        elif type(value).__name__ == "PhysicalValue":
            if random.random() < _SHARE:
                number, multiplier = random.choice(_WILD_PHYSICAL)
                changes[name] = structs.replace(value, Value=number, Multiplier=multiplier)
        elif isinstance(value, Type) and name != "Header":
            changed = made_wild(random, value)
            if changed is not value:
                changes[name] = changed
    return structs.replace(message, **changes) if changes else message


@cache
def no_requests(edition: str) -> tuple[Type, ...]:
    """Valid documents that are no request: messages of a station, and bare elements."""
    said, found = speech(edition), []
    for payload_type, protocol in said.sets.items():
        schema = codec(protocol).schema
        for member in schema.elements:
            kind = member.type
            if not isinstance(kind, type) or kind.__name__.endswith("Req"):
                continue
            with suppress(ExiError):  # an abstract type, or one that wants an element of another schema
                message = least(schema, kind)
                # A type of several sets counts once, in the one that it is sent in.
                if said.payload_type(message) == payload_type:
                    encode(protocol, message)
                    found.append(message)
    return tuple(found)


_SHARE = 0.15
_WILD = (
    RationalNumber(127, 32767),
    RationalNumber(127, -32768),
    RationalNumber(-128, 1),
    RationalNumber(0, 0),
    RationalNumber(0, -1),
    RationalNumber(2, -100),
    RationalNumber(3, 32767),
)
_WILD_PHYSICAL = ((32767, 3), (-32768, 3), (1, -3), (0, 0), (-1, 0), (-100, 2), (32767, 0))


def _iso20() -> Speech:
    progress, finished, ongoing = common.ChargeProgress, Processing.Finished, Processing.Ongoing

    def of(kind: type[Any], **fields: object) -> Made:
        return lambda session, unix_s: kind(Header=MessageHeader(SessionID=session, TimeStamp=unix_s), **fields)

    def delivery(step: common.ChargeProgress, processing: Processing) -> Made:
        return of(common.PowerDeliveryReq, EVProcessing=processing, ChargeProgress=step)

    def stamped(message: Type, session: bytes, unix_s: int) -> Type:
        if "Header" not in type(message).__struct_fields__:
            return message
        return structs.replace(message, Header=MessageHeader(SessionID=session, TimeStamp=unix_s))

    return Speech(
        sets=dict(PROTOCOLS),
        power_deliveries=(
            delivery(progress.Start, finished),
            delivery(progress.Start, ongoing),
            delivery(progress.Standby, finished),
            delivery(progress.ScheduleRenegotiation, finished),
            delivery(progress.ScheduleRenegotiation, ongoing),
            delivery(progress.Stop, ongoing),
        ),
        requests=(
            of(common.SessionStopReq, ChargingSession=common.ChargingSession.Terminate),
            of(common.SessionStopReq, ChargingSession=common.ChargingSession.Pause),
            of(common.AuthorizationSetupReq),
            of(common.ServiceDiscoveryReq),
            of(common.SessionSetupReq, EVCCID="WMISOMEBODYELSE"),
            delivery(progress.Stop, finished),
            delivery(progress.Start, finished),
            of(dc.DC_CableCheckReq),
            of(dc.DC_WeldingDetectionReq, EVProcessing=ongoing),
        ),
        stamped=stamped,
    )


def _older(to: Dialect) -> Speech:
    """Of ISO 15118-2 and DIN SPEC 70121."""
    said = to.messages

    def of(body: Type) -> Made:
        return lambda session, unix_s: to.message(session, body)

    def stamped(message: Type, session: bytes, unix_s: int) -> Type:
        if "Header" not in type(message).__struct_fields__:
            return message
        return structs.replace(message, Header=said.MessageHeader(session))

    status = said.DC_EVStatus(EVReady=True, EVErrorCode=said.DC_EVErrorCode.NO_ERROR, EVRESSSOC=50)
    if to.renegotiates:
        steps = iso2.ChargeProgress
        deliveries = [iso2.PowerDeliveryReq(steps.Start, 1), iso2.PowerDeliveryReq(steps.Start, 2)]
        stops = [iso2.SessionStopReq(each) for each in iso2.ChargingSession]
        others = [iso2.PowerDeliveryReq(steps.Renegotiate, 1), iso2.PowerDeliveryReq(steps.Stop, 1)]
    else:
        deliveries = [said.PowerDeliveryReq(ReadyToChargeState=True)]
        stops = [said.SessionStopReq()]
        others = [said.PowerDeliveryReq(ReadyToChargeState=False)]
    bodies = [
        *stops,
        *others,
        *deliveries,
        said.ServiceDiscoveryReq(),
        said.SessionSetupReq(EVCCID=bytes.fromhex("02FFFFFFFFFF")),
        said.CableCheckReq(status),
        said.WeldingDetectionReq(status),
    ]
    return Speech(
        sets=dict(to.edition.message_sets),
        power_deliveries=tuple(map(of, deliveries)),
        requests=tuple(map(of, bodies)),
        stamped=stamped,
    )


_SPEECHES = {D20: _iso20(), D2: _older(ISO2), DIN_70121: _older(DIN)}
