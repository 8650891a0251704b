"""Fetches over HTTP what a certificate points to: OCSP responses and revocation lists. Both are signed, so plain HTTP
is enough, and usual. Blocks: call it in a thread.
"""

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from v2g.kernel.errors import V2GError

TIMEOUT_S = 4.0
LONGEST_OCTETS = 1 << 20


class Unfetched(V2GError):
    """Nobody answered, or not with what was asked for; the text says who and why."""


def fetch(url: str, body: bytes | None = None, content_type: str = "application/ocsp-request") -> bytes:
    """GET, or POST with a `body`. Raises `Unfetched`."""
    parts = urlsplit(url)
    try:
        if parts.scheme != "http" or not parts.hostname:
            raise Unfetched(f"{url} is no address of http://")
        connection = HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {} if body is None else {"Content-Type": content_type}
            connection.request("GET" if body is None else "POST", path, body, headers)
            response = connection.getresponse()
            content = response.read(LONGEST_OCTETS + 1)
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise Unfetched(f"{url}: {error}") from error
    if response.status != 200 or len(content) > LONGEST_OCTETS:
        raise Unfetched(f"{url} answers {response.status} with {len(content)} octets")
    return content
