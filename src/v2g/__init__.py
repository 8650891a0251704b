"""v2g: the software of a bidirectional EV charging station."""
