"""Files of the back end over HTTP(S): logs up, firmware down. Blocking; whoever calls does so in a thread."""

import ssl
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from v2g.station.back_end.files import Download, Install, Job, Publish, Result, Upload

TIMEOUT_S = 60.0
LARGEST_BYTES = 512 << 20
INSTALL_S = 1_800.0
_STAMP = "%Y-%m-%dT%H:%M:%S"


class _NoRedirect(HTTPRedirectHandler):
    """A back end names the place itself (N01: redirects are not followed)."""

    def redirect_request(self, *args: Any) -> None:
        return None


def carry(
    job: Job, *, log: Path, roots: Path | None, install: Sequence[str], publish: Path | None = None
) -> tuple[Result, bytes]:
    """Carry out one job; never raises. `log`: the file of the process's log. `install`: the command that installs a
    firmware, which gets the path of the file as its last argument. `publish`: the directory of published files."""
    try:
        match job:
            case Upload():
                content = _part(log, job.since_s, job.until_s) if job.content is None else job.content.encode()
                return _sent(_named(job.url, job.name), content, roots), b""
            case Download():
                return _got(job.url, roots)
            case Install():
                return _installed(job.content, install), b""
            case Publish():
                return _published(job, publish), b""
    except HTTPError as error:
        return ("denied" if error.code in (401, 403) else "failed"), b""
    except (OSError, URLError, HTTPException, ValueError, subprocess.SubprocessError):
        return "failed", b""


def _named(url: str, name: str) -> str:
    """The URL of the file: one that ends in a slash gets the file's name."""
    return url + name if url.endswith("/") else url


def _request(url: str, method: str, content: bytes | None) -> Request | None:
    """The request; None for what is no HTTP. A name and a password in the URL are for Basic."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return None
    host = parts.netloc.rpartition("@")[2]
    request = Request(urlunsplit(parts._replace(netloc=host)), data=content, method=method)  # noqa: S310
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + b64encode(user.encode()).decode())
    return request


def _open(request: Request, roots: Path | None) -> Any:
    context = ssl.create_default_context()
    if roots is not None:
        context.load_verify_locations(roots)
    return build_opener(_NoRedirect, HTTPSHandler(context=context)).open(request, timeout=TIMEOUT_S)


def _sent(url: str, content: bytes, roots: Path | None) -> Result:
    request = _request(url, "PUT", content)
    if request is None:
        return "not supported"
    request.add_header("Content-Type", "text/plain; charset=utf-8")
    with _open(request, roots):
        return "done"


def _got(url: str, roots: Path | None) -> tuple[Result, bytes]:
    request = _request(url, "GET", None)
    if request is None:
        return "not supported", b""
    with _open(request, roots) as response:
        content: bytes = response.read(LARGEST_BYTES + 1)
    return ("done", content) if len(content) <= LARGEST_BYTES else ("failed", b"")


def _installed(content: bytes, install: Sequence[str]) -> Result:
    if not install:
        return "not supported"
    with tempfile.NamedTemporaryFile(prefix="v2g-firmware-") as file:
        file.write(content)
        file.flush()
        done = subprocess.run([*install, file.name], check=False, timeout=INSTALL_S, stdin=subprocess.DEVNULL)
    return "done" if done.returncode == 0 else "failed"


def _published(job: Publish, directory: Path | None) -> Result:
    if directory is None:
        return "not supported"
    file = directory / job.name
    if job.content is None:
        file.unlink(missing_ok=True)
        return "done"
    new = file.with_name(f"{job.name}.new")
    new.write_bytes(job.content)
    new.replace(file)
    return "done"


def _part(log: Path, since_s: float | None, until_s: float | None) -> bytes:
    """The lines of a log between two times; a line without a time belongs to the one before."""
    first = "" if since_s is None else datetime.fromtimestamp(since_s, UTC).strftime(_STAMP)
    last = "~" if until_s is None else datetime.fromtimestamp(until_s, UTC).strftime(_STAMP) + "~"
    found, within = [], since_s is None
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line[:1].isdigit():
                within = first <= line[:19] <= last
            if within:
                found.append(line)
    return "".join(found).encode()
