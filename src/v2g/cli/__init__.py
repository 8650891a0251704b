"""The command `v2g`: finds the subcommand and imports nothing but that one."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from textwrap import fill

from v2g.cli.interruption import interruptible
from v2g.cli.parser import Parser, UsageError
from v2g.cli.terminal import complain, shown, width
from v2g.kernel.errors import V2GError

COMMANDS = {
    "daemon": ("daemon", "serve cars at the station's EVSEs"),
    "status": ("status", "what a running station does, and what limits its power"),
    "explain": ("explain", "why the power of a running station is what it is"),
    "sensors": ("sensors", "grid, temperatures, coolant, with limits and ALARM"),
    "inject": ("inject", "let a station charge, discharge or rest (grid_inject_cmd)"),
    "modbus-write": ("modbus_write", "set a limit in a station's inverter (modbus_write)"),
    "ocpp": ("ocpp", "what a running station and its back end have with each other"),
    "ems": ("ems", "limits and set-points of an energy management system"),
    "depot": ("depot", "control a site with many stations; ask a running depot"),
    "fleet": ("fleet", "control many depots as one plant; settle; ask a running fleet"),
    "csms": ("csms", "be a back end (CSMS) for a bench: orders out, messages shown"),
    "conformance": ("conformance", "run test cases of OCPP, ISO 15118 and DIN against a station"),
    "grid": ("grid", "grid codes, their state in a running station, type test"),
    "stop": ("stop", "ask the car of a running station to end its session"),
    "pause": ("pause", "ask the car of a running station to pause its session"),
    "restart": ("restart", "restart the daemon, unless energy is being transferred"),
    "decode": ("decode", "what is in a capture, and what is wrong in it"),
    "trace": ("trace", "the session trace: show, follow, count; recordings as captures"),
    "replay": ("replay", "run the station's code over a recording, and compare"),
    "encode": ("encode", "messages as JSON lines to EXI"),
    "config": ("config", "check, show, compare, migrate a configuration; print an example"),
    "doctor": ("doctor", "what is wrong with this machine, and what to do about it"),
    "harden": ("harden", "make this machine safe by its configuration; audit; undo"),
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

BROKEN_PIPE = 141
"""As a shell gives it to a process that SIGPIPE ended."""
_EXTRAS = {
    "station": {"cryptography": "cryptography", "OpenSSL": "pyOpenSSL", "yaml": "PyYAML"},
    "depot": {
        "numpy": "numpy", "highspy": "highspy", "starlette": "starlette", "uvicorn": "uvicorn", "argon2": "argon2-cffi",
    },
    "fleet": {"nats": "nats-py", "asyncpg": "asyncpg"},
}  # fmt: skip
"""What the codec alone does not need: extra of this package -> module -> package."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 for success, 2 for bad input, which is explained on stderr."""
    with shown(), interruptible() as interruption:
        try:
            return _main(argv)
        except KeyboardInterrupt:
            return interruption.exit_code


def _main(argv: Sequence[str] | None) -> int:
    try:
        code = _run([_with_ascii_dashes(word) for word in (sys.argv[1:] if argv is None else argv)])
        sys.stdout.flush()
    except (V2GError, ExceptionGroup) as error:
        for each in _expected(error):
            complain(str(each))
        return 2
    except BrokenPipeError:  # as in `v2g status | head -1`
        _drop_output()
        return BROKEN_PIPE
    except OSError as error:
        complain(f"{error.filename or 'standard output'}: {error.strerror or error}")
        _drop_output()
        return 2
    return code


def _drop_output() -> None:
    """So that the interpreter's own flush does not complain either."""
    with suppress(OSError, ValueError):  # in a test, the standard output is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(words: list[str]) -> int:
    name, *rest = words or [""]
    if name in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if name in ("-V", "--version"):
        from importlib.metadata import version

        print("v2g", version("v2g"))
        return 0
    if not name:
        print(_overview(), file=sys.stderr)
        return 2
    if name not in COMMANDS:
        raise UsageError(_unknown(name))
    module, _ = COMMANDS[name]
    try:
        command = import_module(f"v2g.cli.{module}")
        code: int = command.run(parser_of(name).parse_args(rest))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        for extra, packages in _EXTRAS.items():
            if missing in packages:
                remedy = f"install it with pip install 'v2g[{extra}]'"
                raise UsageError(f"`v2g {name}` needs {packages[missing]}; {remedy}") from error
        raise
    return code


def parser_of(name: str) -> Parser:
    """The parser of a command, with all its options."""
    module, purpose = COMMANDS[name]
    parser = Parser(prog=f"v2g {name}", description=f"{purpose[0].upper()}{purpose[1:]}.")
    parser.set_defaults(command=name)
    import_module(f"v2g.cli.{module}").add_arguments(parser)
    return parser


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, 1, 0.7)
    hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(COMMANDS)}"
    return f"there is no command {name!r}; {hint}"


def _expected(error: Exception) -> list[Exception]:
    """The errors in a group, as a task group raises it. Raises anything that is not a `V2GError`: it is a defect."""
    if isinstance(error, ExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _expected(each)]
    if not isinstance(error, V2GError):
        raise error
    return [error]


def _overview() -> str:
    rows = [
        fill(purpose, width(), initial_indent=f"  {name:14}", subsequent_indent=" " * 16)
        for name, (_, purpose) in COMMANDS.items()
    ]
    about = "The software of a bidirectional EV charging station (ISO 15118-20)."
    more = (
        "`v2g COMMAND --help` lists the options of a command, `v2g --version` prints the version. The pages for "
        "operators and integrators are in docs/ of the source; `v2g config example man | man -l -` shows all commands."
    )
    return "\n".join(["usage: v2g COMMAND [OPTIONS]", "", fill(about, width()), "", *rows, "", fill(more, width())])


def _with_ascii_dashes(word: str) -> str:
    """Accepts an option whose hyphens a word processor has turned into an en or em dash."""
    matched = re.match(r"-?[\u2013\u2014]-?(?=[a-zA-Z])(.*)", word, re.DOTALL)
    if matched is None:
        return word
    return f"-{matched[1]}" if len(matched[1]) == 1 else f"--{matched[1]}"
