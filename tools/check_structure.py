"""What `make check` holds beside lint, types and layers: no import cycle, small files and functions, packages' rows.

The table in docs/architecture.md says what each package may import; this reads it, so that page and code stay one.
"""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "v2g"
PAGE = ROOT / "docs" / "architecture.md"
LONGEST_FILE, LONGEST_FUNCTION = 600, 70
SCHEMAS = (PACKAGE / "messages", *(PACKAGE / "ocpp" / f"{version}.py" for version in ("v16", "v201", "v21")))
"""The wire types are as long as the standard's schemas."""
_ROW = re.compile(r"^\| `([\w/]+)/` \| [^|]* \| ([^|]*) \|$", re.MULTILINE)

Graph = dict[str, set[str]]
"""Module -> the modules of this package that it imports, anywhere in its text."""


def imports() -> Graph:
    """Every module of the package, with all that it imports: at the top, inside a function, or for types only."""
    names = {_module(file): file for file in PACKAGE.rglob("*.py") if file.parent != PACKAGE}
    return {name: set(_imported(file, names)) - {name} for name, file in names.items()}


def _module(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def _imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in known else node.module


def cycles(graph: Graph) -> Iterator[str]:
    """One finding for the first cycle: taking it away shows the next."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield "import cycle: " + " -> ".join(reversed(error.args[1]))


def sizes() -> Iterator[str]:
    """Files and functions that are too long to be read at once."""
    for file in sorted(PACKAGE.rglob("*.py")):
        text, place = file.read_text(), file.relative_to(ROOT)
        lines = text.count("\n")
        if lines > LONGEST_FILE and not {file, *file.parents} & set(SCHEMAS):
            yield f"{place}: {lines} lines, at most {LONGEST_FILE}; split it by what it is about"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    yield f"{place}:{node.lineno}: {node.name} has {length} lines, at most {LONGEST_FUNCTION}"


def table() -> dict[str, list[str]]:
    """The page's table: package -> what it may import besides itself; `station/*` is a package with all below it."""
    rows = _ROW.findall(PAGE.read_text())
    return {_dotted(name): [] if may == "-" else [_dotted(each) for each in may.split(", ")] for name, may in rows}


def _dotted(name: str) -> str:
    return name.strip("/").replace("/", ".")


def forbidden(graph: Graph, rows: dict[str, list[str]]) -> Iterator[str]:
    """Imports that the table does not have."""
    for module, imported in sorted(graph.items()):
        own = _row(module, rows)
        if own is None:
            yield f"{module}: its package is in no row of docs/architecture.md"
            continue
        for target in sorted(imported):
            row = _row(target, rows)
            if row != own and not any(_covers(each, row) for each in rows[own]):
                yield f"{module} imports {target}; docs/architecture.md permits {own} to import {', '.join(rows[own])}"


def _covers(permitted: str, row: str | None) -> bool:
    if permitted == "all" or row is None:
        return permitted == "all"
    return row == permitted or (permitted.endswith(".*") and f"{row}.".startswith(permitted.removesuffix("*")))


def _row(module: str, rows: dict[str, list[str]]) -> str | None:
    """The row of a module: the longest that its name begins with."""
    name = module.removeprefix("v2g.")
    return max((row for row in rows if f"{name}.".startswith(f"{row}.")), key=len, default=None)


def findings() -> list[str]:
    """All that is wrong."""
    graph = imports()
    return [*cycles(graph), *sizes(), *forbidden(graph, table())]


if __name__ == "__main__":
    for line in (found := findings()):
        print(line)
    sys.exit(bool(found))
