"""The phase tables that the judge reads: they speak of real messages, and every phase can be reached."""

from importlib import import_module

import pytest

from v2g.capture.family import DIN, ISO2, ISO20, Family

MODULES = {"ISO 15118-2": ["iso2"], "DIN SPEC 70121": ["din"], "ISO 15118-20": ["iso20.common", "iso20.dc", "iso20.ac"]}


@pytest.mark.parametrize("family", [DIN, ISO2, ISO20], ids=lambda family: family.name)
def test_requests_are_messages_of_the_protocol(family: Family) -> None:
    known = {name for module in MODULES[family.name] for name in vars(import_module(f"v2g.messages.{module}"))}
    named = {name for row in family.table.values() for name in row} | set(family.message_s) | set(family.repeat_s)
    named |= set(family.choices)
    assert named <= known
    assert {name.removesuffix("Req") + "Res" for name in named} <= known


@pytest.mark.parametrize("family", [DIN, ISO2, ISO20], ids=lambda family: family.name)
def test_every_phase_is_reached_and_leads_to_the_end(family: Family) -> None:
    first = next(iter(family.table))
    reached = {first}
    while more := {after for phase in reached for row in family.table[phase].values() for after in row} - reached:
        reached |= more
    assert reached == set(family.table)
    assert [phase.name for phase in family.table if not family.table[phase]] == ["ENDED"]


@pytest.mark.parametrize("family", [DIN, ISO2, ISO20], ids=lambda family: family.name)
def test_choices_are_among_the_phases_that_may_follow(family: Family) -> None:
    for name, choices in family.choices.items():
        possible = {after for row in family.table.values() for after in row.get(name, ())}
        for phases in (phases for choice in choices for phases in choice.phases.values()):
            assert phases & possible, name
