"""What runs around the station without hardware: simulation, faults on purpose, type test, demonstration."""
