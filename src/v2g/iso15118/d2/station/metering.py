"""MeterInfo: the meter's own reading, whatever the session [V2G2-902]."""

from v2g.iso15118.view import StationView
from v2g.messages.iso2 import MeterInfo


def meter_info(view: StationView) -> MeterInfo | None:
    """The reading; None if there is none, for nothing may be made up."""
    meter = view.meter
    return None if meter is None else MeterInfo(MeterID=meter.meter_id, MeterReading=meter.total_wh, TMeter=view.unix_s)
