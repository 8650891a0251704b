"""The demonstration: station, car and simulated hardware as processes of their own, and what came of it."""
