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
    if event == "compile":
        print("generated", arguments[1])

number = ct.RationalNumber(0, 1)
header = ct.MessageHeader(bytes(8), 1)
request = dc.DC_PreChargeReq(header, ct.Processing.Ongoing, number, number)
response = dc.DC_PreChargeRes(header, ct.ResponseCode.OK, number)
octets = encode("iso20-dc", request)
warm("iso20-dc", dc.DC_PreChargeReq, writing=False)
warm("iso20-dc", dc.DC_PreChargeRes, reading=False)

sys.addaudithook(hook)
assert decode("iso20-dc", octets) == request
octets = encode("iso20-dc", response)
print("as the car:")
decode("iso20-dc", octets)
"""
    assert run(repository, program).split("\n") == ["as the car:", "generated <DC_PreChargeRes>", ""]
