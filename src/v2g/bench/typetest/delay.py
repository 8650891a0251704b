"""How late the inverter follows its set-points, as the station measures it: what the islanding probe rests on.

Without a session: set-points and the readings of a meter. The figures are those of docs/grid-codes.md, "Islanding".
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import inf, isclose

from v2g.bench.typetest.case import Inspection, Subject
from v2g.bench.typetest.check import Finding
from v2g.grid.set_point_delay import SetPointDelay

_SOURCE = "this station: nothing is fed at full power before it is known how late set-points arrive"
_RATED_W = 10_000.0
_TRIAL_W = 1_000.0
_TURNS_S = (1.5, 0.9, 2.1, 1.2, 1.8, 0.7, 2.4)
"""How long the trial feeds and does not feed, in turn."""
_MOVES = 16
_STEP_S, _READ_S = 0.02, 0.1
_RESOLUTION_S = 0.05
_LONGEST_S = 1.1
_ASTRAY = 20
_LOST_S = 2.0
"""Of set-points that move and of a power that does not follow them, until the delay counts as unknown."""


def cases(subject: Subject) -> Iterator[Inspection]:
    """Delays, the trial, its end, and what shows nothing."""
    for late_s in (0.0, 0.1, 0.2, 0.35, 0.6, 1.04, _LONGEST_S):
        yield Inspection(f"islanding/set-point-delay/{late_s:g}-s", _SOURCE, partial(_late, late_s))
    judges: dict[str, Callable[[], tuple[Finding, ...]]] = {
        "trial": _trial,
        "small-moves": _small,
        "few-readings": _few,
        "part-of-the-power": _part,
        "another-one": _another,
        "no-longer": _no_longer,
        "far-from-it": _far,
        "too-late": _too_late,
        "charging": _charging,
        "noise": _noise,
        "slow-meter": _slow_meter,
    }
    for name, judge in judges.items():
        yield Inspection(f"islanding/set-point-delay/{name}", _SOURCE, judge)


class _Inverter:
    """Follows its set-points late, and so far; a meter shows it."""

    def __init__(self, late_s: float = 0.0, share: float = 1.0) -> None:
        self.delay = SetPointDelay(_RATED_W)
        self.late_s, self.share = late_s, share
        self.now = 0.0
        self.standing_w: float | None = None
        """What the meter shows whatever is commanded, if it does."""
        self.offset_w = 0.0
        """What it shows more than is drawn."""
        self.readings = 0
        self._orders: list[tuple[float, float]] = [(-inf, 0.0)]
        self._read_s = -inf

    def run(self, seconds: float, order_w: Callable[[float], float], every_s: float = _READ_S) -> list[float]:
        """The set-points of some time."""
        given = list[float]()
        for _ in range(round(seconds / _STEP_S)):
            self.now = round(self.now + _STEP_S, 6)
            power_w = order_w(self.now)
            given.append(power_w)
            self._orders.append((self.now, power_w))
            self.delay.set(power_w, self.now)
            if self.now - self._read_s >= every_s - _STEP_S / 2:
                self._read_s = self.now
                then_s = self.now - self.late_s
                self.readings += 1
                shows_w = self.offset_w + self.share * next(
                    order for since_s, order in reversed(self._orders) if since_s <= then_s + 0.003
                )
                self.delay.see(shows_w if self.standing_w is None else self.standing_w, self.now + 0.003)
        return given

    def tried(self, now: float) -> float:
        """The set-point of a station that wishes to feed its rated power."""
        return -_RATED_W if self.delay.measured else -self.delay.feeds_w(now)


def _square(low_w: float, high_w: float, turn_s: float) -> Callable[[float], float]:
    return lambda now: low_w if int(now / turn_s) % 2 else high_w


def _found(delay: SetPointDelay) -> str:
    return "unknown" if delay.delay_s is None else f"{delay.delay_s:.2f} s"


def _is(delay: SetPointDelay, late_s: float) -> Finding:
    """As late as it is: to half a reading of the meter."""
    near = delay.delay_s is not None and abs(delay.delay_s - late_s) <= _RESOLUTION_S + 1e-6
    return Finding(near and delay.measured, f"{late_s:g} s within {_RESOLUTION_S:g} s", _found(delay))


def _unknown(delay: SetPointDelay, when: str) -> Finding:
    return Finding(not delay.measured and delay.delay_s is None, f"unknown {when}", _found(delay))


def _late(late_s: float) -> tuple[Finding, ...]:
    """The trial shows it, and no more than the trial's power is fed before."""
    inverter = _Inverter(late_s)
    fed_w = [-power_w for power_w in inverter.run(6.0, inverter.tried)]
    little = [power_w for power_w in fed_w if power_w < _RATED_W]
    trial = set(little) <= {0.0, _TRIAL_W} and fed_w == sorted(little, key=lambda _: 0) + [_RATED_W] * (
        len(fed_w) - len(little)
    )
    known_s = len(little) * _STEP_S
    return (
        _is(inverter.delay, late_s),
        Finding(trial, f"at most {_TRIAL_W:g} W before", f"{max(little):g} W at most"),
        Finding(0.5 <= known_s <= late_s + 2.0, f"known after 0.5 to {late_s + 2.0:g} s", f"{known_s:.2f} s"),
    )


