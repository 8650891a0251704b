"""Limits of the grid operator: relay contacts of a control box, or a program that renews its heartbeat.

A limit bounds what the chargers draw (§ 14a EnWG, EEBUS LPC) or feed (EEBUS LPP). It is never a wish. While nobody can
say which limit holds, the fail-safe value does.
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

from msgspec import Struct

from v2g.kernel.errors import V2GError

FAIL_SAFE_W = 4200.0
"""What § 14a EnWG leaves to a controllable device at least (BNetzA BK6-22-300)."""
HEARTBEAT_S = 120.0
"""Without a heartbeat for longer the fail-safe value holds (EEBUS LPC)."""
CONTACTS_S = 5.0
"""Contacts that were read longer ago are not known."""
BOUNCE_S = 2.0
"""A contact that was active this lately still is: one that bounces would switch the chargers to and fro."""
LONGEST_S = 7 * 86_400.0


class LimitError(V2GError):
    """A limit cannot be taken; says why."""


class Contact(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One contact of a control box, and what it limits while it is active. Powers in W, magnitudes."""

    name: str
    charge_w: float | None = None
    feed_w: float | None = None


class Limit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a program states: the most that the chargers draw or feed. None: no limit that way."""

    charge_w: float | None = None
    feed_w: float | None = None
    for_s: float | None = None
    """How long it holds; None: until the next one."""


class Stated(Struct, frozen=True):
    """A limit, and when it ends."""

    limit: Limit
    until_unix_s: float


class Bound(NamedTuple):
    """What holds just now; magnitudes, infinite without a limit."""

    charge_w: float
    feed_w: float
    by: str
    """Whose it is, for a person and the log; empty without any."""


FREE = Bound(inf, inf, "")


class GridLimit:
    """The bound of the moment."""

    def __init__(
        self,
        *,
        contacts: Sequence[Contact] = (),
        remote: bool = False,
        fail_safe_w: float = FAIL_SAFE_W,
        fail_safe_feed_w: float = inf,
        heartbeat_s: float = HEARTBEAT_S,
        release_s: float | None = None,
    ) -> None:
        """`remote`: whether a program states limits. `release_s`: how long the fail-safe value holds at most while the
        heartbeat stays away; None: until it is back."""
        self._contacts = tuple(contacts)
        self._remote, self._heartbeat_s, self._release_s = remote, heartbeat_s, release_s
        self._fail_safe = fail_safe_w, fail_safe_feed_w
        self._active: Mapping[str, bool] = {}
        self._active_s: dict[str, float] = {}
        """When each contact was seen active last."""
        self._read_s = self._heard_s = self._begun_s = -inf
        self._limit, self._until_s = Limit(), inf

    def contacts(self, active: Mapping[str, bool], now: float) -> None:
        """Which contacts of the box are active."""
        self._active, self._read_s = dict(active), now
        self._active_s |= dict.fromkeys((name for name, is_active in active.items() if is_active), now)

    def heartbeat(self, now: float) -> None:
        """The program that states limits is there."""
        self._heard_s = now

    def put(self, limit: Limit, now: float) -> None:
        """Another limit in the place of the one before; counts as a heartbeat. Raises `LimitError`."""
        for name in ("charge_w", "feed_w"):
            value = getattr(limit, name)
            if value is not None and not 0.0 <= value <= 1e9:
                raise LimitError(f"{name}: {value:g}; must be a magnitude in W")
        if limit.for_s is not None and not 0.0 < limit.for_s <= LONGEST_S:
            raise LimitError(f"for_s: {limit.for_s:g}; must be above 0 and at most a week")
        self._limit, self._until_s = limit, inf if limit.for_s is None else now + limit.for_s
        self._heard_s = now

    @property
    def stated(self) -> Stated:
        """What a program has stated last, to be kept over a restart."""
        return Stated(self._limit, self._until_s)

    def recall(self, stated: Stated) -> None:
        """What an earlier process has kept holds from the next heartbeat on, and the fail-safe value until then."""
        self._limit, self._until_s = stated.limit, stated.until_unix_s

    def bound(self, now: float) -> Bound:
        """What holds now: the least of all that limits."""
        if self._begun_s == -inf:
            self._begun_s = now
        found = FREE
        for charge_w, feed_w, by in self._bounds(now):
            name = by if charge_w < found.charge_w or feed_w < found.feed_w else ""
            by = " + ".join(filter(None, (found.by, name)))
            found = Bound(min(found.charge_w, charge_w), min(found.feed_w, feed_w), by)
        return found

    def fail_safe(self, now: float) -> str:
        """Who is silent, so that the fail-safe value holds; empty if nobody is."""
        return next((by for *_, by in self._bounds(now) if by.startswith(_SILENT)), "")

    def _bounds(self, now: float) -> list[Bound]:
        found = []
        if self._contacts and now - self._read_s > CONTACTS_S:
            found.append(Bound(*self._fail_safe, f"{_SILENT} (contacts)"))
        elif self._contacts:
            found += [
                Bound(_or_inf(each.charge_w), _or_inf(each.feed_w), f"contact {each.name}")
                for each in self._contacts
                if self._active.get(each.name, True)  # one that nobody has read is no permission
                or now - self._active_s.get(each.name, -inf) < BOUNCE_S
            ]
        if self._remote:
            heard = self._heard_s > -inf
            silent_s = now - (self._heard_s if heard else self._begun_s)
            released = self._release_s is not None and silent_s > self._heartbeat_s + self._release_s
            if (not heard or silent_s > self._heartbeat_s) and not released:
                found.append(Bound(*self._fail_safe, f"{_SILENT} (heartbeat)"))
            elif heard and not released and now < self._until_s:
                limit = self._limit
                if limit.charge_w is not None or limit.feed_w is not None:
                    found.append(Bound(_or_inf(limit.charge_w), _or_inf(limit.feed_w), "grid operator"))
        return found


_SILENT = "fail-safe value"


def _or_inf(value: float | None) -> float:
    return inf if value is None else value
