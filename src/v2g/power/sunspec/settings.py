"""The grid-code settings that a SunSpec inverter keeps and acts on by itself: models 703 and 705 to 712.

Settings are values by their points' paths. Of a function with curves the device acts on the first one, which cannot be
written: new settings go into another one, which the device then checks and adopts (AdptCrvReq, AdptCrvRslt).
"""

import asyncio
from collections.abc import Mapping, Sequence

from v2g.power.errors import Refused
from v2g.power.sunspec.device import SunSpecDevice
from v2g.power.sunspec.model import Value

FUNCTIONS = {
    703: "enter service",
    705: "volt-var",
    706: "volt-watt",
    707: "trip at low voltage",
    708: "trip at high voltage",
    709: "trip at low frequency",
    710: "trip at high frequency",
    711: "frequency droop",
    712: "watt-var",
}
_POLL_S = 0.05


async def read_settings(device: SunSpecDevice) -> dict[int, dict[str, Value]]:
    """All settings of the functions that the device has, by model number. Raises `PowerError`."""
    models = await device.models()
    return {number: await device.read(number) for number in FUNCTIONS if number in models}


def curve(x: str, y: str, points: Sequence[tuple[float, float]], within: str = "") -> dict[str, Value]:
    """The points of a curve: `curve("V", "Var", [(92, 44), (98, 0), (102, 0), (108, -44)])`.

    x and y name the model's points. `within`: the trip curve, `MustTrip`, `MayTrip` or `MomCess`.
    """
    start = f"{within}." if within else ""
    values: dict[str, Value] = {f"{start}ActPt": float(len(points))}
    for index, point in enumerate(points, 1):
        values |= {f"{start}Pt[{index}].{name}": value for name, value in zip((x, y), point, strict=True)}
    return values


async def adopt(
    device: SunSpecDevice, number: int, values: Mapping[str, Value], *, enable: bool = True, within_s: float = 5.0
) -> bool:
    """Lets the device act on `values`: points of one curve of model `number`, by their paths within it.

    Does nothing when the device acts on them already. Returns whether it has changed anything. The rest of the curve is
    that of the present one. Raises `PowerError`: `Refused` for a curve that the device does not adopt (within
    `within_s`), `ReadBackMismatch` when it holds something else.
    """
    stem = "Ctl" if number == 711 else "Crv"
    held = await device.read(number)
    start = f"{stem}[1]."
    present = {path.removeprefix(start): value for path, value in held.items() if path.startswith(start)}
    if unknown := sorted(values.keys() - present.keys()):
        raise _refused(device, number, f"its {FUNCTIONS[number]} settings have no {', '.join(unknown)}")
    adopted = {start + path: value for path, value in values.items()}
    changed = not all(device.same(number, path, held[path], value) for path, value in adopted.items())
    if changed:
        spare = _spare(device, number, stem, held)
        whole = {path: value for path, value in {**present, **values}.items() if value is not None}
        settable = {path: value for path, value in whole.items() if device.writable(number, start + path)}
        await device.hold(number, {f"{stem}[{spare}].{path}": value for path, value in settable.items()})
        await device.write(number, {f"Adpt{stem}Req": float(spare)})
        await _completed(device, number, f"Adpt{stem}Rslt", within_s)
        device.expect(number, adopted, await device.read(number, *adopted))
    return await device.hold(number, {"Ena": "ENABLED" if enable else "DISABLED"}) or changed


async def _completed(device: SunSpecDevice, number: int, result: str, within_s: float) -> None:
    for _ in range(round(within_s / _POLL_S)):
        outcome = (await device.read(number, result))[result]
        if outcome == "COMPLETED":
            return
        if outcome == "FAILED":
            break
        await asyncio.sleep(_POLL_S)
    raise _refused(device, number, f"{FUNCTIONS[number]} settings are not adopted: {result} is {outcome}")


def _spare(device: SunSpecDevice, number: int, stem: str, held: Mapping[str, Value]) -> int:
    """A curve that can be written; the first is the one in force."""
    index = 2
    while (access := held.get(f"{stem}[{index}].ReadOnly")) is not None:
        if access == "RW":
            return index
        index += 1
    raise _refused(device, number, f"{FUNCTIONS[number]} has no settings that can be written")


def _refused(device: SunSpecDevice, number: int, reason: str) -> Refused:
    remedy = f"compare with the limits of the device's model {number}"
    return Refused(device.registers.device, device.registers.address, reason, remedy)
