"""The plant's physics in virtual time: energy balance, limits, ramps, faults."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.plant_model import PlantInputs, PlantModel, PlantSettings
from v2g.power.inverter import InverterFault, InverterMode, InverterSetpoint, InverterState

CHARGE = InverterSetpoint(InverterMode.POWER, voltage_v=450, power_w=10_000, charge_limit_w=20_000)
DISCHARGE = InverterSetpoint(InverterMode.POWER, voltage_v=450, power_w=-10_000, discharge_limit_w=15_000)


def precharged(soc: float = 0.6, **constants: float) -> PlantModel:
    """A plant whose output has the battery's voltage, both contactors still open."""
    model = PlantModel(Battery(60_000, soc), replace(PlantSettings(), **constants))  # type: ignore[arg-type]  # floats only
    setpoint = InverterSetpoint(InverterMode.VOLTAGE, voltage_v=model.battery.ocv_v, current_a=2)
    model.step(1.0, PlantInputs(setpoint))
    assert model.voltage_v == pytest.approx(model.battery.ocv_v)
    return model


def connected(setpoint: InverterSetpoint) -> PlantInputs:
    return PlantInputs(setpoint, station_contactor_closed=True, vehicle_contactor_closed=True)


def imbalance_wh(model: PlantModel, stored_before_wh: float) -> float:
    grid_wh = model.import_wh - model.export_wh
    return grid_wh - (model.battery.energy_wh - stored_before_wh) - model.battery.heat_wh - model.loss_wh


setpoints = st.builds(
    InverterSetpoint,
    mode=st.sampled_from(InverterMode),
    voltage_v=st.floats(0, 1000),
    minimum_voltage_v=st.floats(0, 400),
    current_a=st.floats(-100, 100),
    power_w=st.floats(-40_000, 40_000),
    charge_limit_w=st.floats(0, 40_000),
    discharge_limit_w=st.floats(0, 40_000),
)
inputs = st.builds(
    PlantInputs,
    setpoint=setpoints,
    station_contactor_closed=st.booleans(),
    vehicle_contactor_closed=st.booleans(),
    charger_power_w=st.floats(-15_000, 15_000),
)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.lists(st.tuples(st.floats(0.001, 0.5), inputs), min_size=1, max_size=8))
def test_energy_balances_and_limits_hold_whatever_happens(soc: float, course: list[tuple[float, PlantInputs]]) -> None:
    model = PlantModel(Battery(60_000, soc))
    before_wh, metered_wh = model.battery.energy_wh, 0.0
    for dt_s, acting in course:
        model.step(dt_s, acting)
        metered = model.import_wh + model.export_wh
        assert metered >= metered_wh  # energy counters only grow
        metered_wh = metered
        if not (acting.station_contactor_closed and acting.vehicle_contactor_closed):
            assert model.current_a == 0
        if not acting.station_contactor_closed:
            assert model.charger_power_w == 0
        assert abs(model.current_a) <= 80 + 1e-9
        assert 0 <= model.battery.soc <= 1
        assert 0 <= model.voltage_v <= 1000
    # The substep that fills or empties the battery may overshoot: 40 kW for 2 ms.
    assert abs(imbalance_wh(model, before_wh)) < 0.03 * len(course)


@pytest.mark.parametrize("setpoint", [CHARGE, DISCHARGE])
def test_energy_balances_over_a_minute(setpoint: InverterSetpoint) -> None:
    model = precharged()
    before_wh = model.battery.energy_wh
    model.step(60.0, connected(setpoint))
    assert imbalance_wh(model, before_wh) == pytest.approx(0, abs=1e-4)
    moved_wh = model.battery.energy_wh - before_wh
    assert moved_wh == pytest.approx(setpoint.power_w / 60, rel=0.02)


def test_discharging_feeds_the_grid_with_less_than_the_battery_gives() -> None:
    model = precharged()
    soc = model.battery.soc
    model.step(5.0, connected(DISCHARGE))
    assert model.power_w == pytest.approx(-10_000, rel=1e-3)
    assert -10_000 < model.ac_power_w < 0
    assert model.ac_power_w / model.power_w == pytest.approx(0.96, abs=0.01)
    assert model.battery.soc < soc


def test_charging_draws_more_than_the_battery_gets() -> None:
    model = precharged()
    soc = model.battery.soc
    model.step(5.0, connected(CHARGE))
    assert model.power_w == pytest.approx(10_000, rel=1e-3)
    assert model.power_w / model.ac_power_w == pytest.approx(0.96, abs=0.01)
    assert model.battery.soc > soc


