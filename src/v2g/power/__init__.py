"""Power electronics as the station sees them: ports, addresses, maps of registers and CAN signals, drivers.

The ports (`inverter`, `contactor`, `meter`, `isolation`, `lock`, ...) state what a device must do and how fast; the
suites in `tests/contract/` hold every driver to it. Sign: positive charges the vehicle, negative feeds the grid.
"""
