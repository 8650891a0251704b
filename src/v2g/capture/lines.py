"""Single EXI documents as JSON lines, and back: for programs that have messages but no capture."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from v2g.capture.hexadecimal import octets
from v2g.capture.payload import message_name
from v2g.exi import ExiError
from v2g.messages import decode, decode_fragment, encode, encode_fragment
from v2g.messages.document import fragment_from_document, fragment_to_document, from_document, to_document


def decoded(protocol: str, lines: Iterable[str], *, fragment: bool = False) -> Iterator[dict[str, Any]]:
    """One `{"message", "document"}` or `{"error"}` for each line of hexadecimal EXI; with `deviations` if there are
    any."""
    for line in lines:
        deviations: list[ExiError] = []
        try:
            data = octets(line.strip())
            if data is None:
                raise ValueError
            if fragment:
                name, value = decode_fragment(protocol, data, deviations=deviations)
                result = {"message": name, "document": fragment_to_document(protocol, name, value)}
            else:
                document = to_document(decode(protocol, data, deviations=deviations))
                result = {"message": message_name(document), "document": document}
            if deviations:
                result["deviations"] = [str(deviation) for deviation in deviations]
            yield result
        except ExiError as error:
            yield {"error": str(error)}
        except ValueError:
            yield {"error": f"no hexadecimal octets: {line.strip():.80}"}


def encoded(protocol: str, lines: Iterable[str], *, fragment: bool = False) -> Iterator[str]:
    """One line of hexadecimal EXI, or `{"error"}`, for each line of JSON: a document, or what `decoded` gives."""
    for line in lines:
        try:
            given = json.loads(line)
            if not isinstance(given, dict):
                raise ValueError("expected an object")
            if "error" in given:
                raise ValueError(given["error"])
            document = given.get("document", given)
            if fragment:
                yield encode_fragment(protocol, *fragment_from_document(protocol, document)).hex()
            else:
                yield encode(protocol, from_document(protocol, document)).hex()
        except (ExiError, ValueError, RecursionError) as error:
            yield json.dumps({"error": str(error)})
