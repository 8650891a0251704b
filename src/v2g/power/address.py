"""Where a device is: `modbus://10.0.0.5:502?unit=1`, `modbus+rtu:///dev/ttyUSB0?baud=19200`, `can://can0`, `udp://...`.

The scheme names the carrier. A driver from outside may have a scheme and options of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

MODBUS, MODBUS_RTU, CAN, UDP = "modbus", "modbus+rtu", "can", "udp"
TCP, SERIAL, EVDEV = "tcp", "serial", "evdev"
HWMON = "hwmon"
MODBUS_PORT = 502
_FORMS = {
    MODBUS: "modbus://HOST:PORT?unit=1",
    MODBUS_RTU: "modbus+rtu:///dev/ttyUSB0?baud=19200&parity=E&unit=1",
    CAN: "can://can0?bitrate=500000",
    UDP: "udp://HOST:PORT",
    TCP: "tcp://HOST:PORT",
    SERIAL: "serial:///dev/ttyUSB0?baud=9600",
    EVDEV: "evdev:///dev/input/by-id/usb-...-event-kbd",
    HWMON: "hwmon:///sys/class/hwmon?coolant=lm75/temp1",
}
_OPTIONS: dict[str, dict[str, str]] = {
    MODBUS: {"unit": "1"},
    MODBUS_RTU: {"unit": "1", "baud": "19200", "parity": "E", "stop": "1"},
    UDP: {},
    TCP: {},
    SERIAL: {"baud": "9600"},
    EVDEV: {},
}
"""The options of these schemes, and what is meant if one is left out; those of `can` are python-can's."""
_WHOLE = {"unit": (0, 255), "baud": (1200, 4_000_000), "stop": (1, 2)}


class AddressError(ValueError):
    """A text is no address of a device. Says what is wrong and what the form is."""


@dataclass(frozen=True, slots=True)
class Address:
    """A device's address. Its text is in one form: two devices have the same address if their texts are equal."""

    scheme: str
    host: str = ""
    """Host, or the channel of a CAN interface."""
    port: int = 0
    path: str = ""
    """Of the serial device, or of the CAN adapter."""
    options: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def unit(self) -> int:
        """The unit number of a Modbus device."""
        return int(self.options["unit"])

    @property
    def line(self) -> "Address":
        """What devices share: the address without the unit number."""
        return replace(self, options=MappingProxyType({key: v for key, v in self.options.items() if key != "unit"}))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="*")
        port = f":{self.port}" if self.port else ""
        query = f"?{urlencode(sorted(self.options.items()))}" if self.options else ""
        return f"{self.scheme}://{host}{port}{quote(self.path)}{query}"


def parse(text: str, unit: int | None = None, driver: str | None = None) -> Address:
    """The address that `text` says. Raises `AddressError`.

    Without a scheme it is the old form: `HOST:PORT` of a Modbus TCP device, with the unit number beside it (`unit`), or
    of the samples for the driver `waveform`.
    """
    if "://" in text and unit is not None:
        raise AddressError(f"is {text!r}, beside a unit number; write ?unit={unit} into the address")
    if "://" not in text:
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal():
            raise AddressError(f"is {text!r}; must be an address such as modbus://192.168.1.10:502?unit=1")
        text = f"{UDP}://{text}" if driver == "waveform" else f"{MODBUS}://{text}?unit={1 if unit is None else unit}"
    try:
        parts = urlsplit(text)
        channel = parts.scheme == CAN  # which has upper case, such as PCAN_USBBUS1
        name, number = (parts.netloc, None) if channel else (parts.hostname or "", parts.port)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise AddressError(f"is {text!r}: {error}; the form is {_form(text)}") from error
    options = dict(pairs)
    if len(options) < len(pairs):
        raise AddressError(f"is {text!r}: an option is there twice; keep one of them")
    address = Address(parts.scheme, name, number or 0, parts.path, MappingProxyType(options))
    if number == 0:
        raise AddressError("there is no port 0; name one from 1 to 65535")
    if problem := _problem(address):
        raise AddressError(f"is {text!r}: {problem}; the form is {_form(text)}")
    return _complete(address)


def _complete(address: Address) -> Address:
    """The one form of an address: what is left out is there, numbers as they are usually written."""
    if address.scheme not in _OPTIONS:
        return address
    options = _OPTIONS[address.scheme] | dict(address.options)
    options |= {name: str(int(options[name])) for name in _WHOLE if name in options}
    port = address.port or (MODBUS_PORT if address.scheme == MODBUS else 0)
    path = address.path if address.scheme in (MODBUS_RTU, SERIAL, EVDEV) else ""
    return replace(address, port=port, path=path, options=MappingProxyType(options))


def _form(text: str) -> str:
    return _FORMS.get(text.partition("://")[0].lower(), _FORMS[MODBUS])


def _problem(address: Address) -> str | None:
    """What is wrong with an address of a known scheme."""
    scheme, options = address.scheme, address.options
    if scheme in _OPTIONS and (unknown := options.keys() - _OPTIONS[scheme].keys()):
        known = ", ".join(sorted(_OPTIONS[scheme])) or "none"
        return f"unknown option {', '.join(sorted(unknown))} (there are: {known})"
    for name, (low, high) in _WHOLE.items():
        value = options.get(name)
        if (
            scheme in _OPTIONS
            and value is not None
            and not (re.fullmatch(r"[0-9]{1,9}", value) and low <= int(value) <= high)
        ):
            return f"{name} must be a whole number from {low} to {high}"
    if options.get("parity", "E") not in ("N", "E", "O"):
        return "parity must be N, E or O"
    if scheme in (MODBUS, UDP, TCP) and not address.host:
        return "the host is missing"
    if scheme in (UDP, TCP) and not address.port:
        return "the port is missing"
    if scheme in (MODBUS, UDP, TCP) and address.path not in ("", "/"):
        return f"{address.path!r} has no meaning here"
    if scheme in (MODBUS_RTU, SERIAL, EVDEV) and (address.host or not address.path.strip("/")):
        return "the serial device is missing" if not address.host else "write three slashes before the device's path"
    if scheme == HWMON and (address.host or not address.path.strip("/")):
        return "the folder of the chips is missing, with three slashes before it"
    if scheme == CAN and not address.host and not address.path.strip("/"):
        return "the channel is missing"
    return None
