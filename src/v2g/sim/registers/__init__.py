"""Register maps of what only the simulation has."""
