"""The sysfs driver: what it writes in which order, what it understands, and its errors with their remedies."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from tests.pilot.board import Board
from tests.stopwatch import within

from v2g.bench.sim.pilot import Cable
from v2g.power.drivers.pwm_sysfs import PERIOD_NS, SysfsPilot, captured_duty
from v2g.power.errors import Implausible, ReadBackMismatch, Refused, Unreachable
from v2g.power.pilot import LOST_WITHIN_S, PilotReading, PwmSettings

NOBODY = 65534


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """A board that sends 5 %."""
    board = Board(tmp_path)
    command(board.settings, 0.05)
    board.update()
    return board


def command(settings: PwmSettings, duty: float) -> None:
    asyncio.run(SysfsPilot(settings).command(duty))


def read(settings: PwmSettings) -> PilotReading:
    return asyncio.run(SysfsPilot(settings).read())


def test_five_percent_of_a_kilohertz(board: Board) -> None:
    values = {name: (board.pwm / name).read_text().strip() for name in ("period", "duty_cycle", "polarity", "enable")}
    assert values == {"period": "1000000", "duty_cycle": "50000", "polarity": "normal", "enable": "1"}


def test_a_channel_with_another_period_is_set_again(board: Board) -> None:
    (board.pwm / "period").write_text("40000\n")
    (board.pwm / "duty_cycle").write_text("40000\n")
    (board.pwm / "enable").write_text("1\n")
    command(board.settings, 0.01)
    assert (board.pwm / "period").read_text().strip() == str(PERIOD_NS)
    assert (board.pwm / "duty_cycle").read_text().strip() == "10000"


@pytest.mark.parametrize(("file", "before", "value"), [("polarity", "enable", "0"), ("period", "duty_cycle", "0")])
def test_the_kernel_is_asked_in_an_order_that_it_accepts(board: Board, file: str, before: str, value: str) -> None:
    (board.pwm / file).unlink()
    (board.pwm / file).symlink_to("/dev/null")  # holds nothing, so the driver gets no further
    with pytest.raises(ReadBackMismatch):
        command(board.settings, 0.5)
    assert (board.pwm / before).read_text() == value


def test_an_inverting_front_end(tmp_path: Path) -> None:
    board = Board(tmp_path, inverted=True)
    board.cable = Cable.SOUND
    command(board.settings, 0.05)
    assert (board.pwm / "polarity").read_text().strip() == "inversed"
    board.update()
    reading = read(board.settings)
    assert reading.duty == pytest.approx(0.05)
    assert reading.high_v == pytest.approx(8.98, abs=0.02)


def test_a_capture_beside_the_chip_is_found_too(board: Board) -> None:
    os.rename(board.pwm / "capture", board.chip / "capture")
    (board.chip / "capture").write_text("1000200 50100\n")
    assert read(board.settings).duty == pytest.approx(0.0501, abs=1e-4)


def test_a_capture_of_another_chip(board: Board, tmp_path: Path) -> None:
    (tmp_path / "capture").write_text("999800 300000\n")
    assert read(msgspec.structs.replace(board.settings, capture=tmp_path / "capture")).duty == pytest.approx(
        0.3, abs=1e-3
    )


def test_a_channel_with_its_own_scale_and_offset(board: Board) -> None:
    (board.adc / "in_voltage0_scale").write_text("1.0\n")
    (board.adc / "in_voltage0_offset").write_text("-100\n")
    (board.adc / "in_voltage0_raw").write_text("2500\n")
    assert read(board.settings).high_v == pytest.approx((2500 - 100) / 1000 * 10 - 15)


def test_a_channel_is_exported_first(tmp_path: Path) -> None:
    board = Board(tmp_path, exported=False)
    with pytest.raises(Unreachable):  # a directory alone has no kernel that answers the export
        command(board.settings, 0.05)
    assert (board.chip / "export").read_text() == "0"
    board.export()
    command(board.settings, 0.05)
    assert (board.pwm / "enable").read_text().strip() == "1"


@pytest.mark.parametrize(
    ("file", "part"),
    [("pwmchip0/pwm0/capture", "PWM"), ("iio:device0/in_voltage1_raw", "ADC"), ("iio:device0/in_voltage_scale", "ADC")],
)
def test_a_missing_file_is_named_with_its_remedy(board: Board, file: str, part: str) -> None:
    (board.chip.parent / file).unlink()
    with pytest.raises(Unreachable) as caught:
        read(board.settings)
    assert caught.value.reason == "there is no such file"
    assert caught.value.remedy.startswith(f"enable the {part} in the device tree")
    assert Path(caught.value.address).name == Path(file).name


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user that may do little, also where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("file", ["pwmchip0/pwm0/enable", "iio:device0/in_voltage0_raw"])
def test_a_file_that_is_not_permitted_is_named_with_its_remedy(board: Board, file: str) -> None:
    path = board.chip.parent / file
    path.chmod(0)
    call = read if "raw" in file else lambda settings: command(settings, 0.5)
    with unprivileged(), pytest.raises(Refused) as caught:
        call(board.settings)
    assert caught.value.reason == "not permitted"
    assert "docs/pilot.md" in caught.value.remedy


def test_a_steady_signal_needs_no_capture(board: Board) -> None:
    (board.pwm / "capture").unlink()
    for duty in (1.0, 0.0):
        command(board.settings, duty)
        (board.pwm / "capture").write_text("")
        board.update()
        (board.pwm / "capture").unlink()
        assert read(board.settings).duty == duty


def test_the_duty_cycle_of_a_capture_file(board: Board) -> None:
    assert captured_duty(board.pwm / "capture") == 0.05
    (board.pwm / "capture").write_text("0 0\n")
    assert captured_duty(board.pwm / "capture") is None
    with pytest.raises(Unreachable, match="there is no such file"):
        captured_duty(board.pwm / "nothing")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pwmchip0/pwm0/capture", "garbage"),
        ("pwmchip0/pwm0/capture", "0 0"),
        ("pwmchip0/pwm0/capture", "1000000"),
        ("pwmchip0/pwm0/capture", "2000000 100000"),
        ("pwmchip0/pwm0/capture", "1000000 1000001"),
        ("iio:device0/in_voltage0_raw", "many"),
        ("iio:device0/in_voltage1_raw", ""),
    ],
)
def test_nonsense_is_implausible(board: Board, file: str, text: str) -> None:
    (board.chip.parent / file).write_text(text)
    with pytest.raises(Implausible, match="check the wiring"):
        read(board.settings)


def test_a_channel_that_does_not_hold_its_value_is_an_error(board: Board) -> None:
    (board.pwm / "duty_cycle").unlink()
    (board.pwm / "duty_cycle").symlink_to("/dev/null")
    with pytest.raises(ReadBackMismatch, match="nothing else drives"):
        command(board.settings, 0.5)


def test_a_capture_that_blocks_is_given_up_in_time_and_later_works(board: Board) -> None:
    capture = board.pwm / "capture"
    capture.unlink()
    os.mkfifo(capture)  # blocks its reader until somebody writes

    async def test() -> None:
        pilot = SysfsPilot(board.settings)
        for _ in range(2):
            with within(LOST_WITHIN_S), pytest.raises(Unreachable, match="the kernel does not answer"):
                await pilot.read()
        released = asyncio.get_running_loop().run_in_executor(None, capture.write_text, "1000000 50000\n")
        await released
        capture.unlink()
        capture.write_text("1000000 70000\n")
        assert (await pilot.read()).duty == 0.07
        pilot.close()

    asyncio.run(test())
