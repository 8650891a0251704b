"""MeterInfo: the meter's own reading, not a figure of ours [V2G20-1082]."""

from v2g.iso15118.view import Meter
from v2g.messages.iso20.types import MeterInfo


def meter_info(meter: Meter | None) -> MeterInfo | None:
    """The reading as the car asked for it; None while there is none, for nothing may be made up."""
    if meter is None:
        return None
    return MeterInfo(
        MeterID=meter.meter_id,
        ChargedEnergyReadingWh=meter.charged_wh,
        BPT_DischargedEnergyReadingWh=meter.discharged_wh,
    )
