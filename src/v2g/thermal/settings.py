"""Which temperatures are too high or too low, and how the station reacts. All within -40 C to +85 C."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from v2g.thermal.model import Masses

COLDEST_C, WARMEST_C = -40.0, 85.0
"""No part operates outside this window, whatever the settings say."""

_Celsius = Annotated[float, Meta(ge=COLDEST_C, le=WARMEST_C)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Positive = Annotated[float, Meta(gt=0)]


class Band(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The temperatures of one part: full power in the middle, none outside, falling in proportion between."""

    none_below_c: _Celsius = COLDEST_C
    """No power below this."""
    full_from_c: _Celsius = -30.0
    """Full power from here on."""
    full_to_c: _Celsius
    """Full power up to here."""
    none_above_c: _Celsius = WARMEST_C
    """No power above this."""
    hysteresis_k: Annotated[float, Meta(ge=0, le=20)] = 2.0
    """A part must come back this far before it is allowed more again."""

    @property
    def ordered(self) -> bool:
        """Whether the four temperatures rise, as they must."""
        return self.none_below_c < self.full_from_c <= self.full_to_c < self.none_above_c


class ThermalSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part without a band has no sensor."""

    module: Band | None = Band(full_to_c=70.0, none_above_c=82.0)
    """The power module, as the inverter measures it."""
    contactor: Band | None = Band(full_to_c=75.0)
    """The contactor's contacts."""
    coolant: Band | None = Band(full_to_c=55.0, none_above_c=65.0)
    """Behind the power module."""
    ambient: Band | None = Band(full_to_c=50.0, none_above_c=70.0)
    """The air around the radiator."""
    flow_sensor: bool = False
    """Whether the flow is measured; otherwise it is taken from the pump's command and its lag."""
    stale_s: _Positive = 2.0
    """A temperature or flow older than this is unknown."""
    stale_share: _Share = 0.2
    """Share of the rating that is safe while one sensor is stale, or the coolant stands still. With two stale sensors
    there is no power."""
    look_ahead_s: Annotated[float, Meta(ge=0, le=60)] = 5.0
    """A part counts as warm as it will be after this time at the present losses."""
    recovery_per_s: _Positive = 0.02
    """Share of the rating by which the allowance grows back."""
    ramp_w_per_s: _Positive = 10_000.0
    """How fast the power may rise, or turn from charging to discharging, with full flow."""
    still_ramp_share: _Share = 0.1
    """Share of that without flow."""
    pump_from_c: _Celsius = 40.0
    """The pump starts when module or coolant is warmer than this, and runs fully at the top of the part's full band."""
    pump_full_loss_w: _Positive = 600.0
    """At these losses the pump runs fully, however cool the parts still are."""
    masses: Masses = Masses()

    def findings(self) -> Iterator[str]:
        """What does not fit together: `field: what is wrong; remedy`."""
        for name in ("module", "contactor", "coolant", "ambient"):
            band = getattr(self, name)
            if band is not None and not band.ordered:
                yield f"{name}: the temperatures must rise; order none_below_c, full_from_c, full_to_c, none_above_c"
            if band is not None and name in ("module", "coolant") and band.full_to_c <= self.pump_from_c:
                yield f"{name}.full_to_c: the pump would start too late; set it above pump_from_c"
