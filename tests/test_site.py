"""The site of the documents, the manual pages, and the files that a host of the repository reads."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.cli import COMMANDS
from tests.manual import pages
from tests.patience import PATIENCE_SECONDS
from tests.site_pages import OF_ROOT, adapted, on_page_markdown
from tests.test_docs import options

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"


class Settings(yaml.SafeLoader):
    """Reader of mkdocs.yml, whose tags name functions."""


Settings.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def listed(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for each in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from listed(each)


def test_the_navigation_has_every_page_once():
    nav = list(listed(yaml.load((ROOT / "mkdocs.yml").read_text(), Settings)["nav"]))  # noqa: S506  (a safe loader)

    assert sorted(nav) == sorted([*(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")), *OF_ROOT.values()])


@pytest.mark.parametrize(("source", "page", "link", "becomes"), [
    ("README.md", "index.md", "[a](docs/cli.md#stoker-run)", "[a](cli.md#stoker-run)"),
    ("README.md", "index.md", "![a](docs/demo.svg)", "![a](demo.svg)"),
    ("docs/reliability.md", "reliability.md", "[a](../CHANGELOG.md)", "[a](changelog.md)"),
    ("docs/levers/http-ping.md", "levers/http-ping.md", "[a](../layers.md)", "[a](../layers.md)"),
    ("docs/levers/http-ping.md", "levers/http-ping.md", "[`a`](../../clients/python/x.py)", "`a`"),
    ("docs/cli.md", "cli.md", "[a](#output) [b](https://example.com/x.md)", "[a](#output) [b](https://example.com/x.md)"),
    ("docs/cli.md", "cli.md", "```\n[a](../CHANGELOG.md)\n```", "```\n[a](../CHANGELOG.md)\n```"),
])
def test_links_of_the_tree_become_links_of_the_site(source, page, link, becomes):
    class Of:
        def __init__(self, path):
            self.src_uri = path

    class Page:
        file = Of(page)

    known = [Of(path) for path in ("cli.md", "demo.svg", "layers.md", *OF_ROOT.values())]

    assert on_page_markdown(link, Page(), known) == becomes


def test_a_link_keeps_its_anchor_and_its_text():
    found = re.fullmatch(r"(?P<picture>!?)\[(?P<text>.*)\]\((?P<target>[^#]*)(?P<anchor>#.*)\)", "[x](policy.md#pool)")
    assert found is not None
    assert adapted(found, "docs/cli.md", "cli.md", {"policy.md"}) == "[x](policy.md#pool)"


@pytest.mark.skipif(not MKDOCS.exists(), reason="mkdocs is not installed: make docs installs it")
def test_the_site_is_built_without_a_network_and_loads_nothing_of_others(tmp_path):
    offline = os.environ | {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run([MKDOCS, "build", "--strict", "--quiet", "--site-dir", str(tmp_path)], cwd=ROOT, env=offline,
                           capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert built.returncode == 0, built.stderr
    for page in tmp_path.rglob("*.html"):
        assert 'src="http' not in page.read_text(), page
    assert {"dashboard.png", "demo.svg", "architecture.svg"} <= {each.name for each in tmp_path.iterdir()}
    assert "stoker release" in (tmp_path / "search" / "search_index.json").read_text()


def test_each_command_has_a_manual_page_with_its_options():
    written = dict(pages())

    assert set(written) == {"stoker", *(f"stoker-{name.replace(' ', '-')}" for name in COMMANDS)}
    for name in COMMANDS:
        text = written[f"stoker-{name.replace(' ', '-')}"].replace("\\-", "-")
        assert [each for each in options(name) if each not in text] == [], name
        assert f"stoker-{name.replace(' ', '-')}" in written["stoker"].replace("\\-", "-")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_manual_pages_are_valid_roff(tmp_path):
    files = []
    for name, text in pages():
        files.append(tmp_path / f"{name}.1")
        files[-1].write_text(text)
    checked = subprocess.run(["groff", "-man", "-ww", "-z", "-K", "utf8", *map(str, files)], capture_output=True, text=True,
                             timeout=PATIENCE_SECONDS)

    assert (checked.returncode, [line for line in checked.stderr.splitlines() if "cannot" not in line]) == (0, [])


def test_the_project_has_its_addresses():
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]

    assert set(urls) == {"Homepage", "Documentation", "Source", "Issues", "Changelog"}


def test_issue_forms_have_what_a_host_requires():
    forms = [path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]

    assert {path.stem for path in forms} == {"bug", "feature", "provider"}
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert {"name", "description", "body"} <= form.keys(), path
        assert all(each["type"] in ("textarea", "input", "dropdown", "checkboxes") for each in form["body"]), path
        assert all(each["attributes"]["label"] for each in form["body"]), path


def test_a_release_is_tested_before_it_is_built_and_published_without_a_password():
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    workflow = yaml.safe_load(text)
    jobs = workflow["jobs"]

    assert (jobs["build"]["needs"], jobs["publish"]["needs"]) == ("test", "build")
    assert workflow["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"]["id-token"] == "write"
    assert "secrets." not in text
    assert 'test "v$version" = "$GITHUB_REF_NAME"' in text


def test_the_changelog_has_the_form_of_keep_a_changelog():
    text = (ROOT / "CHANGELOG.md").read_text()
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

    assert text.startswith("# Changelog\n")
    assert [line for line in text.splitlines() if line.startswith("## ") and not re.fullmatch(
        r"## (Unreleased|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d)", line)] == []
    assert {line[4:] for line in text.splitlines() if line.startswith("### ")} <= kinds
