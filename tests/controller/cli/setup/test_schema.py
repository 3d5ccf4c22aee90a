"""`stoker schema` prints a JSON Schema that an editor can use as it is."""

import json
from pathlib import Path

import jsonschema
from click.testing import CliRunner

import config
from config.yaml_text.document import read_document
from controller.cli import main


def test_the_printed_schema_accepts_the_example():
    told = CliRunner().invoke(main, ["schema"])
    schema = json.loads(told.stdout)
    root, _ = read_document((Path(config.__file__).parent / "example.yaml").read_text())

    assert told.exit_code == 0
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(root.plain())


def test_it_is_the_same_each_time():
    first, second = (CliRunner().invoke(main, ["schema"]).stdout for _ in range(2))

    assert first == second


def test_help_says_how_an_editor_finds_it():
    assert "yaml-language-server: $schema=" in CliRunner().invoke(main, ["schema", "--help"]).stdout
