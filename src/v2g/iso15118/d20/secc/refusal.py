"""The response that refuses a request: of the type paired with it, schema-conform, and saying nothing [V2G2-736]."""

import sys
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from v2g.exi.facets import REQUIRED, Choice, Enumeration, Length, Occurs, Range, Type
from v2g.messages.iso20.types import MessageHeader, ResponseCode


def paired_response(request: Type, header: MessageHeader, code: ResponseCode) -> Type:
    """The refusal of `request`, with the least content that the schema admits."""
    template = _template(type(request))
    return msgspec.structs.replace(template, Header=header, ResponseCode=code)


@cache
def _template(request: type[Type]) -> Type:
    module = sys.modules[request.__module__]
    response: type[Type] = getattr(module, request.__name__.removesuffix("Req") + "Res")
    return _least(response, request.__module__)


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
