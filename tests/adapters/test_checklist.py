"""The table in docs/adapters.md says of every lever what is checked, and says nothing that is not."""

import ast
import re
from pathlib import Path

import pytest

from adapters.kinds import KINDS, SOURCES

ROOT = Path(__file__).parents[2]
ABOUT_THE_SUITE = {"test_every_kind_of_the_registry_is_put_to_the_checks", "test_every_stage_is_of_a_kind_of_the_registry"}
CELL = re.compile(r"done|todo|exempt: \S.*")


def table() -> tuple[list[str], dict[str, list[str]]]:
    """Kinds in the head, and the cells of each row by its first."""
    text = (ROOT / "docs" / "adapters.md").read_text().split("## Checklist")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return rows[0][1:], {row[0].strip("`"): row[1:] for row in rows[2:]}


def checks(suite: str = "test_levers") -> set[str]:
    tree = ast.parse((ROOT / "tests" / "adapters" / "conformance" / f"{suite}.py").read_text())
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in names if name.startswith("test_")} - ABOUT_THE_SUITE


def test_every_lever_has_a_column():
    assert table()[0] == list(KINDS)


def test_every_lever_says_what_it_was_run_against():
    text = (ROOT / "docs" / "adapters.md").read_text().split("## Run against")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")]

    assert [row[0].strip("`") for row in rows] == list(KINDS)
    assert all(len(row) == 4 and all(row) for row in rows)


def test_every_check_has_a_row_and_every_row_of_a_check_is_one():
    rows = {name for name in table()[1] if name.startswith("test_")}

    assert rows == checks()


def test_every_cell_says_done_todo_or_why_not():
    kinds, rows = table()
    wrong = {name: cells for name, cells in rows.items() if len(cells) != len(kinds) or not all(map(CELL.fullmatch, cells))}

    assert wrong == {}


def test_what_is_exempt_is_skipped_and_nothing_else():
    from tests.adapters.conformance.test_levers import STAGES

    kinds, rows = table()
    told = {kind: {name: cells[at].removeprefix("exempt: ") for name, cells in rows.items() if cells[at].startswith("exempt: ")}
            for at, kind in enumerate(kinds)}
    assert told == {kind: dict(getattr(stage, "exempt", {})) for kind, stage in STAGES.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_lever_has_a_page_that_names_its_settings(kind):
    page = (ROOT / "docs" / "levers" / f"{kind}.md").read_text()
    from adapters.kinds import policy_kinds

    missing = [name for name in policy_kinds().levers[kind].model_fields if name != "kind" and f"| `{name}` |" not in page]
    assert missing == []


def rows_of_sources(start: str) -> list[list[str]]:
    """Cells of the table of demand sources that begins with the header `start`."""
    text = (ROOT / "docs" / "adapters.md").read_text().split("## Checks of demand sources")[1].split(start)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]


def test_every_demand_source_says_whether_it_is_checked():
    from tests.adapters.conformance.test_demand_sources import STAGES

    assert {kind.strip("`"): done for kind, done in rows_of_sources("| kind | checks |")} == {
        kind: "done" if kind in STAGES else "todo" for kind in SOURCES}


def test_every_check_of_demand_sources_has_a_row():
    assert {name.strip("`") for name, _ in rows_of_sources("| check | what it shows |")} == checks("test_demand_sources")


def test_a_demand_source_is_exempt_from_what_the_table_names_and_nothing_else():
    from tests.adapters.conformance.test_demand_sources import STAGES

    told = {(kind.strip("`"), name): why for kind, names, why in rows_of_sources("| kind | exempt from | why |")
            for name in (checks("test_demand_sources") if names == "all but the costs" else [names.strip("`")])
            if names != "all but the costs" or name != "test_what_reading_costs_is_counted"}
    assert told == {(kind, name): why for kind, stage in STAGES.items() for name, why in stage.exempt.items()}
