"""Values on the command line: what is taken, and what the rest is answered."""

import argparse
from argparse import ArgumentParser, ArgumentTypeError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.cli import parser_of
from v2g.cli.arguments import add_evse, add_socket, endpoint, number, whole
from v2g.cli.parser import UsageError


@pytest.mark.parametrize(
    ("text", "value"), [("10", 10), ("+1.5", 1.5), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("2E-3", 0.002), ("007", 7)]
)
def test_numbers(text: str, value: float) -> None:
    assert number(least=0)(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1_0",
        "\u0663",
        "1\u0660",
        "0x10",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1e9999",
        "--1",
        "1,5",
        "-1",
        "1001",
    ],
)
def test_what_is_no_number_here(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r" is not a number from 0 to 1000$"):
        number(least=0, most=1000)(text)


@pytest.mark.parametrize(("text", "value"), [("10", 10), ("0x4001", 0x4001), ("0XfF", 255), ("010", 10), ("0", 0)])
def test_whole_numbers(text: str, value: int) -> None:
    assert whole(least=0)(text) == value


@pytest.mark.parametrize(
    "text", ["", "1.0", "1e3", "1_0", "\u0663", "0x", "0xg", "0x1_0", "-1", "70000", " 1", "9" * 5000]
)
def test_what_is_no_whole_number_here(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r" is not a whole number from 0 to 65535$"):
        whole(least=0, most=65_535)(text)


def test_an_open_bound_is_named() -> None:
    with pytest.raises(ArgumentTypeError, match=r"^'0' is not a number above 0 to 5$"):
        number(above=0, most=5)("0")
    with pytest.raises(ArgumentTypeError, match=r"^'x' is not a number$"):
        number()("x")


@given(st.text())
def test_any_text_is_a_finite_number_or_is_refused(text: str) -> None:
    try:
        value = number(least=-1e9, most=1e9)(text)
    except ArgumentTypeError:
        return
    assert -1e9 <= value <= 1e9
    assert text.isascii()


@pytest.mark.parametrize(
    "text", ["localhost", ":1", "host:", "host:x", "host:70000", "host:\u0663", "host:1_0", "host:123456"]
)
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not HOST:PORT"):
        endpoint(text)


def test_endpoints() -> None:
    assert endpoint("[::1]:502") == ("::1", 502)
    assert endpoint("plant:0") == ("plant", 0)


def test_the_former_name_of_an_evse_is_taken_and_not_advertised(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    add_socket(parser)
    add_evse(parser)
    assert parser.parse_args([]).evse is None
    assert parser.parse_args(["--evse", "2"]) == parser.parse_args(["--connector", "2"])
    parser.print_help()
    assert "connector" not in capsys.readouterr().out
    assert isinstance(parser.parse_args([]), argparse.Namespace)


def test_a_negative_value_needs_no_equals_sign() -> None:
    args = parser_of("csms").parse_args(["--setpoint", "9000", "--setpoint", "-8000@3", "--setpoint=-1@9"])
    assert args.setpoint == [(0, 9000.0), (3, -8000.0), (9, -1.0)]
    with pytest.raises(UsageError, match="expected one argument"):
        parser_of("csms").parse_args(["--setpoint", "-x@3"])
