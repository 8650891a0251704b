from v2g.iso15118.d20.secc.session import Paused

__all__ = ["Paused"]
