"""Fuzzes the codec: any bytes are a message or an ExiError, and the generated functions agree with the interpreter.

    python fuzz/fuzz_exi.py CORPUS...       searches, with atheris (https://pypi.org/project/atheris)
    python fuzz/fuzz_exi.py --replay FILE...  tries the files, without it

The first octet of an input selects the protocol, the rest is the message.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from v2g.exi.facets import Type
from v2g.exi.interpreter import Decoder
from v2g.messages import PROTOCOLS, ExiError, codec, decode, decode_fragment, encode
from v2g.messages.document import from_document, to_document


def outcome(read: Callable[[], Any]) -> Any:
    """The message, or the error's text."""
    try:
        return read()
    except ExiError as error:
        return str(error)


def try_one(data: bytes) -> None:
    """Raises something else than ExiError, or AssertionError, if the codec is wrong about these bytes."""
    if not data:
        return
    protocol = list(PROTOCOLS)[data[0] % len(PROTOCOLS)]
    message = outcome(lambda: decode(protocol, data[1:], strict=True))
    reference = outcome(lambda: Decoder(codec(protocol).schema, data[1:], strict=True).document())
    if not isinstance(reference, str):
        assert repr(message) == repr(reference)
    if isinstance(message, Type):
        assert decode(protocol, encode(protocol, message), strict=True) == message
        assert from_document(protocol, to_document(message)) == message
    outcome(lambda: decode_fragment(protocol, data[1:]))


def run(target: Callable[[bytes], None]) -> None:
    """Search with atheris, or replay the files that the command line names."""
    if sys.argv[1:2] == ["--replay"]:
        for file in sys.argv[2:]:
            target(Path(file).read_bytes())
        return
    atheris = import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    run(try_one)
