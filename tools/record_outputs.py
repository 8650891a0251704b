"""Records what the commands of the pages print, in real runs: `python tools/record_outputs.py DIRECTORY`, as root.

Writes outputs.txt there, from which the outputs in docs/operator.md, integrator.md and power.md are taken, shortened,
and report.html of a demonstration, of which tools/draw_demo.sh makes docs/demo.png.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from v2g.bench.demo.stage import stage
from v2g.bench.sim import netns

BIN = Path(sys.executable).parent
PAGE = Path(__file__).parent.parent / "docs" / "integrator.md"
BAD = """evses:
  - isolation: {address: "modbus://127.0.0.1:5021"}
    services: [DC_BTP]
    port: 151180
    access: {grant: everyone}
    inverter: {address: "modbus://127.0.0.1:5021"}
    contactor: {address: "modbus://127.0.0.1:5022"}
    dispatch:
      - {follow: frequency, base_w: 0}
"""


class Recorder:
    """Runs commands in a directory and writes down what they print."""

    def __init__(self, directory: Path, file: TextIO) -> None:
        self._directory, self._file = directory, file

    def run(self, line: str, *prefix: str) -> str:
        """A command line as a person types it."""
        program, *words = line.split()
        done = subprocess.run(
            [*prefix, str(BIN / program), *words], cwd=self._directory, capture_output=True, text=True, check=False
        )
        self.note(f"$ {line}\n{done.stdout}{done.stderr}(exit code {done.returncode})")
        return done.stdout + done.stderr

    def start(self, line: str) -> subprocess.Popen[str]:
        """One that goes on; waits for its first line."""
        program, *words = line.split()
        process = subprocess.Popen([str(BIN / program), *words], cwd=self._directory, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        self.note(f"$ {line} &\n{process.stdout.readline().rstrip()}")
        return process

    def note(self, text: str) -> None:
        print(f"{text}\n", file=self._file, flush=True)


def until(check: Callable[[], bool]) -> None:
    """Waits for it, for half a minute at most."""
    deadline = time.monotonic() + 30
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.1)


async def at_the_cable(recorder: Recorder, directory: Path) -> None:
    """The commands of an operator while a car charges and feeds, matched on a power line."""
    async with stage(directory, "iso20-dc") as running:
        control = f"--socket {running.control}"
        device = re.search(r"pilot: .*modbus://([\d.:]+)", running.configuration.read_text())
        assert device is not None
        inside = ["ip", "netns", "exec", f"v2g-{_own_namespace()}"]

        def record() -> None:
            def status() -> str:
                return recorder.run(f"v2g status {control}")

            until(lambda: "power_w              7000" in status())
            recorder.run(f"v2g grid status {control}")
            recorder.run(f"v2g restart {control}")
            recorder.run(f"grid_inject_cmd {control} --mode discharge --p_val 4 --q_val 0 --for 60")
            recorder.run(f"modbus_write {control} --address 0x4001 --value 2500")
            until(lambda: "limited by: operator discharge limit" in recorder.run(f"v2g explain {control}"))
            recorder.run(f"modbus_write {control} --address 0x4001 --value 15000")
            recorder.run(f"grid_inject_cmd {control} --mode auto")
            recorder.run(f"v2g plc status se0 {control}", *inside)
            recorder.run(f"v2g pilot --modbus {device[1]}", *inside)
            until(lambda: "discharging 8.1 kW" in recorder.run(f"v2g explain {control}"))
            recorder.run(f"grid_inject_cmd {control} --mode discharge --p_val 20")
            recorder.run(f"v2g restart --force {control}")

        await asyncio.to_thread(record)
        await running.outcome()
        recorder.note(running.trace.read_text())


def _own_namespace() -> str:
    names = sorted(each.name.removeprefix("v2g-") for each in netns.NAMESPACES.glob("v2g-*"))
    return names[0]


def on_the_bench(recorder: Recorder, directory: Path) -> None:
    """The session of the integrator's page; then its inverter dies, and then its daemon."""
    (bench,) = (part.partition("```")[0] for part in PAGE.read_text().split("```yaml\n")[1:] if "port: 15118" in part)
    (directory / "bench.yaml").write_text(f"{bench}kept: kept.json\n")
    (directory / "bad.yaml").write_text(BAD)
    recorder.run("v2g config check bad.yaml --no-tls")
    recorder.run("v2g pki init pki")
    recorder.run("v2g pki show pki")
    recorder.run("v2g config check bench.yaml")
    with ExitStack() as stack:

        def start(line: str) -> subprocess.Popen[str]:
            process = recorder.start(line)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        start("v2g sim grid --listen 127.0.0.1:5023")
        start("v2g sim contactor --listen 127.0.0.1:5022 --log contactor.log")
        plant_line = "v2g sim plant --listen 127.0.0.1:5021 --contactor 127.0.0.1:5022 --grid 127.0.0.1:5023"
        plant = start(plant_line)
        daemon = start("v2g daemon --config bench.yaml")
        car = "v2g ev --host ::1 --port 15118 --pki pki --battery 127.0.0.1:5021 --duration 12"
        time.sleep(6)  # enters service
        recorder.run(car)
        other = subprocess.Popen([str(BIN / "v2g"), *car.split()[1:]], cwd=directory, stdout=subprocess.DEVNULL)
        time.sleep(5)
        recorder.run("v2g stop --socket control.sock")
        other.wait()
        other = subprocess.Popen([str(BIN / "v2g"), *car.split()[1:]], cwd=directory, stdout=subprocess.DEVNULL)
        time.sleep(7)
        plant.kill()
        other.wait()
        time.sleep(1)
        start(plant_line)
        time.sleep(8)
        other = subprocess.Popen([str(BIN / "v2g"), *car.split()[1:]], cwd=directory, stdout=subprocess.DEVNULL)
        time.sleep(6)
        daemon.kill()
        other.wait()
        again = start("v2g daemon --config bench.yaml")
        time.sleep(2)
        again.terminate()
        again.wait()
        recorder.note((directory / "session_trace.log").read_text())
        recorder.note((directory / "contactor.log").read_text())


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "outputs.txt").open("w") as file:
        recorder = Recorder(directory, file)
        on_the_bench(recorder, directory)
        asyncio.run(at_the_cable(recorder, directory / "cable"))
        recorder.run("v2g demo --output demo")


if __name__ == "__main__":
    (Path(sys.argv[1]) / "cable").mkdir(parents=True, exist_ok=True)
    main(Path(sys.argv[1]).resolve())
