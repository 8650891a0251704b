"""The fuzz target runs, and lets good messages pass."""

import subprocess
import sys
from pathlib import Path

from v2g.messages import PROTOCOLS, encode
from v2g.messages.iso20 import dc
from v2g.messages.iso20 import types as ct


def test_replay(repository: Path, tmp_path: Path) -> None:
    protocol = bytes([list(PROTOCOLS).index("iso20-dc")])
    message = encode("iso20-dc", dc.DC_CableCheckReq(ct.MessageHeader(bytes(8), 1)))
    (tmp_path / "good").write_bytes(protocol + message)
    (tmp_path / "cut").write_bytes(protocol + message[:-3])
    (tmp_path / "empty").write_bytes(b"")
    files = [str(tmp_path / name) for name in ("good", "cut", "empty")]
    subprocess.run([sys.executable, repository / "fuzz" / "fuzz_exi.py", "--replay", *files], check=True, timeout=60)
