"""CableCheck: the station tests the cable's insulation; the contactor is closed for it."""

from typing import Any

from v2g.iso15118 import power_path
from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.station.status import dc_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Reply, Session, Wait
from v2g.iso15118.view import StationView


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply | Wait:
    if (wait := power_path.awaits_ready(session, view)) is not None:
        return wait
    session, passed = power_path.check_cable(session, view)
    processing = to.messages.EVSEProcessing
    response = to.messages.CableCheckRes(
        ResponseCode=to.messages.ResponseCode.OK,
        DC_EVSEStatus=dc_status(to, session, view, tested=passed),
        EVSEProcessing=processing.Finished if passed else processing.Ongoing,
    )
    following = Phase.PRECHARGE if passed else Phase.CABLE_CHECK
    return Reply(to.message(session.session_id, response), following, session)
