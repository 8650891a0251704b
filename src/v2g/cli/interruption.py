"""SIGTERM and SIGHUP end a command as Ctrl-C does: a closed terminal leaves nothing behind."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """The signal that ended the command."""

    def __init__(self) -> None:
        self.number = signal.SIGINT

    @property
    def exit_code(self) -> int:
        """As a shell gives it to a process that the signal ended."""
        return 128 + self.number

    def _taken(self, number: int, frame: FrameType | None) -> None:
        self.number = signal.Signals(number)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)  # whatever Ctrl-C does at present, also to an event loop


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """While this lasts, these signals raise `KeyboardInterrupt`. One that is ignored, as `nohup` does, stays so."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    numbers = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_DFL]
    try:
        for number in numbers:
            signal.signal(number, interruption._taken)
        yield interruption
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
