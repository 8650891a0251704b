"""Requirements of an edition, by number, and the cases that show them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from v2g.bench.conformance.cases import Result, Verdict
from v2g.bench.conformance.hand import Hand
from v2g.bench.conformance.place import Place, Scene, VirtualPlace
from v2g.bench.conformance.tester import Fail, NotApplicable

OF_THE_CAR = "a duty of the car: what the station does about one that breaks it is a case of its own"
UNSEEN = "nothing of it can be seen from the car's side"
Meet = Callable[[Scene], Place]
"""Where the car of a scene meets the station. Raises `NotApplicable` if it cannot."""


@dataclass(frozen=True)
class Check:
    """One case: what a car does, and what the station must do."""

    name: str
    shows: tuple[str, ...]
    """Numbers of the requirements that it shows."""
    scene: Scene
    run: Callable[[Hand], None]


Act = Callable[[Hand], None]


class Cases:
    """Those of an edition that are written one by one."""

    def __init__(self, prefix: str) -> None:
        """`prefix`: of the edition's numbers."""
        self._prefix = prefix
        self._made: list[tuple[str, tuple[str, ...], tuple[Scene, ...], Act]] = []

    def __call__(self, name: str, shows: str, *scenes: Scene) -> Callable[[Act], Act]:
        """Register a case under the numbers that it shows, once for each scene."""

        def register(act: Act) -> Act:
            self._made.append((name, tuple(self._prefix + number for number in shows.split()), scenes, act))
            return act

        return register

    def __iter__(self) -> Iterator[Check]:
        for name, shows, scenes, act in self._made:
            for scene in scenes:
                yield Check(f"{scene.label}: {name}" if len(scenes) > 1 else name, shows, scene, act)


@dataclass(frozen=True)
class Suite:
    """All that is known of an edition."""

    name: str
    checks: Callable[[], tuple[Check, ...]]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why no case shows a requirement, by its number."""
    deviations: Mapping[str, str] = field(default_factory=dict)
    """What the station of this project does not keep although no case sees it, by number."""

    def numbers(self) -> list[str]:
        """All requirements, in order."""
        shown = {number for each in self.checks() for number in each.shows}
        return sorted(shown | set(self.reasons) | set(self.deviations), key=_order)


def run(suite: Suite, only: Iterable[str] = (), meet: Meet = VirtualPlace) -> Iterator[Result]:
    """The verdict on each requirement whose number begins with one of `only`; on all without."""
    wanted, done = tuple(only), dict[str, Result]()
    for number in suite.numbers():
        if not wanted or any(number.startswith(each) for each in wanted):
            found = []
            for check in suite.checks():
                if number in check.shows:
                    if check.name not in done:
                        done[check.name] = run_check(check, meet)
                    found.append(done[check.name])
            if number in suite.deviations and meet is VirtualPlace:
                yield Result(number, Verdict.FAIL, suite.deviations[number])
            else:
                yield _verdict(number, found, suite.reasons.get(number, UNSEEN))


def run_check(check: Check, meet: Meet = VirtualPlace) -> Result:
    """Run one case. Never raises for what a station does."""
    place: Place | None = None
    try:
        place = meet(check.scene)
        check.run(Hand(place, check.scene))
    except NotApplicable as reason:
        return Result(check.name, Verdict.NOT_APPLICABLE, str(reason))
    except Fail as failure:
        return Result(check.name, Verdict.FAIL, str(failure))
    finally:
        if place is not None:
            place.shut()
    return Result(check.name, Verdict.PASS)


def _verdict(number: str, results: list[Result], reason: str) -> Result:
    """A failure outweighs a success, and a success what does not apply."""
    failed = [each for each in results if each.verdict is Verdict.FAIL]
    passed = [each for each in results if each.verdict is Verdict.PASS]
    if failed:
        more = f" (and {len(failed) - 1} more of {len(results)} cases)" if len(failed) > 1 else ""
        return Result(number, Verdict.FAIL, f"{failed[0].id}: {failed[0].text}{more}")
    if passed:
        named = passed[0].id if len(passed) == 1 else f"{len(passed)} cases, such as {passed[0].id}"
        return Result(number, Verdict.PASS, named)
    return Result(number, Verdict.NOT_APPLICABLE, results[0].text if results else reason)


def _order(number: str) -> tuple[str, int]:
    part, _, digits = number.rpartition("-")
    return part, int(digits)
