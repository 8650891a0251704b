"""Messages of every kind, recorded: their bytes mean what they should mean, and come out again."""

from typing import Any

import pytest

from v2g.exi.grammar import fields_of
from v2g.messages import PROTOCOLS, codec, decode, encode
from v2g.messages.document import from_document, to_document

Recording = tuple[str, bytes, dict[str, Any]]


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "xmldsig"])
def test_recordings_mean_what_they_say(recordings: list[Recording], protocol: str) -> None:
    for data, document in [(data, document) for of, data, document in recordings if of == protocol]:
        message = decode(protocol, data, strict=True)
        assert to_document(message) == document
        assert from_document(protocol, document) == message
        assert encode(protocol, message) == data


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "xmldsig"])
def test_every_kind_of_message_is_recorded(recordings: list[Recording], protocol: str) -> None:
    recorded = {next(iter(document)) for of, _, document in recordings if of == protocol}
    recorded |= {
        next(iter(document["V2G_Message"]["Body"]), "") for _, _, document in recordings if "V2G_Message" in document
    }
    schema = codec(protocol).schema
    kinds = {cls.__name__ for cls in codec(protocol).messages if cls.__name__.endswith(("Req", "Res"))}
    for cls in schema.classes:
        if cls.__name__ == "Body":
            kinds |= {member.name.local for member in schema.members(fields_of(cls)[0])} - {"BodyElement"}
    assert kinds
    assert kinds <= recorded
