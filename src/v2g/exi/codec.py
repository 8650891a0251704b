"""Encoding and decoding with a schema."""

from __future__ import annotations

from typing import Any

from v2g.exi.errors import ExiError
from v2g.exi.facets import Type
from v2g.exi.grammar import Schema
from v2g.exi.interpreter import Decoder, Encoder


class Codec:
    """The codec of one schema set."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def decode(self, data: bytes, *, strict: bool = False) -> Any:
        """The message in a document."""
        return self._interpret(Decoder.document, data, strict)

    def encode(self, message: Type) -> bytes:
        """The message as a document."""
        return Encoder(self.schema).document(message)

    def decode_fragment(self, data: bytes, *, strict: bool = False) -> tuple[str, Any]:
        """The name of a fragment's element, and its value."""
        name, value = self._interpret(Decoder.fragment, data, strict)
        return name, value

    def encode_fragment(self, element: str, value: Any) -> bytes:
        """The value as a fragment: what a signature is made over."""
        return Encoder(self.schema).fragment(element, value)

    def _interpret(self, read: Any, data: bytes, strict: bool) -> Any:
        try:
            return read(Decoder(self.schema, data, strict=strict))
        except ExiError as error:
            try:
                return read(Decoder(self.schema, data, strict=strict, loop_at_full_list=True))
            except ExiError:
                raise error from None
