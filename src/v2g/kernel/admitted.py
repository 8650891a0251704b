"""In words, which values a type admits: for configuration files and commands."""

from msgspec import inspect


def admitted(kind: inspect.Type) -> str:
    """What a value of this type must be, but for null."""
    match kind:
        case inspect.UnionType():
            return admitted(beside_null(kind))
        case inspect.Metadata(extra_json_schema={"description": str(description)}):
            return description
        case inspect.StructType():
            return f"a mapping with the keys {', '.join(each.name for each in kind.fields)}"
        case inspect.VarTupleType():
            return f"a list, each item {admitted(kind.item_type)}"
        case inspect.DictType():
            return "a mapping of names to values"
        case inspect.LiteralType():
            return " or ".join(str(value) for value in kind.values)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            return _number(kind)
        case inspect.StrType():
            if kind.pattern:
                return f"text of the form {kind.pattern}"
            return f"text of {kind.min_length or 0} to {kind.max_length} characters" if kind.max_length else "text"
        case _:
            return "a path"


def beside_null(kind: inspect.UnionType) -> inspect.Type:
    """The type of what may also be null."""
    return next(each for each in kind.types if not isinstance(each, inspect.NoneType))


def _number(kind: inspect.IntType | inspect.FloatType) -> str:
    noun = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
    above = "" if kind.gt is None else f" above {kind.gt:.15g}"
    if kind.le is not None:
        least = above or ("" if kind.ge is None else f" from {kind.ge:.15g}")
        return f"{noun}{least}{' to' if least else ' of at most'} {kind.le:.15g}"
    return noun + (above or (f" of at least {kind.ge:.15g}" if kind.ge else ""))
