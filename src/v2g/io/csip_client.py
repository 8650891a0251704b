"""`py20305`'s client of a server of IEEE 2030.5, but wary: what cannot be understood counts as silence."""

import asyncio
import re
import time
from collections.abc import Coroutine, Iterator
from typing import Any

from aiohttp import ClientPayloadError, ClientResponse
from py20305.client import CsipClient
from py20305.client.errors import Sep2PayloadError, Sep2RateLimitError
from py20305.client.http import Sep2Client
from py20305.events.comms_loss import CommsLossState
from py20305.models.sep.sep import PowerOfTenMultiplierType
from pydantic import BaseModel

WITHIN_S = 30.0
"""For an answer in full, and what is tried again for it."""
RETRY_S = 10
"""The longest pause that a server can ask for (Retry-After)."""
LONGEST_OCTETS = 256 << 10
"""Of an answer: a page of 50 controls has a fifth of it."""
MOST_LISTED, MOST_DIGITS = 2_000, 20
"""Members of a list; the largest power of ten of a number."""
FORGOTTEN_S = 7_200.0
"""After this a resource that is asked for no longer counts no more."""
NOTHING_THERE = (204, 404)
"""That a resource is empty, or not there, is an answer that can be understood."""


class _Bounded(ClientResponse):
    """An answer that fits into memory."""

    async def read(self) -> bytes:
        """See the library. Raises `ClientPayloadError` for more than `LONGEST_OCTETS`."""
        found = bytearray()
        async for part in self.content.iter_any():
            found += part
            if len(found) > LONGEST_OCTETS:
                self.close()
                raise ClientPayloadError(f"{self.url} answers with more than {LONGEST_OCTETS} octets")
        self._body = bytes(found)
        return self._body


class StrictClient(Sep2Client):
    """What cannot be understood is no contact: errors of the server, redirects, noise, what is too large or too slow. A
    resource that fails twice in a row counts as silence from the first time on, whatever else is answered."""

    heard_s: float
    """When an answer was understood last; 0 if none was. All of these are Unix seconds of this machine."""
    failing: dict[str, tuple[float, float]]
    """By resource whose answers were not: since when, and the latest time."""
    lost: CommsLossState
    """Whether events are given up just now."""

    @property
    def last_validated_epoch(self) -> int | None:
        """See the library: as long as it is recent, no other sign of life is asked for."""
        return int(self.heard_s) or None

    @property
    def last_contact_epoch(self) -> int | None:
        """See the library: events are given up once it is too old, and all is asked for again once it is not. The
        latter must come before the next poll, which would give up events that have begun meanwhile."""
        if self.lost.active:
            return int(self.heard_s) or None
        since_s = [since_s for since_s, latest_s in self.failing.values() if since_s < latest_s]
        return int(min([self.heard_s, *since_s])) or None

    def _get_session(self) -> Any:
        session = super()._get_session()
        session.session._response_class = _Bounded
        return session

    @staticmethod
    def _check_redirect_or_rate_limit(resp: Any, method: str, path: str) -> None:
        try:
            Sep2Client._check_redirect_or_rate_limit(resp, method, path)
        except Sep2RateLimitError as error:
            error.retry_after = min(error.retry_after or 0, RETRY_S)
            raise

    async def get(self, path: str, model_type: Any) -> Any:
        """See the library."""
        return await self._judged(path, model_type, super().get(path, model_type))

    async def get_with_body(self, path: str, model_type: Any) -> Any:
        """See the library."""
        return await self._judged(path, model_type, super().get_with_body(path, model_type))

    async def _judged(self, path: str, model_type: Any, asking: Coroutine[Any, Any, Any]) -> Any:
        resource = path.partition("?")[0]
        try:
            async with asyncio.timeout(WITHIN_S):
                found = await asking
            _check(found[0] if isinstance(found, tuple) else found, model_type, path)
        except Exception as error:
            if getattr(error, "status_code", None) in NOTHING_THERE:
                self._understood(resource)
            else:
                self._not_understood(resource)
            raise
        self._understood(resource)
        return found

    def _understood(self, resource: str) -> None:
        self.failing.pop(resource, None)
        self.heard_s = time.time()

    def _not_understood(self, resource: str) -> None:
        now = time.time()
        since_s, _ = self.failing.get(resource, (now, 0.0))
        self.failing[resource] = since_s, now
        # Not those that are asked for no longer, as the server has moved them.
        self.failing = {id: each for id, each in self.failing.items() if now - each[1] < FORGOTTEN_S}


def _check(found: Any, model_type: Any, path: str) -> None:
    """Raises `Sep2PayloadError` for another document than was asked for, for powers of ten that no number has, and for
    a list without an end."""
    start = re.search(r"[?&]s=(\d+)", path)
    if not isinstance(found, model_type):
        why = f"is a {type(found).__name__}, not a {model_type.__name__}"
    elif not all(abs(each) <= MOST_DIGITS for each in _powers_of_ten(found)):
        why = "has a multiplier that no number has"
    elif start is not None and int(start[1]) > MOST_LISTED:
        why = f"is a list of more than {MOST_LISTED}"
    else:
        return
    raise Sep2PayloadError(f"GET {path}: {why}", path=path, body_length=0)


def _powers_of_ten(value: Any) -> Iterator[int]:
    if isinstance(value, PowerOfTenMultiplierType):
        yield value.value
    elif isinstance(value, list):
        for each in value:
            yield from _powers_of_ten(each)
    elif isinstance(value, BaseModel):
        for each in vars(value).values():
            yield from _powers_of_ten(each)


class FollowingClient(CsipClient):
    """Finds the server's resources again, and ends a silence, in tasks of their own: `py20305` cancels its polls for
    that, and a poll that has asked for it, as after an outage, would cancel itself half-way. Then nobody would poll any
    more, or all events would be given up for ever."""

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(url, **settings)
        self._recovering: asyncio.Task[None] | None = None
        self._http: Any  # the library makes it itself, and gives it to others
        self._http.__class__ = StrictClient
        self._http.heard_s, self._http.failing, self._http.lost = 0.0, {}, self._comms_loss

    async def trigger_rediscovery(self) -> bool:
        """See the library."""
        self._rediscovering = asyncio.create_task(super().trigger_rediscovery())
        return await asyncio.shield(self._rediscovering)

    async def _recover_from_comms_loss(self) -> None:
        if self._recovering is None or self._recovering.done():
            self._recovering = asyncio.create_task(super()._recover_from_comms_loss())
        await asyncio.shield(self._recovering)
