"""The root of the errors. Each package adds its own."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `v2g --help` loads nothing that it does not need
    from v2g.kernel.fault import Fault


class V2GError(Exception):
    """Base of every error that the package raises on purpose; its text names the thing, the place and the remedy."""

    fault: "Fault | None" = None
    """The fault with which this error ends a session; None if it ends none."""


def innermost(error: BaseException) -> BaseException:
    """The first error in the groups around it, as task groups raise them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
