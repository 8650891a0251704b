"""A house's meter that lies: frozen, turned, with one phase silent, jumping. The chargers' own meters show it."""

from math import inf

import pytest
from msgspec.structs import replace
from tests.depot.scene import VEHICLE
from tests.depot.site_days import charger
from tests.depot.test_site_control import CONNECTION, ID, Scene

from v2g.depot.site.control import SiteControl, tree_of
from v2g.depot.site.doubt import COARSE_S, FROZEN_S, Doubt
from v2g.depot.site.guard import Trouble
from v2g.depot.site.reading import HouseReading, Phases
from v2g.depot.site.wish import Follow
from v2g.depot.view import Site

DAY_S = 18 * 3600.0


class LyingScene(Scene):
    """What the meter shows is not what flows."""

    def __init__(self, *, evening: bool = True) -> None:
        follow = Follow(evening=(17 * 3600.0, 22 * 3600.0) if evening else None, start_s=0.0, stop_s=0.0)
        each = replace(charger(1, least_w=0.0), vehicle=replace(VEHICLE, soc_pu=0.7))
        super().__init__(SiteControl(CONNECTION, follow=follow), each)
        self.most_fed_w = self.most_drawn_w = 0.0

    def shown(self, seconds: int, powers_w: Phases | None, *, house_w: float = 1_500.0, sign: float = 1.0) -> None:
        """So long the meter shows `powers_w`; None: what flows, by its sign."""
        for _ in range(seconds):
            self.now += 1.0
            flow_w = house_w + self.power_w
            self.most_fed_w, self.most_drawn_w = max(self.most_fed_w, -flow_w), max(self.most_drawn_w, flow_w)
            vehicle = replace(VEHICLE, soc_pu=0.7, soc_unix_s=self.now)
            seen = replace(self.charger, vehicle=vehicle, measured_w=self.power_w, measured_unix_s=self.now)
            shows = (sign * flow_w / 3,) * 3 if powers_w is None else powers_w
            self.control.measured(HouseReading(unix_s=self.now, powers_w=shows), {ID: seen})
            view = self.control.view(
                Site(tree=tree_of(CONNECTION), chargers={ID: seen}), self.now, DAY_S, surplus_only=frozenset({ID})
            )
            self.dispatch = self.controller.step(view, self.now)
            self.control.decided(self.dispatch, view.chargers, self.now)
            self.power_w = self.dispatch.setpoints[ID].power_w

    def said(self) -> str:
        return " ".join(each.text for each in self.control.notices(self.now) if each.trouble is Trouble.METER_SILENT)


def test_a_frozen_meter_is_not_followed_without_an_end() -> None:
    scene = LyingScene()
    scene.shown(5, None)
    scene.shown(60, (300.0, 300.0, 300.0))
    assert scene.power_w == 0.0
    assert "is frozen" in scene.said()
    assert scene.most_fed_w < CONNECTION.export_w, "it would have fed all that it can"
    scene.shown(30, None)
    assert scene.said() == ""
    assert scene.power_w == pytest.approx(-1_500.0, abs=100.0), "it shows what flows again"


def test_a_meter_that_counts_the_wrong_way_is_not_followed_without_an_end() -> None:
    """The house draws, and the meter says that sun is left: the more is charged, the more there seems to be."""
    scene = LyingScene(evening=False)
    scene.shown(90, None, sign=-1.0)
    assert "counts the wrong way" in scene.said()
    assert scene.power_w == 0.0
    scene.shown(620, None)
    assert scene.said() == "", "after a while it is tried again"


def test_a_meter_that_is_turned_while_nothing_moves_is_not_believed_until_it_is_turned_back() -> None:
    """Otherwise a limit of what is drawn would be filled up by a sun that does not shine."""
    scene = LyingScene()
    scene.shown(30, (900.0, 400.0, -100.0))
    scene.shown(1, (-905.0, -390.0, 104.0))
    assert "counts the wrong way" in scene.said()
    scene.shown(1, (905.0, 390.0, -104.0))
    assert scene.said() == ""


def test_a_meter_that_is_right_is_never_doubted() -> None:
    scene = LyingScene()
    for house_w in (1_500.0, -4_000.0, 500.0, 3_000.0, -200.0, 2_500.0):
        scene.shown(20, None, house_w=house_w)
        assert scene.said() == ""


@pytest.mark.parametrize(
    ("changes_v", "believed_s"),
    [(0.1, FROZEN_S), (1.0, COARSE_S), (0.0, inf)],
    ids=["fine", "coarse", "none"],
)
def test_how_long_a_meter_may_show_the_same_depends_on_its_resolution(changes_v: float, believed_s: float) -> None:
    """Beside a charger that stands still, on a quiet grid."""
    doubt, at_s = Doubt(silent_s=3.0), 0.0
    for volts in (230.0, 230.0 + changes_v, 230.0):
        at_s += 1.0
        doubt.see(HouseReading(unix_s=at_s, powers_w=(100.0,) * 3, voltages_v=(volts, 231.0, 229.0)), 0.0)
    first_s = at_s
    while doubt.reason(at_s) is None and at_s < 4_000.0:
        at_s += 1.0
        doubt.see(HouseReading(unix_s=at_s, powers_w=(100.0,) * 3, voltages_v=(230.0, 231.0, 229.0)), 0.0)
    assert at_s - first_s == pytest.approx(min(believed_s, 4_000.0 - first_s), abs=1.5)


def test_jumps_and_a_phase_that_is_silent_exceed_no_limit() -> None:
    scene = LyingScene()
    for number in range(40):
        flow_w = (1_500.0 + scene.power_w) / 3
        scene.shown(1, (flow_w, flow_w, 0.0))
        assert scene.most_fed_w <= CONNECTION.export_w
        scene.shown(1, (flow_w + 4_000.0 * (-1) ** number,) * 3)
        assert scene.most_fed_w <= CONNECTION.export_w
