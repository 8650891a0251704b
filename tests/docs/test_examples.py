"""Every Python block of the documentation runs as it stands, in order; what it prints is what the page says."""

import doctest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.simulators import Simulator, simulator
from tests.docs.pages import PAGES, blocks

WITH_PYTHON = [page for page in PAGES if any(blocks(page, "python"))]
PLANT_PORT = "5021"
"""Of the simulated plant, on the pages."""


@pytest.fixture(scope="module")
def plant() -> Iterator[Simulator]:
    with simulator("plant") as process:
        yield process


def test_there_are_examples() -> None:
    assert {"integrator.md", "power.md", "architecture.md"} <= {page.name for page in WITH_PYTHON}


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_the_python_blocks_run(page: Path, plant: Simulator) -> None:
    namespace: dict[str, Any] = {}
    for line, text in blocks(page, "python"):
        source = text.replace(PLANT_PORT, str(plant.port))
        if ">>> " in source:
            _run_prompts(source, namespace, page, line)
        else:
            exec(compile("\n" * (line - 1) + source, str(page), "exec"), namespace)


def _run_prompts(source: str, namespace: dict[str, Any], page: Path, line: int) -> None:
    example = doctest.DocTestParser().get_doctest(source, namespace, page.name, str(page), line - 1)
    report: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(example, out=report.append, clear_globs=False)
    assert results.attempted
    assert not results.failed, "".join(report)
    namespace.update(example.globs)
