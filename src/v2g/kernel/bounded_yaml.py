"""YAML that a person wrote: what a damaged or hostile text costs is bounded, by its nesting and its values."""

from typing import Any

import yaml

MOST_VALUES = 20_000
"""Keys and values in the text, an alias each time that it is used. An EVSE with everything has about 200."""
DEEPEST = 32
"""Mappings and lists within one another."""


class TooLarge(Exception):
    """The text is beyond a bound. Says which, with its place."""


def position(mark: yaml.Mark) -> str:
    """Line and column, counted from 1."""
    return f"{mark.line + 1}:{mark.column + 1}:"


class BoundedLoader(yaml.SafeLoader):
    """Composes nodes up to the bounds. Raises `TooLarge`."""

    def __init__(self, content: bytes | str) -> None:
        super().__init__(content)
        self._values = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._values += 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise TooLarge(f"{self._here()} nested more than {DEEPEST} deep; check brackets and indentation")
        if self._values > MOST_VALUES:
            raise TooLarge(f"{self._here()} more than {MOST_VALUES} keys and values; use several files")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def _here(self) -> str:
        return position(self.peek_event().start_mark)  # type: ignore[no-untyped-call]


def load(text: str) -> Any:
    """The values in a text.

    Raises `TooLarge`, `yaml.YAMLError`, and `ValueError` for a scalar that is not what it seems to be: a month 13.
    """
    loader = BoundedLoader(text)
    root = loader.get_single_node()
    if root is None:
        return None
    _count(root)
    return loader.construct_document(root)


def _count(root: yaml.Node) -> None:
    """Raises `TooLarge` for what aliases make of a small text."""
    waiting, seen = [root], 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > MOST_VALUES:
            here = position(node.start_mark)
            raise TooLarge(f"{here} more than {MOST_VALUES} values with all aliases; write fewer of them")
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            waiting += [each for pair in node.value for each in pair]
