"""The command `v2g`: finds the subcommand and imports nothing but that one."""

import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module

from v2g.cli.terminal import shown
from v2g.kernel.errors import V2GError
from v2g.kernel.printable import printable

COMMANDS = {
    "daemon": ("daemon", "serve cars at the station's EVSEs"),
    "status": ("status", "what a running station does, and what limits its power"),
    "explain": ("explain", "why the power of a running station is what it is"),
    "inject": ("inject", "let a station charge, discharge or rest (grid_inject_cmd)"),
    "modbus-write": ("modbus_write", "set a limit in a station's inverter (modbus_write)"),
    "grid": ("grid", "grid codes, their state in a running station, type test"),
    "stop": ("stop", "ask the car of a running station to end its session"),
    "pause": ("pause", "ask the car of a running station to pause its session"),
    "restart": ("restart", "restart the daemon, unless energy is being transferred"),
    "decode": ("decode", "what is in a capture, and what is wrong in it"),
    "encode": ("encode", "messages as JSON lines to EXI"),
    "config": ("config", "check a configuration file"),
    "faults": ("faults", "what a fault code of the trace means, and what to do"),
    "pki": ("pki", "make or explain the certificates"),
    "plc": ("plc", "set up and look at the power-line modem; be a simulated one"),
    "pilot": ("pilot", "what a control pilot shows; the hand at a simulated cable"),
    "ev": ("ev", "be a car: find a station and run a session with it"),
    "sim": ("sim", "be the hardware: inverter, contactor, grid, pilot and others"),
    "mishaps": ("mishaps", "random sessions with injected faults, simulated"),
    "demo": ("demo", "station, car and hardware together on this machine"),
}
"""Name -> module in `v2g.cli` with `add_arguments(parser)` and `run(args) -> int`, and what the command does."""

BROKEN_PIPE, INTERRUPTED = 141, 130
"""Exit codes as a shell gives them to a process that SIGPIPE or SIGINT ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 for success, 2 for bad input, which is explained on stderr."""
    with shown():
        return _main(argv)


def _main(argv: Sequence[str] | None) -> int:
    try:
        code = _run([_with_ascii_dashes(word) for word in (sys.argv[1:] if argv is None else argv)])
        sys.stdout.flush()
    except (V2GError, ExceptionGroup) as error:
        for each in _expected(error):
            print("\n".join(map(printable, f"v2g: error: {each}".split("\n"))), file=sys.stderr)  # bounded as well
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # as in `v2g status | head -1`; the interpreter's own flush must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def _run(words: list[str]) -> int:
    name, *rest = words or [""]
    if name in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if name == "--version":
        from importlib.metadata import version

        print("v2g", version("v2g"))
        return 0
    if name not in COMMANDS:
        print(f"v2g: error: there is no command {name!r}" if name else _overview(), file=sys.stderr)
        if name:
            print(f"the commands are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    module, purpose = COMMANDS[name]
    command = import_module(f"v2g.cli.{module}")
    parser = ArgumentParser(prog=f"v2g {name}", description=f"{purpose[0].upper()}{purpose[1:]}.")
    parser.set_defaults(command=name)
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args(rest))
    return code


def _expected(error: Exception) -> list[Exception]:
    """The errors in a group, as a task group raises it. Raises anything that is not a `V2GError`: it is a defect."""
    if isinstance(error, ExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _expected(each)]
    if not isinstance(error, V2GError):
        raise error
    return [error]


def _overview() -> str:
    rows = "\n".join(f"  {name:14}{purpose}" for name, (_, purpose) in COMMANDS.items())
    return (
        "usage: v2g COMMAND [OPTIONS]\n\n"
        "The software of a bidirectional EV charging station (ISO 15118-20).\n\n"
        f"{rows}\n\n"
        "`v2g COMMAND --help` lists its options, `v2g --version` prints the version."
    )


def _with_ascii_dashes(word: str) -> str:
    """Accepts an option whose hyphens a word processor has turned into an en or em dash."""
    matched = re.match(r"-?[\u2013\u2014]-?(?=[a-zA-Z])(.*)", word, re.DOTALL)
    if matched is None:
        return word
    return f"-{matched[1]}" if len(matched[1]) == 1 else f"--{matched[1]}"
