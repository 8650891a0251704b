"""Octets as people paste them: with blanks, colons or commas, as `0x01`, `\\x01`, an array of C or bytes of Python, as
a dump with offsets, or within a line of a log."""

import re
from ast import literal_eval
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from v2g.v2gtp.framing import HEADER, VERSION

LONGEST = 1 << 20
"""Characters of an array or a dump. What is longer ends there."""

_OPENING = re.compile(r"^[^{}]*\{|\}\s*;?\s*$")
_MARK = re.compile(r"0[xX]|\\x")
_SEPARATORS = re.compile(r"[\s:,;.\-_'\"\[\]()]+")
_NO_DIGIT = re.compile(r"[^0-9A-Fa-f]")
_BETWEEN = r"[\s:,\-]*(?:0[xX])?"
_MESSAGE = re.compile(rf"01{_BETWEEN}[fF][eE]{_BETWEEN}[89abAB][0-9a-fA-F](?:{_BETWEEN}[0-9a-fA-F]{{2}})*")
"""A V2GTP message within other text, from its header on."""
_OFFSET = re.compile(r"\s*(?:0[xX])?([0-9A-Fa-f]{4,8})(:|\s)\s*")
_GROUP = re.compile(r"((?:[0-9A-Fa-f]{2})+)(\s*)")


class Pasted(NamedTuple):
    """What a line holds, or the lines of an array or a dump together."""

    number: int
    """Of the first line, from 1 on."""
    text: str
    octets: bytes | None
    """None if it is not hexadecimal."""


def pasted(lines: Iterable[str]) -> Iterator[Pasted]:
    """The octets in these lines, one after the other. Empty lines are passed over."""
    held: Pasted | None = None
    dump: Pasted | None = None
    for place, line in enumerate(lines, 1):
        number, text = place, line.strip()
        if dump is not None:
            more = _dumped(text, len(dump.octets or b""))
            if more is not None and len(dump.text) < LONGEST:
                dump = Pasted(dump.number, dump.text + text, (dump.octets or b"") + more)
                continue
            yield dump
            dump = None
        if held is not None:
            number, text = held.number, f"{held.text} {text}"
            held = None
        if not text:
            continue
        if (first := _dumped(text, 0)) is not None:
            dump = Pasted(number, text, first)
        elif _goes_on(text):
            held = Pasted(number, text, None)
        else:
            yield Pasted(number, text, octets(text))
    if dump is not None:
        yield dump
    if held is not None:
        yield held._replace(octets=octets(held.text))


def octets(text: str) -> bytes | None:
    """The octets that a text holds, or a V2GTP message within it; None if there are none."""
    if text.startswith(("b'", 'b"')):
        with suppress(ValueError, SyntaxError, TypeError):
            return bytes(literal_eval(text))
    found = _bare(_OPENING.sub("", text))
    if found is None and (message := _MESSAGE.search(text)) is not None:
        found = _bare(message[0])
    return found


def _bare(text: str) -> bytes | None:
    parts = _SEPARATORS.split(_MARK.sub(" ", text))
    is_list = any(each in text for each in ",:x")
    digits = "".join(f"0{part}" if is_list and len(part) == 1 else part for part in parts)
    return None if _NO_DIGIT.search(digits) or len(digits) % 2 else bytes.fromhex(digits)


def _goes_on(text: str) -> bool:
    """Whether the octets go on in the next line: an array that is still open, or a list that ends in a comma."""
    if len(text) >= LONGEST:
        return False
    if "{" in text:
        return "}" not in text
    data = octets(text) if text.endswith(",") and text[-2:-1] not in "'\"" else None
    return data is not None and not is_whole(data)


def is_whole(data: bytes) -> bool:
    """Whether these are one or more V2GTP messages with nothing missing."""
    place = 0
    while data[place : place + 2] == VERSION and len(data) >= place + HEADER.size:
        place += HEADER.size + int.from_bytes(data[place + 4 : place + 8])
    return 0 < place == len(data)


def _dumped(text: str, place: int) -> bytes | None:
    """The octets of a line of a dump, if it is one and has this offset."""
    offset = _OFFSET.match(text)
    if offset is None or int(offset[1], 16) != place:
        return None
    found, end = b"", offset.end()
    while (group := _GROUP.match(text, end)) is not None:
        found += bytes.fromhex(group[1])
        end, blanks = group.end(), len(group[2])
        if blanks > 2 or (blanks == 2 and len(found) != 8):  # the column of characters; some dumps have a gap after 8
            break
    is_first_of_dump = offset[2] == ":" or offset.end() - offset.end(1) > 1 or found[:1] in (b"\x01", b"\x80")
    return found if found and (place or is_first_of_dump) else None
