"""Port of a unit that samples the voltages of the grid, and the datagram in which such a unit sends its samples.

A datagram holds one block of samples, all numbers big-endian:

    offset  size
         0     4  "V2GW"
         4     1  version, 1
         5     1  phases, 3
         6     2  count of samples of each phase, 1 to 120
         8     4  samples a second, in thousandths
        12     8  number of the first sample since the unit started
        20  12*n  for each sample the voltages of L1, L2, L3 to neutral as 32-bit floats, in volts

The numbers of the samples show whether a datagram was lost.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

LARGEST_COUNT = 120
"""So that a datagram fits into an Ethernet frame."""

_HEAD = struct.Struct(">4sBBHIQ")
_SAMPLE = struct.Struct(">fff")
_MAGIC, _VERSION, _PHASES = b"V2GW", 1, 3

Sample = tuple[float, float, float]
"""Voltages of L1, L2 and L3 to neutral at one instant, in volts."""


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """Consecutive samples."""

    first: int
    """Number of the first one."""
    rate_hz: float
    samples: Sequence[Sample]


class SampleSource(Protocol):
    """Where samples come from."""

    async def blocks(self) -> Sequence[SampleBlock]:
        """What has arrived since the last call, oldest first; waits for at least one block.

        Raises `PowerError` when none arrives within 0.2 s.
        """
        ...


def encode(block: SampleBlock) -> bytes:
    """The datagram of a block. Raises `ValueError` for more than `LARGEST_COUNT` samples, or none."""
    if not 1 <= len(block.samples) <= LARGEST_COUNT:
        raise ValueError(f"a block has 1 to {LARGEST_COUNT} samples, not {len(block.samples)}")
    head = _HEAD.pack(_MAGIC, _VERSION, _PHASES, len(block.samples), round(block.rate_hz * 1000), block.first)
    return head + b"".join(_SAMPLE.pack(*sample) for sample in block.samples)


def decode(datagram: bytes) -> SampleBlock:
    """The block of a datagram. Raises `ValueError` for one of another form."""
    if len(datagram) < _HEAD.size:
        raise ValueError(f"{len(datagram)} bytes are too few")
    magic, version, phases, count, rate_mhz, first = _HEAD.unpack_from(datagram)
    if (magic, version, phases) != (_MAGIC, _VERSION, _PHASES):
        raise ValueError(f"not samples of {_PHASES} phases in version {_VERSION}")
    if not rate_mhz or not 1 <= count <= LARGEST_COUNT or len(datagram) != _HEAD.size + count * _SAMPLE.size:
        raise ValueError(f"{len(datagram)} bytes for {count} samples, {rate_mhz / 1000:g} a second")
    return SampleBlock(first, rate_mhz / 1000, list(_SAMPLE.iter_unpack(datagram[_HEAD.size :])))
