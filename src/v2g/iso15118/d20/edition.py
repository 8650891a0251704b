"""ISO 15118-20:2022 as an edition."""

from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.table import DC, TABLE, Phase
from v2g.iso15118.d20.wire import PROTOCOLS, payload_type
from v2g.iso15118.edition import Edition
from v2g.iso15118.sap import ISO20_AC, ISO20_DC


def _message_s(request: str) -> float:
    return timeouts.MESSAGE_S.get(request, timeouts.DEFAULT_MESSAGE_S)


D20 = Edition(
    name="ISO 15118-20",
    protocols=(ISO20_DC, ISO20_AC),
    message_sets=PROTOCOLS,
    table=TABLE,
    first=Phase.SESSION_SETUP,
    ended=Phase.ENDED,
    dc=DC,
    payload_type=payload_type,
    message_s=_message_s,
    failed_ends=True,
)
