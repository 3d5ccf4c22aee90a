"""Docs and user-facing texts use plain technical English: no word that a reader on call must read twice."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.sources import MODULES as SOURCES
from tests.sources import ROOT, nodes_of

BANNED = {
    "tell, told": (r"tells?|told", "a program reports, returns, logs or is configured"),
    "somebody, nobody, whoever": (r"somebody|nobody|whoever", "name the role: operator, caller, another process"),
    "whatever": (r"whatever", "say regardless of, or list the cases"),
    "anew": (r"anew", "say again, or name the new thing"),
    "fortnight": (r"fortnight", "say 14 days"),
    "so many": (r"so many", "say the number"),
    "the most of": (r"the most of", "say the maximum of"),
    "of late": (r"of late", "say the span: in the last 60 min"),
    "what came of": (r"what came of", "say outcome or result"),
    "put off": (r"puts? off|putting off", "say renew or postpone"),
    "take back, let go": (r"takes? back|let go", "say withdraw, release or remove"),
    "given up": (r"gives? up|given up", "say stop after N tries, or fail"),
    "by itself": (r"by itself|by themselves|of its own accord", "say automatically"),
    "reckon": (r"reckon\w*", "say calculate or estimate"),
    "lest": (r"lest", "say so that ... not"),
    "hardly": (r"hardly", "give the number, or say rarely"),
    "alike": (r"alike", "say the same, or both"),
}
"""Name -> pattern, and what to write instead."""

CODE = re.compile(r"`[^`]*`")
"""Code in a page, such as the names of tests."""

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
STATIC = sorted(path for path in (ROOT / "controller").rglob("static/*") if path.suffix == ".html")
MODULES = [path for path in SOURCES if not path.is_relative_to(ROOT / "forecasting")]


def texts_of(path: Path) -> list[tuple[int, str]]:
    """String constants of a module that can reach a user, with their lines: all but docstrings, and the docstrings of
    commands.
    """
    nodes = nodes_of(path)
    documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    helps = {id(node.body[0].value) for node in nodes if isinstance(node, ast.FunctionDef)
             and any("click.command" in ast.unparse(each) for each in node.decorator_list) and isinstance(node.body[0], ast.Expr)}
    return [(node.lineno, node.value) for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
            and (id(node) not in documentation or id(node) in helps) and " " in node.value]


def found(pattern: str, text: str) -> bool:
    return re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE) is not None


ANY = "|".join(f"(?:{pattern})" for pattern, _ in BANNED.values())


@cache
def suspect_lines() -> list[tuple[str, str]]:
    """Return place and text of each line of a page that contains any banned word."""
    lines = [(path, at, CODE.sub("", line)) for path in (*PAGES, *STATIC)
             for at, line in enumerate(path.read_text().splitlines(), 1)]
    return [(f"{path.relative_to(ROOT)}:{at}", line) for path, at, line in lines if found(ANY, line)]


@cache
def suspect_messages() -> list[tuple[str, str]]:
    """Return place and text of each message that contains any banned word."""
    return [(f"{path.relative_to(ROOT)}:{at}", text) for path in MODULES for at, text in texts_of(path) if found(ANY, text)]


@pytest.mark.parametrize("name", BANNED)
def test_no_page_uses_the_word(name):
    pattern, _ = BANNED[name]

    assert [place for place, line in suspect_lines() if found(pattern, line)] == []


@pytest.mark.parametrize("name", BANNED)
def test_no_message_uses_the_word(name):
    pattern, _ = BANNED[name]

    assert [place for place, text in suspect_messages() if found(pattern, text)] == []


def test_a_banned_word_is_found(tmp_path):
    module = tmp_path / "module.py"
    module.write_text('"""Docstrings may say told."""\nTEXT = "nobody is told"\n')

    assert [text for _, text in texts_of(module) if found(BANNED["tell, told"][0], text)] == ["nobody is told"]
