"""Signatures of the car."""

from typing import Any

from v2g.iso15118.contract import key_of
from v2g.iso15118.session import Refusal
from v2g.kernel.fault import Fault
from v2g.messages.iso20.types import MessageHeader, ResponseCode


def check_signature(header: MessageHeader, element: str, value: Any, certificate: bytes, code: ResponseCode) -> None:
    """Raise `Refusal` with `code` unless the key of `certificate` (DER) has signed this element."""
    from v2g.iso15118.signature import SignatureInvalid, verify

    try:
        verify("iso20-common", header.Signature, [(element, value)], key_of(certificate))
    except (SignatureInvalid, ValueError) as error:
        raise Refusal(code, f"{element}: {error}", Fault.AUTHORIZATION) from None
