"""Charging cables in the test's own network namespace."""

from tests.cables import cables

__all__ = ["cables"]
