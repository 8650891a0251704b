"""The root of the package's errors. Each package adds its own below it."""


class V2GError(Exception):
    """Base of every error that the package raises on purpose; its text names the place and the remedy."""
