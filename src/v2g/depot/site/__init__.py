"""A depot of one to ten chargers behind one meter: what the house leaves them, and what they should do with it."""
