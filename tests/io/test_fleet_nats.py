"""What waits for a server's library ends when it is cancelled."""

import asyncio

from v2g.io.fleet_nats import ending


def test_a_cancellation_that_comes_together_with_a_message_is_not_lost() -> None:
    """`asyncio.wait_for` of Python 3.11 returns the message then, and the task would go on for ever."""

    async def story() -> None:
        messages: asyncio.Queue[int] = asyncio.Queue()

        async def take() -> None:
            while True:
                with ending():
                    await asyncio.wait_for(messages.get(), 60.0)

        task = asyncio.create_task(take())
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it waits inside the library's task
        messages.put_nowait(1)
        await asyncio.sleep(0)  # the message is there, and nobody has taken it
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=10.0)
        assert done
        assert task.cancelled()

    asyncio.run(story())
