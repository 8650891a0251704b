"""An OCSP responder for the authorities of a directory, as a process: `python -m v2g.bench.ocsp_responder DIR PORT`.

It answers for every certificate in the `*.pem` files of the directory, and of those below, whose authority's key lies
there, too. A line of the file `revoked` in it takes a certificate back: the name of its file, or its serial number. The
file is read for each answer. Prints the port once it answers.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPResponseBuilder, OCSPResponseStatus

from v2g.pki.certificate import Certificate, read_pem
from v2g.pki.issue import PrivateKey, ocsp_response

_LONGEST_REQUEST = 4096


class Responder(ThreadingHTTPServer):
    """Answers at `127.0.0.1`; port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, directory: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.directory = directory
        self.asked = 0
        """Requests so far."""

    @property
    def url(self) -> str:
        """What certificates have to name."""
        return f"http://127.0.0.1:{self.server_port}/"

    def answer(self, request: bytes) -> bytes:
        """The response to a request, DER."""
        self.asked += 1
        try:
            serial = ocsp.load_der_ocsp_request(request).serial_number
        except ValueError:
            return _refusal(OCSPResponseStatus.MALFORMED_REQUEST)
        found = next((each for each in self._certificates() if each[1].serial == serial), None)
        if found is None:
            return _refusal(OCSPResponseStatus.UNAUTHORIZED)
        file, certificate = found
        for issuer_file, issuer in self._certificates():
            key_file = self.directory / issuer_file.replace(".pem", "_key.pem")
            if certificate.issued_by(issuer) and key_file.exists():
                key = load_pem_private_key(key_file.read_bytes(), None)
                assert isinstance(key, PrivateKey)
                now = datetime.now(UTC)
                gone = {file, str(serial)} & self._revoked()
                revoked = now if gone else None
                return ocsp_response(certificate.parsed, issuer.parsed, key, now, revoked=revoked)
        return _refusal(OCSPResponseStatus.UNAUTHORIZED)

    def _certificates(self) -> Iterator[tuple[str, Certificate]]:
        for file in sorted(self.directory.rglob("*.pem")):
            if not file.name.endswith(("_key.pem", "_chain.pem")):
                for each in read_pem(file.read_bytes())[:1]:
                    yield str(file.relative_to(self.directory)), each

    def _revoked(self) -> set[str]:
        listed = self.directory / "revoked"
        return set(listed.read_text().split()) if listed.exists() else set()


class _Handler(BaseHTTPRequestHandler):
    server: Responder

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length", 0)), _LONGEST_REQUEST)
        content = self.server.answer(self.rfile.read(length))
        self.send_response(200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the tests count requests themselves."""


def _refusal(status: OCSPResponseStatus) -> bytes:
    return OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def main() -> None:
    """Serve until the process is ended."""
    responder = Responder(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print(responder.server_port, flush=True)
    responder.serve_forever()


if __name__ == "__main__":
    main()
