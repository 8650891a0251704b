"""The EXI codec: schemas as classes, a table interpreter as the reference, specialised functions for speed."""

from v2g.exi.errors import ExiError

__all__ = ["ExiError"]
