"""The inverter of the simulated plant as a SunSpec device: models 1 and 701 to 715, a vendor's block for the DC output.

- Model 704: WSet, VarSet and WMaxLimPct with their reversion timers, which start over whenever the function is enabled
  again; set-points beyond the ratings of model 702 are refused. WSet rules the power at the AC side while the block is
  in mode power.
- The block (`v2g/power/registers/sunspec_dc.yaml`): mode, voltages, current, limits; a watchdog.
- Model 703: without the permission to enter service the inverter stays off.
- Models 705 to 712: the curves are checked and adopted, and kept; the plant does not act on them.
- The device counts generation positive, as SunSpec does.
"""

import asyncio
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from itertools import pairwise
from math import ceil, hypot, sqrt
from typing import Any

from v2g.bench.sim.modbus_server import Unit
from v2g.bench.sim.plant import INVERTER_UNIT, STEP_S, Plant
from v2g.bench.sim.sunspec import SunSpecUnit
from v2g.power.inverter import InverterFault, InverterMode, InverterSetpoint, InverterState
from v2g.power.quantity import Value as BlockValue
from v2g.power.registers.map import shipped
from v2g.power.sunspec.image import Model, Values
from v2g.power.sunspec.model import Value

ADOPTING_S = 0.2
"""From the request to adopt a curve to its result."""

_STATES = {
    InverterState.OFF: "OFF",
    InverterState.ON: "RUNNING",
    InverterState.DERATED: "THROTTLED",
    InverterState.FAULT: "FAULT",
}
_ALARMS = {
    InverterFault.OVER_VOLTAGE: "DC_OVER_VOLT",
    InverterFault.OVER_TEMPERATURE: "OVER_TEMP",
    InverterFault.GRID_LOST: "GRID_DISCONNECT",
}
_REVERTING = ("WSet", "VarSet", "WMaxLimPct")
_RATED = {
    "WSet": ("WDisChaRteMaxRtg", "WChaRteMaxRtg"),
    "VarSet": ("VarMaxInjRtg", "VarMaxAbsRtg"),
}
"""Set-point of model 704 -> its largest value and the negative of its smallest, in model 702."""
_ADJUSTABLE = ("WMax", "VAMax", "VarMaxInj", "VarMaxAbs", "WChaRteMax", "WDisChaRteMax", "AMax", "VNom")


