"""Writing files beside the event loop, so that a slow or hanging disk holds nobody up."""

from collections.abc import Callable
from threading import Condition, Thread

CLOSE_S = 2.0
"""How long the end of the process waits for the disk."""


class Writer:
    """Runs one job in a thread of its own, again and again as it becomes due; several dues in a row are one."""

    def __init__(self, job: Callable[[], None], name: str) -> None:
        """`job` must not raise. `name`: of the thread."""
        self._job, self._name = job, name
        self._news = Condition()
        self._asked = self._done = 0
        self._closing = False
        self._thread: Thread | None = None

    def due(self) -> None:
        """Run the job soon, after whatever was done before this call. Returns at once."""
        with self._news:
            self._asked += 1
            if self._thread is None:
                # A daemon: a disk that never answers must not keep the process from ending.
                self._thread = Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._news.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything that was due so far is done; whether it came in time."""
        with self._news:
            asked = self._asked
            return self._news.wait_for(lambda: self._done >= asked, timeout_s)

    def close(self, timeout_s: float = CLOSE_S) -> bool:
        """End the thread once everything is done; whether it came in time."""
        with self._news:
            thread, self._thread, self._closing = self._thread, None, True
            self._news.notify_all()
        if thread is not None:
            thread.join(timeout_s)
        self._closing = False
        return thread is None or not thread.is_alive()

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._asked > self._done or self._closing)
                asked = self._asked
                if asked == self._done:
                    return
            self._job()
            with self._news:
                self._done = asked
                self._news.notify_all()
