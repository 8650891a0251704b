"""What takes part in the decision on power: somebody who wishes, somebody who limits, or both."""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Decision, Wish
from v2g.station.power.situation import Situation


class Source:
    """One of them. Each EVSE makes new sources for each visit, so that none remembers the last car.

    A source that a package brings from outside (entry point group `v2g.wishes`) is a subclass of this.
    """

    def wish(self, situation: Situation) -> Wish | None:
        """The power that this source wants, or None. Asked only while energy may flow; the first wish counts."""
        return None

    def reshape(self, wish: Wish, situation: Situation) -> Wish:
        """What becomes of somebody's wish. Only the grid has a say in that."""
        return wish

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        """What this source allows, asked at every decision, also while no energy flows."""
        return iter(())

    def decided(self, decision: Decision, situation: Situation) -> None:
        """This power is commanded from now on."""
