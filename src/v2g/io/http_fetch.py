"""Fetches over HTTP what a certificate points to: OCSP responses and revocation lists. Both are signed, so plain HTTP
is enough, and usual. Blocks: call it in a thread.
"""

from urllib.parse import urlsplit

from v2g.io.http_client import Unanswered, ask
from v2g.kernel.errors import V2GError

WITHIN_S = 10.0
"""For the whole answer: a server that drips holds neither the thread nor whoever waits for it."""


class Unfetched(V2GError):
    """Nobody answered, or not with what was asked for; the text says who and why."""


def fetch(url: str, body: bytes | None = None, content_type: str = "application/ocsp-request") -> bytes:
    """GET, or POST with a `body`; takes at most `WITHIN_S` once there is a connection. Raises `Unfetched`."""
    headers = {} if body is None else {"Content-Type": content_type}
    try:
        if urlsplit(url).scheme != "http":
            raise Unfetched(f"{url} is no address of http://")
        answer = ask("GET" if body is None else "POST", url, body, headers, within_s=WITHIN_S)
    except (Unanswered, ValueError) as error:
        raise Unfetched(str(error)) from error
    if answer.status != 200:
        raise Unfetched(f"{url} answers {answer.status} with {len(answer.content)} octets")
    return answer.content
