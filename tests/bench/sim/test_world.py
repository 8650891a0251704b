"""The virtual world's station starts again as the process does: it knows nothing of what it commanded before."""

from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import World


def test_a_station_that_starts_again_commands_what_is_safe() -> None:
    world = in_the_loop(World(OUTLET, INTENT))
    assert world.orders.contactor_closed
    world.stop_station()
    world.start_station()
    assert world.orders.safe
