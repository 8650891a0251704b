"""What loading the codec costs."""

import subprocess
import sys
from pathlib import Path


def run(repository: Path, program: str) -> str:
    environment = {"PYTHONPATH": str(repository / "src")}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_neither_network_nor_other_protocols_are_loaded(repository: Path) -> None:
    loaded = run(
        repository,
        "import sys; from v2g.messages import codec; codec('iso20-dc'); print(*sys.modules)",
    ).split()
    assert "v2g.messages.iso20.dc" in loaded
    assert not {"asyncio", "ssl", "socket", "dataclasses", "v2g.messages.iso2", "v2g.messages.iso20.ac"} & set(loaded)


def test_after_warming_up_a_message_generates_nothing(repository: Path) -> None:
    program = """
import sys
from v2g.messages import decode, encode, warm
from v2g.messages.iso20 import dc, types as ct

def hook(event, arguments):
    if event in ("compile", "exec"):
        print(event)

warm("iso20-dc", dc.DC_PreChargeReq)
number = ct.RationalNumber(0, 1)
message = dc.DC_PreChargeReq(ct.MessageHeader(bytes(8), 1), ct.Processing.Ongoing, number, number)
sys.addaudithook(hook)
assert decode("iso20-dc", encode("iso20-dc", message)) == message
print("warm")
encode("iso20-dc", dc.DC_CableCheckReq(message.Header))
"""
    assert run(repository, program).split() == ["warm", "compile", "exec"]
