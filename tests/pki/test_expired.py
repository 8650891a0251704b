"""The page's table of expired certificates is what happens."""

from tests.pki.expired import PAGE, rows, table


def test_the_page_shows_what_happens() -> None:
    found = rows()
    assert len({(row.certificate, row.edition) for row in found}) == len(found) == 17
    for row in found:
        assert row.code.startswith(("FAILED_", "WARNING_", "certificate_expired", "unknown_ca")), row
        assert row.trace.startswith(("ERROR 0x", "WARNING WARNING_")), row
    assert table(found) in PAGE.read_text(), "run `python -m tests.pki.expired`"
