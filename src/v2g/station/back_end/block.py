"""A functional block of OCPP beside the core: what it answers, and what it looks at in every step."""

from collections.abc import Callable
from typing import ClassVar

from v2g.ocpp.base import Message


class Block:
    """A block has its state, its handlers by action (`handlers`), and a look at things (`step`)."""

    first: ClassVar[bool] = False
    """Whether it looks before the orders are given, because they depend on it."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[..., Message]] = {}

    def step(self) -> None:
        """Time has passed."""

    def accepted(self) -> None:
        """The back end has accepted the station (BootNotification)."""

    def disconnected(self) -> None:
        """The connection is gone."""

    def responded(self, request: Message, response: Message) -> None:
        """The back end has answered a message of the queue."""
