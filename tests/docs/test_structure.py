"""What `make check` says about the structure: the check finds what it looks for."""

from tools.check_structure import LONGEST_FILE, cycles, forbidden, imports, table


def test_a_cycle_is_named() -> None:
    assert list(cycles({"v2g.a.x": {"v2g.b.y"}, "v2g.b.y": {"v2g.c.z"}, "v2g.c.z": set()})) == []
    (found,) = cycles({"v2g.a.x": {"v2g.b.y"}, "v2g.b.y": {"v2g.a.x"}})
    assert found in (
        "import cycle: v2g.a.x -> v2g.b.y -> v2g.a.x",
        "import cycle: v2g.b.y -> v2g.a.x -> v2g.b.y",
    )


def test_an_import_that_is_not_in_the_table_is_named() -> None:
    rows = {"a": [], "a.deep": ["a"], "b": ["a", "c.*"], "c": [], "c.deep": []}

    def refused(module: str, *targets: str) -> list[str]:
        return [each.partition(";")[0] for each in forbidden({f"v2g.{module}": {f"v2g.{t}" for t in targets}}, rows)]

    assert refused("b.x", "b.y", "a.x", "c.x", "c.deep.x") == []
    assert refused("b.x", "a.deep.x") == ["v2g.b.x imports v2g.a.deep.x"]
    assert refused("a.x", "a.deep.x", "a.y") == ["v2g.a.x imports v2g.a.deep.x"]
    assert refused("a.deep.x", "b.x") == ["v2g.a.deep.x imports v2g.b.x"]
    assert refused("new.x") == ["v2g.new.x: its package is in no row of docs/architecture.md"]


def test_the_table_and_the_graph_are_those_of_this_repository() -> None:
    rows, graph = table(), imports()
    assert rows["kernel"] == []
    assert {"station.config", "bench.sim", "iso15118.d20"} <= rows.keys()
    assert "v2g.kernel.errors" in graph["v2g.io.configuration"]
    assert LONGEST_FILE <= 600
