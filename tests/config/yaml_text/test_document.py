"""YAML is read with places, by the YAML 1.2 core schema, and with limited expansion."""

import math

import pytest
import yaml

from config.yaml_text.composer import DEEPEST
from config.yaml_text.document import MOST_BYTES, read_document
from config.yaml_text.node import Place


def value(text: str) -> object:
    root, faults = read_document(text)
    assert root is not None
    assert faults == []
    return root.plain()


def fault(text: str) -> tuple[int, int, str]:
    _, faults = read_document(text)
    ((place, message),) = faults
    return place.line, place.column, message


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("no", "no"), ("on", "on"), ("1:30", "1:30"), ("2026-03-02", "2026-03-02"), ("1_000", "1_000"), ("0x10", "0x10"),
        ("007", 7), ("-3", -3), ("+3", 3), ("1e-6", 1e-6), ("3.0", 3.0), ("3.", 3.0), (".5", 0.5), ("9" * 40, 1e40),
        ("true", True), ("False", False), ("~", None), ("null", None), ("", None), ("'1'", "1"), ('"true"', "true"),
        ("|\n  5\n", "5\n"), (".inf", math.inf), ("-.Inf", -math.inf), ("1e999", math.inf),
    ],
)
def test_scalars_follow_yaml_1_2(text, meant):
    assert value(f"key: {text}") == {"key": meant}
    assert type(value(f"key: {text}")["key"]) is type(meant)


def test_nan_is_read():
    assert math.isnan(value("key: .nan")["key"])


def test_keys_are_always_text():
    assert value("on: 1\n5: 2\nnull: 3\n") == {"on": 1, "5": 2, "null": 3}


def test_every_value_and_key_has_its_place():
    root, _ = read_document("a:\n  - b\n  - {c: d,\n     e: f}\n")
    mapping = root.child("a").child(1)

    assert root.keys["a"] == Place(1, 1)
    assert root.child("a").child(0).place == Place(2, 5)
    assert (mapping.place, mapping.keys["e"], mapping.child("e").place) == (Place(3, 5), Place(4, 6), Place(4, 9))


def test_an_alias_repeats_its_anchor():
    assert value("a: &x {b: 1}\nc: *x\nd: [*x, *x]\n") == {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}, {"b": 1}]}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "duplicate key 'a': it is already in line 1"),
        ("a: !!str 1\n", 1, 4, "the tag tag:yaml.org,2002:str is not allowed"),
        ("a: !!python/object/apply:os.system [x]\n", 1, 4, "the tag tag:yaml.org,2002:python/object/apply:os.system is not"),
        ("!mine a: 1\n", 1, 1, "the tag !mine is not allowed"),
        ("a: 1\n---\nb: 1\n", 2, 1, "a second document starts here"),
        ("a: *x\n", 1, 4, "the alias *x is not defined above: define it there with &x"),
        ("a: &x [*x]\n", 1, 8, "the alias *x is not defined above"),
        ("? [a]\n: 1\n", 1, 3, "a key must be plain text"),
        ("a: {{b}}\n", 1, 5, "a key must be plain text"),
        ("*x : 1\n", 1, 1, "a key must be plain text, not an alias"),
        ("a: \x07\n", 1, 4, "not allowed in YAML: U+0007 (control character); delete it"),
        ("a: b\nc: \ud800\n", 2, 4, "not a valid Unicode character: delete it"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), 1, DEEPEST + 1, f"nested deeper than {DEEPEST} levels"),
        ("#" * (MOST_BYTES + 1), 1, 1, "the file has 4,194,305 bytes: at most 4,194,304 are read"),
    ],
)
def test_a_fault_of_the_text_is_reported_with_its_place(text, line, column, message):
    found = fault(text)

    assert found[:2] == (line, column)
    assert found[2].startswith(message)


def test_alias_expansion_is_limited():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]

    line, _, message = fault("\n".join(lines))

    assert line == 6, "a million values are refused before they exist"
    assert "aliases make this larger" in message


def test_alias_nesting_is_limited():
    lines = ["a0: &a0 [x]"] + [f"a{level}: &a{level} [*a{level - 1}]" for level in range(1, 50)]

    assert "deeper than 32 levels" in fault("\n".join(lines))[2]


def test_the_first_of_two_equal_keys_is_used():
    root, faults = read_document("a: 1\na: {b: 1, b: 2}\nc: 3\n")

    assert root.plain() == {"a": 1, "c": 3}
    assert [place for place, _ in faults] == [Place(2, 1), Place(2, 11)]


def test_the_parser_without_the_c_library_gives_the_same_result(monkeypatch):
    texts = ["a: 'x'\nb: 1\nc: \"2\"\n", "a: 1\na: 2\n", "a: !x 1\n", "a: *x\n", "a: \x07"]
    fast = [read_document(text) for text in texts]
    monkeypatch.setattr("config.yaml_text.document.LOADER", yaml.SafeLoader)
    slow = [read_document(text) for text in texts]

    assert [root and root.plain() for root, _ in slow] == [root and root.plain() for root, _ in fast]
    assert [[place for place, _ in faults] for _, faults in slow] == [[place for place, _ in faults] for _, faults in fast]
