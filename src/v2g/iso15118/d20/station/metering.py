"""MeterInfo: the energy of this session [V2G20-902], if the car asks for it [V2G20-1082].

At the first turn of the charge loop it is sent without being asked for [V2G20-1833]. A car with a contract may have to
confirm it by its signature; that it shall is notified together with the reading [V2G20-1083], and after the first turn
only [V2G20-1622].
"""

from dataclasses import replace

from v2g.iso15118.session import Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.types import MeterInfo

_MOST_OCTETS = 64
"""Of MeterSignature."""


def meter_info(requested: bool, session: Session, view: StationView) -> tuple[MeterInfo | None, Session]:
    """The reading, and the session with it; None if it is not due, or if there is none, for nothing may be made up."""
    meter = view.meter
    confirms = session.confirms or _due(session, view)
    if meter is None or (session.metered and not requested and not confirms):
        return None, session
    if session.confirms and not requested:
        return None, session  # the reading to confirm stays the one that it was
    signature = meter.signature if meter.signature and len(meter.signature) <= _MOST_OCTETS else None
    info = MeterInfo(
        MeterID=meter.meter_id,
        ChargedEnergyReadingWh=meter.charged_wh,
        # Josev's car has another name for the optional element and fails on it; it can be left out while it is 0.
        BPT_DischargedEnergyReadingWh=meter.discharged_wh or None,
        MeterSignature=signature,
    )
    receipt_s = view.unix_s if confirms and not session.confirms else session.receipt_s
    return info, replace(session, metered=True, reading=info, confirms=confirms, receipt_s=receipt_s)


def _due(session: Session, view: StationView) -> bool:
    """Whether the car has to confirm the reading of this turn."""
    every_s = session.offer.receipts_s
    if not session.metered or not session.chain or every_s is None:
        return False
    return abs(view.unix_s - session.receipt_s) >= every_s  # the clock of the day may have been set back
