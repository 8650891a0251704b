"""A simulated card reader: whoever is connected gets each card as a line, and may show one by writing its number."""

import asyncio

from v2g.power.card_reader import Lines

MOST_WAITING = 65_536


class CardReaderServer:
    """Serves any number of connections over TCP."""

    def __init__(self) -> None:
        self._writers: set[asyncio.StreamWriter] = set()

    def show(self, card: str) -> None:
        """Hold a card to the reader."""
        for writer in self._writers:
            if writer.transport.get_write_buffer_size() < MOST_WAITING:
                writer.write(f"{card}\r\n".encode())

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """Listens; port 0 takes a free one. Raises `OSError`."""
        return await asyncio.start_server(self._connected, host, port)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = Lines()
        self._writers.add(writer)
        try:
            while content := await reader.read(4096):
                for card in lines.feed(content):
                    self.show(card)
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
