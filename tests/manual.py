"""Make the manual pages from the commands: `python -m tests.manual FOLDER` writes FOLDER/man1/stoker.1 and one page a command."""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from controller.cli import COMMANDS, main

EXIT = (("0", "done"), ("1", "failed"), ("2", "the input is wrong, and nothing was changed"),
        ("3", "with --detailed-exitcode or --gate: there are changes, or a pool is not ready"))


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page."""
    yield "stoker", page("stoker", "warm-pool controller for serverless AI agents", main, commands())
    for name, entry in COMMANDS.items():
        command = main.get_command(click.Context(main, info_name="stoker"), name)
        assert command is not None
        yield f"stoker-{name.replace(' ', '-')}", page(f"stoker {name}", entry.line.rstrip("."), command, [])


def page(title: str, line: str, command: click.Command, more: list[str]) -> str:
    """Return one page in the macros of man(7)."""
    group = command is main
    context = click.Context(command, info_name=title, parent=None if group else click.Context(main, info_name=""))
    usage = " ".join(command.collect_usage_pieces(context))
    records = [record for each in command.get_params(context) if (record := each.get_help_record(context)) is not None]
    file = title.replace(" ", "-")
    parts = [f".TH {file.upper()} 1", ".SH NAME", rf"{escaped(file)} \- {escaped(line)}", ".SH SYNOPSIS",
             rf"\fB{escaped(title)}\fR {escaped(usage)}", ".SH DESCRIPTION", *description(command.help or "")]
    parts += [".SH OPTIONS"]
    for names, help_text in records:
        parts += [".TP", rf"\fB{escaped(names)}\fR", *([escaped(help_text)] if help_text else [])]
    parts += [*more, ".SH EXIT STATUS"]
    parts += [line for code, meaning in EXIT for line in (".TP", rf"\fB{code}\fR", escaped(meaning))]
    return "\n".join([*parts, ".SH SEE ALSO", r"\fBstoker\fR(1); the other commands have pages such as \fBstoker-run\fR(1)", ""])


def commands() -> list[str]:
    """Return the section of the first page that lists all commands."""
    listed = [line for name, entry in COMMANDS.items()
              for line in (".TP", rf"\fBstoker-{escaped(name.replace(' ', '-'))}\fR(1)", escaped(entry.line))]
    return [".SH COMMANDS", *listed]


def description(text: str) -> Iterator[str]:
    """Yield the help of a command; paragraphs that click does not wrap keep their lines."""
    for at, paragraph in enumerate(re.split(r"\n\s*\n", inspect.cleandoc(text))):
        if at:
            yield ".PP"
        if paragraph.startswith("\b"):
            yield from (".nf", *(escaped(line) for line in paragraph.splitlines()[1:]), ".fi")
        else:
            yield escaped(" ".join(paragraph.split()))


def escaped(text: str) -> str:
    """Return text for roff: backslashes, hyphens and a leading dot or apostrophe are characters."""
    plain = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{plain}" if plain.startswith((".", "'")) else plain


if __name__ == "__main__":
    folder = Path(sys.argv[1]) / "man1"
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, roff in pages():
        (folder / f"{file_name}.1").write_text(roff, encoding="utf-8")
    print(f"{len(list(folder.iterdir()))} pages in {folder}")
