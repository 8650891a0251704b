"""Captures that lack packets: drops some at random, and compares what is read with what the whole capture gives."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from v2g.capture.dissector import DUPLICATE_S, Dissector
from v2g.capture.file import Packet, Secrets
from v2g.capture.judge import Judge
from v2g.capture.record import Record

RATES = (0.01, 0.05, 0.2)
OF_THE_CAPTURE = {"gap", "incomplete", "one side", "slac incomplete", "tls"}
"""The rules that speak of what the capture lacks, and accuse nobody."""

Item = Packet | Secrets


def read_and_judged(items: Iterable[Item]) -> list[Record]:
    """All records, with their findings."""
    dissector, judge = Dissector(), Judge()
    records = []
    for item in items:
        for record in dissector.feed(item):
            judge.judge(record)
            records.append(record)
    for record in dissector.flush():
        judge.judge(record)
        records.append(record)
    return [*records, *judge.flush(dissector.end)]


def dropped(items: Iterable[Item], rate: float, seed: int) -> list[Item]:
    """Each packet is missing with this probability. The others keep their numbers."""
    random = Random(f"{rate} {seed}")
    return [item for item in items if isinstance(item, Secrets) or random.random() >= rate]


@dataclass
class Comparison:
    """What is read of a lossy capture, beside that of the whole one."""

    share: float
    """Messages that are still read, of all."""
    wrong: list[str]
    """Messages that the whole capture does not have at this packet and time."""
    false: list[str]
    """Findings of a rule by which nothing is wrong in the whole capture."""


def compared(whole: list[Record], lossy: list[Record]) -> Comparison:
    """A frame that was captured twice may be at its second packet in a lossy capture."""
    right = {(record.packet, record.time, record.message, record.source) for record in whole if record.message}
    rules = {finding.rule for record in whole for finding in record.findings} | OF_THE_CAPTURE
    messages = [record for record in lossy if record.message]
    wrong = [
        f"packet {record.packet}, {record.time}: {record.message}"
        for record in messages
        if (record.packet, record.time, record.message, record.source) not in right and not _is_second(record, whole)
    ]
    findings = [finding for record in lossy for finding in record.findings]
    false = [f"packet {each.packet}: {each.text}" for each in findings if each.rule not in rules]
    return Comparison(len(messages) / len(right), wrong, false)


def _is_second(record: Record, whole: list[Record]) -> bool:
    same = (each for each in whole if (each.message, each.document) == (record.message, record.document))
    return any(0 <= (record.time or 0.0) - (each.time or 0.0) <= DUPLICATE_S for each in same)
