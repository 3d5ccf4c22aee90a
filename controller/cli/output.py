"""Output of commands: text for people, or JSON and YAML that name their schema."""

import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 10_000
"""Columns of `-o wide`: nothing is cut or wrapped."""

WITHOUT_TERMINAL = 200
"""Columns of one line an item when output is not a terminal."""

Form = Literal["table", "wide", "json", "yaml"]
FORMS: tuple[Form, ...] = ("table", "wide", "json", "yaml")


form_option = click.option("-o", "--format", "form", type=click.Choice(FORMS), default="table", show_default=True,
                           help="Form of the output: text, text with every column, or data with a schema.")


def output_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -o and, for `-o json`, --json. The command gets `form`."""
    return form_option(click.option("--json", "form", flag_value="json", default="table", hidden=True)(function))


def is_data(form: Form) -> bool:
    """Return whether the output is for programs."""
    return form in ("json", "yaml")


def console_of(form: Form, soft_wrap: bool = False) -> "Console":
    """Return a console of the terminal's width, or of `WIDE` columns for `-o wide`. `soft_wrap`: print lines as they are."""
    from rich.console import Console

    return Console(width=WIDE if form == "wide" else None, highlight=False, soft_wrap=soft_wrap, emoji=False)


def console_of_lines(form: Form) -> "Console":
    """Return a console for one line an item: without a terminal, `WITHOUT_TERMINAL` columns wide."""
    console = console_of(form)
    if form != "wide" and not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WITHOUT_TERMINAL
    return console


def emit(kind: str, body: Mapping[str, Any], form: Form) -> None:
    """Print an object as JSON or YAML, with its schema as the first key."""
    click.echo(rendered(kind, body, form), nl=False)


def rendered(kind: str, body: Mapping[str, Any], form: Form = "json") -> str:
    """Return an object as JSON or YAML text, with its schema as the first key. `kind`: what the object is, such as `status`."""
    text = json.dumps({"schema": schema_of(kind), **body}, indent=2, allow_nan=False) + "\n"
    if form != "yaml":
        return text
    import yaml

    dumped: str = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True, width=120)
    return dumped


def schema_of(kind: str) -> str:
    """Return the name of a schema. The version rises when a key is removed or changes its meaning; keys may be added."""
    return f"stoker/{kind}/v1"
