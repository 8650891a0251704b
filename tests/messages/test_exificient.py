"""EXIficient, an independent codec, reads what ours writes, and ours reads what it writes of that.

It knows the schemas only from the XSDs, so it needs them (beside the checkout), a JDK, and its jar from the registry.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.interop import josev

from v2g.exi.facets import Type
from v2g.messages import decode, encode

SCHEMAS = {
    "sap": "V2G_CI_AppProtocol.xsd",
    "din": "din_spec/V2G_CI_MsgBody.xsd",
    "iso2": "iso15118_2/V2G_CI_MsgDef.xsd",
    "iso20-common": "iso15118_20/V2G_CI_CommonMessages.xsd",
    "iso20-dc": "iso15118_20/V2G_CI_DC.xsd",
    "iso20-ac": "iso15118_20/V2G_CI_AC.xsd",
    "iso20-wpt": "iso15118_20/V2G_CI_WPT.xsd",
    "iso20-acdp": "iso15118_20/V2G_CI_ACDP.xsd",
}
NO_STRING_TABLE = "0"


class Exificient:
    """The other codec, in its own process: one line asks, one line answers."""

    def __init__(self, command: list[str], schemas: Path) -> None:
        self._schemas = schemas
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def ask(self, operation: str, protocol: str, payload: str) -> str:
        """`dec` turns hex into XML, `enc` XML into hex."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        schema = str(self._schemas / SCHEMAS[protocol])
        self._process.stdin.write("\t".join((operation, NO_STRING_TABLE, schema, payload)) + "\n")
        self._process.stdin.flush()
        verdict, _, answer = self._process.stdout.readline().rstrip("\n").partition("\t")
        assert verdict == "ok", f"{operation} {protocol}: {answer}\n{payload}"
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def exificient(shared: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exificient]:
    if shutil.which("javac") is None:
        pytest.skip("no JDK")
    try:
        peer = josev.install(repository / ".cache")
    except josev.UnavailableError as error:
        pytest.skip(str(error))
    [jar] = (repository / ".cache").glob("josev/venv/lib/*/site-packages/iso15118/shared/EXICodec.jar")
    assert peer.python.exists()
    classes = tmp_path_factory.mktemp("oracle")
    source = shared / "oracle" / "Oracle.java"
    subprocess.run(["javac", "-cp", str(jar), "-d", str(classes), str(source)], check=True, capture_output=True)
    codec = Exificient(["java", "-cp", f"{classes}:{jar}", "Oracle"], shared / "schemas")
    yield codec
    codec.close()


@pytest.mark.interop
@pytest.mark.parametrize("protocol", SCHEMAS)
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_read_and_written_alike(
    protocol: str,
    data: st.DataObject,
    made_up: Callable[[str], st.SearchStrategy[Type]],
    exificient: Exificient,
) -> None:
    message = data.draw(made_up(protocol))
    theirs = exificient.ask("enc", protocol, exificient.ask("dec", protocol, encode(protocol, message).hex()))
    # The meaning, not the octets: for an empty string EXIficient writes the longer of the two forms that EXI has.
    assert decode(protocol, bytes.fromhex(theirs)) == message
