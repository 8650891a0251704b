"""Processes that compute for this one."""

import os

import pytest

from v2g.bench.offspring import computed

LARGER_THAN_A_PIPE = 1 << 20


def square(number: int) -> tuple[int, bytes]:
    return number * number, bytes(LARGER_THAN_A_PIPE)


def fail(number: int) -> None:
    raise ValueError(number)


def test_everything_is_computed_once() -> None:
    found = [square for square, _ in computed(square, [(number,) for number in range(20)], 3)]
    assert sorted(found) == [number * number for number in range(20)]
    assert list(computed(square, [], 2)) == []


def test_an_error_is_that_of_the_computation() -> None:
    with pytest.raises(ValueError, match="7"):
        list(computed(fail, [(7,)], 2))


def test_a_process_that_ends_by_itself_is_noticed() -> None:
    with pytest.raises(ChildProcessError, match="ended with 3"):
        list(computed(os._exit, [(3,)], 2))


def test_whoever_stops_looking_waits_for_nobody() -> None:
    results = computed(square, [(number,) for number in range(100)], 2)
    assert next(results)[0] in (0, 1)
    results.close()  # in the midst of the writing of others
    assert not list(results)
