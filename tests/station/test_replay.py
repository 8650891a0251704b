"""What is recorded of an EVSE replays without a difference, from any segment on, and a change shows."""

import pickle
from collections.abc import Callable
from random import Random

import pytest
from msgspec import msgpack, structs
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.mishaps.course import Course
from v2g.bench.mishaps.scenario import draw
from v2g.bench.sim.world import World
from v2g.grid.adjustments import Party, lasting
from v2g.iso15118.view import Stop
from v2g.power.inverter import InverterMode
from v2g.station import recorded
from v2g.station.local import Held
from v2g.station.orders import SAFE
from v2g.station.power.situation import BackEndOrder, Injection, OperatorLimits
from v2g.station.recorded import RecordedEvse, Turn
from v2g.station.replay import Difference, RecordingError, Segment


class Memory:
    """A sink."""

    def __init__(self) -> None:
        self.segments: list[tuple[bytes, list[bytes]]] = []

    def begin(self, evse: int, snapshot: bytes) -> None:
        self.segments.append((snapshot, []))

    def take(self, evse: int, turn: bytes) -> None:
        self.segments[-1][1].append(turn)

    def broken_off(self, evse: int) -> bool:
        return False


def recording(world: World) -> Memory:
    """Records the EVSE of a world from now on."""
    sink, evse = Memory(), world.evse
    world.evse = RecordedEvse(
        evse.settings, world.plant.settings.rating, evse.site, authorizer=evse._authorizer, sink=sink
    )
    world.evse.payment = evse.payment
    return sink


def differences(sink: Memory) -> list[Difference]:
    return [
        each for snapshot, turns in sink.segments for _, _, found in Segment(snapshot).replay(turns) for each in found
    ]


@pytest.fixture(scope="module")
def session() -> Memory:
    """One whole session, with what others ask for in the middle of it."""
    world = World(OUTLET, INTENT)
    sink = recording(world)
    in_the_loop(world, 3.0)
    evse = world.evse
    assert evse.guard is not None
    for ask in (
        lambda: setattr(evse, "operator", OperatorLimits(discharge_w=2_000.0)),
        lambda: setattr(evse.visit, "injection", Injection(3_000.0, until_s=world.now + 2.0)),
        lambda: setattr(evse, "back_end", BackEndOrder(charge_w=1_000.0, until_s=world.now + 2.0)),
        lambda: evse.guard.adjust({"trip.ov1.delay_s": 1.5}, by="somebody", for_s=60.0),
        lambda: evse.guard.adjust_only(lasting({"trip.uv1.delay_s": 5.0}), Party.BACK_END),
        lambda: evse.guard.give_up(Party.BACK_END),
        lambda: evse.local.keep_charged(20, "somebody"),
        lambda: evse.local.hold("limit", Held("a limit", world.now + 1.0, evse.visit), charge_w=500.0, limit_by="me"),
        lambda: evse.local.let_in("somebody", world.now),
        lambda: evse.stop(Stop.TERMINATE, world.now),
    ):
        ask()
        world.run(2.0)
    world.run(3.0)
    assert evse.visit.report.result == "completed"
    return sink


def test_a_session_replays(session: Memory) -> None:
    assert sum(len(turns) for _, turns in session.segments) > 1_000
    assert differences(session) == []


def test_a_segment_that_begins_in_the_middle_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "SEGMENT_BYTES", 5_000)
    world = World(OUTLET, INTENT)
    sink = recording(world)
    in_the_loop(world)
    assert len(sink.segments) > 10
    assert differences(sink) == []


@pytest.mark.parametrize("seed", range(12))
def test_mishaps_replay(seed: int) -> None:
    course = Course(draw(seed))
    sink = recording(course.rig.world)
    course.run()
    assert differences(sink) == []


def changed(session: Memory, change: Callable[[Turn], Turn]) -> list[Difference]:
    """The differences of the recording with each turn changed."""
    (snapshot, turns), *_ = session.segments
    encoded = [msgpack.encode(change(msgpack.decode(each, type=Turn))) for each in turns]
    return [each for _, _, found in Segment(snapshot).replay(encoded) for each in found]


def other_orders(turn: Turn) -> Turn:
    orders = turn.result.orders
    if orders is None or orders.inverter.mode is not InverterMode.POWER:
        return turn
    return structs.replace(turn, result=structs.replace(turn.result, orders=SAFE))


