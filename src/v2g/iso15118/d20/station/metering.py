"""MeterInfo: the energy of this session [V2G20-902], if the car asks for it [V2G20-1082].

At the first turn of the charge loop it is sent without being asked for [V2G20-1833].
"""

from dataclasses import replace

from v2g.iso15118.session import Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.types import MeterInfo


def meter_info(requested: bool, session: Session, view: StationView) -> tuple[MeterInfo | None, Session]:
    """The reading, and the session with it; None if it is not due, or if there is none, for nothing may be made up."""
    meter = view.meter
    if meter is None or (session.metered and not requested):
        return None, session
    info = MeterInfo(
        MeterID=meter.meter_id,
        ChargedEnergyReadingWh=meter.charged_wh,
        # Josev's car has another name for the optional element and fails on it; it can be left out while it is 0.
        BPT_DischargedEnergyReadingWh=meter.discharged_wh or None,
    )
    return info, replace(session, metered=True)
