"""The commands of docs/home.md, one after the other, as they stand there."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.pages import REPOSITORY, blocks

pytestmark = pytest.mark.alone
LONGEST_S = 240.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_page_leads_to_a_running_site(tmp_path: Path) -> None:
    commands = "".join(body for _, body in blocks(REPOSITORY / "docs" / "home.md", "sh"))
    commands = commands.replace("127.0.0.1:8080", f"127.0.0.1:{free_port()}")
    http = 's|^#http.*|http: {listen: "HOST"}|'
    changed = f"sed 's|0.0.0.0:9000|127.0.0.1:{free_port()}|; {http}'"
    commands = commands.replace("example site > site.yaml", f"example site | {changed} > site.yaml")
    host = re.search(r"127\.0\.0\.1:\d+(?=/api)", commands)
    assert host is not None
    script = "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n" + commands.replace("HOST", host[0])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=os.environ | {"PATH": path}, timeout=LONGEST_S, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "H01 the house's meter is silent" in done.stdout
    assert '"connection_w":[300.0,250.0,400.0]' in done.stdout
