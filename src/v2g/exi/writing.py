"""Writes the functions that write.

    def write_T(m, a):
        ...
        return a

`m` is the message, `a` the stream so far as one integer, `s` the state if there are several that it can be. Bits are
collected until some of unknown width or place follow, and then appended at once.
"""

from __future__ import annotations

from v2g.exi.facets import Type
from v2g.exi.grammar import Binary, Boolean, Enumerated, Particle, Production, Simple, String, Whole
from v2g.exi.names import Names, values
from v2g.exi.plan import LARGEST, TWO_OCTETS, UNBOUNDED, Alternative, Plan, Step, is_list, is_rare, kind, name, small

_Translation = tuple[Boolean | Enumerated | Whole, str]
"""A type of a few bits, and the expression of the value."""


def writing(plan: Plan, names: Names) -> list[str]:
    """The body of the function that writes a type."""
    source = _Writing(plan, names)
    source.sequence()
    return source.lines


class _Writing:
    def __init__(self, plan: Plan, names: Names) -> None:
        self.lines: list[str] = []
        self._plan = plan
        self._names = names
        self._depth = 1
        self._stream = "a"
        self._pending: list[tuple[int, int | str | _Translation]] = []
        self._states: list[list[Production]] = []
        self._parts = 0

    def sequence(self) -> None:
        """All steps."""
        plan = self._plan
        self._line(f"if m.__class__ is not {self._names.of(plan.cls)}: raise TypeError")
        for wildcard in plan.wildcards:
            self._line(f"if m.{wildcard}: raise ValueError")
        states = [self._state(plan.opening())]
        for step in plan.steps:
            if step.required and len(step.alternatives) == 1:
                states = self._field(step.alternatives[0], states, f"m.{name(step.alternatives[0])}")
            else:
                states = self._choice(step, states)
        self._event(states, plan.end)
        self._flush()
        self._line("return a")

    def _choice(self, step: Step, states: list[int]) -> list[int]:
        """One of the alternatives, or none if the step is optional."""
        self._flush()
        if len(states) == 1:
            self._line(f"s = {states[0]}")
        after: list[int] = [] if step.required else states
        for position, alternative in enumerate(step.alternatives):
            field = name(alternative)
            given = f"x := m.{field}" if is_list(alternative) else f"(x := m.{field}) is not None"
            self._open(f"{'elif' if position else 'if'} {given}:")
            for other in step.alternatives[position + 1 :]:
                self._line(f"if m.{name(other)} is not None: raise ValueError")
            ends = self._field(alternative, states, "x")
            self._flush()
            if len(ends) == 1:
                self._line(f"s = {ends[0]}")
            after = [*after, *(end for end in ends if end not in after)]
            self._close()
        if step.required:
            self._line("else: raise ValueError")
        return after

    def _line(self, text: str) -> None:
        self.lines.append("    " * self._depth + text)

    def _open(self, text: str) -> None:
        self._line(text)
        self._depth += 1

    def _close(self) -> None:
        self._flush()
        self._depth -= 1

    def _state(self, productions: list[Production]) -> int:
        if productions not in self._states:
            self._states.append(productions)
        return self._states.index(productions)

    def _event(self, states: list[int], number: int | str) -> None:
        """The event code of a production, in the one state that it can be, or in the one that `s` names."""
        if len(states) == 1:
            state = self._states[states[0]]
            first = self._plan.first(state)
            self._put(len(state).bit_length(), number - first if isinstance(number, int) else f"{number} - {first}")
            return
        self._flush()
        widths = tuple(len(state).bit_length() for state in self._states)
        firsts = tuple(self._plan.first(state) for state in self._states)
        self._line(f"{self._stream} = {self._stream} << {widths}[s] | {number} - {firsts}[s]")

    def _field(self, alternative: Alternative, states: list[int], source: str) -> list[int]:
        """Write a field; the states in which that can end."""
        if isinstance(alternative, Particle) and alternative.field.is_list:
            return self._list(alternative, states, source)
        if isinstance(alternative, Particle) and len(alternative.members) > 1:
            self._substitution(alternative, states, source)
        else:
            self._event(states, self._plan.numbers(alternative)[0])
            of = kind(alternative)
            if isinstance(alternative, Particle) or isinstance(of, type):
                self._element(of, source, rare=is_rare(alternative))
            else:
                self._value(of, source)
        return [self._state(self._plan.after(alternative))]

    def _substitution(self, particle: Particle, states: list[int], source: str) -> None:
        """A member of a substitution group: number and function by the class."""
        numbers = self._plan.numbers(particle)
        classes = [member.type for member in particle.members if isinstance(member.type, type)]
        writers = {
            cls: (number, self._names.function("write", cls)) for number, cls in zip(numbers, classes, strict=True)
        }
        table = self._names.table(("write", *writers.items()), lambda: writers)
        self._line(f"x = {source}")
        self._line(f"k, f = {table}[x.__class__]")
        self._event(states, "k")
        self._flush()
        self._line(f"{self._stream} = functions[f](x, {self._stream})")

    def _list(self, particle: Particle, states: list[int], source: str) -> list[int]:
        low, high = particle.field.low, particle.field.high
        self._flush()
        if source != "x":
            self._line(f"x = {source}")
        self._line("c = len(x)")
        self._line(f"if not {max(low, 1)} <= c <= {UNBOUNDED if high is None else high}: raise ValueError")
        self._event(states, self._plan.numbers(particle)[0])
        self._flush()
        some = self._state(self._plan.after(particle, low or 1))
        width = len(self._states[some]).bit_length()
        if high is None or high > 16:  # a long stream is slow to append to: collect some entries first
            self._line("b = 1")
            self._stream = "b"
        self._line("i = 0")
        self._open("for y in x:")
        self._line(f"if i: {self._stream} <<= {f'{width} if i >= {low} else 1' if low > 1 else width}")
        self._element(kind(particle), "y")
        self._flush()
        self._line("i += 1")
        if self._stream == "b":
            self._line("if not i & 15: a = append(a, b); b = 1")
        self._close()
        if self._stream == "b":
            self._line("a = append(a, b)")
            self._stream = "a"
        if high is None:
            return [some]
        full = self._state(self._plan.after(particle, high))
        self._line(f"s = {full} if c == {high} else {some}")
        return [some, full]

    def _element(self, of: type[Type] | Simple, source: str, *, rare: bool = False) -> None:
        """The content of an element and its end."""
        if (fields := small(of)) and not rare:
            if "." in source:
                self._parts += 1
                self._line(f"z{self._parts} = {source}")
                source = f"z{self._parts}"
            for field, simple in fields:
                self._put(1, 0)
                self._element(simple, f"{source}.{field}")
            self._put(1, 0)
        elif isinstance(of, type):
            self._flush()
            self._line(f"{self._stream} = {self._names.function('write', of)}({source}, {self._stream})")
        else:
            self._put(1, 0)
            self._value(of, source)
            self._put(1, 0)

    def _value(self, of: Simple, source: str) -> None:
        match of:
            case Boolean() | Enumerated():
                self._put(of.bits, (of, source))
            case Whole(bits=int() as width):
                self._put(width, (of, source))
            case Whole():
                self._integer(of, source)
            case Binary(low=low, high=high) if low == high and low < 128:
                self._line(f"o = {source}")
                self._line(f"if o.__class__ is not bytes or len(o) != {low}: raise ValueError")
                self._put(8, low)
                self._put(8 * low, "from_bytes(o, 'big')")
                self._flush()
            case String() | Binary():
                function = "write_text" if isinstance(of, String) else "write_octets"
                high = UNBOUNDED if of.high is None else of.high
                self._line(f"{self._stream} = {function}({self._appended()}, {source}, {of.low}, {high})")

    def _integer(self, of: Whole, source: str) -> None:
        """Small values at once with what is pending, others by a function."""
        if source != "x":
            self._line(f"q = {source}")
            source = "q"
        octet = 9 if of.signed else 8
        width, pending = self._drained(octet)
        if pending:
            self._line(f"p = {pending}")
            pending = "p | "
        stream = self._stream
        least = max(of.low or 0, 0)
        self._line(f"if {least} <= {source} < 128: {stream} = {stream} << {width + octet} | {pending}{source}")
        low, high = (-LARGEST - 1, LARGEST) if of.low is None or of.high is None else (of.low, of.high)
        if TWO_OCTETS <= high < 1 << 16:  # the ordinary voltage or power
            two = f"({source} & 127 | 128) << 8 | {source} >> 7"
            front = "p << 8 | " if pending else ""
            self._line(
                f"elif 127 < {source} <= {TWO_OCTETS}: {stream} = {stream} << {width + octet + 8} | {front}{two}"
            )
        function = "write_signed" if of.signed else "write_long" if high >= 1 << 35 else "write_unsigned"
        front = f"{stream} << {width} | p >> {octet}" if pending else f"{stream} << {width}"
        self._line(f"else: {stream} = {function}({front}, {source}, {low}, {high})")

    def _put(self, width: int, what: int | str | _Translation) -> None:
        """Append bits: a constant, an expression, or the translation of an expression."""
        self._pending.append((width, what))

    def _drained(self, shift: int = 0) -> tuple[int, str]:
        """The width of the pending bits; and their value, shifted to the left, as an expression, empty for zero."""
        pending, self._pending = self._pending, []
        width = sum(bits for bits, _ in pending)
        position = width + shift
        constant = 0
        terms: list[str] = []
        for bits, what in pending:
            position -= bits
            match what:
                case int():
                    constant |= what << position
                case str():
                    terms.append(f"({what}) << {position}" if position else f"({what})")
                case (of, expression):
                    terms.append(f"{self._codes(of, position)}[{expression}]")
        if constant:
            terms.append(str(constant))
        return width, " | ".join(terms)

    def _codes(self, of: Boolean | Enumerated | Whole, shift: int) -> str:
        """The table from values to their codes, shifted to the left."""
        return self._names.table((of, shift), lambda: {value: code << shift for code, value in enumerate(values(of))})

    def _appended(self) -> str:
        """The stream with the pending bits, as an expression."""
        if not self._pending:
            return self._stream
        width, pending = self._drained()
        return f"{self._stream} << {width} | {pending}" if pending else f"{self._stream} << {width}"

    def _flush(self) -> None:
        """Append the pending bits to the stream."""
        if self._pending:
            self._line(f"{self._stream} = {self._appended()}")
