"""Messages made up from the classes: they come out of the bytes as they went in, whoever reads and writes them."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from v2g.exi.compiler import Compiler
from v2g.exi.facets import Type
from v2g.exi.interpreter import Decoder, Encoder
from v2g.messages import PROTOCOLS, codec, decode, encode
from v2g.messages.document import from_document, to_document

MadeUp = Callable[[str], st.SearchStrategy[Type]]

examples = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@examples
@given(data=st.data())
def test_there_and_back(protocol: str, data: st.DataObject, made_up: MadeUp) -> None:
    message = data.draw(made_up(protocol))
    octets = encode(protocol, message)
    decoded = decode(protocol, octets, strict=True)
    assert decoded == message
    assert repr(decoded) == repr(message)  # members of different enumerations are equal if they are spelled the same
    assert from_document(protocol, to_document(message)) == message

    schema = codec(protocol).schema
    assert Encoder(schema).document(message) == octets
    assert repr(Decoder(schema, octets, strict=True).document()) == repr(message)


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "xmldsig"])
@examples
@given(data=st.data())
def test_generated_functions_know_the_ordinary_case(protocol: str, data: st.DataObject, made_up: MadeUp) -> None:
    """They must not lean on the interpreter: that would be right, but slow."""
    message = data.draw(made_up(protocol).filter(lambda m: "KeyInfo(" not in str(m)))
    compiler = Compiler(codec(protocol).schema)
    write, read = (compiler.functions[name(type(message))] for name in (compiler.writer_name, compiler.reader_name))
    stream = write(message, 1)
    bits = stream.bit_length() - 1
    assert read(stream & (1 << bits) - 1, bits) == (message, 0)


@pytest.mark.parametrize("module", ["iso20.types", "xmldsig"])
def test_a_type_that_sets_share_has_one_grammar(module: str) -> None:
    """Its generated functions are shared as well."""
    name = f"v2g.messages.{module}"
    schemas = [codec(protocol).schema for protocol in PROTOCOLS]
    schemas = [schema for schema in schemas if name in [part.__name__ for part in schema.modules]]
    for cls in [cls for cls in schemas[0].classes if cls.__module__ == name]:
        particles = [schema.grammar(cls).particles for schema in schemas]
        assert all(other == particles[0] for other in particles)
