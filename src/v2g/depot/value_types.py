"""Types of the values in a depot's configuration file."""

from typing import Annotated, Literal

from msgspec import Meta

Power = Annotated[float, Meta(ge=0, le=100_000_000)]
"""A magnitude in W."""
Share = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(min_length=1, max_length=48, pattern=r"^[^:/\s]+$", description="1 to 48 characters "
                 "without blanks, colons and slashes")]  # fmt: skip
Phase = Literal[1, 2, 3]
Listen = Annotated[str, Meta(pattern=r"^\S+:\d{1,5}$", description="HOST:PORT")]
LedgerDays = Annotated[int, Meta(ge=31, le=36_500)]
Member = Annotated[str, Meta(min_length=1, max_length=48, pattern=r"^[A-Za-z0-9_-]+$", description="1 to 48 letters, "
                   "digits, _ and -")]  # fmt: skip
"""A name in a fleet: it is part of the subjects of messages."""
