"""Certificates of the charging PKI: what they say, whether a chain holds, whether one was revoked, where they lie."""
