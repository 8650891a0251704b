"""Records as rows for people: when, who, which message, its key values, and what is wrong with it."""

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from v2g.capture.record import Record
from v2g.kernel.printable import escaped

MESSAGE_WIDTH = 30
_LEAST = 10
"""A value is not cut to less than this."""
_FIRST = (
    "ProtocolNamespace",
    "SECCIPAddress",
    "SECCPort",
    "Security",
    "ChargeProgress",
    "EVSEProcessing",
    "EVProcessing",
    "ChargingSession",
    "ReadyToChargeState",
    "EVSENotification",
    "EVSEStatusCode",
    "EVErrorCode",
    "EVTargetVoltage",
    "EVTargetCurrent",
    "EVSEPresentVoltage",
    "EVSEPresentCurrent",
    "EVPresentVoltage",
    "EVSETargetActivePower",
    "EVSEPresentActivePower",
    "EVPresentActivePower",
    "EVRESSSOC",
    "PresentSOC",
    "EVMaximumChargePower",
    "EVMaximumDischargePower",
    "EVSEMaximumChargePower",
    "EVSEMaximumDischargePower",
    "EVSEMaximumVoltage",
    "EVSEMaximumCurrent",
    "EVSEMaximumPower",
    "EVSEMaxCurrent",
    "EVSEIsolationStatus",
    "remaining_sounds",
    "run_id",
    "num_sounds",
    "evse_mac",
    "nid",
)
"""The elements to show first, if a message has them; the others follow in the message's order."""

_UNITS = {
    "Voltage": "V",
    "Current": "A",
    "Power": "W",
    "EnergyRequest": "Wh",
    "EnergyCapacity": "Wh",
    "Frequency": "Hz",
}
"""Units of the numbers of -20, which carry none, by a part of the element's name."""
MATCHING = {
    "CM_SLAC_PARM.REQ": "EV->SE",
    "CM_SLAC_PARM.CNF": "SE->EV",
    "CM_START_ATTEN_CHAR.IND": "EV->SE",
    "CM_MNBC_SOUND.IND": "EV->SE",
    "CM_ATTEN_CHAR.IND": "SE->EV",
    "CM_ATTEN_CHAR.RSP": "EV->SE",
    "CM_VALIDATE.REQ": "EV->SE",
    "CM_VALIDATE.CNF": "SE->EV",
    "CM_SLAC_MATCH.REQ": "EV->SE",
    "CM_SLAC_MATCH.CNF": "SE->EV",
}
"""Who sends which message of the matching; all others are between a modem and its host."""
_LABELS = {
    "ProtocolNamespace": "",
    "SECCIPAddress": "",
    "EVRESSSOC": "SoC",
    "PresentSOC": "SoC",
    "EVTargetVoltage": "target",
    "EVTargetCurrent": "target",
    "EVPresentVoltage": "present",
    "EVSEPresentVoltage": "present",
    "EVSEPresentCurrent": "present",
    "EVPresentActivePower": "present",
    "EVSEPresentActivePower": "present",
    "EVSETargetActivePower": "target",
}
"""Short names of the most common values; the unit makes them clear."""
_USUAL = {
    ("EVErrorCode", "NO_ERROR"),
    ("EVSENotification", "None"),
    ("EVSEStatusCode", "EVSE_Ready"),
    ("application_type", "0"),
    ("security_type", "0"),
}
"""Values that are normal and not shown."""
_WHOSE = re.compile("^EV(SE)?(?=[A-Z][a-z])")
_LEFT_OUT = ("Header", "ResponseCode", "Id", "Transform", "DigestValue", "octets", "attenuations_db")


def rows(record: Record, width: int) -> Iterator[str]:
    """The row of a record, and one for each of its findings, none wider than `width` characters."""
    if record.message is not None:
        fixed = f"{record.packet:6}  {clock(record.time):12}  {_direction(record)}  {record.message:{MESSAGE_WIDTH}}"
        code = str(record.content.get("ResponseCode", ""))
        room = width - len(fixed) - 4 - len(code)
        values = _fitting(record.content, room)
        yield _cut(escaped(f"{fixed}  {values}{'  ' if values and code else ''}{code}".rstrip()), width)
    for finding in record.findings:
        number = f"[{finding.requirement}] " if finding.requirement else ""
        lead = f"{finding.packet:6}  ! "
        yield from textwrap.wrap(
            number + escaped(finding.text), max(width, 40), initial_indent=lead, subsequent_indent=" " * len(lead)
        )


def heading(width: int) -> str:
    """The line above the rows."""
    line = f"{'packet':>6}  {'time (UTC)':12}  {'from':6}  {'message':{MESSAGE_WIDTH}}  values, response code"
    return line[:width]


def clock(time: float | None) -> str:
    """The time of day in UTC, in milliseconds."""
    try:
        return "" if time is None else datetime.fromtimestamp(time, UTC).strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError, OSError):
        return "?"


def values(content: dict[str, Any]) -> list[tuple[str, str]]:
    """The name and the value, with its unit, of each element with text, the most telling first."""
    found = [each for each in _leaves(content) if each not in _USUAL]
    rank = {name: place for place, name in enumerate(_FIRST)}
    return sorted(found, key=lambda each: rank.get(each[0], len(rank)))


def _direction(record: Record) -> str:
    if record.protocol == "slac":
        return MATCHING.get(str(record.message), "modem ")
    return "EV->SE" if record.is_request else "SE->EV"


def _fitting(content: dict[str, Any], room: int) -> str:
    """As many values as there is room for, the first one cut if need be."""
    line = ""
    for name, value in values(content):
        text = f"{_LABELS.get(name, _WHOSE.sub('', name))} {value}".lstrip()
        longer = f"{line}, {text}" if line else text
        if len(longer) <= room:
            line = longer
        elif not line:
            line = _cut(text, room)
    return line


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..." if width > _LEAST else ""


def _leaves(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        if name in _LEFT_OUT:
            continue
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, dict):
                yield name, str(item).lower() if isinstance(item, bool) else str(item)
            elif (number := _physical(name, item)) is not None:
                yield name, number
            else:
                yield from _leaves(item)


def _physical(name: str, item: dict[str, Any]) -> str | None:
    """A number with its power of ten and its unit: PhysicalValue of -2 and DIN, RationalNumber of -20."""
    exponent = item.get("Multiplier", item.get("Exponent"))
    if exponent is None or not isinstance(item.get("Value"), int):
        return None
    unit = item.get("Unit") or next((unit for part, unit in _UNITS.items() if part in name), "")
    return f"{round(item['Value'] * 10.0**exponent, 6):g} {unit}".rstrip()
