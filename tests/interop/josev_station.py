"""Josev's station with a DC output that a battery fits. Runs in Josev's own environment.

As shipped it states 40 V as the lowest and as the highest voltage in ISO 15118-2 and DIN; here it is 150 to 500 V. All
else is as shipped.
"""

import asyncio
import importlib
from typing import Any

LOWEST_V, HIGHEST_V = 150, 500


async def main() -> None:
    secc = importlib.import_module("iso15118.secc")
    interface = importlib.import_module("iso15118.secc.controller.interface")
    simulator = importlib.import_module("iso15118.secc.controller.simulator")
    settings = importlib.import_module("iso15118.secc.secc_settings").Config()
    codec = importlib.import_module("iso15118.shared.exificient_exi_codec")
    settings.load_envs()
    controller = simulator.SimEVSEController()
    as_shipped = controller.get_dc_charge_parameters

    async def parameters() -> Any:
        said = await as_shipped()
        for limit, volts in (
            (said.evse_minimum_voltage_limit, LOWEST_V),
            (said.evse_maximum_voltage_limit, HIGHEST_V),
        ):
            limit.multiplier, limit.value = 0, volts
        return said

    controller.get_dc_charge_parameters = parameters
    await controller.set_status(interface.ServiceStatus.STARTING)
    handler = secc.SECCHandler(exi_codec=codec.ExificientEXICodec(), evse_controller=controller, config=settings)
    await handler.start(settings.iface)


if __name__ == "__main__":
    asyncio.run(main())
