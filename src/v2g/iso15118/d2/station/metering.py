"""MeterInfo: the meter's own reading, whatever the session [V2G2-902], and when a car has to sign it."""

from dataclasses import replace

from v2g.iso15118.session import Session
from v2g.iso15118.view import Meter, StationView
from v2g.messages.iso2 import MeterInfo

_MOST_OCTETS = 64
"""Of SigMeterReading."""


def metered(session: Session, view: StationView) -> tuple[MeterInfo | None, bool, Session]:
    """The reading, None if there is none, for nothing may be made up; whether the car has to sign it; and the session
    that has given it. External payment knows no receipt [V2G2-691]."""
    meter = view.meter
    if meter is None:
        return None, False, session
    info = _written(meter, view.unix_s)
    due_s = session.offer.receipts_s
    # The clock of the day may have been set back since.
    signs = bool(session.by_contract) and due_s is not None and abs(view.unix_s - session.receipt_s) >= due_s
    receipt_s = view.unix_s if signs else session.receipt_s
    return info, signs, replace(session, reading=info, receipt_s=receipt_s)


def repeats(stated: MeterInfo, given: MeterInfo) -> bool:
    """Whether a car's receipt is about the reading that it was given. What it leaves out contradicts nothing."""
    optional = (
        (stated.SigMeterReading, given.SigMeterReading),
        (stated.MeterStatus, given.MeterStatus),
        (stated.TMeter, given.TMeter),
    )
    same = (stated.MeterID, stated.MeterReading) == (given.MeterID, given.MeterReading)
    return same and all(said is None or said == meant for said, meant in optional)


def _written(meter: Meter, unix_s: int) -> MeterInfo:
    signature = meter.signature if meter.signature and len(meter.signature) <= _MOST_OCTETS else None
    return MeterInfo(MeterID=meter.meter_id, MeterReading=meter.total_wh, SigMeterReading=signature, TMeter=unix_s)
