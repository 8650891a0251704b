"""Child processes that end with this one: when it stops, when it is interrupted, and when it is killed."""

import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from ctypes import CDLL
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_LIBC = CDLL(None)
_PR_SET_PDEATHSIG = 1
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_with_parent() -> None:
    """In a child, before its program starts: SIGTERM as soon as its parent has ended, however that was."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def computed(
    compute: Callable[[*Arguments], Result], arguments: Iterable[tuple[*Arguments]], count: int
) -> Generator[Result]:
    """What `count` processes compute of each, in the order in which they end. Raises what `compute` raises.

    Whatever ends it early, an interrupt as well, ends them at once. Each has a pipe of its own, and there is neither
    thread nor lock: the library's pool waits forever for the rest of a result whose process was killed as it wrote it.
    """
    with _workers(compute, count) as workers:
        due, idle, busy = iter(arguments), list(workers), set["Connection[Any, Any]"]()
        while True:
            for pipe, each in zip(tuple(idle), due, strict=False):
                pipe.send(each)
                idle.remove(pipe)
                busy.add(pipe)
            if not busy:
                return
            for pipe in busy.intersection(wait(busy)):
                try:
                    result, error = pipe.recv()
                except EOFError:
                    workers[pipe].join()
                    raise ChildProcessError(f"a process that computed ended with {workers[pipe].exitcode}") from None
                busy.remove(pipe)
                idle.append(pipe)
                if error is not None:
                    raise error
                yield result


@contextmanager
def _workers(compute: Callable[..., object], count: int) -> Iterator["dict[Connection[Any, Any], BaseProcess]"]:
    context, workers = get_context("fork"), dict["Connection[Any, Any]", BaseProcess]()
    try:
        for _ in range(count):
            with _uninterrupted():  # between the start of a process and its entry here
                own, other = context.Pipe()
                worker: BaseProcess = context.Process(target=_work, args=(compute, other), daemon=True)
                worker.start()
                other.close()
                workers[own] = worker
        yield workers
    finally:
        with _uninterrupted():
            for pipe, worker in workers.items():
                worker.kill()
                worker.join()
                pipe.close()


def _work(compute: Callable[..., object], pipe: "Connection[Any, Any]") -> None:
    _begin()
    while True:
        try:
            result: tuple[Any, Exception | None] = compute(*pipe.recv()), None
        except EOFError:
            return
        except Exception as error:
            result = None, error
        pipe.send(result)


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
