"""The machine as `v2g harden` may change it, without changing this one: /etc and /var/lib are copies, seen only by the
commands that run here."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from v2g.bench.sim.netns import End

COMMANDS = Path(sys.executable).parent
_ENTER = 'mount --bind "$0/etc" /etc && mount --bind "$0/lib" /var/lib && exec "$@"'


@dataclass(frozen=True)
class Sealed:
    """A copy of the machine's files in `folder`, in the network namespace of `end`."""

    folder: Path
    end: End

    def command(self, *words: str) -> list[str]:
        """The command line that runs `words` there. The first word may be a command of this package."""
        first = COMMANDS / words[0]
        words = (str(first) if first.exists() else words[0], *words[1:])
        return self.end.command("unshare", "--mount", "sh", "-c", _ENTER, str(self.folder), *words)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, stdin=subprocess.DEVNULL)


def sealed(folder: Path, end: End) -> Sealed:
    """With a directory for the station's configuration."""
    shutil.copytree("/etc", folder / "etc", symlinks=True, ignore_dangling_symlinks=True)
    (folder / "etc" / "v2g").mkdir(exist_ok=True)
    (folder / "lib").mkdir()
    return Sealed(folder, end)
