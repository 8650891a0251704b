"""The fuzz targets run, and let good messages pass."""

import subprocess
import sys
from pathlib import Path

from v2g.messages import PROTOCOLS, encode
from v2g.messages.iso20 import dc
from v2g.messages.iso20 import types as ct
from v2g.v2gtp.framing import pack
from v2g.v2gtp.sdp import SdpRequest


def test_replay(repository: Path, tmp_path: Path) -> None:
    protocol = bytes([list(PROTOCOLS).index("iso20-dc")])
    message = encode("iso20-dc", dc.DC_CableCheckReq(ct.MessageHeader(bytes(8), 1)))
    (tmp_path / "good").write_bytes(protocol + message)
    (tmp_path / "cut").write_bytes(protocol + message[:-3])
    (tmp_path / "empty").write_bytes(b"")
    files = [str(tmp_path / name) for name in ("good", "cut", "empty")]
    subprocess.run([sys.executable, repository / "fuzz" / "fuzz_exi.py", "--replay", *files], check=True, timeout=60)


def test_replay_of_what_stands_before_the_codec(repository: Path, tmp_path: Path) -> None:
    request = SdpRequest().pack()
    frame = pack(0x8002, b"payload")
    pcap = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")
    inputs = [b"\0" + frame + frame[:5], b"\1" + request, b"\2" + bytes(60), b"\3" + pcap + bytes(9)]
    files = []
    for number, data in enumerate([*inputs, b""]):
        files.append(str(tmp_path / str(number)))
        Path(files[-1]).write_bytes(data)
    subprocess.run([sys.executable, repository / "fuzz" / "fuzz_wire.py", "--replay", *files], check=True, timeout=60)
