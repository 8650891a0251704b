"""The least value of a type: what the schema requires and nothing more."""

import sys
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from v2g.exi.facets import REQUIRED, Choice, Enumeration, Length, Occurs, Range, Type


@cache
def least(module: str, name: str) -> Type:
    """A value of the class `name` of a module of messages, with only what is mandatory. Shared: do not change it."""
    cls: type[Type] = getattr(sys.modules[module], name)
    return _least(cls, module)


def _least(cls: type[Type], module: str) -> Type:
    """A value of `cls` with only what is mandatory, each the smallest that its facets admit."""
    hints = get_type_hints(cls, include_extras=True)
    given: dict[str, Any] = {}
    previous: Choice | None = None
    for field in msgspec.structs.fields(cls):
        base, facets = _parts(hints[field.name])
        choice = next((each for each in facets if isinstance(each, Choice)), None)
        first, previous = choice != previous, choice
        if choice is not None:
            if choice.optional or not first:
                continue
        elif not field.required and field.default is not REQUIRED:
            continue
        given[field.name] = _value(base, facets, module)
    return cls(**given)


def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The plain type behind `Annotated` and `| None`, and all facets on the way."""
    facets: tuple[Any, ...] = ()
    while get_origin(hint) in (Annotated, Union, UnionType):
        if get_origin(hint) is Annotated:
            facets += hint.__metadata__
            hint = hint.__origin__
        else:
            hint = next(each for each in get_args(hint) if each is not type(None))
    return hint, facets


def _value(base: Any, facets: tuple[Any, ...], module: str) -> Any:
    if get_origin(base) is list:
        count = next((each.low for each in facets if isinstance(each, Occurs)), 0)
        item, item_facets = _parts(get_args(base)[0])
        return [_value(item, item_facets, module)] * count
    if base is bool:
        return False
    if issubclass(base, Enumeration):
        return next(iter(base))
    if issubclass(base, Type):
        return _least(_member(base, module), module)
    if base is bytes:
        return bytes(next((each.low for each in facets if isinstance(each, Length)), 0))
    if base is int:
        return next((max(0, each.low or 0) for each in facets if isinstance(each, Range)), 0)
    return ""


def _member(head: type[Type], module: str) -> type[Type]:
    """The class that stands for the head of a substitution group: itself, or, if it is abstract, the least member."""
    if head.__module__ == module:
        return head
    members = [each for each in _descendants(head) if each.__module__ == module and "__element__" in vars(each)]
    return min(members, key=lambda each: sum(field.required for field in msgspec.structs.fields(each)), default=head)


def _descendants(cls: type[Type]) -> list[type[Type]]:
    return [found for each in cls.__subclasses__() for found in (each, *_descendants(each))]
