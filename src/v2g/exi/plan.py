"""A type as the generated functions see it: a straight sequence of steps."""

from __future__ import annotations

from functools import cache

from msgspec import Struct

from v2g.exi.facets import ATTRIBUTE, Type
from v2g.exi.grammar import (
    ANY_ELEMENT,
    Attribute,
    Boolean,
    Characters,
    End,
    Enumerated,
    Grammar,
    Particle,
    Production,
    Simple,
    Start,
    Whole,
    fields_of,
)

Alternative = Attribute | Characters | Particle

UNBOUNDED = 1 << 31
LARGEST = (1 << 280) - 1
"""The largest integer if the schema has no limit: what the interpreter reads, 40 groups of 7 bits."""
TWO_OCTETS = (1 << 14) - 1
"""The largest integer in two groups of 7 bits."""


class Unsuitable(Exception):
    """The type is beyond the generated functions: it is abstract, has groups, or needs an element of another schema."""


class Step(Struct, frozen=True):
    """One place in the sequence: an attribute, the characters, an element, or the elements of a choice."""

    alternatives: tuple[Alternative, ...]
    required: bool


class Plan:
    """The steps of a type. All productions are numbered in their order, so that those of a state are a run of numbers:
    an event code is the distance from the first."""

    def __init__(self, grammar: Grammar) -> None:
        if grammar.abstract:
            raise Unsuitable
        self.grammar = grammar
        self.cls = grammar.cls
        self.steps = [Step((attribute,), attribute.field.low == 1) for attribute in grammar.attributes]
        if grammar.content:
            self.steps.append(Step((grammar.content,), True))
        self.steps += _steps(grammar.particles)
        wildcards = [particle for particle in grammar.particles if not particle.members]
        self.wildcards = [particle.field.name for particle in wildcards]
        self._numbers: dict[object, int] = {}
        order: list[object] = [*grammar.attributes, *([grammar.content] if grammar.content else [])]
        order += [Start(particle, member) for particle in grammar.particles for member in particle.members]
        order += [ANY_ELEMENT for _ in wildcards]
        for production in (*order, End()):
            self._numbers[production] = len(self._numbers)
        self.end = len(self._numbers) - 1

    def first(self, state: list[Production]) -> int:
        """The number of a state's first production."""
        return self._numbers[state[0]]

    def numbers(self, alternative: Alternative) -> range:
        """The numbers of an alternative: several if it has a substitution group."""
        if not isinstance(alternative, Particle):
            return range(number := self._numbers[alternative], number + 1)
        first = self._numbers[Start(alternative, alternative.members[0])]
        return range(first, first + len(alternative.members))

    def opening(self) -> list[Production]:
        """The state at the start of the element."""
        return self._checked(self.grammar.opening(0))

    def after(self, alternative: Alternative, count: int = 1) -> list[Production]:
        """The state after `count` occurrences of an alternative."""
        if isinstance(alternative, Attribute):
            return self._checked(self.grammar.opening(self.grammar.attributes.index(alternative) + 1))
        if isinstance(alternative, Characters):
            return [End()]
        return self._checked(self.grammar.productions(alternative.number, count))

    def _checked(self, state: list[Production]) -> list[Production]:
        first = self.first(state)
        for distance, production in enumerate(state):
            if self._numbers.get(production, self.end + 1) != first + distance:
                raise Unsuitable
        return state


def _steps(particles: list[Particle]) -> list[Step]:
    steps: list[Step] = []
    for particle in particles:
        choice = particle.field.choice
        if len(particle.path) > 1 or (not particle.members and particle.field.low):
            raise Unsuitable
        if not particle.members:
            continue
        if choice and steps and (before := steps[-1].alternatives[-1]) and field_choice(before) == choice:
            steps[-1] = Step((*steps[-1].alternatives, particle), not choice.optional)
        else:
            steps.append(Step((particle,), not choice.optional if choice else particle.field.low > 0))
    return steps


def field_choice(alternative: Alternative) -> object:
    """The choice to which an alternative belongs."""
    return None if isinstance(alternative, Characters) else alternative.field.choice


def name(alternative: Alternative) -> str:
    """The field of an alternative."""
    return alternative.field if isinstance(alternative, Characters) else alternative.field.name


def is_rare(alternative: Alternative) -> bool:
    """Whether an alternative is an optional element: then shorter code counts for more than speed."""
    return isinstance(alternative, Particle) and alternative.field.low == 0 and not alternative.field.is_list


def is_list(alternative: Alternative) -> bool:
    """Whether an alternative may occur repeatedly."""
    return isinstance(alternative, Particle) and alternative.field.is_list


def kind(alternative: Alternative) -> type[Type] | Simple:
    """The type of an alternative that is no substitution group."""
    return alternative.members[0].type if isinstance(alternative, Particle) else alternative.type


def small(of: type[Type] | Simple) -> list[tuple[str, Boolean | Enumerated | Whole]] | None:
    """The fields of a type that is so simple that its place needs no function call: few numbers, all mandatory."""
    return _numbers(of) if isinstance(of, type) else None


@cache
def _numbers(cls: type[Type]) -> list[tuple[str, Boolean | Enumerated | Whole]] | None:
    fields = fields_of(cls)
    if not 1 <= len(fields) <= 3:
        return None
    if any(field.low != 1 or field.high != 1 or field.choice or ATTRIBUTE in field.markers for field in fields):
        return None
    numbers = [(field.name, field.type) for field in fields if isinstance(field.type, Boolean | Enumerated | Whole)]
    return numbers if len(numbers) == len(fields) else None
