"""`v2g pilot`: capture files, a simulated microcontroller, errors."""

from pathlib import Path

import pytest
from tests.contract.simulators import simulator

from v2g.cli import main


def command(*arguments: str) -> int:
    return main(["pilot", *arguments])


@pytest.mark.parametrize(
    ("capture", "expect", "code", "line"),
    [
        ("1000000 50000", [], 0, "duty cycle 5.0%: digital communication (ISO 15118)"),
        ("1000000 30000", [], 0, "duty cycle 3.0%: digital communication (ISO 15118)"),
        ("1000000 70000", [], 0, "duty cycle 7.0%: digital communication (ISO 15118)"),
        ("1000000 71000", [], 1, "duty cycle 7.1%: no charging; 3% to 7% is expected"),
        ("1000000 20000", [], 1, "duty cycle 2.0%: no charging; 3% to 7% is expected"),
        ("0 0", [], 1, "no PWM; 3% to 7% is expected"),
        ("999500 265867", [], 1, "duty cycle 26.6%: up to 16.0 A; 3% to 7% is expected"),
        ("999500 265867", ["--expect", "26.7"], 0, "duty cycle 26.6%: up to 16.0 A"),
        (
            "1000000 50000",
            ["--expect", "26.7"],
            1,
            "duty cycle 5.0%: digital communication (ISO 15118); 24.7% to 28.7% is expected",
        ),
        ("0 0", ["--expect", "100"], 0, "no PWM"),
        ("0 0", ["--expect", "0"], 0, "no PWM"),
        (
            "1000000 50000",
            ["--expect", "100"],
            1,
            "duty cycle 5.0%: digital communication (ISO 15118); no PWM is expected",
        ),
    ],
)
def test_a_capture_file(
    capture: str, expect: list[str], code: int, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "capture").write_text(f"{capture}\n")
    assert command("--capture", str(tmp_path / "capture"), *expect) == code
    assert capsys.readouterr().out == f"{line}\n"


def test_expecting_something_needs_a_capture(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--modbus", "[::1]:1", "--expect", "5") == 2
    assert "--expect needs --capture" in capsys.readouterr().err


def test_a_missing_file_is_an_error_with_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--capture", str(tmp_path / "capture")) == 2
    assert "device tree" in capsys.readouterr().err


def test_the_hand_at_a_simulated_cable(capsys: pytest.CaptureFixture[str]) -> None:
    with simulator("pilot") as process:
        for cable in ("unplugged", "shorted"):
            assert command("--modbus", process.endpoint, "--cable", cable) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "F: -12.0 V, -12.0 V, duty cycle 0.0%: no charging",
        "E: +0.0 V, +0.0 V, duty cycle 0.0%: no charging",
    ]


def test_nobody_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with simulator("pilot") as process:
        gone = process.endpoint
    assert command("--modbus", gone) == 2
    assert capsys.readouterr().err.startswith(f"v2g: error: control pilot at {gone} unit 1: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--capture", "x", "--cable", "sound"],
        ["--modbus", "[::1]:1", "--wants-energy"],
        ["--modbus", "h:1", "--toggles", "2"],
    ],
)
def test_a_hand_without_a_cable_is_an_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command(*arguments) == 2
    assert "needs --modbus and --cable" in capsys.readouterr().err
