"""Drivers: what implements the ports of `v2g.power` over registers, signals or samples.

`DRIVERS` has them by kind of device and name: `inverter.sunspec`. A package outside brings one as an entry point of the
group `v2g.drivers`. A driver is a factory: it takes a `v2g.power.wiring.Wiring` and returns the device as its port.
"""

from collections.abc import Callable

from v2g.kernel.registry import Registry, imported
from v2g.power.address import CAN, EVDEV, HWMON, MODBUS, MODBUS_RTU, SERIAL, TCP, UDP
from v2g.power.card_reader import CardReader
from v2g.power.contactor import Contactor
from v2g.power.grid_sensor import GridSensor
from v2g.power.inverter import Inverter
from v2g.power.isolation import IsolationMonitor
from v2g.power.lock import ConnectorLock
from v2g.power.meter import Meter
from v2g.power.pilot import Pilot
from v2g.power.registers.map import RegisterMap
from v2g.power.registers.port import Registers
from v2g.power.safety_inputs import CoolantPump, SafetyInputs
from v2g.power.temperatures import TemperatureSensors
from v2g.power.wiring import Wiring, WiringError

Factory = Callable[[Wiring], object]

PORTS: dict[str, type] = {
    "inverter": Inverter,
    "contactor": Contactor,
    "meter": Meter,
    "isolation": IsolationMonitor,
    "grid": GridSensor,
    "pilot": Pilot,
    "safety": SafetyInputs,
    "pump": CoolantPump,
    "lock": ConnectorLock,
    "reader": CardReader,
    "temperatures": TemperatureSensors,
}
"""Kind of device -> the port that a driver of it implements."""

DEFAULTS = {
    MODBUS: "register-map", MODBUS_RTU: "register-map", CAN: "signal-map", UDP: "waveform",
    TCP: "lines", SERIAL: "lines", EVDEV: "keyboard", HWMON: "hwmon",
}  # fmt: skip
"""Scheme of an address -> the driver for it, if none is named."""


def _by_map(reference: str) -> Callable[[], Factory]:
    """A driver whose class takes registers and a map."""

    def load() -> Factory:
        driver: Callable[[Registers, RegisterMap | None], object] = imported(reference)()
        return lambda wiring: driver(wiring.registers(), wiring.register_map())

    return load


def _by_signals(reference: str) -> Callable[[], Factory]:
    """A mapped driver over CAN signals."""

    def load() -> Factory:
        from v2g.power.signals.device import SignalDevice
        from v2g.power.signals.map import shipped

        driver = imported(reference)()

        def factory(wiring: Wiring) -> object:
            frames, signal_map = wiring.frames(), wiring.signal_map()
            return driver(SignalDevice(frames, signal_map or shipped(driver.MAP)))

        return factory

    return load


_MAPPED = "v2g.power.drivers.register_map:Register"

DRIVERS: Registry[Factory] = Registry(
    "v2g.drivers",
    "driver",
    {
        "inverter.register-map": _by_map(f"{_MAPPED}Inverter"),
        "contactor.register-map": _by_map(f"{_MAPPED}Contactor"),
        "meter.register-map": _by_map(f"{_MAPPED}Meter"),
        "isolation.register-map": _by_map(f"{_MAPPED}IsolationMonitor"),
        "grid.register-map": _by_map(f"{_MAPPED}GridSensor"),
        "lock.register-map": _by_map("v2g.power.drivers.register_lock:RegisterLock"),
        "pilot.register-map": _by_map("v2g.power.drivers.register_pilot:RegisterPilot"),
        "safety.register-map": _by_map("v2g.power.drivers.register_safety:RegisterSafetyInputs"),
        "pump.register-map": _by_map("v2g.power.drivers.register_safety:RegisterCoolantPump"),
        "inverter.signal-map": _by_signals("v2g.power.drivers.mapped:MappedInverter"),
        "contactor.signal-map": _by_signals("v2g.power.drivers.mapped:MappedContactor"),
        "meter.signal-map": _by_signals("v2g.power.drivers.mapped:MappedMeter"),
        "isolation.signal-map": _by_signals("v2g.power.drivers.mapped:MappedIsolationMonitor"),
        "grid.signal-map": _by_signals("v2g.power.drivers.mapped:MappedGridSensor"),
        "inverter.sunspec": _by_map("v2g.power.drivers.sunspec_inverter:SunSpecInverter"),
        "grid.sunspec": imported("v2g.power.drivers.sunspec_grid_sensor:driver"),
        "grid.waveform": imported("v2g.io.waveform:driver"),
        "reader.lines": imported("v2g.io.card_reader:driver"),
        "reader.keyboard": imported("v2g.io.card_reader:driver"),
        "temperatures.hwmon": imported("v2g.io.hwmon:driver"),
    },
)


def make(kind: str, name: str | None, wiring: Wiring) -> object:
    """The device of that kind (a key of `PORTS`) by the driver `name`; None is the one that goes with its address.

    Raises `WiringError`, and what the driver says about its map (`MapError`).
    """
    if name is None and (name := DEFAULTS.get(wiring.address.scheme)) is None:
        raise WiringError(f"no driver goes with {wiring.address}; name one under `driver`: {_choice(kind)}")
    full_name = f"{kind}.{name}"
    if full_name not in DRIVERS:
        raise WiringError(f"there is no driver {name} for the {wiring.device}; use {_choice(kind)}")
    factory = DRIVERS.load(full_name)
    if DRIVERS.is_built_in(full_name):
        return factory(wiring)
    try:
        device = factory(wiring)
    except WiringError:
        raise
    except Exception as error:  # a driver from outside fails alone
        reason = f"{type(error).__name__}: {error}"
        raise WiringError(f"driver {name} from outside fails: {reason}; update or uninstall its package") from error
    lacking = [each for each in _methods(PORTS[kind]) if not callable(getattr(device, each, None))]
    if lacking:
        raise WiringError(f"driver {name} from outside has no {' and no '.join(lacking)}; see {PORTS[kind].__module__}")
    return device


def _choice(kind: str) -> str:
    return " or ".join(name.partition(".")[2] for name in DRIVERS.names() if name.partition(".")[0] == kind)


def _methods(port: type) -> list[str]:
    return [name for name, value in vars(port).items() if callable(value) and not name.startswith("_")]
