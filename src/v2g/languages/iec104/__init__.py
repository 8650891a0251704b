"""A depot as a controlled station of IEC 60870-5-104."""
