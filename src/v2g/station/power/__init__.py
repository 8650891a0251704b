"""How much power flows, and why."""
