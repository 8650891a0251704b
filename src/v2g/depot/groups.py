"""Many vehicles planned as few: those that hang at the same node and leave at about the same time are one.

A group's battery is the sum of its members' ones. What the plan gives it is divided so that each member is equally far
on its way from the least that it must have at that time to the most that it can have.
"""

from collections.abc import Mapping, Sequence
from math import ceil, inf

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Floats
from v2g.depot.plan import STEPS, Departure, Missed, Outlook, Stay

MOST = 100
"""Groups."""
WIDTHS = (1, 2, 4, 8, 16, 96)
"""Steps within which departures count as one; the first of these that leads to few enough groups is taken."""
_Key = tuple[object, ...]


class Group(Struct, frozen=True):
    """Members, and the stay that stands for them."""

    stay: Stay
    members: tuple[Stay, ...]


def grouped(stays: Sequence[Stay], outlook: Outlook, now: float) -> list[Group]:
    """At most `MOST` groups, unless the nodes, phases and abilities are more kinds than that."""
    for width in WIDTHS:
        found = dict[_Key, list[Stay]]()
        for stay in stays:
            found.setdefault(_key(stay, outlook, width), []).append(stay)
        if len(found) <= MOST:
            break
    return [Group(_sum(f"group {key}", members, outlook, now), tuple(members)) for key, members in found.items()]


def _key(stay: Stay, outlook: Outlook, width: int) -> _Key:
    span_s = width * outlook.step_s
    leaves = None if stay.departure is None else min((stay.departure.unix_s - outlook.start_unix_s) // span_s, STEPS)
    arrives = None if stay.from_unix_s == -inf else (stay.from_unix_s - outlook.start_unix_s) // span_s
    uncertain = None if stay.departure is None else stay.departure.deviation_s // (4 * outlook.step_s)
    below = stay.energy_wh < stay.floor_wh
    return (stay.node, stay.phases, stay.max_discharge_w > 0, leaves, arrives, uncertain, below)


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
        max_charge_w=sum(min(each.max_charge_w, 1e9) for each in members),
        max_discharge_w=sum(min(each.max_discharge_w, 1e9) for each in members),
        efficiency_pu=round(efficiency_pu, 3),
        from_unix_s=max(each.from_unix_s for each in members),
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
        least, most = (np.array([side(each, outlook, now) for each in group.members]) for side in (_least, _most))
        least = np.minimum(least, most)
        span = (most - least).sum(axis=0)
        way = np.clip((energies_wh[group.stay.id] - least.sum(axis=0)) / np.where(span > 0, span, 1.0), 0.0, 1.0)
        for number, member in enumerate(group.members):
            wish = least[number] + way * (most[number] - least[number])
            found[member.id] = _possible(member, wish, outlook, now)
            if (step := _leaves(member, outlook, now)) is not None:
                short_wh = member.target_wh - float(found[member.id][step])
                if short_wh > 1e-3 * member.capacity_wh:
                    short.append(Missed(member.id, short_wh, outlook.start_unix_s + (step + 1) * outlook.step_s))
    return found, short


def _leaves(stay: Stay, outlook: Outlook, now: float) -> int | None:
    """The step in which it leaves, if the plan reaches as far."""
    if stay.departure is None or stay.departure.unix_s <= now:
        return None
    step = ceil((stay.departure.unix_s - outlook.start_unix_s) / outlook.step_s) - 1
    return step if step < STEPS else None


def _there(stay: Stay, outlook: Outlook, now: float) -> Floats:
    """The step still to come, as a share, from arrival on."""
    begins = outlook.start_unix_s + outlook.step_s * np.arange(STEPS)
    first_s = np.maximum(begins, max(now, stay.from_unix_s))
    found: Floats = np.clip((begins + outlook.step_s - first_s) / outlook.step_s, 0.0, 1.0)
    return found


def _most(stay: Stay, outlook: Outlook, now: float) -> Floats:
    """The most that can be in its battery at the end of each step."""
    per_step_wh = min(stay.max_charge_w, 1e9) * stay.efficiency_pu * outlook.step_s / 3600.0
    most: Floats = np.minimum(
        stay.energy_wh + per_step_wh * np.cumsum(_there(stay, outlook, now)), max(stay.capacity_wh, stay.energy_wh)
    )
    return most


def _least(stay: Stay, outlook: Outlook, now: float) -> Floats:
    """The least that must be in it: by its floor, by what it can give, and by what it needs at departure."""
    gone = np.cumsum(_there(stay, outlook, now))
    give_wh = min(stay.max_discharge_w, 1e9) / stay.efficiency_pu * outlook.step_s / 3600.0
    least: Floats = np.maximum(stay.energy_wh - give_wh * gone, min(stay.floor_wh, stay.energy_wh))
    if stay.departure is not None:
        ends = outlook.start_unix_s + outlook.step_s * np.arange(1, STEPS + 1)
        still_s = np.maximum(stay.departure.unix_s - ends, 0.0)
        back_wh = stay.target_wh - min(stay.max_charge_w, 1e9) * stay.efficiency_pu * still_s / 3600.0
        least = np.maximum(least, back_wh)
    return least


def _possible(stay: Stay, wish_wh: Floats, outlook: Outlook, now: float) -> Floats:
    """The course nearest to `wish_wh` that the powers of this member admit."""
    there = _there(stay, outlook, now)
    hours = outlook.step_s / 3600.0
    up_wh = min(stay.max_charge_w, 1e9) * stay.efficiency_pu * hours * there
    down_wh = min(stay.max_discharge_w, 1e9) / stay.efficiency_pu * hours * there
    found, energy_wh = np.empty(STEPS), stay.energy_wh
    for step in range(STEPS):
        energy_wh = min(max(float(wish_wh[step]), energy_wh - down_wh[step]), energy_wh + up_wh[step])
        found[step] = energy_wh
    return found
