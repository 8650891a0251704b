"""Many vehicles planned as few: those at one node that leave at about the same time and need about as much are one.

A group's battery is the sum of its members' ones: in each step between the least and the most that they can have
together, with the power of those that are there. What the plan gives it is divided so that each member is equally far
on its way from the least that it must have at that time to the most that it can have.
"""

from collections.abc import Mapping, Sequence
from math import inf

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Floats
from v2g.depot.plan import STEPS, Crowd, Missed, Outlook, Stay, feeds, points, presence
from v2g.depot.request import LARGEST_W

MOST, FEWER = 200, 60
"""Groups, unless there are more kinds of stays than that; fewer do if their members are planned again afterwards."""
WANTED = 24
"""Steps at which a group's energy is looked at."""
_Key = tuple[object, ...]


class Reach(Struct, frozen=True):
    """What one vehicle can have in its battery at the end of each step, and can take and give within it, in Wh."""

    up: Floats
    down: Floats
    held: Floats
    """The least by its floor and its power; what it needs at its departure is not in it."""
    most: Floats
    due: Floats
    """What it should have: by then its needs, as far as it can have them, else nothing more than `held`."""
    must: Floats
    """The least that leaves what it should have within its reach."""


def reach_of(stay: Stay, outlook: Outlook, now: float) -> Reach:
    """The same as the planner's bounds of a single vehicle."""
    hours, there = outlook.step_s / 3600.0, presence(stay, outlook, now)
    up = min(stay.max_charge_w, LARGEST_W) * stay.efficiency_pu * hours * there
    down_w = min(stay.max_discharge_w, LARGEST_W) if feeds(stay, now) else 0.0
    down = down_w / stay.efficiency_pu * hours * there
    charged, energy_wh = np.cumsum(up), stay.energy_wh
    most = np.minimum(energy_wh + charged, max(stay.capacity_wh, energy_wh))
    held = np.maximum(energy_wh - np.cumsum(down), min(stay.floor_wh, energy_wh))
    due, must = held.copy(), held.copy()
    for step, wanted_wh in points(stay, outlook, now, there):
        can_wh = min(wanted_wh, float(most[step]))
        due[step:] = np.maximum(due[step:], can_wh)
        must = np.maximum(must, can_wh - np.maximum(charged[step] - charged, 0.0))
    must = np.minimum(must, most)
    held = np.maximum(held, np.minimum(must, energy_wh))  # who stays as it is keeps it, whatever the feeders carry
    gone = np.flatnonzero(there)[-1] + 1 if there.any() else 0
    leaves_wh = max(float(due[-1]), energy_wh)
    most[gone:] = np.minimum(most[gone:], leaves_wh)
    return Reach(up, down, held, most, np.maximum(due, held), np.minimum(must, most))


class Group(Struct, frozen=True):
    """Members, and the stay that stands for them."""

    stay: Stay
    members: tuple[Stay, ...]
    reaches: tuple[Reach, ...]


def grouped(stays: Sequence[Stay], outlook: Outlook, now: float, most: int = MOST) -> list[Group]:
    """Those of one kind that are alike in departure and need."""
    kinds = dict[_Key, list[Stay]]()
    for stay in stays:
        kinds.setdefault(_kind(stay, outlook), []).append(stay)
    found = []
    for number, members in enumerate(kinds.values()):
        pieces = min(max(1, round(most * len(members) / len(stays))), len(members))
        for piece, some in enumerate(_cut(members, pieces, outlook)):
            reaches = tuple(reach_of(each, outlook, now) for each in some)
            found.append(Group(_sum(f"group {number}.{piece}", some, reaches, outlook), tuple(some), reaches))
    return found


def _cut(members: Sequence[Stay], pieces: int, outlook: Outlook) -> list[list[Stay]]:
    """Groups of members that are alike: the one that differs most is cut in two, until there are enough."""
    traits = np.array([_traits(each, outlook) for each in members])
    groups = [np.arange(len(members))]
    spreads = [_spread(traits)]
    while len(groups) < pieces:
        widest = int(np.argmax(spreads))
        those = groups.pop(widest)
        del spreads[widest]
        axis = int(np.argmax(traits[those].var(axis=0)))
        those = those[np.argsort(traits[those, axis], kind="stable")]
        # Where the two halves differ least from their own means.
        along = traits[those, axis]
        costs = [along[:at].var() * at + along[at:].var() * (len(along) - at) for at in range(1, len(along))]
        at = 1 + int(np.argmin(costs))
        for half in (those[:at], those[at:]):
            groups.append(half)
            spreads.append(_spread(traits[half]))
    return [[members[each] for each in those.tolist()] for those in groups]


def _spread(traits: Floats) -> float:
    return float(traits.var(axis=0).sum()) * len(traits) if len(traits) > 1 else -1.0


def _traits(stay: Stay, outlook: Outlook) -> tuple[float, float, float]:
    """What should be alike in a group, in steps: departure, how sure that is, and half of how long charging takes."""
    if stay.departure is None:
        leaves, unsure = 0.0, 0.0
    else:
        leaves, unsure = stay.departure.unix_s / outlook.step_s, 2.0 * stay.departure.deviation_s / outlook.step_s
    per_step_wh = min(stay.max_charge_w, LARGEST_W) * stay.efficiency_pu * outlook.step_s / 3600.0
    return leaves, unsure, 0.5 * (stay.target_wh - stay.energy_wh) / max(per_step_wh, 1.0)


