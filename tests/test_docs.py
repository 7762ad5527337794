"""The words and the code agree: what exists is in the docs, and what the docs name exists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from schedulergodx.cli.program import program
from schedulergodx.config import SETTINGS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
SKIPPED = {"__pycache__", "build", "dist", "results"}
# Registries: whoever builds this chooses theirs. Written in two parts, for this file is read too.
REGISTRIES = [f"{name}.{top}" for name, top in (("pypi", "org"), ("ghcr", "io"), ("quay", "io"))]
REGISTRIES += [f"{name}.{top}" for name, top in (("docker", "io"), ("pythonhosted", "org"))]


def id_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_files() -> Iterator[Path]:
    """All files of the project that are text, wherever this runs."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part not in {".ci", ".gitignore"} for part in parts)
        if path.is_file() and not hidden and not SKIPPED & set(parts):
            head = path.read_bytes()[:1024]
            if b"\0" not in head:
                yield path


def commands(group: click.Group = program, prefix: str = "sgx") -> Iterator[str]:
    """Every command as it is typed."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text())
    titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(text))
    return {title.replace(" ", "-") for title in titles}


def broken_links(page: Path, text: str) -> list[str]:
    """Links of a page to files or headings that are not there."""
    broken = []
    for link in LINK.findall(FENCE.sub("", text)):
        target, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", ["settings", "coverage"])
def test_a_page_that_is_made_is_as_it_would_be_made_now(page: str) -> None:
    made = _run_beside_the_docs(f"import {page}_page as p, sys; sys.stdout.write(p.render())")
    assert (ROOT / "docs" / f"{page}.md").read_text() == made, "run `make docs`"


def test_tests_name_items_that_there_are() -> None:
    script = "import coverage_page as p; print(*p.places().keys() - {i.id for i in p.items()})"
    assert _run_beside_the_docs(script).split() == []


def test_every_item_that_must_be_there_is_shown_by_a_test() -> None:
    script = (
        "import coverage_page as p; print(*{i.id for i in p.items() if i.must} - {*p.places()})"
    )
    assert _run_beside_the_docs(script).split() == []


def _run_beside_the_docs(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{ROOT / 'docs'}:{ROOT}", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_on_the_page(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "settings.md").read_text()


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_used(name: str) -> None:
    sources = (path for path in (ROOT / "schedulergodx").rglob("*.py") if path.name != "config.py")
    read = re.compile(rf"settings\.{name}\b|\b_settings\.{name}\b")
    assert any(read.search(path.read_text()) for path in sources), "nobody reads it"


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_in_the_docs(command: str) -> None:
    assert any(command in page.read_text() for page in PAGES), command


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_command_in_the_docs_exists(page: Path) -> None:
    known = set(commands())
    groups = {command.rpartition(" ")[0] for command in known}
    for words in re.findall(r"(?:^|`|\$ )sgx((?: [a-z]+)+)", page.read_text(), re.MULTILINE):
        typed = f"sgx{words}".split()
        prefixes = {" ".join(typed[:length]) for length in range(1, len(typed) + 1)}
        assert prefixes & known or " ".join(typed) in groups, f"{id_of(page)}: {' '.join(typed)}"


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_code_in_the_docs_compiles(page: Path) -> None:
    for language, code in FENCE.findall(page.read_text()):
        if language in {"python", "py"}:
            compile(code, id_of(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_no_file_names_a_registry_or_a_path_of_its_author() -> None:
    words = [*REGISTRIES, f"{ROOT}/", f"{Path.home()}/"]
    found = [
        f"{id_of(path)}: {word}"
        for path in text_files()
        for word in words
        if len(word) > 2 and word in path.read_text(errors="replace")
    ]
    assert not found, "\n".join(found)


def test_the_changelog_has_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"## {project['version']} " in (ROOT / "CHANGELOG.md").read_text()


def test_what_has_to_pass_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    runs = re.findall(r"^exec (.+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert runs == ["make test"]
    assert all(command in readme for command in (*runs, "make demo"))


def test_a_planted_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A heading, with `code`\n")
    page = tmp_path / "page.md"
    good = "[a](there.md) [b](there.md#a-heading-with-code) [c](https://example.org/x)"
    page.write_text(f"{good} [d](gone.md) [e](there.md#gone)\n```\n[f](in-code.md)\n```\n")
    assert broken_links(page, page.read_text()) == ["gone.md", "there.md#gone"]
