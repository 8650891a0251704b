"""A depot as a client of IEEE 2030.5 by the profile CSIP: what a utility's server controls becomes requests."""
