"""A bidirectional DC charger as a SunSpec device: the AC side by the models, the DC output by a vendor's block.

- Active power: WSet of model 704. It rules the AC side, generation positive; the driver adds the losses that it
  measures (model 701 against 714), so that the power at the DC output is the station's.
- Reactive power: VarSet of model 704, injection positive. At 0 it is disabled, and the inverter's own functions
  (models 705 and 712) may act.
- Measurement: model 701 (AC, state, alarms, temperature) and the first port of model 714 (DC). Ratings: model 702.
- Not in SunSpec are a regulated DC voltage (cable check, pre-charge), a DC current, the rated DC voltages and currents.
  They are in a block of registers that the vendor puts behind the models, described by a register map
  (`registers/sunspec_dc.yaml` is the shipped one). A charger without such a block cannot be used.
- Silence: the reversion timers of model 704 bring WSet and VarSet to 0 after `REVERT_S`; writing WSetEna and VarSetEna
  with every heartbeat starts them again. They count whole seconds, so the port's time is kept by the block's watchdog;
  if there is a model 715, its controller heartbeat counts as well.
- What the station sets once (modes, reversion) is compared and written only if it differs; an unchanged set-point is
  not written again, only its timers are started again.
- Without the permission to enter service (model 703) the driver refuses to switch on; it never gives that permission.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count

from v2g.power.drivers.mapped import is_due, is_held, number, numbers
from v2g.power.errors import Refused
from v2g.power.inverter import (
    OFF,
    InverterFault,
    InverterMode,
    InverterRating,
    InverterReading,
    InverterSetpoint,
    InverterState,
)
from v2g.power.quantity import Kind, Needed
from v2g.power.quantity import Value as BlockValue
from v2g.power.registers.device import RegisterDevice
from v2g.power.registers.map import RegisterMap, shipped
from v2g.power.registers.port import Registers
from v2g.power.sunspec.device import SunSpecDevice
from v2g.power.sunspec.model import Value

REVERT_S = 1
"""The shortest time that model 704 knows."""

_LIMITS = {
    "voltage_set_v": "voltage_v",
    "minimum_voltage_v": "minimum_voltage_v",
    "current_set_a": "current_a",
    "charge_limit_w": "charge_limit_w",
    "discharge_limit_w": "discharge_limit_w",
}
"""Quantity in the block -> field of the set-point."""
_RATINGS = ("voltage_min_v", "voltage_max_v", "charge_current_max_a", "discharge_current_max_a")
_POWER_SETTINGS: Mapping[str, Value] = {
    "WSetMod": "WATTS",
    "WSetRvrt": 0.0,
    "WSetEnaRvrt": "ENABLED",
    "WSetRvrtTms": float(REVERT_S),
}
"""Of model 704. Disabled, WSet would leave the power to the device; it stays enabled at 0 W."""
_REACTIVE_SETTINGS: Mapping[str, Value] = {
    "VarSetMod": "VARS",
    "VarSetRvrt": 0.0,
    "VarSetEnaRvrt": "DISABLED",
    "VarSetRvrtTms": float(REVERT_S),
}
_STATES = {
    "RUNNING": InverterState.ON,
    "STARTING": InverterState.ON,
    "THROTTLED": InverterState.DERATED,
    "FAULT": InverterState.FAULT,
}
"""InvSt of model 701; the others are OFF."""
_ALARMS = {
    "DC_OVER_VOLT": InverterFault.OVER_VOLTAGE,
    "OVER_TEMP": InverterFault.OVER_TEMPERATURE,
    "AC_DISCONNECT": InverterFault.GRID_LOST,
    "GRID_DISCONNECT": InverterFault.GRID_LOST,
    "OVER_FREQUENCY": InverterFault.GRID_LOST,
    "UNDER_FREQUENCY": InverterFault.GRID_LOST,
    "AC_OVER_VOLT": InverterFault.GRID_LOST,
    "AC_UNDER_VOLT": InverterFault.GRID_LOST,
}
"""Alrm of model 701; the block names the fault of the others, or it is INTERNAL."""
_TEMPERATURES = ("TmpSw", "TmpSnk", "TmpCab")
_LARGEST_LOSS = 0.1
"""Of the rated power: a larger difference between AC and DC comes from readings of different instants."""
_LOSS_LEARNT = 0.3
"""Share of a new difference that is taken over, for the same reason."""
_SIGN_FROM = 0.1
"""Of the rated power: from here on AC and DC must point in the same direction."""
_LOSS_MOVED = 0.002
"""Share of the rated power by which the losses must change before WSet is written again for them."""


class SunSpecInverter:
    """`v2g.power.inverter.Inverter` of a SunSpec device with a vendor's block for its DC output."""

    def __init__(
        self, registers: Registers, block: RegisterMap | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`block`: the map of the vendor's registers. Raises `MapError` unless it has what is needed."""
        needed: Needed = {"control": InverterMode, "faults": Kind.FLAGS, **numbers(*_LIMITS, *_RATINGS)}
        self.device = SunSpecDevice(registers)
        self._block = RegisterDevice(registers, block or shipped("sunspec_dc"))
        self._block.require(needed, ("heartbeat",))
        self._clock = clock
        self._heartbeat = count(1)
        self._rating: InverterRating | None = None
        self._asked = OFF
        self._held: InverterSetpoint | None = None
        self._written_s = self._beaten_s = float("-inf")
        self._generated_w = 0.0
        """WSet as written last, and the power at the DC output that it is for."""
        self._power_w = 0.0
        self._reactive = False
        """VarSet is enabled."""
        self._loss_w = 0.0

    @property
    def heartbeat_s(self) -> float:
        """The device wants to hear a command again within this time."""
        return self._block.heartbeat_s

    @property
    def oddity(self) -> str:
        """What is wrong with the device and does not matter, for the log."""
        return self.device.oddity

    async def command(self, setpoint: InverterSetpoint) -> InverterSetpoint:
        """Makes `setpoint` the inverter's; see the port."""
        if setpoint.mode is InverterMode.OFF:
            setpoint = OFF
        age_s, held = self._clock() - self._written_s, self._held
        if held is not None:
            if setpoint == self._asked and not is_due(age_s, self.heartbeat_s):
                return held
            if setpoint != OFF and age_s < self._block.write_interval_s:
                return held
        self._held = None  # unknown until it has been read back
        wanted = OFF if setpoint == OFF else await self._permitted(setpoint, held)
        changed = held is None or setpoint != self._asked
        if wanted.mode is InverterMode.POWER:  # the power before the mode that makes it flow
            await self._write_controls(wanted, held, changed=changed)
            await self._write_block(wanted, changed=changed)
        else:
            await self._write_block(wanted, changed=changed)
            await self._write_controls(wanted, held, changed=changed)
        self._written_s = self._clock()
        self._held = await self._read_back(wanted)
        self._asked = setpoint
        return self._held

    async def read(self) -> InverterReading:
        """Measures; see the port."""
        device, port = self.device, "Prt[1]."
        ac = await device.read(701, "St", "InvSt", "Alrm", "W", "Var", *_TEMPERATURES)
        dc = await device.read(714, port + "DCV", port + "DCA", port + "DCW")
        flags = (await self._block.read("faults"))["faults"]
        voltage_v, current_a = self._number(714, dc, port + "DCV"), self._drawn(714, dc, port + "DCA")
        power_w = voltage_v * current_a if dc[port + "DCW"] is None else self._drawn(714, dc, port + "DCW")
        ac_power_w = self._drawn(701, ac, "W")
        self._compare(ac_power_w, power_w)
        temperature = next((name for name in _TEMPERATURES if ac[name] is not None), _TEMPERATURES[0])
        return InverterReading(
            time_s=self._clock(),
            state=_state(ac),
            faults=_faults(ac["Alrm"], flags),
            voltage_v=voltage_v,
            current_a=current_a,
            power_w=power_w,
            ac_power_w=ac_power_w,
            ac_reactive_var=self._drawn(701, ac, "Var"),
            temperature_c=self._number(701, ac, temperature),
        )

    async def rating(self) -> InverterRating:
        """What the device can do; see the port. Where it is set to less than its rating, that counts."""
        names = ("WMax", "WDisChaRteMax", "WChaRteMax", "VarMaxInj", "VarMaxAbs")
        values = await self.device.read(702, *names, *(f"{name}Rtg" for name in names))

        def least(name: str, otherwise: float = 0.0) -> float:
            known = [value for value in (values[name], values[f"{name}Rtg"]) if isinstance(value, float)]
            return min(known, default=otherwise)

        block = await self._block.read(*_RATINGS)
        self._rating = InverterRating(
            charge_power_max_w=least("WChaRteMax"),
            discharge_power_max_w=least("WDisChaRteMax", least("WMax")),
            reactive_max_var=min(least("VarMaxInj"), least("VarMaxAbs")),
            **{name: number(block[name]) for name in _RATINGS},
        )
        return self._rating

    async def _permitted(self, setpoint: InverterSetpoint, held: InverterSetpoint | None) -> InverterSetpoint:
        """The set-point within the rating, if the device may be switched on. Raises `Refused` if it may not."""
        if held is None or self._asked == OFF:
            await self._check_permission()
        rating = self._rating or await self.rating()
        charge_w = min(setpoint.charge_limit_w, rating.charge_power_max_w)
        discharge_w = min(setpoint.discharge_limit_w, rating.discharge_power_max_w)
        reactive_max_var = rating.reactive_max_var
        return replace(
            setpoint,
            voltage_v=min(setpoint.voltage_v, rating.voltage_max_v),
            minimum_voltage_v=min(setpoint.minimum_voltage_v, rating.voltage_max_v),
            current_a=min(max(setpoint.current_a, -rating.discharge_current_max_a), rating.charge_current_max_a),
            power_w=min(max(setpoint.power_w, -discharge_w), charge_w),
            reactive_var=min(max(setpoint.reactive_var, -reactive_max_var), reactive_max_var),
            charge_limit_w=charge_w,
            discharge_limit_w=discharge_w,
        )

    async def _check_permission(self) -> None:
        if 703 not in await self.device.models():
            return
        if (await self.device.read(703, "ES"))["ES"] == "DISABLED":
            raise Refused(
                self.device.registers.device,
                self.device.registers.address,
                "703.ES is DISABLED: the inverter is not permitted to enter service",
                "whoever is responsible for the grid connection must permit it",
            )

    async def _write_block(self, wanted: InverterSetpoint, *, changed: bool) -> None:
        """The vendor's registers: whole after a change, otherwise as little as shows that the station lives."""
        values: dict[str, BlockValue] = {}
        if self._block.has("heartbeat"):
            values["heartbeat"] = float(next(self._heartbeat) % 0x10000)
        if changed:
            values |= {name: float(getattr(wanted, field)) for name, field in _LIMITS.items()}
        if changed or not values:
            values["control"] = wanted.mode.value
        await self._block.write(values)

    async def _write_controls(self, wanted: InverterSetpoint, held: InverterSetpoint | None, *, changed: bool) -> None:
        """Model 704: set-points after a change, and their reversion timers started again."""
        device = self.device
        if held is None:
            await device.hold(704, _POWER_SETTINGS)
            self._reactive = (await device.read(704, "VarSetEna"))["VarSetEna"] == "ENABLED"
        generated_w = self._to_generate_w(wanted)
        rated_w = 0.0 if self._rating is None else self._rating.discharge_power_max_w
        if changed or abs(generated_w - self._generated_w) > _LOSS_MOVED * rated_w:
            self._generated_w = generated_w
            self._power_w = wanted.power_w if generated_w == self._unlimited_w(wanted) else -generated_w - self._loss_w
            await device.write(704, {"WSetEna": "ENABLED", "WSetMod": "WATTS", "WSet": generated_w})
        else:
            await device.write(704, {"WSetEna": "ENABLED"})
        if wanted.reactive_var:
            if not self._reactive or held is None:
                await device.hold(704, _REACTIVE_SETTINGS)
            if changed:
                await device.write(704, {"VarSet": -wanted.reactive_var})
            await device.write(704, {"VarSetEna": "ENABLED"})
        elif self._reactive:
            await device.write(704, {"VarSetEna": "DISABLED"})
        self._reactive = wanted.reactive_var != 0
        now = self._clock()
        if now - self._beaten_s >= 1 and 715 in await device.models():
            await device.write(715, {"ControllerHb": float(int(now) % 0x7FFFFFFF)})
            self._beaten_s = now

    def _unlimited_w(self, wanted: InverterSetpoint) -> float:
        """WSet for the power at the DC output; the losses come on top."""
        return -(wanted.power_w + self._loss_w) if wanted.mode is InverterMode.POWER else 0.0

    def _to_generate_w(self, wanted: InverterSetpoint) -> float:
        """The same within the rating of the AC side."""
        if self._rating is None:
            return 0.0
        charge_w, discharge_w = self._rating.charge_power_max_w, self._rating.discharge_power_max_w
        return min(max(self._unlimited_w(wanted), -charge_w), discharge_w)

    async def _read_back(self, wanted: InverterSetpoint) -> InverterSetpoint:
        """The set-point that the device holds: what is wanted, or less if the device clipped it."""
        device = self.device
        reactive = ("VarSet", *_REACTIVE_SETTINGS) if self._reactive else ()
        held = await device.read(704, "WSetEna", "WSet", *_POWER_SETTINGS, "VarSetEna", *reactive)
        settled: dict[str, Value] = {"WSetEna": "ENABLED", **_POWER_SETTINGS}
        if self._reactive:
            settled |= {"VarSetEna": "ENABLED", **_REACTIVE_SETTINGS}
        device.expect(704, settled, held)
        block = await self._block.read("control", *_LIMITS)
        numbers = {field: number(block[quantity]) for quantity, field in _LIMITS.items()}
        findings = [
            f"{quantity} is {numbers[field]:g} instead of {getattr(wanted, field):g}"
            for quantity, field in _LIMITS.items()
            if not is_held(field, numbers[field], getattr(wanted, field), self._block.resolution(quantity))
        ]
        if block["control"] != wanted.mode:
            findings.append(f"control is {block['control']} instead of {wanted.mode}")
        generated_w, resolution_w = self._number(704, held, "WSet"), device.resolution(704, "WSet")
        if not is_held("power_w", generated_w, self._generated_w, resolution_w):
            findings.append(f"704.WSet is {generated_w:g} instead of {self._generated_w:g}")
        reactive_var = self._drawn(704, held, "VarSet") if self._reactive else 0.0
        if not is_held("reactive_var", reactive_var, wanted.reactive_var, device.resolution(704, "VarSet")):
            findings.append(f"704.VarSet is {-reactive_var:g} instead of {-wanted.reactive_var:g}")
        if not self._reactive and held["VarSetEna"] == "ENABLED":
            findings.append("704.VarSetEna is ENABLED instead of DISABLED")
        if findings:
            raise device.mismatch(findings)
        if abs(generated_w - self._generated_w) > resolution_w:  # clipped, or reverted; it is written again
            self._generated_w, self._power_w = generated_w, -generated_w - self._loss_w
        numbers["power_w"] = self._power_w
        return InverterSetpoint(wanted.mode, reactive_var=reactive_var, **numbers)

    def _compare(self, ac_power_w: float, power_w: float) -> None:
        """Learns the losses. Raises `Implausible` when AC and DC contradict each other, as with a wrong sign."""
        if self._rating is None:
            return
        rated_w = self._rating.discharge_power_max_w
        if ac_power_w * power_w < 0 and min(abs(ac_power_w), abs(power_w)) > _SIGN_FROM * rated_w:
            raise self.device.implausible(
                f"it takes {ac_power_w:g} W from the grid (701.W) while the output takes {power_w:g} W (714.DCW)",
                "both models must count generation positive",
            )
        loss_w = min(max(ac_power_w - power_w, 0.0), _LARGEST_LOSS * rated_w)
        self._loss_w += _LOSS_LEARNT * (loss_w - self._loss_w)

    def _number(self, number: int, values: Mapping[str, Value], path: str) -> float:
        value = values[path]
        if not isinstance(value, float):
            raise self.device.implausible(f"{number}.{path} is not implemented")
        return value

    def _drawn(self, number: int, values: Mapping[str, Value], path: str) -> float:
        """What the device counts positive when it generates, in the station's sign."""
        return 0.0 - self._number(number, values, path)


def _state(ac: Mapping[str, Value]) -> InverterState:
    if ac["InvSt"] is None:
        return InverterState.ON if ac["St"] == "ON" else InverterState.OFF
    return _STATES.get(str(ac["InvSt"]), InverterState.OFF)


def _faults(alarms: Value, flags: BlockValue) -> frozenset[InverterFault]:
    known = list(InverterFault)
    found = {InverterFault(flag) if flag in known else InverterFault.INTERNAL for flag in _names(flags)}
    names = _names(alarms)
    found |= {_ALARMS[name] for name in names if name in _ALARMS}
    return frozenset(found or ({InverterFault.INTERNAL} if names else ()))


def _names(flags: Value) -> frozenset[str]:
    return flags if isinstance(flags, frozenset) else frozenset()
