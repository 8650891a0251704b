"""The simulated plant behind Modbus: inverter, meter, isolation monitor, the vehicle's side, and a contactor.

Units: 1 inverter, 2 meter, 3 isolation monitor, 4 the vehicle's side. The station's contactor is a module of its own,
whose feedback the plant follows as if by wire; without one the plant has a contactor at unit 5.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from v2g.bench.sim.contactor import ContactorModule
from v2g.bench.sim.modbus_server import Device, Unit
from v2g.bench.sim.plant_model import PlantInputs, PlantModel
from v2g.bench.sim.vehicle_side import vehicle_map
from v2g.power.contactor import Contactor
from v2g.power.errors import PowerError
from v2g.power.grid_sensor import GridSensor
from v2g.power.inverter import InverterFault, InverterMode, InverterSetpoint
from v2g.power.isolation import SelfTest
from v2g.power.quantity import Value
from v2g.power.registers.map import RegisterMap, shipped

INVERTER_UNIT, METER_UNIT, ISOLATION_UNIT, VEHICLE_UNIT, CONTACTOR_UNIT = 1, 2, 3, 4, 5
INVERTER_WATCHDOG_S = 0.4
VEHICLE_WATCHDOG_S = 1.0
"""A vehicle that is gone for this long lets its contactor open and its charger stop."""
STEP_S = 0.01
FEEDBACK_S = 0.02
SELF_TEST_S = 0.5


class Plant:
    """The devices around a `PlantModel`, with their registers and watchdogs.

    `contactor` and `grid` are followed when given; a contactor that does not answer counts as open, and a grid that
    does not answer as dead.
    """

    def __init__(
        self,
        model: PlantModel,
        clock: Callable[[], float],
        *,
        contactor: Contactor | None = None,
        grid: GridSensor | None = None,
        inverter_map: RegisterMap | None = None,
        self_test_passes: bool = True,
    ) -> None:
        self.model = model
        self._clock = clock
        self._contactor = contactor
        self._grid = grid
        self._module = ContactorModule(clock)
        self._inputs = PlantInputs()
        self._stepped_s = self._inverter_written_s = self._vehicle_written_s = clock()
        self._self_test_passes = self_test_passes
        self._self_test_started_s: float | None = None
        self.units: dict[int, Device] = {
            INVERTER_UNIT: Unit(inverter_map or shipped("inverter"), self._measure_inverter, self._obey_inverter),
            METER_UNIT: Unit(shipped("meter"), self._measure_meter),
            ISOLATION_UNIT: Unit(shipped("isolation"), self._measure_isolation, self._obey_isolation),
            VEHICLE_UNIT: Unit(vehicle_map(), self._measure_vehicle, self._obey_vehicle),
        }
        if contactor is None:
            self.units[CONTACTOR_UNIT] = self._module.unit

    def advance(self, now: float) -> None:
        """Steps the model to the monotonic time `now`, with the watchdogs' verdicts."""
        if self._contactor is None:
            self._module.advance(now)
            self._inputs = replace(self._inputs, station_contactor_closed=self._module.closed)
        on = self._inputs.setpoint.mode is not InverterMode.OFF
        if on and now - self._inverter_written_s > INVERTER_WATCHDOG_S:
            self.model.trip(InverterFault.WATCHDOG)
        if now - self._vehicle_written_s > VEHICLE_WATCHDOG_S:
            self._inputs = replace(
                self._inputs, vehicle_contactor_closed=False, charger_power_w=0.0, charger_reactive_var=0.0
            )
        if now > self._stepped_s:
            self.model.step(now - self._stepped_s, self._inputs)
            self._stepped_s = now

    def command_inverter(self, setpoint: InverterSetpoint, *, heard: bool = True) -> None:
        """Makes `setpoint` the inverter's; `heard`: by a sign of life of the station, which its watchdog waits for."""
        now = self._clock()
        if heard:
            self._inverter_written_s = now
        self._inputs = replace(self._inputs, setpoint=setpoint)
        self.advance(now)

    @property
    def inputs(self) -> PlantInputs:
        """What acts on the plant now."""
        return self._inputs

    async def run(self) -> None:
        """Keeps the model in step with the clock, the contactor and the grid, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_stepping())
            if self._contactor is not None:
                tasks.create_task(self._follow_contactor(self._contactor))
            if self._grid is not None:
                tasks.create_task(self._follow_grid(self._grid))

    async def _keep_stepping(self) -> None:
        while True:
            self.advance(self._clock())
            await asyncio.sleep(STEP_S)

    async def _follow_contactor(self, contactor: Contactor) -> None:
        while True:
            try:
                closed = (await contactor.read()).closed
            except PowerError:
                closed = False
            self._inputs = replace(self._inputs, station_contactor_closed=closed)
            await asyncio.sleep(FEEDBACK_S)

    async def _follow_grid(self, grid: GridSensor) -> None:
        while True:
            try:
                reading = await grid.read()
                voltages_v, frequency_hz = reading.voltages_v, reading.frequency_hz
            except PowerError:
                voltages_v, frequency_hz = (0.0, 0.0, 0.0), 0.0
            self._inputs = replace(self._inputs, grid_voltages_v=voltages_v, grid_frequency_hz=frequency_hz)
            await asyncio.sleep(FEEDBACK_S)

    def _measure_inverter(self) -> Mapping[str, Value]:
        model, rating = self.model, self.model.settings.rating
        return {
            "state": model.state.value,
            "faults": frozenset(fault.value for fault in model.faults),
            "voltage_v": model.voltage_v,
            "temperature_c": model.temperature_c,
            "current_a": model.current_a,
            "power_w": model.power_w,
            "ac_power_w": model.ac_power_w,
            "ac_reactive_var": model.reactive_var,
            "voltage_min_v": rating.voltage_min_v,
            "voltage_max_v": rating.voltage_max_v,
            "charge_current_max_a": rating.charge_current_max_a,
            "discharge_current_max_a": rating.discharge_current_max_a,
            "charge_power_max_w": rating.charge_power_max_w,
            "discharge_power_max_w": rating.discharge_power_max_w,
            "reactive_max_var": rating.reactive_max_var,
        }

    def _obey_inverter(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        rating = self.model.settings.rating
        held = {
            "voltage_set_v": _clip(values["voltage_set_v"], 0, rating.voltage_max_v),
            "minimum_voltage_v": _clip(values["minimum_voltage_v"], 0, rating.voltage_max_v),
            "current_set_a": _clip(
                values["current_set_a"], -rating.discharge_current_max_a, rating.charge_current_max_a
            ),
            "power_set_w": _clip(values["power_set_w"], -rating.discharge_power_max_w, rating.charge_power_max_w),
            "reactive_set_var": _clip(values["reactive_set_var"], -rating.reactive_max_var, rating.reactive_max_var),
            "charge_limit_w": _clip(values["charge_limit_w"], 0, rating.charge_power_max_w),
            "discharge_limit_w": _clip(values["discharge_limit_w"], 0, rating.discharge_power_max_w),
        }
        setpoint = InverterSetpoint(
            mode=InverterMode(str(values["control"])),
            voltage_v=held["voltage_set_v"],
            minimum_voltage_v=held["minimum_voltage_v"],
            current_a=held["current_set_a"],
            power_w=held["power_set_w"],
            reactive_var=held["reactive_set_var"],
            charge_limit_w=held["charge_limit_w"],
            discharge_limit_w=held["discharge_limit_w"],
        )
        self.command_inverter(setpoint)
        return held

    def _measure_meter(self) -> Mapping[str, Value]:
        model = self.model
        l1_v, l2_v, l3_v = self._inputs.grid_voltages_v
        return {
            "import_wh": model.import_wh,
            "export_wh": model.export_wh,
            "power_w": model.ac_power_w + model.charger_power_w,
            "reactive_var": model.reactive_var + model.charger_reactive_var,
            "voltage_l1_v": l1_v,
            "voltage_l2_v": l2_v,
            "voltage_l3_v": l3_v,
            "frequency_hz": self._inputs.grid_frequency_hz,
        }

    def _measure_isolation(self) -> Mapping[str, Value]:
        started_s = self._self_test_started_s
        if started_s is None:
            self_test = SelfTest.NONE
        elif self._clock() - started_s < SELF_TEST_S:
            self_test = SelfTest.RUNNING
        else:
            self_test = SelfTest.PASSED if self._self_test_passes else SelfTest.FAILED
        return {
            "self_test": self_test.value,
            "resistance_ohm": self.model.settings.isolation_ohm,
            "voltage_v": self.model.voltage_v,
        }

    def _obey_isolation(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        now = self._clock()
        running = self._self_test_started_s is not None and now - self._self_test_started_s < SELF_TEST_S
        if values["start_self_test"] == 1 and not running:
            self._self_test_started_s = now
        return {"start_self_test": 0.0}

    def _measure_vehicle(self) -> Mapping[str, Value]:
        model, battery = self.model, self.model.battery
        return {
            "soc": battery.soc,
            "capacity_wh": battery.capacity_wh,
            "energy_wh": battery.energy_wh,
            "battery_voltage_v": battery.terminal_v(model.battery_current_a),
            "inlet_voltage_v": model.inlet_voltage_v,
            "current_a": model.battery_current_a,
            "charger_power_w": model.charger_power_w,
        }

    def _obey_vehicle(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        self._vehicle_written_s = self._clock()
        self._inputs = replace(
            self._inputs,
            vehicle_contactor_closed=values["contactor_closed"] == 1,
            charger_power_w=_number(values["charger_set_w"]),
            charger_reactive_var=_number(values["charger_reactive_set_var"]),
        )
        return {}


def _number(value: Value) -> float:
    assert isinstance(value, float)
    return value


def _clip(value: Value, low: float, high: float) -> float:
    return min(max(_number(value), low), high)
