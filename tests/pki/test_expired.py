"""The page's tables of certificates that have expired, or are wrong otherwise, are what happens."""

from tests.pki import wrong
from tests.pki.expired import PAGE, rows, table


def test_the_page_shows_what_happens() -> None:
    found = rows()
    assert len({(row.certificate, row.edition) for row in found}) == len(found) == 19
    for row in found:
        assert row.code.startswith(("FAILED_", "WARNING_", "certificate_expired", "unknown_ca", "bad_certificate_")), (
            row
        )
        assert row.trace.startswith(("ERROR 0x", "WARNING WARNING_")), row
    assert table(found) in PAGE.read_text(), "run `python -m tests.pki.expired`"


def test_the_page_shows_what_comes_of_what_is_wrong() -> None:
    """None of it gets energy, or counts as proved; `rows` asserts that."""
    found = wrong.rows()
    assert {row.edition for row in found} == {"ISO 15118-2", "DIN SPEC 70121", "ISO 15118-20"}
    for row in found:
        assert row.code.startswith(("FAILED_", "WARNING_")), row
        assert row.trace.startswith(("ERROR 0x", "WARNING WARNING_")), row
        assert row.goes_on == row.code.startswith("WARNING_"), row
    assert wrong.table(found) in PAGE.read_text(), "run `python -m tests.pki.wrong`"
