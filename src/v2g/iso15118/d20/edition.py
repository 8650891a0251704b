"""ISO 15118-20:2022 as an edition."""

from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.table import DC, TABLE, P
from v2g.iso15118.d20.wire import PROTOCOLS, payload_type
from v2g.iso15118.edition import Edition, choice
from v2g.iso15118.sap import ISO20_AC, ISO20_DC

_STAYS = {P.PRECHARGED, P.POWER_DELIVERY, P.CHARGE_LOOP}

CHOICES = {
    "SessionSetupReq": (
        choice(
            "response",
            "ResponseCode",
            OK_OldSessionJoined={P.CHARGE_PARAMETERS},
            OK_NewSessionEstablished={P.AUTHORIZATION_SETUP},
        ),
    ),
    "DC_PreChargeReq": (choice("request", "EVProcessing", Ongoing={P.PRECHARGING}, Finished={P.PRECHARGED}),),
    "PowerDeliveryReq": (
        choice("request", "EVProcessing", Ongoing=_STAYS),
        choice(
            "request",
            "ChargeProgress",
            Start={P.STARTED} | _STAYS,
            Standby=_STAYS,
            Stop={P.STOPPING, P.WELDING_DETECTION} | _STAYS,
            ScheduleRenegotiation={P.SCHEDULE_EXCHANGE} | _STAYS,
        ),
        choice(
            "request",
            "EVProcessing",
            Finished={P.STARTED, P.STOPPING, P.WELDING_DETECTION, P.SCHEDULE_EXCHANGE},
        ),
    ),
    "SessionStopReq": (
        choice(
            "request",
            "ChargingSession",
            Terminate={P.ENDED},
            Pause={P.ENDED},
            ServiceRenegotiation={P.SERVICE_DISCOVERY},
        ),
    ),
}

D20 = Edition(
    name="ISO 15118-20",
    protocols=(ISO20_DC, ISO20_AC),
    message_sets=PROTOCOLS,
    payload_type=payload_type,
    table=TABLE,
    dc=DC,
    choices=CHOICES,
    energy=frozenset({"AC_ChargeLoopReq", "DC_ChargeLoopReq"}),
    silence=timeouts.SILENCE,
    message_s=timeouts.MESSAGE_S,
    default_message_s=timeouts.DEFAULT_MESSAGE_S,
    performance_s=timeouts.PERFORMANCE_S,
    default_performance_s=timeouts.DEFAULT_PERFORMANCE_S,
    repeat_s=timeouts.REPEAT_S,
    failed_ends=True,
)
