"""SLAC: how a car and a station on a shared power line find out that one cable joins them (ISO 15118-3)."""
