"""The least value of a type: what the schema requires and nothing more."""

from v2g.exi.facets import Type
from v2g.exi.grammar import Binary, Boolean, Enumerated, Field, Schema, Simple, String, Whole, fields_of


def least(schema: Schema, cls: type[Type]) -> Type:
    """A value of `cls` with only what is mandatory, each the smallest that its facets admit."""
    given: dict[str, object] = {}
    previous = None
    for field in fields_of(cls):
        first, previous = field.choice is None or field.choice != previous, field.choice
        mandatory = field.low > 0 if field.choice is None else first and not field.choice.optional
        if mandatory:
            value = _value(schema, field)
            given[field.name] = [value] * max(1, field.low) if field.is_list else value
    return cls(**given)


def _value(schema: Schema, field: Field) -> object:
    if isinstance(field.type, type):
        # In the place of an abstract head stands the member of its group that needs least.
        members = [member.type for member in schema.members(field)]
        concrete = [each for each in members if isinstance(each, type) and not schema.grammar(each).abstract]
        return least(schema, min(concrete or [field.type], key=_mandatory))
    return _simple(field.type)


def _mandatory(cls: type[Type]) -> int:
    return sum(field.low > 0 for field in fields_of(cls))


def _simple(kind: Simple) -> object:
    match kind:
        case Boolean():
            return False
        case Enumerated():
            return kind.members[0]
        case Whole():
            return max(0, kind.low or 0)
        case String():
            return "-" * kind.low
        case Binary():
            return bytes(kind.low)