class SunSpecPlant:
    """Takes the place of the inverter of a `Plant` and obeys SunSpec instead."""

    def __init__(self, plant: Plant, clock: Callable[[], float]) -> None:
        self._plant = plant
        self._clock = clock
        self._started_s = clock()
        self._block: Mapping[str, BlockValue] = {}
        self._reverts_at_s: dict[str, float] = {}
        self._adopted_at_s: dict[int, float] = {}
        block = Unit(shipped("sunspec_dc"), self._measure_block, self._obey_block)
        self.unit = SunSpecUnit(_models(plant), self._measure, self._obey, block)
        plant.units[INVERTER_UNIT] = self.unit

    async def run(self) -> None:
        """Keeps the plant and the timers in step with the clock, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._plant.run())
            tasks.create_task(self._keep_time())

    async def _keep_time(self) -> None:
        while True:
            self.advance()
            await asyncio.sleep(STEP_S)

    def advance(self) -> None:
        """Lets timers run out, and the plant follow."""
        now = self._clock()
        for name in [name for name, at_s in self._reverts_at_s.items() if now >= at_s]:
            del self._reverts_at_s[name]
            self.unit.set(704, name, self.unit.get(704, f"{name}Rvrt"))
            self.unit.set(704, f"{name}Ena", self.unit.get(704, f"{name}EnaRvrt"))
        for number in [number for number, at_s in self._adopted_at_s.items() if now >= at_s]:
            del self._adopted_at_s[number]
            self._adopt(number)
        self._plant.command_inverter(self._setpoint(), heard=False)

    def _setpoint(self) -> InverterSetpoint:
        """What the models and the block together command."""
        get, number = self.unit.get, self.unit.number
        if not self._block or get(703, "ES") != "ENABLED":
            return InverterSetpoint()
        block = {name: value for name, value in self._block.items() if isinstance(value, float)}
        ac_w = 0.0
        if get(704, "WSetEna") == "ENABLED":
            in_watts = get(704, "WSetMod") == "WATTS"
            generated_w = number(704, "WSet") if in_watts else number(704, "WSetPct") / 100 * number(702, "WMax")
            if get(704, "WMaxLimPctEna") == "ENABLED":
                generated_w = min(generated_w, number(704, "WMaxLimPct") / 100 * number(702, "WMax"))
            ac_w = min(max(-generated_w, -number(702, "WDisChaRteMax")), number(702, "WChaRteMax"))
        generates_var = number(704, "VarSet") if get(704, "VarSetEna") == "ENABLED" else 0.0
        return InverterSetpoint(
            mode=InverterMode(str(self._block["control"])),
            voltage_v=block["voltage_set_v"],
            minimum_voltage_v=block["minimum_voltage_v"],
            current_a=block["current_set_a"],
            power_w=self._dc_w(ac_w) if get(704, "WSetEna") == "ENABLED" else 0.0,
            reactive_var=-generates_var,
            charge_limit_w=block["charge_limit_w"],
            discharge_limit_w=block["discharge_limit_w"],
        )

    def _dc_w(self, ac_w: float) -> float:
        """The power at the DC output that leaves `ac_w` at the grid side after the losses."""
        settings = self._plant.model.settings
        rest_w = ac_w - settings.constant_loss_w
        share = settings.proportional_loss
        return rest_w / (1 + share if rest_w > 0 else 1 - share)

    def _obey_block(self, values: Mapping[str, BlockValue]) -> Mapping[str, BlockValue]:
        rating = self._plant.model.settings.rating
        limits = {
            "voltage_set_v": (0.0, rating.voltage_max_v),
            "minimum_voltage_v": (0.0, rating.voltage_max_v),
            "current_set_a": (-rating.discharge_current_max_a, rating.charge_current_max_a),
            "charge_limit_w": (0.0, rating.charge_power_max_w),
            "discharge_limit_w": (0.0, rating.discharge_power_max_w),
        }
        held: dict[str, BlockValue] = {}
        for name, (low, high) in limits.items():
            value = values[name]
            assert isinstance(value, float)
            held[name] = min(max(value, low), high)
        self._block = {**held, "control": values["control"]}
        self._plant.command_inverter(self._setpoint())
        return held

    def _measure_block(self) -> Mapping[str, BlockValue]:
        model, rating = self._plant.model, self._plant.model.settings.rating
        return {
            "faults": frozenset(fault.value for fault in model.faults),
            "voltage_min_v": rating.voltage_min_v,
            "voltage_max_v": rating.voltage_max_v,
            "charge_current_max_a": rating.charge_current_max_a,
            "discharge_current_max_a": rating.discharge_current_max_a,
        }

    def _obey(self, number: int, values: Values) -> None:
        if None in values.values():
            raise ValueError("a value that means that there is none")
        if number == 702:
            for name in values:
                if name not in _ADJUSTABLE or self.unit.number(702, name) > self.unit.number(702, f"{name}Rtg"):
                    raise ValueError(f"{name} beyond its rating")
        if number == 704:
            self._obey_controls(values)
        request = "AdptCtlReq" if number == 711 else "AdptCrvReq"
        if request in values:
            self.unit.set(number, request.replace("Req", "Rslt"), "IN_PROGRESS")
            self._adopted_at_s[number] = self._clock() + ADOPTING_S
        for path in values:
            group, bracket, _ = path.partition("]")
            if bracket and self.unit.get(number, f"{group}].ReadOnly") == "R":
                raise ValueError(f"{path} is read only")
        self.advance()

    def _obey_controls(self, values: Values) -> None:
        for name, (most, least) in _RATED.items():
            for path in (name, f"{name}Rvrt"):
                value = self.unit.number(704, path)
                if not -self.unit.number(702, least) <= value <= self.unit.number(702, most):
                    raise ValueError(f"{path} beyond its rating")
        for name in _REVERTING:
            if f"{name}Ena" in values:
                self._reverts_at_s.pop(name, None)
                after_s = self.unit.number(704, f"{name}RvrtTms")
                if values[f"{name}Ena"] == "ENABLED" and after_s:
                    self._reverts_at_s[name] = self._clock() + after_s

    def _adopt(self, number: int) -> None:
        """Checks the requested curve and makes it the first, which is in force."""
        stem = "Ctl" if number == 711 else "Crv"
        wanted = int(self.unit.number(number, f"Adpt{stem}Req"))
        start = f"{stem}[{wanted}]."
        paths = [path for path in self.unit.paths(number) if path.startswith(start)]
        conforms = bool(paths) and all(self._conforms(number, path) for path in paths if path.endswith("ActPt"))
        self.unit.set(number, f"Adpt{stem}Rslt", "COMPLETED" if conforms else "FAILED")
        for path in paths if conforms else []:
            if not path.endswith("ReadOnly"):
                self.unit.set(number, f"{stem}[1].{path.removeprefix(start)}", self.unit.get(number, path))

    def _conforms(self, number: int, active: str) -> bool:
        """Whether a curve has no more points than there is room for, all of them known and in order."""
        count = self.unit.get(number, active)
        if not isinstance(count, float):  # a curve that is not used
            return True
        if count > self.unit.number(number, "NPt"):
            return False
        stem = active.removesuffix("ActPt")
        name = {709: "Hz", 710: "Hz", 712: "W"}.get(number, "V")
        along = [self.unit.get(number, f"{stem}Pt[{index}].{name}") for index in range(1, int(count) + 1)]
        known = [value for value in along if isinstance(value, float)]
        in_order = all(a <= b for a, b in pairwise(known)) or all(a >= b for a, b in pairwise(known))
        return len(known) == len(along) and in_order

    def _measure(self) -> None:
        self.advance()
        for number, values in self._measured().items():
            for path, value in values.items():
                self.unit.set(number, path, value)

    def _measured(self) -> dict[int, dict[str, Value]]:
        model, inputs, now = self._plant.model, self._plant.inputs, self._clock()
        generated_w, generated_var = -model.ac_power_w, -model.reactive_var
        apparent_va = hypot(generated_w, generated_var)
        l1_v, l2_v, l3_v = inputs.grid_voltages_v
        mean_v = (l1_v + l2_v + l3_v) / 3
        limits = model.settings
        room = (limits.trip_at_c - model.temperature_c) / (limits.trip_at_c - limits.derating_from_c)
        throttled_pct = 100 * (1 - min(max(room, 0.0), 1.0))
        return {
            701: {
                "St": "ON" if model.on else "OFF",
                "InvSt": _STATES[model.state],
                "ConnSt": "DISCONNECTED" if InverterFault.GRID_LOST in model.faults else "CONNECTED",
                "Alrm": frozenset(_ALARMS.get(fault, "MANUFACTURER_ALRM") for fault in model.faults),
                "W": generated_w,
                "VA": apparent_va,
                "Var": generated_var,
                "PF": generated_w / apparent_va if apparent_va else 1.0,
                "A": apparent_va / mean_v if mean_v else 0.0,
                "LLV": sqrt(3) * mean_v,
                "LNV": mean_v,
                "Hz": inputs.grid_frequency_hz,
                "TotWhInj": model.export_wh,
                "TotWhAbs": model.import_wh,
                "TmpSw": model.temperature_c,
                "VL1": l1_v,
                "VL2": l2_v,
                "VL3": l3_v,
                "ThrotPct": throttled_pct,
                "ThrotSrc": frozenset({"DERATED"} if throttled_pct else ()),
            },
            704: {f"{name}RvrtRem": float(ceil(self._reverts_at_s.get(name, now) - now)) for name in _REVERTING},
            713: {"WHAvail": model.battery.energy_wh, "SoC": 100 * model.battery.soc},
            714: {
                "DCA": -model.current_a,
                "DCW": -model.power_w,
                "Prt[1].DCA": -model.current_a,
                "Prt[1].DCV": model.voltage_v,
                "Prt[1].DCW": -model.power_w,
                "Prt[1].DCSta": "ERROR" if model.faults else "ON" if model.on else "OFF",
                "Prt[1].DCAlrm": frozenset(
                    {"INPUT_OVER_CURRENT"} if InverterFault.OVER_CURRENT in model.faults else ()
                ),
            },
            715: {"DERHb": float(int(now - self._started_s))},
        }


def _models(plant: Plant) -> list[Model]:
    """The models of the device with its factory settings, and the ratings of the plant."""
    rating, capacity_wh = plant.model.settings.rating, plant.model.battery.capacity_wh
    rated: dict[str, Value] = {
        "WMax": rating.discharge_power_max_w,
        "VAMax": hypot(rating.discharge_power_max_w, rating.reactive_max_var),
        "VarMaxInj": rating.reactive_max_var,
        "VarMaxAbs": rating.reactive_max_var,
        "WChaRteMax": rating.charge_power_max_w,
        "WDisChaRteMax": rating.discharge_power_max_w,
    }
    of_plant: dict[int, dict[str, Value]] = {
        702: {**rated, **{f"{name}Rtg": value for name, value in rated.items()}},
        713: {"WHRtg": capacity_wh},
    }
    document = tomllib.loads((files("v2g.bench.sim") / "registers" / "sunspec_inverter.toml").read_text())
    return [Model(int(key), {**dict(_flat(table)), **of_plant.get(int(key), {})}) for key, table in document.items()]


def _flat(table: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Value]]:
    """The values of a table by the paths of their points."""
    for name, value in table.items():
        match value:
            case dict():
                yield from _flat(value, f"{start}{name}.")
            case [dict(), *_]:
                for index, inner in enumerate(value, 1):
                    yield from _flat(inner, f"{start}{name}[{index}].")
            case list():
                yield start + name, frozenset(value)
            case str():
                yield start + name, value
            case _:
                yield start + name, float(value)
