"""OpenDER (PyPI `opender`), an independent model of IEEE 1547-2018, in an environment and a process of its own.

It is installed below `.cache/opender` on first use; nothing of it is a dependency of ours.
"""

import fcntl
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "2.2.0"
INSTALL_S = 300.0
RUNNER = Path(__file__).with_name("opender_runner.py")


class UnavailableError(Exception):
    """OpenDER cannot be installed here; the text says why."""


@dataclass(frozen=True)
class OpenDER:
    """An installed OpenDER."""

    python: Path

    def run(self, cases: list[dict[str, Any]]) -> list[Any]:
        """The answers of `opender_runner.py` to the cases."""
        command: list[str | Path] = [
            self.python,
            "-I",
            RUNNER,
        ]  # isolated: it must not find this module under the name of the package
        result = subprocess.run(
            command, input=json.dumps(cases), capture_output=True, text=True, check=True, timeout=100
        )
        answers: list[Any] = json.loads(result.stdout)
        return answers


def install(cache: Path) -> OpenDER:
    """OpenDER in `cache`/opender, installed there unless it is. Raises `UnavailableError`."""
    home = cache / f"opender-{VERSION}"
    python, ready = home / "bin/python", home / ".ready"
    cache.mkdir(exist_ok=True)
    with (cache / "opender.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            try:
                subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True, capture_output=True)
                command: list[str | Path] = [python, "-m", "pip", "install", "--quiet", f"opender=={VERSION}"]
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_S)
            except (OSError, subprocess.SubprocessError) as error:
                reason = getattr(error, "stderr", None) or str(error)
                raise UnavailableError(f"OpenDER cannot be installed: {reason}") from error
            ready.touch()
    return OpenDER(python)
