"""Specialised functions, generated per type from its grammar, as `dataclasses` does it.

For every type there is a function that reads it and one that writes it:

    read_T(n, r) -> (value, r)     n: the stream as one integer; r: how many of its bits are still to be read
    write_T(value, a) -> a         a: the stream so far as one integer

Neighbouring bits of known width are one access: a shift and a mask give them all, and one dictionary both checks the
event codes among them and translates the values. So a physical value, some 25 bits, costs a handful of operations.

The functions know the ordinary case. Whatever else comes (a string-table hit, an escape, a value out of range, data too
short) ends in an exception of any kind, and the caller turns to the interpreter. Functions are generated when they are
first called.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from types import CodeType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from v2g.exi import runtime
from v2g.exi.facets import ATTRIBUTE, Type
from v2g.exi.grammar import (
    Attribute,
    Binary,
    Boolean,
    Characters,
    End,
    Enumerated,
    Foreign,
    Grammar,
    Particle,
    Production,
    Schema,
    Simple,
    Start,
    String,
    Whole,
    fields_of,
)

Reader = Callable[[int, int], tuple[Any, int]]
Writer = Callable[[Any, int], int]

_TABLE_BITS = 9
"""Up to so many variable bits are translated by one table."""

_UNBOUNDED = 1 << 31
_LARGEST = (1 << 280) - 1
_FITS_TWO_OCTETS = (1 << 14) - 1

# Shared by all schemas, so that a type that they have in common has the same text in each, and is compiled once.
_constants: dict[Hashable, str] = {}
_code: dict[str, CodeType] = {}


class Unsuitable(Exception):
    """The type is beyond the generated functions; the interpreter does it."""


class Step(Struct, frozen=True):
    """One place in a type's sequence: an attribute, the characters, an element, or the elements of a choice."""

    alternatives: tuple[Attribute | Characters | Particle, ...]
    required: bool


