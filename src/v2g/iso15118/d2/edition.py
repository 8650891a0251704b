"""ISO 15118-2:2013 as an edition."""

from v2g.iso15118.d2 import timeouts
from v2g.iso15118.d2.table import DC, TABLE, P
from v2g.iso15118.edition import Choice, Edition, body_name, choice, exi_payload
from v2g.iso15118.sap import Protocol
from v2g.v2gtp.framing import PayloadType

_LOOPS = frozenset({P.AC_CHARGE_LOOP, P.DC_CHARGE_LOOP})
_RECEIPT = (Choice("response", "ReceiptRequired", {True: frozenset({P.RECEIPT}), False: _LOOPS, None: _LOOPS}),)


D2 = Edition(
    name="ISO 15118-2",
    protocols=(Protocol("urn:iso:15118:2:2013:MsgDef", dc=None, major=2, bidirectional=False),),
    message_sets={PayloadType.EXI: "iso2"},
    payload_type=exi_payload,
    table=TABLE,
    dc=DC,
    choices={
        "PaymentServiceSelectionReq": (
            choice("request", "SelectedPaymentOption", Contract={P.CONTRACT}, ExternalPayment={P.AUTHORIZATION}),
        ),
        "PowerDeliveryReq": (
            choice(
                "request",
                "ChargeProgress",
                Start={P.STARTED},
                Stop={P.STOPPING, P.WELDING_DETECTION},
                Renegotiate={P.CHARGE_PARAMETERS},
            ),
        ),
        "ChargingStatusReq": _RECEIPT,
        "CurrentDemandReq": _RECEIPT,
    },
    energy=frozenset({"ChargingStatusReq", "CurrentDemandReq"}),
    silence=timeouts.SILENCE,
    message_s=timeouts.MESSAGE_S,
    default_message_s=timeouts.DEFAULT_MESSAGE_S,
    performance_s=timeouts.PERFORMANCE_S,
    default_performance_s=timeouts.DEFAULT_PERFORMANCE_S,
    repeat_s=timeouts.REPEAT_S,
    failed_ends=False,
    dc_limits_bind=True,
    plain=True,
    name_of=body_name,
)
