"""Child processes that end with this one: when it stops, when it is interrupted, and when it is killed."""

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from ctypes import CDLL
from multiprocessing import active_children, get_context
from typing import TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_LIBC = CDLL(None)
_PR_SET_PDEATHSIG = 1
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_S = 0.2


def end_with_parent() -> None:
    """In a child, before its program starts: SIGTERM as soon as its parent has ended, however that was."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


@contextmanager
def workers(count: int | None) -> Iterator[ProcessPoolExecutor]:
    """Processes that compute. Whatever ends the block early, an interrupt as well, ends them at once."""
    others = set(active_children())
    pool = ProcessPoolExecutor(count, get_context("fork"), initializer=_begin)
    try:
        with _uninterrupted():
            pool.submit(int)  # starts all of them; an interrupt in the midst of that would leave some behind
        yield pool
    except BaseException:
        with _uninterrupted():
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(active_children()) - others:
                child.kill()
            pool.shutdown()  # its thread ends before the interpreter, which would run into it
        raise
    pool.shutdown()


def results(
    pool: ProcessPoolExecutor, compute: Callable[[*Arguments], Result], arguments: Iterable[tuple[*Arguments]]
) -> Iterator[Result]:
    """What is computed of each, in the order in which they end.

    An interrupt takes effect between two looks. In the midst of one it would leave a lock taken, for which the end of
    this process would wait forever.
    """
    with _uninterrupted():
        pending = {pool.submit(compute, *each) for each in arguments}
    while pending:
        with _uninterrupted():
            done, pending = wait(pending, _LOOK_S, FIRST_COMPLETED)
            ended = [each.result() for each in done]
        yield from ended


@contextmanager
def _uninterrupted() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """A terminal sends Ctrl-C to each process; what is to happen then is for the first one to say."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
