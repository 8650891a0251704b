"""In words, which values a type admits."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta
from msgspec.inspect import type_info

from v2g.kernel.admitted import admitted


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Annotated[int, Meta(ge=0, le=1000)], "a whole number from 0 to 1000"),
        (Annotated[float, Meta(gt=0, le=31_536_000)], "a number above 0 to 31536000"),
        (Annotated[float, Meta(gt=0)], "a number above 0"),
        (Annotated[int, Meta(ge=1)], "a whole number of at least 1"),
        (Annotated[int, Meta(ge=0)], "a whole number"),
        (Annotated[float, Meta(le=0.5)], "a number of at most 0.5"),
        (Annotated[int, Meta(ge=1)] | None, "a whole number of at least 1"),
        (Literal["charge", "idle"], "charge or idle"),
        (bool, "true or false"),
        (Annotated[str, Meta(min_length=1, max_length=15)], "text of 1 to 15 characters"),
        (Annotated[str, Meta(pattern="^x$", description="an x")], "an x"),
        (tuple[bool, ...], "a list, each item true or false"),
        (Path, "a path"),
    ],
)
def test_admitted(kind: Any, expected: str) -> None:
    assert admitted(type_info(kind)) == expected
