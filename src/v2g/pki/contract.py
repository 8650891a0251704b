"""The contract id (eMAID) in a contract certificate: the common name of its subject."""

import re

from v2g.pki.certificate import Certificate

_EMAID = re.compile(r"(?P<country>[A-Z]{2})(?P<provider>[A-Z0-9]{3})(?P<instance>[A-Z0-9]{8,9})(?P<check>[A-Z0-9])?")
"""ISO 15118-2 Annex H: country, provider, nine characters (C and eight, with most operators), check digit; 14 or 15
without separators. Contracts of DIN SPEC 91286 have eight."""


def plain_emaid(text: str) -> str:
    """Without separators, in capitals: two spellings of one contract are equal then."""
    return text.replace("-", "").replace("*", "").strip().upper()


def emaid(leaf: Certificate) -> str | None:
    """The contract id that a leaf names, plain; None if its common name is no contract id."""
    name = plain_emaid(leaf.common_name)
    return name if _EMAID.fullmatch(name) else None
