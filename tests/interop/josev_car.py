"""Josev's car with a battery one can believe. Runs in Josev's own environment.

    josev_car.py CONFIGURATION MODE VOLTS LOOKS

As shipped the battery stands at 20 kV, twenty times the limit that the same car announces; the car takes the first
parameter set it is offered, looks at the pre-charge voltage of the station five times, and goes on to the charge loop
regardless. Here it reports and asks for VOLTS, selects the control mode MODE, and looks LOOKS times; all else is as
shipped.
"""

import asyncio
import importlib
import sys
from typing import Any

TARGET_CURRENT_A = 20
PRE_CHARGE_TOLERANCE_V = 20
LOOKS_AS_SHIPPED = 5
PARAMETER_VALUE = {"scheduled": 1, "dynamic": 2}


async def main(path: str, mode: str, battery_v: int, looks: int) -> None:
    evcc = importlib.import_module("iso15118.evcc")
    simulator = importlib.import_module("iso15118.evcc.controller.simulator")
    configuration = importlib.import_module("iso15118.evcc.evcc_config")
    codec = importlib.import_module("iso15118.shared.exificient_exi_codec")
    settings = evcc.Config()
    settings.load_envs()
    car = await configuration.load_from_file(path)
    controller = simulator.SimEVController(car)
    voltage = simulator.RationalNumber(exponent=0, value=battery_v)
    current = simulator.RationalNumber(exponent=0, value=TARGET_CURRENT_A)

    async def battery_voltage() -> Any:
        return voltage

    is_precharged_as_shipped = controller.is_precharged

    async def is_precharged(station_voltage: Any) -> bool:
        near = abs(station_voltage.get_decimal_value() - battery_v) <= PRE_CHARGE_TOLERANCE_V
        return bool(near or await is_precharged_as_shipped(station_voltage))

    async def scheduled_targets() -> Any:
        return simulator.ScheduledDCChargeLoopReqParams(ev_target_current=current, ev_target_voltage=voltage)

    async def select_service(services: Any) -> Any:
        for parameter_set in services[0].parameter_sets:
            for parameter in parameter_set.parameters:
                if parameter.name == "ControlMode" and parameter.int_value == PARAMETER_VALUE[mode]:
                    return simulator.SelectedEnergyService(
                        service=services[0].service, is_free=services[0].is_free, parameter_set=parameter_set
                    )
        raise LookupError(f"the station offers no {mode} parameter set")

    params = controller.dc_ev_charge_params  # of ISO 15118-2 and DIN
    params.dc_target_voltage.multiplier, params.dc_target_voltage.value = 0, battery_v
    params.dc_target_current.value = TARGET_CURRENT_A
    controller.precharge_loop_cycles = LOOKS_AS_SHIPPED - looks
    controller.get_present_voltage = battery_voltage
    controller.get_target_voltage = battery_voltage
    controller.is_precharged = is_precharged
    controller.get_scheduled_dc_charge_loop_params = scheduled_targets
    controller.select_energy_service_v20 = select_service
    await evcc.EVCCHandler(
        evcc_config=car, iface=settings.iface, exi_codec=codec.ExificientEXICodec(), ev_controller=controller
    ).start()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], round(float(sys.argv[3])), int(sys.argv[4])))
