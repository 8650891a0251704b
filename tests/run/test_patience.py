"""Calls that do not return are given up, and only those."""

import asyncio

import pytest

from v2g.run.patience import Patience


async def _result() -> int:
    return 7


async def _never() -> None:
    await asyncio.Event().wait()


def test_a_call_that_returns_gives_its_result_and_leaves_no_mark() -> None:
    async def test() -> None:
        assert await Patience(60.0).of(_result()) == 7
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    asyncio.run(test())


def test_calls_that_do_not_return_are_given_up_each_in_its_own_time() -> None:
    async def test() -> None:
        patience, given_up = Patience(0.05), []

        async def give_up(name: str, after: asyncio.Future[None]) -> None:
            await after
            with pytest.raises(TimeoutError):
                await patience.of(_never())
            given_up.append(name)

        loop = asyncio.get_running_loop()
        now, later = loop.create_future(), loop.create_future()
        loop.call_soon(now.set_result, None)
        loop.call_later(0.02, later.set_result, None)
        await asyncio.gather(give_up("second", later), give_up("first", now))
        assert given_up == ["first", "second"]
        assert await patience.of(_result()) == 7

    asyncio.run(test())


def test_who_is_cancelled_from_outside_is_cancelled() -> None:
    async def test() -> None:
        patience = Patience(60.0)
        task = asyncio.create_task(patience.of(_never()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(test())


def test_a_call_that_returns_although_it_was_given_up_leaves_its_task_whole() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "all the same"
        raise AssertionError

    async def test() -> None:
        assert await Patience(0.01).of(stubborn()) == "all the same"
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        async with asyncio.timeout(60.0):
            await asyncio.sleep(0)

    asyncio.run(test())