def test_the_current_ramps() -> None:
    model = precharged()
    model.step(0.05, connected(DISCHARGE))
    assert -11 < model.current_a < -5  # 200 A/s, less the lag
    model.step(0.3, connected(DISCHARGE))
    assert model.current_a == pytest.approx(-10_000 / model.voltage_v, rel=1e-2)


@pytest.mark.parametrize(
    ("setpoint", "power_w"),
    [
        (replace(DISCHARGE, discharge_limit_w=3_000), -3_000),
        (replace(DISCHARGE, discharge_limit_w=0), 0),
        (replace(DISCHARGE, minimum_voltage_v=450), 0),
        (replace(CHARGE, charge_limit_w=3_000), 3_000),
        (replace(CHARGE, voltage_v=0), 0),
        (InverterSetpoint(InverterMode.CURRENT, voltage_v=450, current_a=50, charge_limit_w=5_000), 5_000),
        (InverterSetpoint(InverterMode.POWER, voltage_v=450, power_w=1e6, charge_limit_w=1e6), 30_000),
        (InverterSetpoint(InverterMode.POWER, voltage_v=450, power_w=-1e6, discharge_limit_w=1e6), -30_000),
    ],
)
def test_the_tightest_limit_wins(setpoint: InverterSetpoint, power_w: float) -> None:
    model = precharged()
    model.step(2.0, connected(setpoint))
    assert model.power_w == pytest.approx(power_w, rel=1e-3, abs=1)


def test_charging_holds_the_voltage_limit() -> None:
    model = precharged()
    model.step(2.0, connected(replace(CHARGE, voltage_v=model.battery.ocv_v + 1)))
    assert model.voltage_v == pytest.approx(model.battery.ocv_v + 1, abs=0.01)
    assert 0 < model.power_w < 10_000


def test_a_current_setpoint_gives_that_current() -> None:
    model = precharged()
    model.step(
        2.0, connected(InverterSetpoint(InverterMode.CURRENT, voltage_v=450, current_a=-20, discharge_limit_w=15_000))
    )
    assert model.current_a == pytest.approx(-20)


@pytest.mark.parametrize(("soc", "setpoint"), [(1.0, CHARGE), (0.0, DISCHARGE)])
def test_a_full_battery_takes_nothing_and_an_empty_one_gives_nothing(soc: float, setpoint: InverterSetpoint) -> None:
    model = precharged(soc)
    model.step(1.0, connected(replace(setpoint, voltage_v=500)))
    assert model.current_a == 0


def test_opening_either_contactor_or_switching_off_ends_the_current() -> None:
    for acting in (
        replace(connected(DISCHARGE), station_contactor_closed=False),
        replace(connected(DISCHARGE), vehicle_contactor_closed=False),
        connected(InverterSetpoint()),
    ):
        model = precharged()
        model.step(1.0, connected(DISCHARGE))
        model.step(0.02, acting)
        assert model.current_a == 0


def test_the_output_discharges_when_off() -> None:
    model = precharged()
    model.step(1.0, PlantInputs())
    assert model.voltage_v < 60
    assert model.state is InverterState.OFF


def test_the_inlet_carries_voltage_only_through_a_closed_contactor() -> None:
    model = precharged()
    assert model.inlet_voltage_v == 0
    model.step(0.01, replace(model.inputs, station_contactor_closed=True))
    assert model.inlet_voltage_v == model.voltage_v
    model.step(0.01, PlantInputs(vehicle_contactor_closed=True))
    assert model.inlet_voltage_v == pytest.approx(model.battery.ocv_v)


def test_closing_without_pre_charge_trips_and_off_acknowledges() -> None:
    model = PlantModel(Battery(60_000, 0.6))
    cold = InverterSetpoint(InverterMode.VOLTAGE, voltage_v=200, current_a=2)
    model.step(1.0, PlantInputs(cold, station_contactor_closed=True))
    model.step(0.1, connected(cold))
    assert (model.state, model.current_a) == (InverterState.FAULT, 0)
    assert model.faults == {InverterFault.OVER_CURRENT}
    model.step(0.1, connected(InverterSetpoint()))
    assert (model.state, model.faults) == (InverterState.OFF, frozenset())


def test_a_tripped_inverter_stays_off_until_commanded_off() -> None:
    model = precharged()
    model.step(1.0, connected(DISCHARGE))
    model.trip(InverterFault.WATCHDOG)
    model.step(1.0, connected(DISCHARGE))
    assert (model.state, model.current_a) == (InverterState.FAULT, 0)
    model.step(0.1, connected(InverterSetpoint()))
    model.step(1.0, connected(DISCHARGE))
    assert model.power_w == pytest.approx(-10_000, rel=1e-3)


