"""The ways that readers go through the pages, which `make proof ARGS=roots` goes in fresh Debian roots."""

import subprocess

import pytest
from tools.walk import WALKS, Walk, commands, script, typed


@pytest.mark.parametrize("walk", WALKS.values(), ids=list(WALKS))
def test_a_way_follows_its_page_and_bash_reads_it(walk: Walk) -> None:
    there = list(commands(walk.page))
    for beginning in walk.instead:
        assert any(each.startswith(beginning) for each in there), beginning
    subprocess.run(["bash", "-n"], input=script(walk), text=True, check=True)


def test_a_process_goes_on_while_the_next_command_is_typed() -> None:
    assert typed("v2g sim grid --listen 127.0.0.1:5023", {}).splitlines() == [
        "v2g sim grid --listen 127.0.0.1:5023 &",
        "until (: </dev/tcp/127.0.0.1/5023) 2>/dev/null; do sleep 0.1; done",
    ]
    assert typed("v2g faults 0x04", {}) == "v2g faults 0x04"
    assert typed("v2g faults 0x04", {"v2g faults": "true"}) == "true"
