"""Fuzzes what stands before the codec: V2GTP framing, discovery, power-line messages, capture files.

Used as `fuzz_exi.py` is. The first octet of an input selects the target; any bytes are understood, or refused with the
target's own error.
"""

import io
import sys
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from fuzz.fuzz_exi import run

from v2g.capture.dissector import Dissector
from v2g.capture.file import CaptureError, read
from v2g.capture.judge import Judge
from v2g.slac.mme import LEAST_FRAME, Frame, MmeError
from v2g.v2gtp.framing import FrameReader, FramingError, pack
from v2g.v2gtp.sdp import SdpError, SdpRequest, SdpResponse


def framing(data: bytes) -> None:
    """However the stream is cut, the frames are the same, and they are what was read."""
    whole, pieces, total = FrameReader(), FrameReader(), []
    with suppress(FramingError):
        frames = whole.feed(data)
        for octet in data:
            total += pieces.feed(bytes((octet,)))
        assert total == frames
        assert data.startswith(b"".join(pack(*frame) for frame in frames))


def discovery(data: bytes) -> None:
    """What is understood is written as it was read."""
    with suppress(SdpError):
        assert SdpRequest.unpack(data).pack() == data
    with suppress(SdpError):
        assert SdpResponse.unpack(data).pack() == data


def management(data: bytes) -> None:
    """A power-line frame that is understood is written as it was read, filled up to the least size."""
    with suppress(MmeError):
        assert Frame.unpack(data).pack() == data.ljust(LEAST_FRAME, b"\0")


def capture(data: bytes) -> None:
    """A capture file is dissected and judged to its end, or to where it breaks off."""
    dissector, judge = Dissector(), Judge()
    with suppress(CaptureError):
        for item in read(io.BytesIO(data), "fuzz"):
            for record in dissector.feed(item):
                judge.judge(record)
    for record in dissector.flush():
        judge.judge(record)
    list(judge.flush())


TARGETS = (framing, discovery, management, capture)


def try_one(data: bytes) -> None:
    """Raises something else than the targets' errors, or AssertionError, if one of them is wrong about these bytes."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


if __name__ == "__main__":
    run(try_one)
