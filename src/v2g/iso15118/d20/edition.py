"""ISO 15118-20:2022 as an edition."""

from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.table import DC, TABLE, P
from v2g.iso15118.d20.wire import PROTOCOLS, payload_type
from v2g.iso15118.edition import Edition, choice
from v2g.iso15118.sap import ISO20_AC, ISO20_DC

D20 = Edition(
    name="ISO 15118-20",
    protocols=(ISO20_DC, ISO20_AC),
    message_sets=PROTOCOLS,
    payload_type=payload_type,
    table=TABLE,
    dc=DC,
    choices={
        "SessionSetupReq": choice(
            "response",
            "ResponseCode",
            OK_OldSessionJoined={P.CHARGE_PARAMETERS},
            OK_NewSessionEstablished={P.AUTHORIZATION_SETUP},
        ),
        "PowerDeliveryReq": choice(
            "request",
            "ChargeProgress",
            Start={P.CHARGE_LOOP, P.PRECHARGED, P.POWER_DELIVERY},
            Standby={P.CHARGE_LOOP, P.PRECHARGED, P.POWER_DELIVERY},
            Stop={P.STOPPING, P.WELDING_DETECTION},
            ScheduleRenegotiation={P.SCHEDULE_EXCHANGE},
        ),
    },
    energy=frozenset({"AC_ChargeLoopReq", "DC_ChargeLoopReq"}),
    silence=timeouts.SILENCE,
    message_s=timeouts.MESSAGE_S,
    default_message_s=timeouts.DEFAULT_MESSAGE_S,
    repeat_s=timeouts.REPEAT_S,
    failed_ends=True,
)
