"""The simulated plant's heat: more masses than the one in `plant_model`, real sensors, and a pump that can fail.

The physics is the station's own model with other constants: what it predicts is never quite what happens.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from v2g.bench.sim.plant_model import PlantModel
from v2g.thermal.limiter import Measured, ThermalReadings
from v2g.thermal.model import Load, Masses, ThermalState, after

WORSE = Masses(module_j_per_k=1_000.0, flow_w_per_k=27.0, radiator_w_per_k=55.0, pump_lag_s=6.0)
"""A plant that is a fifth worse than the defaults."""


@dataclass(slots=True)
class HeatFaults:
    """What is wrong. Everything may be changed while it runs."""

    pump_stuck: bool = False
    """The pump stands still whatever it is commanded."""
    silent: set[str] = field(default_factory=set)
    """Sensors that give nothing new: `module`, `contactor`, `coolant`, `ambient`, `flow`."""


class Heat:
    """Temperatures of the plant. `noise_k()` is added to every measured temperature."""

    def __init__(
        self,
        ambient_c: float = 25.0,
        *,
        masses: Masses = WORSE,
        start_c: float | None = None,
        noise_k: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`start_c`: of everything; as warm as the ambient air where left out."""
        start_c = ambient_c if start_c is None else start_c
        self.ambient_c = ambient_c
        self.pump = 0.0
        """Command, 0 to 1."""
        self.faults = HeatFaults()
        self.state = ThermalState(start_c, start_c, start_c)
        self._masses = masses
        self._noise_k = noise_k
        self._measured: dict[str, Measured] = {}

    def step(self, dt_s: float, loss_w: float, current_a: float) -> None:
        """Lets `dt_s` pass with these losses of the module and this current through the contactor."""
        pump = 0.0 if self.faults.pump_stuck else self.pump
        self.state = after(dt_s, self.state, Load(loss_w, current_a, self.ambient_c, pump), self._masses)

    def follow(self, plant: PlantModel, dt_s: float) -> None:
        """Lets `dt_s` pass beside `plant`, and gives its module the temperature from here."""
        self.step(dt_s, plant.ac_power_w - plant.power_w, plant.current_a)
        plant.temperature_c = self.state.module_c

    def readings(self, now: float, *, loss_w: float = 0.0, current_a: float = 0.0) -> ThermalReadings:
        """What the sensors show; a silent one keeps its last reading, which ages."""
        state = self.state
        fresh = {
            "module": state.module_c + self._noise_k(),
            "contactor": state.contactor_c + self._noise_k(),
            "coolant": state.coolant_c + self._noise_k(),
            "ambient": self.ambient_c + self._noise_k(),
            "flow": state.flow,
        }
        for name, value in fresh.items():
            if name not in self.faults.silent:
                self._measured[name] = Measured(now, value)
        return ThermalReadings(loss_w=loss_w, current_a=current_a, **self._measured)
