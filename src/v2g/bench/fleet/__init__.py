"""Simulated depots that join a fleet, and a fleet to try: `make demo-fleet`."""
