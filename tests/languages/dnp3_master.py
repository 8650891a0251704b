"""A DNP3 master of another project (`opendnp3`, from the package yadnp3), for as long as a test needs it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import opendnp3

WITHIN_S = 20.0


class Heard(opendnp3.ISOEHandler):
    """What the outstation reports: the latest value of each point, by kind and number; events in order."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[str, int], Any] = {}
        self.online: dict[tuple[str, int], bool] = {}
        self.events: list[tuple[str, int, Any]] = []
        self.news = threading.Condition()

    def BeginFragment(self, info: Any) -> None: ...

    def EndFragment(self, info: Any) -> None: ...

    def Process(self, info: Any, values: Any) -> None:
        with self.news:
            for each in values:
                point = type(each.value).__name__, each.index
                self.values[point] = each.value.value
                self.online[point] = bool(each.value.flags.value & 1)
                if info.isEventVariation:
                    self.events.append((*point, each.value.value))
            self.news.notify_all()


class Application(opendnp3.IMasterApplication):
    def OnReceiveIIN(self, iin: Any) -> None: ...
    def OnTaskStart(self, type: Any, id: Any) -> None: ...
    def OnTaskComplete(self, info: Any) -> None: ...
    def OnOpen(self) -> None: ...
    def OnClose(self) -> None: ...
    def AssignClassDuringStartup(self) -> bool:
        return False

    def Now(self) -> Any:
        return opendnp3.UTCTimestamp(int(time.time() * 1000))


class Master:
    """Blocks: call its methods in a thread."""

    def __init__(self, manager: Any, port: int, unsolicited: bool) -> None:
        self.heard, self._application = Heard(), Application()
        second = opendnp3.TimeDuration.Milliseconds(200)
        self._channel = manager.AddTCPClient(
            "master", opendnp3.levels.NOTHING, opendnp3.ChannelRetry(second, second),
            [opendnp3.IPEndpoint("127.0.0.1", port)], "0.0.0.0", None,
        )  # fmt: skip
        config = opendnp3.MasterStackConfig()
        config.master.disableUnsolOnStartup = not unsolicited
        config.link.LocalAddr, config.link.RemoteAddr = 1, 1024
        self._master = self._channel.AddMaster("master", self.heard, self._application, config)
        self._master.Enable()

    def until(self, true: Callable[["Heard"], Any]) -> Any:
        """What `true` returns once it is so."""
        with self.heard.news:
            assert self.heard.news.wait_for(lambda: true(self.heard), WITHIN_S), self.heard.values
            return true(self.heard)

    def scan(self) -> None:
        self._master.ScanClasses(opendnp3.ClassField.AllClasses(), self.heard)

    def read(self, group: int) -> None:
        self._master.ScanAllObjects(opendnp3.GroupVariationID(group, 0), self.heard)

    def operate(self, index: int, on: bool) -> str:
        """A binary output, selected before; its status."""
        kind = opendnp3.OperationType.LATCH_ON if on else opendnp3.OperationType.LATCH_OFF
        return self._done(opendnp3.ControlRelayOutputBlock(kind), index)

    def write(self, index: int, value: int) -> str:
        """An analog output, as it travels, selected before; its status."""
        return self._done(opendnp3.AnalogOutputInt32(value), index)

    def _done(self, command: Any, index: int) -> str:
        done, status = threading.Event(), list[str]()

        def called(result: Any) -> None:
            status.extend(each.status.name for each in result.to_list())
            done.set()

        self._master.SelectAndOperate(command, index, called)
        assert done.wait(WITHIN_S)
        return status[0] if status else "no answer"

    def disable(self) -> None:
        """Fall silent, and close the link."""
        self._master.Disable()


@contextmanager
def master(port: int, unsolicited: bool = False) -> Iterator[Master]:
    manager = opendnp3.DNP3Manager(1)
    try:
        yield Master(manager, port, unsolicited)
    finally:
        manager.Shutdown()
