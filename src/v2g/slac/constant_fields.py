"""Fields of the SLAC messages that have one right value (ISO 15118-3 A.9).

A frame that is wrong in one of them counts as not received: its sender repeats it, and in the end its matching fails.
`FROM_CAR` is what a station checks, `FROM_STATION` what a car checks. Reserved fields are not checked.
"""

from collections.abc import Mapping
from enum import Enum

from v2g.slac import mme
from v2g.slac.event import Danger, mac_text
from v2g.slac.mme import BROADCAST, Mme


class Its(Enum):
    """A value that depends on the two sides, or that only must not be zero."""

    CAR = "the car's MAC"
    STATION = "the station's MAC"
    NOT_ZERO = "at least 1"


_HEADER: Mapping[str, int | bytes | Its] = {"application_type": 0, "security_type": 0}
_NO_ID = bytes(17)
_ATTENUATION = {**_HEADER, "source_address": Its.CAR, "source_id": _NO_ID, "resp_id": _NO_ID}
_MATCH = {**_HEADER, "pev_id": _NO_ID, "pev_mac": Its.CAR, "evse_id": _NO_ID, "evse_mac": Its.STATION}

Fields = Mapping[str, int | bytes | Its]

FROM_CAR: Mapping[type[Mme], Fields] = {
    mme.CM_SLAC_PARM_REQ: _HEADER,
    mme.CM_START_ATTEN_CHAR_IND: {
        **_HEADER,
        "num_sounds": Its.NOT_ZERO,
        "timeout": Its.NOT_ZERO,
        "resp_type": 1,
        "forwarding_sta": Its.CAR,
    },
    mme.CM_ATTEN_CHAR_RSP: {**_ATTENUATION, "result": 0},
    mme.CM_VALIDATE_REQ: {"signal_type": 0},
    mme.CM_SLAC_MATCH_REQ: {**_MATCH, "mvf_length": 0x3E},
}
FROM_STATION: Mapping[type[Mme], Fields] = {
    mme.CM_SLAC_PARM_CNF: {
        **_HEADER,
        "msound_target": BROADCAST,
        "num_sounds": Its.NOT_ZERO,
        "timeout": Its.NOT_ZERO,
        "resp_type": 1,
        "forwarding_sta": Its.CAR,
    },
    mme.CM_ATTEN_CHAR_IND: {**_ATTENUATION, "num_sounds": Its.NOT_ZERO, "num_groups": Its.NOT_ZERO},
    mme.CM_VALIDATE_CNF: {"signal_type": 0},
    mme.CM_SLAC_MATCH_CNF: {**_MATCH, "mvf_length": 0x56},
}


def wrong_field(message: Mme, fields: Fields, car: bytes, station: bytes) -> tuple[Danger, str] | None:
    """The first wrong field of a message, in words, or None. A MAC of somebody else is `Danger.SPOOFED`."""
    for name, right in fields.items():
        value: int | bytes = getattr(message, name)
        match right:
            case Its.NOT_ZERO:
                wrong = not value
            case Its.CAR | Its.STATION:
                wrong = value != (car if right is Its.CAR else station)
            case _:
                wrong = value != right
        if wrong:
            danger = Danger.SPOOFED if right in (Its.CAR, Its.STATION) else Danger.MALFORMED
            return danger, f"{message.name} with {name} {text(value)} instead of {text(right)}; it is ignored"
    return None


def text(value: int | bytes | Its) -> str:
    """A value for a person."""
    if isinstance(value, Its):
        return value.value
    if isinstance(value, bytes):
        hexadecimal = mac_text(value) if len(value) == len(BROADCAST) else value.hex().upper()
        return hexadecimal if any(value) else "zeros"
    return str(value)
