"""Whatever a car, a station or a file names: no command prints anything that a terminal takes for an order."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from v2g.cli import main
from v2g.kernel.printable import LONGEST, escaped, printable
from v2g.messages import encode
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import MessageHeader
from v2g.v2gtp.framing import PayloadType, pack

HOSTILE = "A\x1b[2J\x1b]0;pwn\x07\x9b31m\u202e\u2066\u200fB\r\nX\u2028Y\tZ\x7f"

STATION = """
import asyncio, json, sys
from pathlib import Path
from v2g.io.control import serve
from v2g.kernel.errors import V2GError
from v2g.station.command import Command, Explain, Inject, Status, WriteRegister

H = json.loads(sys.argv[2])
WORDS = ("code", "state", "element", "why", "ride_through", "reactive_mode", "feeds_not")
GRID = {name: H for name in WORDS} | {"nominal_hz": 50}
EVSE = {"evse": 1, "evcc_id": H, H: H, "explanation": H, "limited_s": {H: 1.5}, "troubles": {"meter": H}, "list": [H],
        "grid": GRID, "frequency_hz": 50.0, "voltages_v": [230.0], "meter_w": 0.0, "target_w": None, "plc": None}
WHY = [{"evse": 1, "why": H, "bounds": [{"allows_w": 1, "source": H, "detail": H}]}]

def obey(command):
    if isinstance(command, Status):
        return {"evses": [EVSE], "note": H}
    if isinstance(command, Explain | Inject):
        return WHY
    if isinstance(command, WriteRegister):
        return {"register": H, "held_w": None if command.value else 1.0, "asked_w": 1.0}
    raise V2GError(f"energy is being transferred with {H}")

async def run():
    task = asyncio.create_task(serve(Path(sys.argv[1]), 0o600, Command, obey))
    await asyncio.sleep(0)
    print("ready", flush=True)
    await task

asyncio.run(run())
"""


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The control socket of a station that has a hostile car."""
    path = tmp_path_factory.mktemp("station") / "control.sock"
    command = [sys.executable, "-c", STATION, str(path), json.dumps(HOSTILE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as station:
        assert station.stdout is not None
        assert station.stdout.readline() == b"ready\n"
        yield str(path)
        station.terminate()


def output(*words: str) -> tuple[str, str]:
    """What a command prints, both checked."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err), suppress(SystemExit):  # of argparse
        main(words)
    for text in (out.getvalue(), err.getvalue()):
        assert text.replace("\n", "").isprintable(), ascii(text)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["status", "--json"],
        ["explain"],
        ["explain", "--json"],
        ["inject", "--mode", "auto"],
        ["modbus-write", "--address", "1", "--value", "0"],
        ["modbus-write", "--address", "1", "--value", "1"],
        ["stop"],
        ["pause"],
        ["restart"],
        ["grid", "status"],
        ["grid", "status", "--json"],
    ],
)
def test_what_a_station_names(words: list[str], socket: str) -> None:
    out, err = output(*words, "--socket", socket)
    assert "pwn" in out + err
    if "--json" in words:
        assert HOSTILE in set(_strings(json.loads(out))), "programs get the text as it is"


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


@pytest.mark.parametrize(
    "words",
    [
        [HOSTILE],
        ["faults", HOSTILE],
        ["config", "check", HOSTILE],
        ["pki", "show", HOSTILE],
        ["decode", HOSTILE],
        ["decode", "--hex", HOSTILE],
        ["encode", HOSTILE],
        ["ev", "--host", HOSTILE, "--port", "1", "--no-tls"],
        ["ev", "--interface", HOSTILE, "--no-tls"],
        ["daemon", "--config", HOSTILE],
        ["status", "--socket", HOSTILE.replace("\0", "")],
        ["status", "--evse", HOSTILE],
        ["grid", "codes", HOSTILE],
    ],
)
def test_what_the_command_line_names(words: list[str]) -> None:
    out, err = output(*words)
    assert out + err


def test_what_a_file_names(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps({"evses": [{"contactor": {"address": HOSTILE}, HOSTILE: HOSTILE}], HOSTILE: 1}))
    _, err = output("config", "check", str(file))
    assert "pwn" in err


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), st.sampled_from(["", "--json", "--xml", "--stats"])
)
def test_what_a_car_sends_in_a_capture(name: str, form: str) -> None:
    request = common.SessionSetupReq(Header=MessageHeader(SessionID=bytes(8), TimeStamp=1), EVCCID=name)
    frame = pack(PayloadType.MAIN, encode("iso20-common", request))
    out, _ = output("decode", "--hex", frame.hex(), *([form] if form else []))
    assert "SessionSetup" in out or form == "--stats"
    if form == "--json":
        assert json.loads(out)["document"]["SessionSetupReq"]["EVCCID"] == name


@given(st.text(st.characters()))
def test_escapes_are_those_of_json(text: str) -> None:
    shown = escaped(text)
    assert shown.isprintable()
    if "\\" not in text and '"' not in text:
        assert json.loads(f'"{shown}"') == text or any("\ud800" <= each <= "\udfff" for each in text)


def test_a_long_text_is_cut() -> None:
    assert printable("x" * LONGEST) == "x" * LONGEST
    assert printable("x" * 100_000).endswith("xxx... (100000 characters)")


CLOSED = """
import os, sys
from v2g.cli.terminal import announce, complain, shown

with shown():
    announce("1")
    announce("2", warning=True)
    complain("3")
    os._exit(os.open("/dev/null", os.O_RDONLY))
"""


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&-", "2>&-"])
def test_no_file_gets_the_number_of_a_stream_that_was_closed(closed: str) -> None:
    done = subprocess.run(["bash", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, CLOSED], check=False)
    assert done.returncode > 2


STUCK = """
from v2g.cli.terminal import announce, shown

with shown():
    for number in range(5000):
        announce(f"line {number} of a process whose reader stands still")
"""


def test_a_reader_that_stands_still_holds_nobody_up() -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.wait(30) == 0
        lines = process.stdout.read().splitlines()
    assert lines[0] == "line 0 of a process whose reader stands still"
    assert 100 < len(lines) < 5000