def _trial() -> tuple[Finding, ...]:
    """What is fed to an inverter that does not follow, in turn; and nothing after the last turn, until it follows."""
    inverter = _Inverter()
    inverter.standing_w = 0.0
    fed_w = [-power_w for power_w in inverter.run(40.0, inverter.tried)]
    changes_s = [number * _STEP_S for number in range(1, len(fed_w)) if fed_w[number] != fed_w[number - 1]]
    expected_s, now = list[float](), 0.0
    for number in range(_MOVES - 1):
        now += _TURNS_S[number % len(_TURNS_S)]
        expected_s.append(now)
    alike = len(changes_s) == len(expected_s) and all(
        abs(at_s - wanted_s) <= 0.021 for at_s, wanted_s in zip(changes_s, expected_s, strict=False)
    )
    wrong_w = set(fed_w) != {0.0, _TRIAL_W} or fed_w[0] != _TRIAL_W
    findings = [
        Finding(alike, f"turns at {_times(expected_s)} s", _times(changes_s)),
        Finding(not wrong_w, f"{_TRIAL_W:g} W and nothing, in turn", ", ".join(f"{each:g} W" for each in set(fed_w))),
        Finding(fed_w[-1] == 0.0 and inverter.delay.hopeless, "nothing after that", f"{fed_w[-1]:g} W"),
        _unknown(inverter.delay, "after the trial"),
    ]
    inverter.standing_w = None
    inverter.run(40.0, _square(2_000.0, 6_000.0, 2.0))
    return (*findings, _is(inverter.delay, 0.0))


def _times(seconds: list[float]) -> str:
    return ", ".join(f"{each:.1f}" for each in seconds)


def _small() -> tuple[Finding, ...]:
    """2 % of the rated power is no move, a little more is one."""
    still, moves = _Inverter(), _Inverter()
    still.run(20.0, _square(-195.0, 0.0, 2.0))
    moves.run(20.0, _square(-205.0, 0.0, 2.0))
    return _unknown(still.delay, "from moves of 1.95 %"), _is(moves.delay, 0.0)


def _few() -> tuple[Finding, ...]:
    """Eight readings after a move show it, seven do not."""
    inverter = _Inverter()
    inverter.run(3.0, lambda now: -1_000.0 if now > 2.25 else 0.0)  # readings from 2.3 to 2.9 s
    early = _unknown(inverter.delay, "after seven readings")
    inverter.run(0.1, lambda now: -1_000.0)
    return early, _is(inverter.delay, 0.0)


def _part() -> tuple[Finding, ...]:
    """A power that makes 73 % of a step shows nothing, one that makes 75 % does: the rest is little enough."""
    less, more = _Inverter(share=0.73), _Inverter(share=0.75)
    for inverter in (less, more):
        inverter.run(3.0, lambda now: -1_000.0 if now > 1.01 else 0.0)
    return _unknown(less.delay, "from 73 % of a step"), _is(more.delay, 0.0)


def _another() -> tuple[Finding, ...]:
    """The delay has changed: it is known after some moves, neither from one alone nor after very many."""
    inverter, turn = _Inverter(0.1), _square(-2_000.0, -6_000.0, 2.0)
    inverter.run(20.0, turn)
    before = _is(inverter.delay, 0.1)
    inverter.late_s = 0.3
    inverter.run(1.0, turn)
    soon = inverter.delay.delay_s
    inverter.run(15.0, turn)
    return before, Finding(soon != 0.3, "not at once", _found(inverter.delay)), _is(inverter.delay, 0.3)


