"""Child processes that end with this one: when it stops, when it is interrupted, and when it is killed."""

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from ctypes import CDLL
from multiprocessing import active_children, get_context

_LIBC = CDLL(None)
_PR_SET_PDEATHSIG = 1
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_with_parent() -> None:
    """In a child, before its program starts: SIGTERM as soon as its parent has ended, however that was."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


@contextmanager
def workers(count: int | None) -> Iterator[ProcessPoolExecutor]:
    """Processes that compute. Whatever ends the block early, an interrupt as well, ends them at once."""
    others = set(active_children())
    pool = ProcessPoolExecutor(count, get_context("fork"), initializer=_begin)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        pool.submit(int)  # starts all of them; an interrupt in the midst of that would leave some behind
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(active_children()) - others:
            child.kill()
        raise
    pool.shutdown()


def _begin() -> None:
    """A terminal sends Ctrl-C to each process; what is to happen then is for the first one to say."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
