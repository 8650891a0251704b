"""Many vehicles planned as few: those at one node that leave at about the same time and need about as much are one.

A group's battery is the sum of its members' ones. What the plan gives it is divided so that each member is equally far
on its way from the least that it must have at that time to the most that it can have.
"""

from collections.abc import Mapping, Sequence
from math import ceil, inf

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Bools, Floats
from v2g.depot.plan import STEPS, Departure, Missed, Outlook, Stay, presence
from v2g.depot.request import LARGEST_W

MOST = 200
"""Groups, unless there are more kinds of stays than that."""
_Key = tuple[object, ...]


class Group(Struct, frozen=True):
    """Members, and the stay that stands for them."""

    stay: Stay
    members: tuple[Stay, ...]


def grouped(stays: Sequence[Stay], outlook: Outlook, now: float) -> list[Group]:
    """Those of one kind that are alike in departure and need."""
    kinds = dict[_Key, list[Stay]]()
    for stay in stays:
        kinds.setdefault(_kind(stay, outlook), []).append(stay)
    found = []
    for number, members in enumerate(kinds.values()):
        pieces = min(max(1, round(MOST * len(members) / len(stays))), len(members))
        for piece, some in enumerate(_cut(members, pieces, outlook)):
            found.append(Group(_sum(f"group {number}.{piece}", some, outlook, now), tuple(some)))
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


def _sum(id: str, members: Sequence[Stay], outlook: Outlook, now: float) -> Stay:
    departures = [each.departure for each in members if each.departure is not None]
    efficiency_pu = sum(each.efficiency_pu for each in members) / len(members)
    return Stay(
        id=id,
        node=members[0].node,
        phases=members[0].phases,
        energy_wh=sum(each.energy_wh for each in members),
        capacity_wh=sum(max(each.capacity_wh, each.energy_wh) for each in members),
        target_wh=sum(_reached(each, outlook, now) for each in members),
        floor_wh=sum(min(each.floor_wh, each.energy_wh) if each.max_discharge_w else 0.0 for each in members)
        if members[0].energy_wh >= members[0].floor_wh
        else sum(each.floor_wh for each in members),
        max_charge_w=sum(min(each.max_charge_w, LARGEST_W) for each in members),
        max_discharge_w=sum(min(each.max_discharge_w, LARGEST_W) for each in members),
        efficiency_pu=round(efficiency_pu, 3),
        from_unix_s=max(each.from_unix_s for each in members),
        within_wh=(
            np.sum([_held(each, outlook, now) for each in members], axis=0),
            np.sum([_most(each, outlook, now) for each in members], axis=0),
        ),
        departure=Departure(min(each.unix_s for each in departures), max(each.deviation_s for each in departures))
        if departures
        else None,
    )


def _reached(stay: Stay, outlook: Outlook, now: float) -> float:
    """What it can have of its target when it leaves; one that cannot discharge keeps what is above."""
    step = _leaves(stay, outlook, now)
    target_wh = stay.target_wh if step is None else min(stay.target_wh, float(_most(stay, outlook, now)[step]))
    return target_wh if stay.max_discharge_w else max(target_wh, stay.energy_wh)


def divided(
    groups: Sequence[Group], energies_wh: Mapping[str, Floats], outlook: Outlook, now: float
) -> tuple[dict[str, Floats], list[Missed]]:
    """The members' energies, and what will be missing for each of them."""
    found, short = dict[str, Floats](), list[Missed]()
    for group in groups:
        over = presence(group.stay, outlook, now) == 0.0
        for member, course in zip(group.members, _courses(group, energies_wh[group.stay.id], over, outlook, now),
                                  strict=True):  # fmt: skip
            found[member.id] = course
            if (step := _leaves(member, outlook, now)) is not None:
                short_wh = member.target_wh - float(course[step])
                if short_wh > 1e-3 * member.capacity_wh:
                    short.append(Missed(member.id, short_wh, outlook.start_unix_s + (step + 1) * outlook.step_s))
    return found, short


def _courses(group: Group, total_wh: Floats, over: Bools, outlook: Outlook, now: float) -> Floats:
    """A row for each member, within its powers: as far from its least to its most as the others, and where it cannot
    be, those who can make up for it. `over`: the steps when the group is gone, and late members charge what they lack.
    """
    members = group.members
    least, most = (np.array([side(each, outlook, now) for each in members]) for side in (_least, _most))
    least = np.minimum(least, most)
    there = np.array([presence(each, outlook, now) for each in members]) * outlook.step_s / 3600.0
    up_wh = np.array([[min(each.max_charge_w, LARGEST_W) * each.efficiency_pu] for each in members]) * there
    down_wh = np.array([[min(each.max_discharge_w, LARGEST_W) / each.efficiency_pu] for each in members]) * there
    energy_wh = np.array([each.energy_wh for each in members])
    target_wh = np.array([each.target_wh for each in members])
    found = np.empty((len(members), STEPS))
    for step in range(STEPS):
        low, high = energy_wh - down_wh[:, step], energy_wh + up_wh[:, step]
        low = np.minimum(np.maximum(low, least[:, step]), high)
        high = np.maximum(np.minimum(high, most[:, step]), low)
        stay_wh = np.clip(energy_wh, low, high)
        if over[step]:
            energy_wh = np.clip(np.maximum(energy_wh, target_wh), low, high)
        else:
            span_wh = most[:, step] - least[:, step]
            way = (total_wh[step] - least[:, step].sum()) / max(float(span_wh.sum()), 1e-9)
            wish_wh = np.clip(least[:, step] + way * span_wh, low, high)
            energy_wh = _moved(stay_wh, wish_wh, low, high, float(total_wh[step]))
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


def _leaves(stay: Stay, outlook: Outlook, now: float) -> int | None:
    """The step in which it leaves, if the plan reaches as far."""
    if stay.departure is None or stay.departure.unix_s <= now:
        return None
    step = ceil((stay.departure.unix_s - outlook.start_unix_s) / outlook.step_s) - 1
    return step if step < STEPS else None


def _most(stay: Stay, outlook: Outlook, now: float) -> Floats:
    """The most that can be in its battery at the end of each step."""
    per_step_wh = min(stay.max_charge_w, LARGEST_W) * stay.efficiency_pu * outlook.step_s / 3600.0
    most: Floats = np.minimum(
        stay.energy_wh + per_step_wh * np.cumsum(presence(stay, outlook, now)), max(stay.capacity_wh, stay.energy_wh)
    )
    return most


def _held(stay: Stay, outlook: Outlook, now: float) -> Floats:
    """The least that can be in it: by its floor, and by what it can give."""
    give_wh = min(stay.max_discharge_w, LARGEST_W) / stay.efficiency_pu * outlook.step_s / 3600.0
    gone = np.cumsum(presence(stay, outlook, now))
    held: Floats = np.maximum(stay.energy_wh - give_wh * gone, min(stay.floor_wh, stay.energy_wh))
    return held


def _least(stay: Stay, outlook: Outlook, now: float) -> Floats:
    """The least that must be in it: also by what it needs at departure."""
    least = _held(stay, outlook, now)
    if stay.departure is not None:
        ends = outlook.start_unix_s + outlook.step_s * np.arange(1, STEPS + 1)
        still_s = np.maximum(stay.departure.unix_s - ends, 0.0)
        back_wh = stay.target_wh - min(stay.max_charge_w, LARGEST_W) * stay.efficiency_pu * still_s / 3600.0
        least = np.maximum(least, back_wh)
    return least