def _kind(stay: Stay, outlook: Outlook) -> _Key:
    """What members of a group have in common."""
    arrives = None if stay.from_unix_s == -inf else (stay.from_unix_s - outlook.start_unix_s) // outlook.step_s
    below, free = stay.energy_wh < stay.floor_wh, stay.departure is None
    # What one has too much is no use to another.
    return (stay.node, stay.phases, stay.max_discharge_w > 0, arrives, below, free, stay.energy_wh > stay.target_wh)


def _sum(id: str, members: Sequence[Stay], reaches: Sequence[Reach], outlook: Outlook) -> Stay:
    hours = outlook.step_s / 3600.0
    efficiency_pu = round(sum(each.efficiency_pu for each in members) / len(members), 3)
    held, most = (np.sum([getattr(each, name) for each in reaches], axis=0) for name in ("held", "most"))
    return Stay(
        id=id,
        node=members[0].node,
        phases=members[0].phases,
        energy_wh=sum(each.energy_wh for each in members),
        capacity_wh=sum(max(each.capacity_wh, each.energy_wh) for each in members),
        target_wh=sum(each.target_wh for each in members),
        floor_wh=sum(each.floor_wh for each in members),
        max_charge_w=sum(min(each.max_charge_w, LARGEST_W) for each in members),
        max_discharge_w=sum(min(each.max_discharge_w, LARGEST_W) for each in members),
        efficiency_pu=efficiency_pu,
        from_unix_s=max(each.from_unix_s for each in members),
        crowd=Crowd(
            held,
            np.maximum(most, held),
            np.sum([each.up for each in reaches], axis=0) / efficiency_pu / hours,
            np.sum([each.down for each in reaches], axis=0) * efficiency_pu / hours,
            _wanted(reaches),
        ),
    )


def _wanted(reaches: Sequence[Reach]) -> tuple[tuple[int, float], ...]:
    """At the steps where most becomes due, and in between. If that are too many, each stands for those that follow it:
    earlier than needed, never later."""
    due, most = (np.array([getattr(each, name) for each in reaches]) for name in ("due", "most"))
    rises = np.maximum(np.diff(due, axis=1, prepend=0.0), 0.0).sum(axis=0)
    steps = np.union1d(np.flatnonzero(rises > 1e-6)[:WANTED], np.linspace(0, STEPS - 1, WANTED).astype(int))
    begins = [int(each[0]) for each in np.array_split(steps, WANTED)]
    return tuple(
        (step, float(np.minimum(due[:, step:end].max(axis=1), most[:, step]).sum()))
        for step, end in zip(begins, [*begins[1:], STEPS], strict=True)
    )


def divided(
    groups: Sequence[Group], energies_wh: Mapping[str, Floats], outlook: Outlook, now: float
) -> tuple[dict[str, Floats], list[Missed]]:
    """The members' energies, and what will be missing for each of them."""
    found, short = dict[str, Floats](), list[Missed]()
    for group in groups:
        for member, course in zip(group.members, _courses(group, energies_wh[group.stay.id]), strict=True):
            found[member.id] = course
            if member.departure is not None and member.departure.unix_s > now:
                step, wanted_wh = points(member, outlook, now, presence(member, outlook, now))[1]
                short_wh = wanted_wh - float(course[step])
                if short_wh > 1e-3 * member.capacity_wh:
                    short.append(Missed(member.id, short_wh, outlook.start_unix_s + (step + 1) * outlook.step_s))
    return found, short


def _courses(group: Group, total_wh: Floats) -> Floats:
    """A row for each member, within its powers: as far from its least to its most as the others, and where it cannot
    be, those who can make up for it."""
    up, down, must, most = (
        np.array([getattr(each, name) for each in group.reaches]) for name in ("up", "down", "must", "most")
    )
    energy_wh = np.array([each.energy_wh for each in group.members])
    found = np.empty((len(group.members), STEPS))
    for step in range(STEPS):
        low, high = energy_wh - down[:, step], energy_wh + up[:, step]
        low = np.minimum(np.maximum(low, must[:, step]), high)
        high = np.maximum(np.minimum(high, most[:, step]), low)
        span_wh = most[:, step] - must[:, step]
        way = (total_wh[step] - must[:, step].sum()) / max(float(span_wh.sum()), 1e-9)
        wish_wh = np.clip(must[:, step] + way * span_wh, low, high)
        energy_wh = _moved(np.clip(energy_wh, low, high), wish_wh, low, high, float(total_wh[step]))
        found[:, step] = energy_wh
    return found


def _moved(stay_wh: Floats, wish_wh: Floats, low_wh: Floats, high_wh: Floats, total_wh: float) -> Floats:
    """From `stay_wh` to this total, all in the same direction: first those who are behind their wish."""
    energy_wh = stay_wh
    for side_wh in (wish_wh, high_wh if total_wh > float(stay_wh.sum()) else low_wh):
        lack_wh = total_wh - float(energy_wh.sum())
        room_wh = side_wh - energy_wh
        room_wh = np.maximum(room_wh, 0.0) if lack_wh > 0 else np.minimum(room_wh, 0.0)
        share = lack_wh / float(room_wh.sum()) if room_wh.any() else 0.0
        energy_wh = energy_wh + min(share, 1.0) * room_wh
    return energy_wh
