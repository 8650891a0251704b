"""What `make docs` does to the pages: links to the sources stay links, and lists mean what they mean on a code host.

The pages link to tests, sources and files beside `docs/`. Each file that a page links to is copied into the site as
text, a directory as the list of its files. README, changelog and security policy are pages of the site.
"""

import ast
import posixpath
import re
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = {"README.md": "project.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security-policy.md"}
"""Page beside `docs/` -> its name on the site."""
_LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")
_ITEM = re.compile(r"(?:[-*]|\d+\.) +")
_FENCE = re.compile(r" *(```|~~~)")


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages beside `docs/`, and whatever the pages link to in the repository."""
    generated = import_module("mkdocs.structure.files").File.generated
    for source, name in PAGES.items():
        files.append(generated(config, name, content=_LINK.sub(_moved, (ROOT / source).read_text())))
    files.append(generated(config, "modules.md", content=modules()))
    linked = set[str]()
    for file in files.documentation_pages():
        for _, target, _ in _LINK.findall(file.content_string):
            place = _outside(file.src_uri, target)
            if place is not None and place not in PAGES:
                linked.add(place)
    for place in sorted(linked):
        files.append(generated(config, _name(place), content=_text(ROOT / place)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turns the links to the copies, and indents what belongs to an item of a list as far as this Markdown wants it."""

    def turned(found: re.Match[str]) -> str:
        place = _outside(page.file.src_uri, found[2])
        if place is None:
            return found[0]
        here = posixpath.dirname(page.file.src_uri) or "."
        return f"{found[1]}{posixpath.relpath(PAGES.get(place) or _name(place), here)}{found[3]}"

    return "\n".join(indented(_LINK.sub(turned, markdown).splitlines())) + "\n"


def modules() -> str:
    """Every module with the first line of its docstring, as the sources have it now."""
    package, parts = ROOT / "src" / "v2g", ["# Modules\n\nEvery module of the package, with what it says of itself.\n"]
    for folder in sorted({each.parent for each in package.rglob("*.py")}):
        texts = {each.name: ast.get_docstring(ast.parse(each.read_text())) for each in sorted(folder.glob("*.py"))}
        rows = [f"| `{name}` | {text.splitlines()[0].replace('|', '/')} |" for name, text in texts.items() if text]
        if rows:
            head = "| module | what it is |\n|---|---|"
            parts.append("\n".join([f"\n## {folder.relative_to(package.parent)}\n", head, *rows, ""]))
    return "".join(parts)


def _moved(found: re.Match[str]) -> str:
    """A link of a page beside `docs/`, as if that page stood in `docs/`."""
    target = found[2]
    if "://" in target:
        return found[0]
    return f"{found[1]}{target.removeprefix('docs/') if target.startswith('docs/') else f'../{target}'}{found[3]}"


def _outside(page: str, target: str) -> str | None:
    """The path in the repository of what lies outside `docs/`; None for everything else."""
    if "://" in target:
        return None
    place = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), target))
    return None if place.startswith(("docs/", "../")) else place


def _name(place: str) -> str:
    return f"source/{place}.txt"


def _text(path: Path) -> str:
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
        return "".join(f"{each.relative_to(ROOT)}\n" for each in inside)
    return path.read_text()


def indented(lines: list[str]) -> list[str]:
    """The lines with four blanks before what belongs to an item, and an empty line before each list."""
    out: list[str] = []
    body: list[str] = []
    width, fenced = 0, False  # the indentation of what belongs to the item, 0 outside a list; within a block of code
    for line in lines:
        item = None if fenced else _ITEM.match(line)
        if width and item is None and (not line or line.startswith(" " * width)):
            body.append(line[width:])
            continue
        if width and item is None and body[-1:] != [""] and not _FENCE.match(line) and line[0] not in "#|>":
            body.append(line)  # goes on without indentation
            continue
        parts = not width or "" in body  # an item of several paragraphs ends with an empty line
        out += _inside(body)
        body = []
        if item is not None:
            if parts and out and out[-1]:
                out.append("")
            width = len(item[0])
        else:
            width = 0
            fenced ^= bool(_FENCE.match(line))
        out.append(line)
    return out + _inside(body)


def _inside(body: list[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in indented(body)] if body else []
