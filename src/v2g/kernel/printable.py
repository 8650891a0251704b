"""Text of others on a terminal or in a log: what a car or a peer names must not act there."""

LONGEST = 4096
"""Characters of one text; the rest is cut off."""


def printable(text: str) -> str:
    """The text `escaped`, and cut to a bounded length."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}... ({len(text)} characters)"
    return escaped(text)


def escaped(text: str) -> str:
    """The text with control characters, line breaks, direction overrides and unassigned characters escaped.

    The escapes are those of JSON (`\\u001b`, `\\n`): within a document of JSON they mean the same text.
    """
    return text if text.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