class Plan:
    """A type as a straight sequence of steps. All productions are numbered in their order, so that the ones of a state
    are a run of numbers: the event code plus the number of the first."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.cls = grammar.cls
        self.steps = [Step((attribute,), attribute.field.low == 1) for attribute in grammar.attributes]
        if grammar.content:
            self.steps.append(Step((grammar.content,), True))
        groups: list[list[Particle]] = []
        for particle in grammar.particles:
            if len(particle.path) > 1:
                raise Unsuitable
            choice = particle.field.choice
            if groups and choice and groups[-1][0].field.choice == choice:
                groups[-1].append(particle)
            else:
                groups.append([particle])
        for group in groups:
            choice = group[0].field.choice
            required = group[0].field.low > 0 if choice is None else not choice.optional
            if group[0].members:
                self.steps.append(Step(tuple(group), required))
            elif required:
                raise Unsuitable
        self._numbers: dict[object, int] = {}
        members = [Start(particle, member) for particle in grammar.particles for member in particle.members]
        wildcards = [Foreign("an element of another schema") for particle in grammar.particles if not particle.members]
        for production in (*grammar.attributes, grammar.content, *members, *wildcards, End()):
            if production is not None:
                self._numbers[production] = len(self._numbers)
        self.end = self._numbers[End()]
        self.wildcards = [particle.field.name for particle in grammar.particles if not particle.members]

    def number(self, production: object) -> int:
        return self._numbers[production]

    def opening(self) -> list[Production]:
        return self._checked(self.grammar.opening(0))

    def after(self, alternative: Attribute | Characters | Particle, count: int = 1) -> list[Production]:
        """The state after an alternative."""
        if isinstance(alternative, Attribute):
            return self._checked(self.grammar.opening(self.grammar.attributes.index(alternative) + 1))
        if isinstance(alternative, Characters):
            return [End()]
        return self._checked(self.grammar.productions(alternative.number, count))

    def _checked(self, state: list[Production]) -> list[Production]:
        numbers = [self._numbers.get(production, self.end + 1) for production in state]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise Unsuitable
        return state

    def starts(self, step: Step) -> list[tuple[int, Attribute | Characters | Particle, type[Type] | Simple]]:
        """The number, the alternative and the type of everything that may stand at a step."""
        result: list[tuple[int, Attribute | Characters | Particle, type[Type] | Simple]] = []
        for alternative in step.alternatives:
            if isinstance(alternative, Particle):
                for member in alternative.members:
                    result.append((self.number(Start(alternative, member)), alternative, member.type))
            else:
                result.append((self.number(alternative), alternative, alternative.type))
        return result

    def target(self, alternative: Attribute | Characters | Particle) -> str:
        """The local variable that holds a field."""
        return f"v{self.cls.__struct_fields__.index(_field_name(alternative))}"


def _field_name(alternative: Attribute | Characters | Particle) -> str:
    return alternative.field if isinstance(alternative, Characters) else alternative.field.name


def _is_list(alternative: Attribute | Characters | Particle) -> bool:
    return isinstance(alternative, Particle) and alternative.field.is_list


def small(kind: type[Type] | Simple) -> list[tuple[str, Boolean | Enumerated | Whole]] | None:
    """The fields of a type that is so simple that it needs no function of its own: few numbers, all mandatory."""
    if not isinstance(kind, type) or not 1 <= len(kind.__struct_fields__) <= 3:
        return None
    fields = fields_of(kind)
    if any(field.low != 1 or field.high != 1 or field.choice or ATTRIBUTE in field.markers for field in fields):
        return None
    numbers = [(field.name, field.type) for field in fields if isinstance(field.type, Boolean | Enumerated | Whole)]
    return numbers if len(numbers) == len(fields) else None


class _Source:
    """Lines of a function."""

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler
        self.lines: list[str] = []
        self.depth = 1

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)


class _Bits(Struct, frozen=True):
    """Bits of a window: constant, or read into `target`, translated by `values` unless that is None."""

    width: int
    constant: int | None = None
    target: str = ""
    values: Sequence[Any] | None = None


class _Reading(_Source):
    """Writes the function that reads a type."""

    def __init__(self, compiler: Compiler, plan: Plan) -> None:
        super().__init__(compiler)
        self.plan = plan
        self.window: list[_Bits] = []
        self.later: list[str] = []
        self.temporary = 0

    def function(self) -> list[str]:
        plan = self.plan
        state: list[Production] | None = plan.opening()  # None: the event code is in `e`
        optional = [
            plan.target(a)
            for step in plan.steps
            for a in step.alternatives
            if not (step.required and len(step.alternatives) == 1)
        ]
        defaults = dict.fromkeys(optional, "None")
        defaults |= {plan.target(a): "[]" for step in plan.steps for a in step.alternatives if _is_list(a)}
        for name in plan.wildcards:
            defaults[f"v{plan.cls.__struct_fields__.index(name)}"] = "[]"
        for target, default in defaults.items():
            self.line(f"{target} = {default}")
        for step in plan.steps:
            starts = plan.starts(step)
            if state is not None and len(state) == 1:
                self.expect(0, 1)
                _, alternative, kind = starts[0]
                state = self.occurrences(alternative, starts)
                continue
            if state is not None:
                self.code(state)
            if step.required and len(starts) == 1:
                number, alternative, kind = starts[0]
                self.line(f"if e != {number}: raise ValueError")
                state = self.occurrences(alternative, starts)
                continue
            state = None
            for position, (number, alternative, kind) in enumerate(starts):
                self.line(f"{'elif' if position else 'if'} e == {number}:")
                self.depth += 1
                after = self.occurrences(alternative, [(number, alternative, kind)])
                if step.required:
                    state = after
                elif after is not None:
                    self.code(after)
                self.flush()
                self.depth -= 1
            if step.required:
                self.line("else: raise ValueError")
        if state is None:
            self.line(f"if e != {plan.end}: raise ValueError")
        else:
            self.expect(state.index(End()), len(state).bit_length())
            self.flush()
        arguments = ", ".join(f"v{index}" for index in range(len(plan.cls.__struct_fields__)))
        self.line(f"return {self.compiler.constant(plan.cls)}({arguments}), r")
        return self.lines

    def occurrences(
        self, alternative: Attribute | Characters | Particle, starts: Sequence[Any]
    ) -> list[Production] | None:
        """Read what has been announced; the state after it, None if its event code is read already."""
        target = self.plan.target(alternative)
        ((number, _, kind),) = starts
        if not _is_list(alternative):
            if isinstance(alternative, Attribute | Characters):
                self.value(kind, target)
            else:
                self.element(kind, target)
            return self.plan.after(alternative)
        assert isinstance(alternative, Particle)
        low, high = alternative.field.low, alternative.field.high
        self.flush()
        self.line("while True:")
        self.depth += 1
        self.element(kind, "x")
        self.flush()
        self.line(f"{target}.append(x)")
        if low > 1:
            self.line(f"if len({target}) < {low}:")
            self.depth += 1
            self.expect(0, 1)
            self.flush()
            self.line("continue")
            self.depth -= 1
        if high is not None:
            self.line(f"if len({target}) == {high}:")
            self.depth += 1
            self.code(self.plan.after(alternative, high))
            self.line("break")
            self.depth -= 1
        if high is None or high > 16:  # reading from a long stream costs as much as the bits already read
            self.line(f"if not len({target}) & 15: n &= (1 << r) - 1")
        self.code(self.plan.after(alternative, low or 1))
        self.line(f"if e != {number}: break")
        self.depth -= 1
        return None

    def code(self, state: list[Production]) -> None:
        """Read the event code of a state into `e`, as number of the production."""
        if len(state) == 1:
            self.expect(0, 1)
            self.flush()
            self.line(f"e = {self.plan.number(state[0])}")
            return
        self.window.append(_Bits(len(state).bit_length(), target="e"))
        self.flush()
        if first := self.plan.number(state[0]):
            self.line(f"e += {first}")

    def expect(self, value: int, width: int) -> None:
        self.window.append(_Bits(width, constant=value))

    def element(self, kind: type[Type] | Simple, target: str) -> None:
        """The content of an element and its end."""
        if (fields := small(kind)) is not None:
            arguments = []
            for _, simple in fields:
                self.temporary += 1
                arguments.append(f"t{self.temporary}")
                self.expect(0, 1)
                self.element(simple, arguments[-1])
            self.later.append(f"{target} = {self.compiler.constant(kind)}({', '.join(arguments)})")
            self.expect(0, 1)
        elif isinstance(kind, type):
            self.flush()
            self.line(f"{target}, r = {self.compiler.reader_name(kind)}(n, r)")
        else:
            self.expect(0, 1)
            self.value(kind, target)
            self.expect(0, 1)

    def value(self, kind: Simple, target: str) -> None:
        match kind:
            case Boolean():
                self.window.append(_Bits(1, target=target, values=(False, True)))
            case Enumerated():
                self.window.append(_Bits(kind.bits, target=target, values=kind.members))
            case Whole(low=int() as low, high=int() as high) if kind.bits is not None:
                self.window.append(_Bits(kind.bits, target=target, values=range(low, high + 1)))
            case Whole():
                self.window.append(_Bits(9 if kind.signed else 8, target=target))
                self.flush()
                self.integer(kind, target)
            case String():
                self.window.append(_Bits(8, target=target))
                self.flush()
                self.line(f"{target}, r = read_text(n, r, {target}, {kind.low}, {_bound(kind.high)})")
            case Binary(low=low, high=high) if low == high and low < 128:
                self.expect(low, 8)
                self.window.append(_Bits(8 * low, target=target))
                self.later.append(f"{target} = {target}.to_bytes({low}, 'big')")
            case Binary():
                self.window.append(_Bits(8, target=target))
                self.flush()
                self.line(f"{target}, r = read_octets(n, r, {target}, {kind.low}, {_bound(kind.high)})")

    def integer(self, kind: Whole, target: str) -> None:
        """The rest of an integer, of which the first octet, and before it the sign, is read."""
        high = _LARGEST if kind.high is None else kind.high
        call = f"{target}, r = {'read_signed' if kind.signed else 'read_unsigned'}(n, r, {target}, {high})"
        if (
            _FITS_TWO_OCTETS <= high < 1 << 16
        ):  # two octets and no sign: the ordinary case for a voltage or a power, worth the lines
            positive = f"{target} < 256 and " if kind.signed else ""
            self.line(f"if {target} > 127:")
            self.line(f"    if {positive}(y := n >> r - 8 & 255) < 128:")
            self.line("        r -= 8")
            self.line(f"        {target} += (y << 7) - 128")
            self.line(f"    else: {call}")
        else:
            self.line(f"if {target} > 127: {call}")
        if kind.low is not None and kind.low > 0:
            self.line(f"if {target} < {kind.low}: raise ValueError")

    def flush(self) -> None:
        """Read the window: one shift and mask, then checks and translations."""
        window, self.window = self.window, []
        later, self.later = self.later, []
        if window:
            self.line(f"r -= {sum(bits.width for bits in window)}")
            self.unpack(window)
        for text in later:
            self.line(text)

    def unpack(self, window: list[_Bits]) -> None:
        total = sum(bits.width for bits in window)
        access = f"n >> r & {(1 << total) - 1:#x}"
        constant = _constant(window)
        last = window[-1]
        if all(bits.constant is not None for bits in window):
            self.line(f"if {access} != {constant}: raise ValueError" if constant else f"if {access}: raise ValueError")
            return
        raw = last if last.constant is None and last.values is None else None
        front = window[:-1] if raw else window
        if raw and not constant and all(bits.constant is not None for bits in front):
            self.line(f"{raw.target} = {access}")
            if raw.target != "e" and front:  # a wrong event code is noticed where `e` is used
                self.line(f"if {raw.target} > {(1 << raw.width) - 1}: raise ValueError")
            return
        self.line(f"w = {access}")
        variable = [bits for bits in front if bits.constant is None]
        if raw and not variable:
            self.line(f"if w >> {raw.width} != {constant >> raw.width}: raise ValueError")
        elif sum(bits.width for bits in variable) <= _TABLE_BITS and all(bits.values is not None for bits in variable):
            index = f"w >> {raw.width}" if raw else "w"
            targets = ", ".join(bits.target for bits in variable)
            self.line(f"{targets} = {self.compiler.table(front)}[{index}]")
        else:
            checked = sum(((1 << b.width) - 1) << s for b, s in _shifts(window) if b.constant is not None)
            self.line(f"if w & {checked:#x} != {constant}: raise ValueError")
            for bits, shift in _shifts(window):
                if bits.constant is None and bits is not raw:
                    part = f"w >> {shift} & {(1 << bits.width) - 1:#x}"
                    values = f"{self.compiler.constant(bits.values)}[{part}]" if bits.values is not None else part
                    self.line(f"{bits.target} = {values}")
        if raw:
            self.line(f"{raw.target} = w & {(1 << raw.width) - 1}")


def _bound(high: int | None) -> int:
    return _UNBOUNDED if high is None else high


def _shifts(window: Sequence[_Bits]) -> list[tuple[_Bits, int]]:
    """The bits, each with how far it stands from the right end."""
    shift = sum(bits.width for bits in window)
    return [(bits, shift := shift - bits.width) for bits in window]


def _constant(window: Sequence[_Bits]) -> int:
    return sum((bits.constant or 0) << shift for bits, shift in _shifts(window))


class _Writing(_Source):
    """Writes the function that writes a type."""

    def __init__(self, compiler: Compiler, plan: Plan) -> None:
        super().__init__(compiler)
        self.plan = plan
        self.stream = "a"
        self.parts = 0
        self.pending: list[tuple[int, int | str | tuple[Sequence[Any], str]]] = []
        self.states: list[list[Production]] = []

    def function(self) -> list[str]:
        plan = self.plan
        self.line(f"if m.__class__ is not {self.compiler.constant(plan.cls)}: raise TypeError")
        for name in plan.wildcards:
            self.line(f"if m.{name}: raise ValueError")
        states = [self.state(plan.opening())]
        for step in plan.steps:
            starts = plan.starts(step)
            if step.required and len(step.alternatives) == 1:
                states = self.occurrences(
                    step.alternatives[0], starts, states, f"m.{_field_name(step.alternatives[0])}"
                )
                continue
            self.flush()
            if len(states) == 1:
                self.line(f"s = {states[0]}")
            after: list[int] = []
            for position, alternative in enumerate(step.alternatives):
                name = _field_name(alternative)
                test = f"x := m.{name}" if _is_list(alternative) else f"(x := m.{name}) is not None"
                self.line(f"{'elif' if position else 'if'} {test}:")
                self.depth += 1
                for other in step.alternatives[position + 1 :]:
                    self.line(f"if m.{_field_name(other)} is not None: raise ValueError")
                own = [start for start in starts if start[1] is alternative]
                ends = self.occurrences(alternative, own, states, "x")
                self.flush()
                if len(ends) == 1:
                    self.line(f"s = {ends[0]}")
                after += [end for end in ends if end not in after]
                self.depth -= 1
            if step.required:
                self.line("else: raise ValueError")
                states = after
            else:
                states = [*states, *(end for end in after if end not in states)]
        self.event(states, plan.end)
        self.flush()
        self.line("return a")
        return self.lines

    def state(self, productions: list[Production]) -> int:
        if productions not in self.states:
            self.states.append(productions)
        return self.states.index(productions)

    def event(self, states: list[int], number: int | str) -> None:
        """The event code of a production, in the one state that it can be, or in the one that `s` tells."""
        if len(states) == 1:
            state = self.states[states[0]]
            first = self.plan.number(state[0])
            self.put(len(state).bit_length(), number - first if isinstance(number, int) else f"{number} - {first}")
            return
        self.flush()
        widths = tuple(len(state).bit_length() for state in self.states)
        firsts = tuple(self.plan.number(state[0]) for state in self.states)
        self.line(f"{self.stream} = {self.stream} << {widths}[s] | {number} - {firsts}[s]")

    def occurrences(
        self, alternative: Attribute | Characters | Particle, starts: Sequence[Any], states: list[int], source: str
    ) -> list[int]:
        """Write a field; the states in which that may end."""
        number: int | str = starts[0][0]
        if not _is_list(alternative):
            if len(starts) > 1:
                writers = {kind: (number, self.compiler.writer_name(kind)) for number, _, kind in starts}
                self.substitution(states, writers, source)
            else:
                self.event(states, number)
                if isinstance(alternative, Particle):
                    self.element(starts[0][2], source)
                else:
                    self.value(starts[0][2], source)
            return [self.state(self.plan.after(alternative))]
        assert isinstance(alternative, Particle)
        low, high = alternative.field.low, alternative.field.high
        self.flush()
        if source != "x":
            self.line(f"x = {source}")
        self.line("c = len(x)")
        self.line(f"if not {max(low, 1)} <= c <= {_bound(high)}: raise ValueError")
        self.event(states, number)
        self.flush()
        some = self.state(self.plan.after(alternative, low or 1))
        width = len(self.states[some]).bit_length()
        if high is None or high > 16:
            self.line("b = 1")
            self.stream = "b"
        self.line("i = 0")
        self.line("for y in x:")
        self.depth += 1
        self.line(f"if i: {self.stream} <<= {f'{width} if i >= {low} else 1' if low > 1 else width}")
        self.element(starts[0][2], "y")
        self.flush()
        self.line("i += 1")
        if self.stream == "b":  # a long stream is slow to append to
            self.line("if not i & 15: a = append(a, b); b = 1")
        self.depth -= 1
        if self.stream == "b":
            self.line("a = append(a, b)")
            self.stream = "a"
        if high is None:
            return [some]
        full = self.state(self.plan.after(alternative, high))
        self.line(f"s = {full} if c == {high} else {some}")
        return [some, full]

    def substitution(self, states: list[int], writers: dict[type[Type], tuple[int, str]], source: str) -> None:
        """A member of a substitution group: code and function by its class."""
        delegates = {cls: (number, self.compiler.delegate(name)) for cls, (number, name) in writers.items()}
        choice = self.compiler.constant(delegates, (self.compiler.schema.name, *writers))
        self.line(f"x = {source}")
        self.line(f"k, f = {choice}[x.__class__]")
        self.event(states, "k")
        self.flush()
        self.line(f"{self.stream} = f(x, {self.stream})")

    def element(self, kind: type[Type] | Simple, source: str) -> None:
        """The content of an element and its end."""
        if (fields := small(kind)) is not None:
            if "." in source:
                self.parts += 1
                self.line(f"z{self.parts} = {source}")
                source = f"z{self.parts}"
            for name, simple in fields:
                self.put(1, 0)
                self.element(simple, f"{source}.{name}")
            self.put(1, 0)
        elif isinstance(kind, type):
            self.flush()
            self.line(f"{self.stream} = {self.compiler.writer_name(kind)}({source}, {self.stream})")
        else:
            self.put(1, 0)
            self.value(kind, source)
            self.put(1, 0)

    def value(self, kind: Simple, source: str) -> None:
        match kind:
            case Boolean():
                self.put(1, ((False, True), source))
            case Enumerated():
                self.put(kind.bits, (kind.members, source))
            case Whole(low=int() as low, high=int() as high) if kind.bits is not None:
                self.put(kind.bits, (range(low, high + 1), source))
            case Whole():
                self.integer(kind, source)
            case Binary(low=low, high=high) if low == high and low < 128:
                self.line(f"o = {source}")
                self.line(f"if o.__class__ is not bytes or len(o) != {low}: raise ValueError")
                self.put(8, low)
                self.put(8 * low, "from_bytes(o, 'big')")
                self.flush()
            case String() | Binary():
                function = "write_text" if isinstance(kind, String) else "write_octets"
                stream = self.appended()
                self.line(f"{self.stream} = {function}({stream}, {source}, {kind.low}, {_bound(kind.high)})")

    def integer(self, kind: Whole, source: str) -> None:
        """Small values at once with what is pending; others by a function."""
        if source != "x":
            self.line(f"q = {source}")
            source = "q"
        octet = 9 if kind.signed else 8
        width, pending = self.drained(octet)
        if pending != "0":
            self.line(f"p = {pending}")
            pending = "p"
        stream = self.stream
        one = f"{stream} << {width + octet} | {pending} | {source}"
        self.line(f"if {max(kind.low or 0, 0)} <= {source} < 128: {stream} = {one}")
        if kind.high is not None and _FITS_TWO_OCTETS <= kind.high < 1 << 16:
            two = f"{stream} << {width + octet + 8} | {pending} << 8 | ({source} & 127 | 128) << 8 | {source} >> 7"
            self.line(f"elif 127 < {source} <= {_FITS_TWO_OCTETS}: {stream} = {two}")
        low, high = (-_LARGEST - 1, _LARGEST) if kind.low is None or kind.high is None else (kind.low, kind.high)
        function = "write_signed" if kind.signed else "write_unsigned"
        front = f"{stream} << {width}" + (f" | {pending} >> {octet}" if pending != "0" else "")
        self.line(f"else: {stream} = {function}({front}, {source}, {low}, {high})")

    def put(self, width: int, what: int | str | tuple[Sequence[Any], str]) -> None:
        """Append bits: a constant, an expression, or the translation of an expression by a table."""
        self.pending.append((width, what))

    def drained(self, shift: int) -> tuple[int, str]:
        """The width of the pending bits, and their value shifted to the left, as an expression."""
        pending, self.pending = self.pending, []
        total = sum(width for width, _ in pending)
        position = total + shift
        constant = 0
        terms: list[str] = []
        for width, what in pending:
            position -= width
            match what:
                case int():
                    constant |= what << position
                case str():
                    terms.append(f"({what}) << {position}" if position else f"({what})")
                case (values, argument):
                    terms.append(f"{self.compiler.codes(values, position)}[{argument}]")
        if constant or not terms:
            terms.append(str(constant))
        return total, " | ".join(terms)

    def appended(self) -> str:
        """The stream with the pending bits, as an expression."""
        if not self.pending:
            return self.stream
        width, expression = self.drained(0)
        return f"{self.stream} << {width}" if expression == "0" else f"{self.stream} << {width} | {expression}"

    def flush(self) -> None:
        """Append the pending bits to the stream."""
        if self.pending:
            self.line(f"{self.stream} = {self.appended()}")


class Compiler:
    """The generated functions of a schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._plans: dict[type[Type], Plan] = {}
        self._globals = self.functions = {
            name: value for name, value in vars(runtime).items() if not name.startswith("_")
        } | {"from_bytes": int.from_bytes}

    def reader(self, cls: type[Type]) -> Reader:
        """The function that reads a type, generated when it is first called."""
        reader: Reader = self._globals[self.reader_name(cls)]
        return reader

    def writer(self, cls: type[Type]) -> Writer:
        """The function that writes a type, generated when it is first called."""
        writer: Writer = self._globals[self.writer_name(cls)]
        return writer

    def warm(self, cls: type[Type]) -> None:
        """Generate the functions of a type now."""
        for name, generate in ((self.reader_name(cls), self._read), (self.writer_name(cls), self._write)):
            if getattr(self._globals[name], "pending", False):
                generate(cls, name)

    def reader_name(self, cls: type[Type]) -> str:
        """The global name of the function that reads a type."""
        name = f"read_{self.constant(cls)}"
        if name not in self._globals:
            self._globals[name] = self._stub(name, lambda: self._read(cls, name))
        return name

    def writer_name(self, cls: type[Type]) -> str:
        """The global name of the function that writes a type."""
        name = f"write_{self.constant(cls)}"
        if name not in self._globals:
            self._globals[name] = self._stub(name, lambda: self._write(cls, name))
        return name

    def delegate(self, name: str) -> Callable[..., Any]:
        """A function by its name, for tables: the generated one as soon as there is one."""
        return lambda *arguments: self._globals[name](*arguments)

    def _stub(self, name: str, generate: Callable[[], None]) -> Callable[..., Any]:
        def stub(*arguments: Any) -> Any:
            generate()
            return self._globals[name](*arguments)

        stub.pending = True  # type: ignore[attr-defined]
        return stub

    def constant(self, value: Any, key: Hashable = None) -> str:
        """The global name of a constant; `key` identifies it if it has no hash itself."""
        key = value if key is None else key
        if (name := _constants.get(key)) is None:
            name = f"{getattr(value, '__name__', 'table')}_{len(_constants)}"
            _constants[key] = name
        self._globals.setdefault(name, value)
        return name

    def table(self, window: Sequence[_Bits]) -> str:
        """The table that translates all the bits of a window at once; leading zeros make no difference to it."""
        parts: list[_Bits] = []
        for bits in window:
            if not parts and bits.constant == 0:
                continue
            parts.append(replace(bits, target=""))
        if (name := _constants.get(key := tuple(parts))) in self._globals:
            return name
        entries: dict[int, tuple[Any, ...]] = {0: ()}
        for bits in parts:
            if bits.constant is not None:
                entries = {key << bits.width | bits.constant: old for key, old in entries.items()}
            else:
                codes = [(code, (value,)) for code, value in enumerate(bits.values or ())]
                entries = {key << bits.width | code: old + new for key, old in entries.items() for code, new in codes}
        single = sum(bits.constant is None for bits in parts) == 1
        return self.constant({key: value[0] for key, value in entries.items()} if single else entries, key)

    def codes(self, values: Sequence[Any], shift: int) -> str:
        """The table from values to their codes, shifted to the left."""
        if (name := _constants.get(key := (values, shift))) in self._globals:
            return name
        return self.constant({value: code << shift for code, value in enumerate(values)}, key)

    def _read(self, cls: type[Type], name: str) -> None:
        self._generate(cls, name, "n, r", _Reading)

    def _write(self, cls: type[Type], name: str) -> None:
        self._generate(cls, name, "m, a", _Writing)

    def _plan(self, cls: type[Type]) -> Plan:
        if (plan := self._plans.get(cls)) is None:
            plan = self._plans[cls] = Plan(self.schema.grammar(cls))
        return plan

    def _generate(self, cls: type[Type], name: str, arguments: str, source: type[_Reading] | type[_Writing]) -> None:
        try:
            body = source(self, self._plan(cls)).function()
        except Unsuitable:
            body = ["    raise ValueError"]
        text = "\n".join([f"def {name}({arguments}):", *body])
        if (code := _code.get(text)) is None:
            code = _code[text] = compile(text, f"<{cls.__name__}>", "exec")
        exec(code, self._globals)  # noqa: S102
