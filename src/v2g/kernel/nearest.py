"""The name that somebody meant, for the remedy of a message."""

import re
from collections.abc import Iterable

import msgspec

_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean NAME?`, or nothing if no known name is close."""
    from difflib import get_close_matches  # only if something is wrong

    by_lower = {name.lower(): name for name in known}
    matches = get_close_matches(word[:60].lower(), by_lower, n=1)
    return "".join(f"did you mean {by_lower[match]}?" for match in matches)


def with_nearest(error: msgspec.ValidationError, *kinds: type[msgspec.Struct]) -> str:
    """What is wrong; of a key that these mappings do not have also the nearest that they have."""
    text = str(error)
    found = _UNKNOWN.search(text)
    if found is None:
        return text
    near = did_you_mean(found[1], (field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)))
    return f"{text}; {near}" if near else text
