"""The messages of ISO 15118 and DIN SPEC 70121, and their EXI form.

    from v2g.messages import decode, encode
    from v2g.messages.iso20 import dc

    request = decode("iso20-dc", data)  # -> dc.DC_ChargeLoopReq(...)
    data = encode("iso20-dc", request)

A protocol is a set of modules with one schema; the modules are loaded when the protocol is first used.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from v2g.exi import ExiError
from v2g.exi.codec import Codec
from v2g.exi.facets import Type
from v2g.exi.grammar import Schema
from v2g.kernel.errors import V2GError

__all__ = [
    "PROTOCOLS",
    "ExiError",
    "UnknownProtocol",
    "codec",
    "decode",
    "decode_fragment",
    "encode",
    "encode_fragment",
    "warm",
]

PROTOCOLS = {
    "sap": ("sap",),
    "din": ("din", "xmldsig"),
    "iso2": ("iso2", "xmldsig"),
    "iso20-common": ("iso20.common", "iso20.types", "xmldsig"),
    "iso20-dc": ("iso20.dc", "iso20.types", "xmldsig"),
    "iso20-ac": ("iso20.ac", "iso20.types", "xmldsig"),
    "iso20-wpt": ("iso20.wpt", "iso20.types", "xmldsig"),
    "iso20-acdp": ("iso20.acdp", "iso20.types", "xmldsig"),
    "iso20-ac-der-iec": ("iso20.ac_der_iec", "iso20.types", "xmldsig"),
    "iso20-ac-der-sae": ("iso20.ac_der_sae", "iso20.types", "xmldsig"),
    "xmldsig": ("xmldsig",),
}
"""The modules of each protocol below `v2g.messages`: its own first, then those that it builds upon. `xmldsig` alone is
what some stations and cars take for the SignedInfo of a signature."""


class UnknownProtocol(V2GError, ValueError):
    """There is no protocol of this name."""


@cache
def codec(protocol: str) -> Codec:
    """The codec of a protocol. Raises `UnknownProtocol` for a name that is not in PROTOCOLS."""
    if protocol not in PROTOCOLS:
        raise UnknownProtocol(f"there is no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    return Codec(Schema(protocol, [import_module(f"v2g.messages.{module}") for module in PROTOCOLS[protocol]]))


def decode(protocol: str, data: bytes, *, strict: bool = False, deviations: list[ExiError] | None = None) -> Any:
    """The message in an EXI document, an instance of the class of its root element.

    Deployed cars and stations deviate from the schemas in ways that leave the message readable: strings and binaries
    outside their length limits, an abstract element itself, octets after the message or other bits than zeros in the
    last one. With `strict` that is refused; else it is read, and put down in `deviations` if there is such a list: for
    each one the ExiError with bit, path and reason. Raises ExiError for what cannot be read.
    """
    return codec(protocol).decode(data, strict=strict, deviations=deviations)


def encode(protocol: str, message: Type) -> bytes:
    """The message as an EXI document. Raises ExiError if the schema forbids it."""
    return codec(protocol).encode(message)


def decode_fragment(
    protocol: str, data: bytes, *, strict: bool = False, deviations: list[ExiError] | None = None
) -> tuple[str, Any]:
    """The name of the element in an EXI fragment, and its value; `strict` and `deviations` as for `decode`. Raises
    ExiError."""
    return codec(protocol).decode_fragment(data, strict=strict, deviations=deviations)


def encode_fragment(protocol: str, element: str, value: Any) -> bytes:
    """The value as an EXI fragment with this element: the octets that a signature is made over (ISO 15118-2 and -20,
    7.9.2.4.2). Raises ExiError if the schema forbids it."""
    return codec(protocol).encode_fragment(element, value)


def warm(protocol: str, *messages: type[Type], reading: bool = True, writing: bool = True) -> None:
    """Generate the functions of these messages, without them those of all messages of the protocol, ahead of time, so
    that the first ones of a session are as fast as the others. A station reads requests and writes responses, and may
    leave out the rest. The types of XML Signature are left to their first use.

    Raises `UnknownProtocol`.
    """
    from v2g.messages.xmldsig import Signature

    of = codec(protocol)
    of.warm(messages or of.messages, leave=(Signature,), reading=reading, writing=writing)
