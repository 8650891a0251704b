"""Network namespaces: where they cannot be made, iproute2's own words say why."""

import os
import shutil
import subprocess
import sys

import pytest

from v2g.bench.sim import netns

ASK = "from v2g.bench.sim.netns import why_not; print(why_not())"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv (util-linux)")
def test_a_container_without_the_right_to_make_them_gets_the_reason() -> None:
    command = ["setpriv", "--bounding-set", "-sys_admin,-net_admin", sys.executable, "-c", ASK]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    if shutil.which("ip") is None:
        assert run.stdout == "network namespaces need the command ip (iproute2)\n"
    else:
        assert run.stdout.startswith("network namespaces cannot be made here (`ip netns add v2g-")
        assert "Operation not permitted" in run.stdout


def test_they_need_nothing_but_ip(monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    run = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    needed = "the command ip (iproute2)" if os.geteuid() == 0 else "root"
    assert run.stdout == f"network namespaces need {needed}\n"


@pytest.mark.skipif(netns.why_not() is not None, reason=str(netns.why_not()))
def test_what_a_killed_process_left_is_removed_by_the_next() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = netns.NAMESPACES / f"v2g-{gone.pid}-1"
    subprocess.run(["ip", "netns", "add", left.name], check=True)
    with netns.cable(apart=False):
        assert not left.exists()
