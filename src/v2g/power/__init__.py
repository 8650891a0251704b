"""Power electronics as the station sees them: ports, register maps, drivers.

The ports (`inverter`, `contactor`, `meter`, `isolation`, `grid_sensor`) state what a device must do and how fast; the
suites in `tests/contract/` hold every driver to it. Sign: positive charges the vehicle, negative feeds the grid.
"""
