"""A device's address is read once, into one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.power.address import AddressError, parse


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("modbus://10.0.0.5", "modbus://10.0.0.5:502?unit=1"),
        ("modbus://10.0.0.5:5020?unit=3", "modbus://10.0.0.5:5020?unit=3"),
        ("modbus://[fe80::1%eth0]:502/", "modbus://[fe80::1%eth0]:502?unit=1"),
        ("MODBUS://Inverter.local", "modbus://inverter.local:502?unit=1"),
        ("modbus+rtu:///dev/a?parity=N&unit=03&baud=9600", "modbus+rtu:///dev/a?baud=9600&parity=N&stop=1&unit=3"),
        ("modbus+rtu:///dev/a", "modbus+rtu:///dev/a?baud=19200&parity=E&stop=1&unit=1"),
        ("can://can0?bitrate=500000", "can://can0?bitrate=500000"),
        ("can://PCAN_USBBUS1?interface=pcan", "can://PCAN_USBBUS1?interface=pcan"),
        ("can:///dev/ttyACM0?interface=slcan", "can:///dev/ttyACM0?interface=slcan"),
        ("udp://127.0.0.1:5024", "udp://127.0.0.1:5024"),
        ("acme://host/a/b?key=v", "acme://host/a/b?key=v"),
        ("127.0.0.1:5020", "modbus://127.0.0.1:5020?unit=1"),
        ("[::1]:5020", "modbus://[::1]:5020?unit=1"),
    ],
)
def test_every_form_has_one_canonical_text_which_reads_as_the_same(text: str, canonical: str) -> None:
    address = parse(text)
    assert str(address) == canonical
    assert parse(canonical) == address
    assert hash(parse(canonical)) == hash(address)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nowhere", "must be an address such as modbus://192.168.1.10:502?unit=1"),
        (":502", "must be an address such as"),
        ("modbus://", "the host is missing; the form is modbus://HOST:PORT?unit=1"),
        ("modbus://host:0", "there is no port 0; name one from 1 to 65535"),
        ("modbus://host:70000", "Port out of range 0-65535; the form is modbus://"),
        ("modbus://host:x", "the form is modbus://"),
        ("modbus://host?unit=256", "unit must be a whole number from 0 to 255"),
        ("modbus://host?unit=-1", "unit must be a whole number"),
        (f"modbus://host?unit={'0' * 5000}", "unit must be a whole number"),
        ("modbus://host?units=1", "unknown option units (there are: unit)"),
        ("modbus://host?unit=1&unit=2", "an option is there twice"),
        ("modbus://host?unit", "the form is modbus://"),
        ("modbus://host/dev/ttyUSB0", "'/dev/ttyUSB0' has no meaning here"),
        ("modbus+rtu://dev/ttyUSB0", "write three slashes before the device's path"),
        ("modbus+rtu://", "the serial device is missing"),
        ("modbus+rtu:///dev/ttyUSB0?parity=X", "parity must be N, E or O"),
        ("modbus+rtu:///dev/ttyUSB0?baud=1", "baud must be a whole number from 1200 to 4000000"),
        ("can://", "the channel is missing; the form is can://can0?bitrate=500000"),
        ("udp://host", "the port is missing"),
        ("udp://host:1?unit=1", "unknown option unit (there are: none)"),
        ("[::1:502", "the form is modbus://"),
    ],
)
def test_what_is_no_address_is_answered_with_the_form(text: str, reason: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert reason in str(caught.value)


def test_devices_share_a_line_whatever_their_unit() -> None:
    assert parse("modbus://a:1?unit=1").line == parse("modbus://a:1?unit=2").line
    assert parse("modbus://a:1?unit=1") != parse("modbus://a:1?unit=2")
    assert parse("modbus+rtu:///dev/a?baud=9600").line != parse("modbus+rtu:///dev/a?baud=19200").line


def test_the_unit_beside_the_address_belongs_to_the_old_form() -> None:
    assert parse("a:1", unit=7).unit == 7
    assert str(parse("a:1", driver="waveform")) == "udp://a:1"
    with pytest.raises(AddressError, match=r"write \?unit=7 into the address"):
        parse("modbus://a:1", unit=7)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse(text)
    except AddressError:
        return
    assert parse(str(address)) == address
