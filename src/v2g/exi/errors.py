"""The one error of the codec."""

from __future__ import annotations

from v2g.kernel.errors import V2GError


class ExiError(V2GError):
    """Bytes that are no message of the schema, or a message that the schema forbids.

    `bit` is the position in the stream at which decoding failed, None when encoding; `path` leads to the place in the
    message, element by element (`DC_ChargeLoopReq/EVPresentVoltage/Exponent`); `reason` says what is wrong there.
    """

    def __init__(self, bit: int | None, path: str, reason: str) -> None:
        self.bit = bit
        self.path = path
        self.reason = reason
        place = path or "document"
        super().__init__(f"{place}: {reason}" if bit is None else f"{place}, bit {bit}: {reason}")
