"""The least value of every message of every protocol is what its schema admits, and nothing in it can be left out."""

import pytest
from msgspec.structs import replace

from v2g.exi.facets import Type
from v2g.exi.grammar import fields_of
from v2g.exi.least import least
from v2g.messages import PROTOCOLS, ExiError, codec, decode, encode

MESSAGES = [(protocol, cls) for protocol in PROTOCOLS if protocol != "xmldsig" for cls in codec(protocol).messages]


@pytest.mark.parametrize(
    ("protocol", "cls"), MESSAGES, ids=lambda each: each if isinstance(each, str) else each.__name__
)
def test_the_least_message_can_be_sent(protocol: str, cls: type[Type]) -> None:
    schema = codec(protocol).schema
    if schema.grammar(cls).abstract:
        return
    message = least(schema, cls)
    assert decode(protocol, encode(protocol, message), strict=True) == message


def test_nothing_of_it_can_be_left_out() -> None:
    checked = 0
    for protocol, cls in MESSAGES:
        if codec(protocol).schema.grammar(cls).abstract:
            continue
        message = least(codec(protocol).schema, cls)
        for field in fields_of(cls):
            if getattr(message, field.name) not in (None, []):
                with pytest.raises(ExiError):
                    encode(protocol, replace(message, **{field.name: [] if field.is_list else None}))
                checked += 1
    assert checked > 300
