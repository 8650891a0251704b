"""A registry knows what is built in and what packages outside bring, and blames the right package."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.outside_package import installed

from v2g.kernel.registry import Registry, RegistryError

GROUP = "v2g.test_things"
Thing = Callable[[], str]
THINGS: Registry[Thing] = Registry(GROUP, "thing", {"ours": lambda: lambda: "ours"})


def test_what_is_built_in_is_there_without_any_package() -> None:
    assert THINGS.names() == ["ours"]
    assert THINGS.load("ours")() == "ours"
    assert "ours" in THINGS
    assert THINGS.is_built_in("ours")


def test_a_package_outside_adds_a_name(tmp_path: Path) -> None:
    with installed(tmp_path / "acme", {"acme.py": "def theirs(): return 'theirs'"}, {GROUP: {"theirs": "acme:theirs"}}):
        assert THINGS.names() == ["ours", "theirs"]
        assert THINGS.load("theirs")() == "theirs"
        assert not THINGS.is_built_in("theirs")
    assert THINGS.names() == ["ours"]


def test_what_is_built_in_cannot_be_replaced_and_is_not_even_imported(tmp_path: Path) -> None:
    with installed(tmp_path / "acme", {"acme.py": "raise SystemExit"}, {GROUP: {"ours": "acme:ours"}}):
        assert THINGS.load("ours")() == "ours"


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(RegistryError, match=r"^there is no thing 'their'; there are ours$"):
        THINGS.load("their")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import there_is_no_such_module", "ModuleNotFoundError: No module named 'there_is_no_such_module'"),
        ("x = 1 / 0", "ZeroDivisionError: division by zero"),
        ("def other(): pass", "AttributeError: module 'acme' has no attribute 'theirs'"),
        ("this is no Python", "SyntaxError: "),
    ],
)
def test_a_package_that_cannot_be_loaded_is_named_with_its_reason(tmp_path: Path, source: str, reason: str) -> None:
    with installed(tmp_path / "acme", {"acme.py": source}, {GROUP: {"theirs": "acme:theirs"}}):
        assert THINGS.names() == ["ours", "theirs"]
        with pytest.raises(RegistryError) as caught:
            THINGS.load("theirs")
    assert str(caught.value).startswith(f"thing 'theirs' of the package acme cannot be loaded: {reason}")
    assert str(caught.value).endswith("; update or uninstall it")


def test_something_else_under_the_name_is_refused(tmp_path: Path) -> None:
    with (
        installed(tmp_path / "acme", {"acme.py": "theirs = 7"}, {GROUP: {"theirs": "acme:theirs"}}),
        pytest.raises(RegistryError, match="of the package acme is of type int, which is no thing"),
    ):
        THINGS.load("theirs")


def test_a_name_of_two_packages_is_nobodys(tmp_path: Path) -> None:
    source = {"acme.py": "def theirs(): return 'theirs'"}
    with (
        installed(tmp_path / "acme", source, {GROUP: {"theirs": "acme:theirs"}}),
        installed(tmp_path / "zeta", {}, {GROUP: {"theirs": "acme:theirs"}}),
        pytest.raises(RegistryError, match="thing 'theirs' comes from acme and zeta; uninstall all but one"),
    ):
        THINGS.load("theirs")
