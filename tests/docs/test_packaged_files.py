"""An installed package has every file that its code reads."""

import tomllib
from pathlib import Path


def test_every_file_beside_the_code_is_packaged(repository: Path) -> None:
    package = repository / "src" / "v2g"
    settings = tomllib.loads((repository / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["v2g"]
    packaged = {file for pattern in patterns for file in package.glob(pattern)}
    files = (file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    data = {file for file in files if file.suffix != ".py"}
    assert len(data) > 10
    assert {file.relative_to(package).as_posix() for file in data - packaged} == set()
