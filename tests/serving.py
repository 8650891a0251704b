"""A server for as long as a test needs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def serving(server: asyncio.Server) -> AsyncIterator[asyncio.Server]:
    """Closes the server at the end. `async with server` waits for its connections too, from Python 3.12 on."""
    try:
        yield server
    finally:
        server.close()
