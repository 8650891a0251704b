"""Single EXI documents as JSON lines, and back: for programs that have messages but no capture."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from v2g.capture.payload import message_name
from v2g.exi import ExiError
from v2g.exi.facets import Type
from v2g.messages import decode, decode_fragment, encode
from v2g.messages.document import from_document, to_document


def decoded(protocol: str, lines: Iterable[str], *, fragment: bool = False) -> Iterator[dict[str, Any]]:
    """One `{"message", "document"}` or `{"error"}` for each line of hexadecimal EXI."""
    for line in lines:
        try:
            data = bytes.fromhex(line)
            if fragment:
                name, value = decode_fragment(protocol, data)
                content = next(iter(to_document(value).values())) if isinstance(value, Type) else str(value)
                yield {"message": name, "document": {name: content}}
            else:
                document = to_document(decode(protocol, data))
                yield {"message": message_name(document), "document": document}
        except ExiError as error:
            yield {"error": str(error)}
        except ValueError:
            yield {"error": f"no hexadecimal octets: {line.strip():.80}"}


def encoded(protocol: str, lines: Iterable[str]) -> Iterator[str]:
    """One line of hexadecimal EXI, or `{"error"}`, for each line of JSON: a document, or what `decoded` gives."""
    for line in lines:
        try:
            given = json.loads(line)
            if not isinstance(given, dict):
                raise ValueError("expected an object")
            if "error" in given:
                raise ValueError(given["error"])
            yield encode(protocol, from_document(protocol, given.get("document", given))).hex()
        except (ExiError, ValueError) as error:
            yield json.dumps({"error": str(error)})
