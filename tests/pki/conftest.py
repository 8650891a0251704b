from tests.tls.conftest import expired, p256, p521, stranger

__all__ = ["expired", "p256", "p521", "stranger"]
