"""The man page and the completion are those of the command line."""

import re
import subprocess
from pathlib import Path

from tools.draw_commands import COMPLETION, MAN, completion, man_page


def test_the_files_are_drawn_from_the_parsers() -> None:
    assert MAN.read_text() == man_page(), "run `python tools/draw_commands.py`"
    assert COMPLETION.read_text() == completion(), "run `python tools/draw_commands.py`"


def test_every_option_says_what_it_is() -> None:
    """So does the man page: no entry is without a text."""
    assert re.search(r"\n\n|\.TP\n\.B [^\n]*\n(?=\.)", man_page()) is None


def completed(*words: str, script: Path = COMPLETION) -> list[str]:
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in words)
    program = f"COMP_WORDS=({line}) COMP_CWORD={len(words) - 1}; source '{script}'; _v2g; echo ${{COMPREPLY[*]}}"
    return subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_commands_options_and_values() -> None:
    assert completed("v2g", "mod") == ["modbus-write"]
    assert completed("v2g", "config", "") == ["--help", "check", "show", "default", "diff", "migrate", "example"]
    assert completed("v2g", "grid", "test", "--re") == ["--report"]
    assert completed("v2g", "inject", "--mode", "") == ["charge", "discharge", "idle", "auto"]
    assert completed("v2g", "config", "example", "s") == ["service", "sysctl", "site"]
    assert completed("v2g", "decode", "a_file") == []
    assert completed("grid_inject_cmd", "--mode", "") == completed("v2g", "inject", "--mode", "")
    assert completed("/usr/bin/v2g_daemon", "--int") == ["--interface"]
    assert completed("modbus_write", "--add") == ["--address"]
