"""The edits by which the type test is judged (`make mutants`)."""

from tools.mutants import listed


def test_each_listed_edit_has_its_place_in_the_product() -> None:
    edits, _, _ = listed()
    assert len(edits) >= 60
    assert all(each.before != each.after for each in edits)
