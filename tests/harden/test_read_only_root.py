"""A daemon on a read-only root: only what the configuration says is written to is writable, and a session runs."""

import json
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.interop.process import Process
from tests.interop.station import START_S, configuration, hardware

from v2g.harden.host import written
from v2g.io.configuration import load

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare"),
]
_ENTER = """
mount --bind / / && mount -o remount,bind,ro /
for each in /var/log /var/lib /run; do
    mount -t tmpfs none "$each"; mkdir "$each/v2g"; mount --bind "$each/v2g" "$each/v2g"
    mount -o remount,bind,ro "$each"
done
for each in /x /etc/x /var/log/x /var/lib/x /run/x; do
    if touch "$each" 2>/dev/null; then echo "$each is writable"; exit 1; fi
done
echo "the root is read-only"
exec "$@"
"""
"""What `written` names lies in three directories, each on a file system of its own; all else is read-only."""


def test_a_session_runs_with_only_the_listed_paths_writable(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    with hardware(None) as (_, plant, _, contactor, grid), ExitStack() as stack:
        settings = configuration(
            tmp_path, plant, contactor, grid, services=["DC_BPT"], modes=["dynamic"], pki=None, port=0
        )
        for key in ("trace", "control", "kept"):
            del settings[key]  # the paths of an installation
        file.write_text(json.dumps(settings | {"kept": "/var/lib/v2g/kept.json"}))
        assert [str(each) for each in written(load(file).settings)] == ["/run/v2g", "/var/lib/v2g", "/var/log/v2g"]
        inside = ["unshare", "--mount", "sh", "-c", _ENTER, "sh"]
        words = [sys.executable, "-m", "v2g", "daemon", "--no-tls", "--once", "--config", str(file)]
        daemon = stack.enter_context(Process([*inside, "sh", "-c", '"$@"; ls /var/log/v2g /var/lib/v2g', "sh", *words]))
        listening = daemon.wait_for(r"listens on ", START_S)
        assert listening is not None, daemon.output
        assert "the root is read-only" in daemon.output
        port = listening.partition("]:")[2].split()[0].rstrip(",:;")
        car = [sys.executable, "-m", "v2g", "ev", "--host", "::1", "--port", port, "--no-tls", "--battery", plant]
        with Process([*car, "--duration", "1", "--json"]) as process:
            assert process.wait(60) is not None
        assert json.loads(process.output)["result"] == "ok", (process.output, daemon.output)
        assert daemon.wait(60) == 0, daemon.output
        assert "session_trace.log" in daemon.output
        assert "kept.json" in daemon.output
