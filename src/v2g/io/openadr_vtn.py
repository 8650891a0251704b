"""A VTN of OpenADR 3 as a VEN asks it: token (OAuth2 client credentials), programs, events, reports.

Blocks: call it in a thread.
"""

import ssl
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from v2g.depot.grid_configuration import OpenAdr
from v2g.io.depot_configuration import password
from v2g.io.http_client import Answer, ask
from v2g.languages.openadr.objects import OpenAdrError, Program, Token, read

PAGE = 50
"""The most objects of one answer (`limit`)."""
MOST = 500
"""Objects of one kind."""
EARLY_S = 30.0
"""Before its end a token is no longer used."""
TOKEN_S = 3600.0
"""How long a token counts that does not say so itself."""
_JSON = "application/json"


class Vtn:
    """One VTN. Whatever it asks raises `Unanswered`, or `OpenAdrError` for what is refused or not understood."""

    def __init__(self, settings: OpenAdr) -> None:
        self._settings = settings
        self._url = settings.url.rstrip("/")
        self._tls = None if settings.roots is None else ssl.create_default_context(cafile=str(settings.roots))
        self._token, self._until_s = "", 0.0
        self.skew_s = 0.0
        """How far its clock is ahead of this machine's, by its latest answer; to the second."""

    def programs(self) -> list[Program]:
        """All that it shows, or those that the settings name."""
        found = [read(each, Program, "a program") for each in self._list("/programs", self._targets())]
        wanted = self._settings.programs
        if missing := set(wanted) - {each.programName for each in found}:
            raise OpenAdrError(f"the VTN shows no program {min(missing)}; see openadr.programs and openadr.targets")
        return [each for each in found if not wanted or each.programName in wanted]

    def events(self, program: Program) -> list[msgspec.Raw]:
        """Its events, not read yet: one that is wrong must not hide the others."""
        return self._list("/events", [("programID", program.id), *self._targets()])

    def post(self, document: dict[str, Any]) -> str:
        """Post a report; its id."""
        answer = self._asked("POST", "/reports", document)
        if answer.status == HTTPStatus.CONFLICT:  # of an earlier process
            return self._posted(document)
        return self._id(self._good(answer, "POST /reports").content)

    def put(self, id: str, document: dict[str, Any]) -> None:
        """Put a report in the place of the one before."""
        self._good(self._asked("PUT", f"/reports/{quote(id, safe='')}", document), "PUT /reports")

    def _posted(self, document: dict[str, Any]) -> str:
        query = [("eventID", document["eventID"]), ("clientName", document["clientName"])]
        found = self._list("/reports", query)
        if not found:
            raise OpenAdrError("the VTN has a report like this already, and does not show it")
        id = self._id(bytes(found[0]))
        self.put(id, document)
        return id

    def _id(self, document: bytes) -> str:
        return str(read(document, dict[str, Any], "a report").get("id", ""))

    def _targets(self) -> list[tuple[str, str]]:
        return [("targets", each) for each in self._settings.targets]

    def _list(self, path: str, query: list[tuple[str, str]]) -> list[msgspec.Raw]:
        found = list[msgspec.Raw]()
        while len(found) < MOST:
            page = urlencode([*query, ("skip", str(len(found))), ("limit", str(PAGE))])
            answer = self._good(self._asked("GET", f"{path}?{page}"), f"GET {path}")
            more = read(answer.content, list[msgspec.Raw], f"GET {path}")
            found += more
            if len(more) < PAGE:
                return found
        raise OpenAdrError(f"GET {path}: more than {MOST} objects; name programs or targets under openadr")

    def _asked(self, method: str, path: str, document: dict[str, Any] | None = None) -> Answer:
        body = None if document is None else msgspec.json.encode(document)
        for _ in range(2):
            if time.monotonic() > self._until_s:
                self._sign_in()
            headers = {"Authorization": f"Bearer {self._token}", "Accept": _JSON, "Content-Type": _JSON}
            answer = ask(method, self._url + path, body, headers, tls=self._tls)
            if answer.status != HTTPStatus.UNAUTHORIZED:
                break
            self._until_s = 0.0  # revoked before its end
        self._look_at_clock(answer)
        return answer

    def _sign_in(self) -> None:
        settings = self._settings
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": password(settings.secret_file),
        } | ({"scope": settings.scope} if settings.scope else {})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": _JSON}
        answer = ask("POST", self._token_url(), urlencode(form).encode(), headers, tls=self._tls)
        token = read(self._good(answer, "the token's address").content, Token, "the token")
        self._token = token.access_token
        lasts_s = TOKEN_S if token.expires_in is None else token.expires_in
        self._until_s = time.monotonic() + max(lasts_s - EARLY_S, 1.0)

    def _token_url(self) -> str:
        """As the settings have it, or as the VTN says (since 3.1), or where 3.0 has it."""
        if self._settings.token_url is not None:
            return self._settings.token_url
        own = f"{self._url}/auth/token"
        answer = ask("GET", f"{self._url}/auth/server", headers={"Accept": _JSON}, tls=self._tls)
        if answer.status != HTTPStatus.OK:
            return own
        url = str(read(answer.content, dict[str, Any], "GET /auth/server").get("tokenURL") or own)
        if urlsplit(self._url).scheme == "https" and urlsplit(url).scheme != "https":
            raise OpenAdrError(f"the VTN wants the secret at {url}, in clear; set openadr.token_url if that is right")
        return url

    def _good(self, answer: Answer, what: str) -> Answer:
        if not 200 <= answer.status < 300:
            said = answer.content[:200].decode("utf-8", "replace")
            raise OpenAdrError(f"{what} at {self._url} is refused with {answer.status}: {said}")
        return answer

    def _look_at_clock(self, answer: Answer) -> None:
        try:
            self.skew_s = parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
        except (KeyError, TypeError, ValueError):
            self.skew_s = 0.0
