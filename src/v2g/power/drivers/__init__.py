"""Drivers: the ports of `v2g.power` on real interfaces."""