def _no_longer() -> tuple[Finding, ...]:
    """A power that stands still while the set-points move is measured again, from a trial on; not one that stands still
    like they do."""
    inverter = _Inverter(0.1)
    inverter.run(10.0, _square(-2_000.0, -6_000.0, 2.0))
    inverter.standing_w = -3_000.0
    inverter.run(20.0, lambda now: -6_000.0)
    stands = Finding(inverter.delay.measured, "known while nothing moves", _found(inverter.delay))
    begun_s = inverter.now
    while inverter.delay.measured and inverter.now < begun_s + 20.0:
        inverter.run(_STEP_S, _square(-2_000.0, -6_000.0, 1.0))
    took_s = inverter.now - begun_s
    most_s = _LOST_S + 1.0
    inverter.standing_w = None
    fed_w = {-power_w for power_w in inverter.run(0.3, inverter.tried)}
    inverter.run(6.0, inverter.tried)
    return (
        stands,
        Finding(_LOST_S <= took_s <= most_s, f"unknown after {_LOST_S:g} to {most_s:g} s", f"{took_s:.2f} s"),
        Finding(fed_w == {_TRIAL_W}, f"then {_TRIAL_W:g} W", ", ".join(f"{each:g} W" for each in fed_w)),
        _is(inverter.delay, 0.1),
    )


def _far() -> tuple[Finding, ...]:
    """A power that is 11 % of the rated one from its set-points is astray, one that is 9 % from them has losses; after
    21 readings in a row the delay is unknown."""
    findings, turn = list[Finding](), _square(-2_000.0, -6_000.0, 1.0)
    for offset_w, loses in ((900.0, False), (-900.0, False), (1_100.0, True), (-1_100.0, True)):
        inverter = _Inverter(0.1)
        inverter.run(6.0, turn)
        inverter.offset_w, lost = offset_w, False
        for _ in range(200):
            inverter.run(_READ_S, turn)
            lost = lost or not inverter.delay.measured
        findings.append(Finding(lost is loses, f"{offset_w:g} W: {'lost' if loses else 'known'}", f"lost: {lost}"))
    inverter = _Inverter(0.1)
    inverter.run(6.0, turn)
    inverter.standing_w = 9_000.0
    count, seen = 0, inverter.readings
    while inverter.delay.measured and count < 100:
        inverter.run(_STEP_S, turn)
        count = inverter.readings - seen
    return (*findings, Finding(count == _ASTRAY + 1, f"unknown after {_ASTRAY + 1} readings", f"{count}"))


def _too_late() -> tuple[Finding, ...]:
    """One that follows later than can be measured."""
    inverter = _Inverter(_LONGEST_S + _RESOLUTION_S)
    inverter.run(40.0, _square(-2_000.0, -6_000.0, 1.7))
    return (_unknown(inverter.delay, f"beyond {_LONGEST_S:g} s"),)


def _charging() -> tuple[Finding, ...]:
    """A full battery does not follow what charges it: that uses up no trial."""
    inverter = _Inverter()
    inverter.standing_w = 1_000.0
    inverter.run(80.0, _square(3_000.0, 9_000.0, 1.0))
    now = inverter.now
    least_w = {inverter.delay.feeds_w(now + 0.1 * number) for number in range(100)}
    return (Finding(least_w == {0.0, _TRIAL_W}, "a trial is still due", ", ".join(f"{each:g} W" for each in least_w)),)


def _noise() -> tuple[Finding, ...]:
    """A power that has not moved yet shows no delay, whatever its noise."""
    inverter = _Inverter()
    inverter.standing_w = -40.0
    inverter.run(3.0, lambda now: -min(200.0 * now, 500.0))
    return (_unknown(inverter.delay, "while nothing but noise is seen"),)


def _slow_meter() -> tuple[Finding, ...]:
    """One that is read once a second: the readings of several moves."""
    inverter = _Inverter(0.2)
    inverter.run(60.0, _square(-2_000.0, -6_000.0, 2.7), 1.0)
    close = inverter.delay.delay_s is not None and isclose(inverter.delay.delay_s, 0.2, abs_tol=0.21)
    return (Finding(close and inverter.delay.measured, "0.2 s within 0.2 s", _found(inverter.delay)),)
