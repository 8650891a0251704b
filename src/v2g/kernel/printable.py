"""Text of others on a terminal or in a log: what a car or a peer names must not act there."""

LONGEST = 4096
"""Characters of one text; the rest is cut off."""


def printable(text: str) -> str:
    """The text with control characters, direction overrides and line breaks escaped, cut to a bounded length."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}... ({len(text)} characters)"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