def other_payload(turn: Turn) -> Turn:
    send = tuple((kind, payload[:-1] + bytes([payload[-1] ^ 1])) for kind, payload in turn.result.send)
    return structs.replace(turn, result=structs.replace(turn.result, send=send))


def other_draws(turn: Turn) -> Turn:
    return structs.replace(turn, draws=tuple(bytes(len(each)) for each in turn.draws))


def no_draws(turn: Turn) -> Turn:
    return structs.replace(turn, draws=())


def no_answers(turn: Turn) -> Turn:
    return structs.replace(turn, answers=())


def nothing_set(turn: Turn) -> Turn:
    return structs.replace(turn, outside=None)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (other_orders, "orders"),
        (other_payload, "send"),
        (other_draws, "send"),
        (no_draws, "draws and answers"),
        (no_answers, "draws and answers"),
        (nothing_set, "orders"),
    ],
)
def test_what_is_otherwise_shows(session: Memory, change: Callable[[Turn], Turn], what: str) -> None:
    assert what in {each.what for each in changed(session, change)}


def test_a_defect_replays() -> None:
    world = World(OUTLET, INTENT)
    sink = recording(world)
    in_the_loop(world, 1.0)
    evse = world.evse
    assert isinstance(evse, RecordedEvse)
    evse.heat = evse.supervisor  # type: ignore[assignment]  # a defect, as the next snapshot has it
    evse._recorder.bytes = None
    with pytest.raises(AttributeError):
        evse.heed(world.now)
    *_, (snapshot, turns) = sink.segments
    ((turn, _, found),) = Segment(snapshot).replay(turns)
    assert "AttributeError" in turn.result.error
    assert found == []


class Evil:
    def __init__(self, *call: object) -> None:
        self._call = call

    def __reduce__(self) -> tuple[object, ...]:
        return self._call


@pytest.mark.parametrize(
    "evil",
    [
        Evil(__import__("os").system, ("true",)),
        Evil(eval, ("1",)),
        Evil(getattr, (Random, "__init__")),
        Evil(__import__("v2g.io.files", fromlist=["carry"]).carry, ()),
        Evil(__import__("v2g.station.config.reader", fromlist=["read"]).read, ("/etc/passwd",)),
        "no EVSE",
    ],
)
def test_a_snapshot_of_strangers_runs_nothing(evil: object) -> None:
    with pytest.raises(RecordingError, match=r"must not name|no snapshot of an EVSE"):
        Segment(pickle.dumps(evil))


def text(of: str) -> bytes:
    return pickle.SHORT_BINUNICODE + bytes([len(of)]) + of.encode()


def named(module: str, name: str) -> bytes:
    """The head of a pickle that names this, whatever it is."""
    return pickle.PROTO + b"\x04" + text(module) + text(name) + pickle.STACK_GLOBAL


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("v2g.station.replay", "builtins.eval"),
        ("v2g.station.replay", "import_module"),
        ("v2g.station.replay", "_MADE_OF"),
        ("v2g.station.recorded", "pickle.loads"),
        ("v2g.messages", "import_module"),
        ("v2g.exi.grammar", "_field"),
    ],
)
def test_what_a_module_imports_or_holds_is_not_to_be_had(module: str, name: str) -> None:
    with pytest.raises(RecordingError, match="must not name"):
        Segment(named(module, name) + pickle.STOP)


def test_no_class_is_changed() -> None:
    """The codec evaluates the annotations of a message."""
    evil = pickle.NONE + pickle.EMPTY_DICT + text("__annotations__") + pickle.EMPTY_DICT + pickle.SETITEM
    with pytest.raises(RecordingError, match="must not change SessionSetupReq"):
        Segment(named("v2g.messages.iso2", "SessionSetupReq") + evil + pickle.TUPLE2 + pickle.BUILD + pickle.STOP)


def test_a_cut_snapshot_and_a_broken_turn_are_named(session: Memory) -> None:
    (snapshot, turns), *_ = session.segments
    with pytest.raises(RecordingError, match="cannot be taken up"):
        Segment(snapshot[:-100])
    with pytest.raises(RecordingError, match="turn 1 "):
        list(Segment(snapshot).replay([turns[0][:-5]]))
