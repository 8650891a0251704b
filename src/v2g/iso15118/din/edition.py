"""DIN SPEC 70121 as an edition."""

from v2g.iso15118.din import timeouts
from v2g.iso15118.din.table import DC, TABLE, P
from v2g.iso15118.edition import Choice, Edition, body_name, exi_payload
from v2g.iso15118.sap import Protocol
from v2g.v2gtp.framing import PayloadType

DIN = Edition(
    name="DIN SPEC 70121",
    protocols=(Protocol("urn:din:70121:2012:MsgDef", dc=True, major=2, bidirectional=False),),
    message_sets={PayloadType.EXI: "din"},
    payload_type=exi_payload,
    table=TABLE,
    dc=DC,
    choices={
        "PowerDeliveryReq": (
            Choice(
                "request",
                "ReadyToChargeState",
                {True: frozenset({P.STARTED}), False: frozenset({P.WELDING_DETECTION})},
            ),
        ),
    },
    energy=frozenset({"CurrentDemandReq"}),
    silence=timeouts.SILENCE,
    message_s=timeouts.MESSAGE_S,
    default_message_s=timeouts.DEFAULT_MESSAGE_S,
    performance_s=timeouts.PERFORMANCE_S,
    default_performance_s=timeouts.DEFAULT_PERFORMANCE_S,
    repeat_s=timeouts.REPEAT_S,
    failed_ends=False,
    dc_limits_bind=True,
    plain=True,
    tls=False,
    name_of=body_name,
)
