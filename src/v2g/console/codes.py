"""The code of each EVSE, by which its driver finds the page of the vehicle there: lines `EVSE:CODE` in a file.

A code is on a label at the EVSE. It has 80 random bits, so nobody guesses it; whoever has read it can ask for the
vehicle that is there.
"""

import re
from base64 import b32encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from secrets import token_bytes

from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

_CODE = re.compile(r"[a-z2-7]{16}")


def read_codes(file: Path) -> dict[str, str]:
    """By EVSE. Raises `V2GError` with the line and the remedy."""
    try:
        lines = regular_file.entries(file)
    except OSError as error:
        raise V2GError(f"{file}: {error.strerror}; `v2g depot codes` makes it") from error
    codes = dict[str, str]()
    for number, line in lines:
        evse, _, code = line.rpartition(":")
        if not evse or not _CODE.fullmatch(code):
            raise V2GError(f"{file}:{number}: not EVSE:CODE; `v2g depot codes` makes such lines")
        if evse in codes or code in codes.values():
            raise V2GError(f"{file}:{number}: EVSE or code is there twice; remove the line")
        codes[evse] = code
    return codes


def completed(codes: Mapping[str, str], evses: Iterable[str], renewed: Iterable[str] = ()) -> dict[str, str]:
    """A code for each EVSE; those that are `renewed` get another one. EVSEs that are gone lose theirs."""
    kept = {evse: code for evse, code in codes.items() if evse not in set(renewed)}
    return {evse: kept.get(evse) or new_code() for evse in evses}


def new_code() -> str:
    """A code that nobody guesses."""
    return b32encode(token_bytes(10)).decode().lower()
