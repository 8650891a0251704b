"""What the judge knows of each family of protocols: the station's own tables, and what decides among their phases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from v2g.iso15118.d2 import table as d2
from v2g.iso15118.d20 import table as d20
from v2g.iso15118.d20 import timeouts as d20_timeouts
from v2g.iso15118.din import table as din

Phases = frozenset[Any]


@dataclass(frozen=True)
class Choice:
    """An element that decides which phase follows. A value that is not in `phases` decides nothing."""

    side: str
    """`request` or `response`"""
    element: str
    phases: Mapping[Any, Phases]


@dataclass(frozen=True)
class Family:
    """A family of protocols: its phase table, its times in seconds, and the numbers of its requirements."""

    name: str
    table: Mapping[Any, Mapping[str, Phases]]
    message_s: Mapping[str, float]
    default_message_s: float
    repeat_s: Mapping[str, float]
    """How long a request may be repeated."""
    sequence_s: float
    choices: Mapping[str, Choice]
    excluded: Mapping[str, Phases] = field(default_factory=dict)
    """Phases that a session with this energy, AC or DC, never comes to, or not before its first charge loop."""
    failed_ends: bool = False
    """Whether a FAILED response ends the session."""
    loop_sequence_s: float | None = None
    """The sequence timeout after a response of the charge loop, if it has one of its own."""
    loops: frozenset[str] = frozenset()
    requirements: Mapping[str, str] = field(default_factory=dict)
    """By rule, or by rule and request."""

    def requirement(self, rule: str, request: str = "") -> str | None:
        """The number of the requirement that a rule checks."""
        return self.requirements.get(f"{rule} {request}") or self.requirements.get(rule)


def _choice(side: str, element: str, **phases: set[Any]) -> Choice:
    return Choice(side, element, {value: frozenset(following) for value, following in phases.items()})


_D20_LOOPS = frozenset({"AC_ChargeLoopReq", "DC_ChargeLoopReq", "WPT_ChargeLoopReq"})
_D2_LOOPS = frozenset({d2.P.AC_CHARGE_LOOP, d2.P.DC_CHARGE_LOOP})
_RECEIPT = Choice("response", "ReceiptRequired", {True: frozenset({d2.P.RECEIPT}), False: _D2_LOOPS, None: _D2_LOOPS})

ISO20 = Family(
    "ISO 15118-20",
    d20.TABLE,
    d20_timeouts.MESSAGE_S,
    d20_timeouts.DEFAULT_MESSAGE_S,
    {
        "AuthorizationReq": d20_timeouts.CAR_ONGOING_S,
        "ScheduleExchangeReq": d20_timeouts.CAR_ONGOING_S,
        "DC_CableCheckReq": d20_timeouts.CABLE_CHECK_S,
        "DC_PreChargeReq": d20_timeouts.PRECHARGE_S,
    },
    d20_timeouts.STANDARD.sequence_s,
    choices={
        "SessionSetupReq": _choice(
            "response",
            "ResponseCode",
            OK_OldSessionJoined={d20.P.CHARGE_PARAMETERS},
            OK_NewSessionEstablished={d20.P.AUTHORIZATION_SETUP},
        ),
        "PowerDeliveryReq": _choice(
            "request",
            "ChargeProgress",
            Start={d20.P.CHARGE_LOOP, d20.P.PRECHARGED, d20.P.POWER_DELIVERY},
            Standby={d20.P.CHARGE_LOOP, d20.P.PRECHARGED, d20.P.POWER_DELIVERY},
            Stop={d20.P.STOPPING, d20.P.WELDING_DETECTION},
            ScheduleRenegotiation={d20.P.SCHEDULE_EXCHANGE},
        ),
    },
    excluded={
        "AC": frozenset({d20.P.CABLE_CHECK, d20.P.PRECHARGE, d20.P.PRECHARGED, d20.P.WELDING_DETECTION}),
        "DC": frozenset({d20.P.STOPPING}),
        "DC before power": frozenset({d20.P.POWER_DELIVERY}),
    },
    failed_ends=True,
    loop_sequence_s=d20_timeouts.STANDARD.charge_loop_s,
    loops=_D20_LOOPS,
    requirements={
        "session id": "V2G20-460",
        "sequence timeout": "V2G20-443",
        "response time AC_ChargeLoopReq": "V2G20-1499",
        "response time DC_ChargeLoopReq": "V2G20-1501",
        "zero session id": "V2G20-2621",
    },
)
ISO2 = Family(
    "ISO 15118-2",
    d2.TABLE,
    d2.MESSAGE_S,
    d2.DEFAULT_MESSAGE_S,
    d2.REPEAT_S,
    d2.SEQUENCE_S,
    choices={
        "PaymentServiceSelectionReq": _choice(
            "request",
            "SelectedPaymentOption",
            Contract={d2.P.CONTRACT},
            ExternalPayment={d2.P.AUTHORIZATION},
        ),
        "PowerDeliveryReq": _choice(
            "request",
            "ChargeProgress",
            Start=set(_D2_LOOPS),
            Stop={d2.P.STOPPING, d2.P.WELDING_DETECTION},
            Renegotiate={d2.P.CHARGE_PARAMETERS},
        ),
        "ChargingStatusReq": _RECEIPT,
        "CurrentDemandReq": _RECEIPT,
    },
    excluded={
        "AC": frozenset({d2.P.CABLE_CHECK, d2.P.PRECHARGE, d2.P.WELDING_DETECTION, d2.P.DC_CHARGE_LOOP}),
        "DC": frozenset({d2.P.POWER_DELIVERY, d2.P.STOPPING, d2.P.AC_CHARGE_LOOP}),
    },
    requirements={"sequence": "V2G2-459", "pairing": "V2G2-459", "session id": "V2G2-460"},
)
DIN = Family(
    "DIN SPEC 70121",
    din.TABLE,
    din.MESSAGE_S,
    din.DEFAULT_MESSAGE_S,
    din.REPEAT_S,
    din.SEQUENCE_S,
    choices={
        "PowerDeliveryReq": Choice(
            "request",
            "ReadyToChargeState",
            {True: frozenset({din.P.CHARGE_LOOP}), False: frozenset({din.P.WELDING_DETECTION})},
        ),
    },
)


FAMILIES = {family.name: family for family in (ISO20, ISO2, DIN)}


def family_of(protocol: str) -> Family | None:
    """The family of a protocol of the codec; None below the messages of a session."""
    if protocol.startswith("iso20-"):
        return ISO20
    return {"iso2": ISO2, "din": DIN}.get(protocol)