def test_losses_warm_the_module_which_derates_and_then_trips() -> None:
    model = precharged(ambient_c=40, thermal_time_constant_s=1, thermal_resistance_k_per_w=0.1)
    model.step(10.0, connected(DISCHARGE))
    assert model.temperature_c == pytest.approx(40 + 0.1 * (90 + 0.03 * 10_000), abs=1)
    assert model.state is InverterState.DERATED
    assert model.faults == frozenset()


def test_too_hot_is_a_fault_until_it_has_cooled() -> None:
    model = precharged(thermal_time_constant_s=1)
    model.temperature_c = 90
    model.step(0.1, connected(DISCHARGE))
    assert model.faults == {InverterFault.OVER_TEMPERATURE}
    model.step(0.01, connected(InverterSetpoint()))
    assert model.faults == {InverterFault.OVER_TEMPERATURE}  # the cause is still there
    model.step(1.0, connected(InverterSetpoint()))
    assert model.state is InverterState.OFF


def test_a_dip_of_one_phase_blocks_inverter_and_charger_until_it_is_over() -> None:
    model = precharged()
    sound = replace(connected(DISCHARGE), charger_power_w=-5_000)
    dip = replace(sound, grid_voltages_v=(230.0, 114.0, 230.0))
    model.step(1.0, sound)
    before_w = model.power_w
    model.step(0.05, dip)
    assert (model.current_a, model.charger_power_w, model.reactive_var) == (0, 0, 0)
    assert (model.state, model.faults) == (InverterState.ON, frozenset())
    model.step(0.3, sound)
    assert model.power_w == pytest.approx(before_w, rel=0.01)


def test_a_grid_that_stays_away_is_a_fault_while_it_does() -> None:
    model = precharged()
    dead = replace(connected(DISCHARGE), grid_voltages_v=(230.0, 0.0, 230.0))
    model.step(1.0, connected(DISCHARGE))
    model.step(model.settings.grid_lost_after_s - 0.1, dead)
    assert model.faults == frozenset()
    model.step(0.2, dead)
    assert model.faults == {InverterFault.GRID_LOST}
    model.step(0.1, replace(dead, setpoint=InverterSetpoint()))
    assert model.faults == {InverterFault.GRID_LOST}
    model.step(0.1, connected(InverterSetpoint()))
    assert model.faults == frozenset()


def test_a_current_falls_faster_than_it_rises() -> None:
    model = precharged()
    model.step(1.0, connected(DISCHARGE))
    model.step(0.08, connected(replace(DISCHARGE, power_w=0)))
    assert abs(model.current_a) < 0.5


def test_long_substeps_while_nothing_changes_make_no_difference() -> None:
    settled, stepped = precharged(), precharged()
    for model in (settled, stepped):
        model.step(1.0, connected(DISCHARGE))
    settled.step(60.0, connected(DISCHARGE))
    for _ in range(30_000):
        stepped.step(0.002, connected(DISCHARGE))
    for name in ("current_a", "voltage_v", "export_wh", "temperature_c"):
        assert getattr(settled, name) == pytest.approx(getattr(stepped, name), rel=1e-4)
    assert settled.battery.soc == pytest.approx(stepped.battery.soc, rel=1e-6)


@pytest.mark.parametrize("power_w", [7_000, -7_000])
def test_ac_service_moves_power_through_the_station_contactor(power_w: float) -> None:
    model = PlantModel(Battery(60_000, 0.6))
    before_wh = model.battery.energy_wh
    acting = PlantInputs(station_contactor_closed=True, charger_power_w=power_w, charger_reactive_var=500)
    model.step(60.0, acting)
    assert model.charger_power_w == power_w
    assert model.charger_reactive_var == 500
    assert imbalance_wh(model, before_wh) == pytest.approx(0, abs=1e-3)
    assert (model.battery.energy_wh - before_wh) * power_w > 0
    model.step(0.01, replace(acting, station_contactor_closed=False))
    assert (model.charger_power_w, model.charger_current_a) == (0, 0)


def test_reactive_power_is_clipped_and_off_with_the_inverter() -> None:
    model = precharged()
    model.step(0.1, connected(replace(DISCHARGE, reactive_var=-50_000)))
    assert model.reactive_var == -10_000
    model.step(0.1, connected(InverterSetpoint()))
    assert model.reactive_var == 0
