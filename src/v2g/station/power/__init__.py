"""How much power flows, and why: sources wish and bound, the decider decides."""
