"""Text that YAML reads differently from its intention is reported once, at its place, with the correction."""

import json

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, load_policy, parse_policy
from config.model.policy import Policy

LEVER = "lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: f, alias: live}"
HEAD = f"version: 1\npools:\n  - name: a\n    {LEVER}\n    max: 5\n"
"""Text appended to it starts in line 6; keys of the pool are in column 5."""


def read(text: str) -> Policy:
    return parse_policy(text, policy_kinds())


def only(text: str) -> str:
    """Return the only problem of `text`, without the file name."""
    with pytest.raises(PolicyError) as caught:
        read(text)
    (problem,) = caught.value.problems
    return str(problem).removeprefix("policy.yaml:")


@pytest.mark.parametrize(
    ("value", "instead"),
    [
        ("*/5 * * * *", 'cron: "*/5 * * * *"'), ("* * * * *", 'cron: "* * * * *"'), ("@daily", 'cron: "@daily"'),
        ("%5", 'cron: "%5"'), ("`x`", 'cron: "`x`"'), ("& Co", 'cron: "& Co"'), ("!<x", 'cron: "!<x"'), ("> 5", 'cron: "> 5"'),
        ("| x", 'cron: "| x"'), ("? x", 'cron: "? x"'), (", x", 'cron: ", x"'), ("}x", 'cron: "}x"'), ("a: b", 'cron: "a: b"'),
        ('@"x"', "cron: '@\"x\"'"), ("*/5 * * * *  # every 5 min", 'cron: "*/5 * * * *"'),
    ],
)
def test_a_value_with_a_leading_indicator_must_be_quoted(value, instead):
    block = only(f"{HEAD}    schedules:\n      - cron: {value}\n        duration: 1h\n        min: 3\n")

    assert block.startswith("7:15 ")
    assert block.endswith(f"quote the value: {instead}")


@pytest.mark.parametrize("value", ["*/5 8,9 * * *", "@daily", "%5"])
@pytest.mark.parametrize(
    ("item", "start"),
    [("    schedules: [{cron: VALUE, duration: 1h, min: 3}]\n", "6:24 "),
     ("    schedules:\n      - {cron: VALUE, duration: 1h, min: 3}\n", "7:16 "),
     ('    schedules:\n      - {name: "a [b", cron: VALUE}\n', "7:30 "),
     ("    schedules:\n      - {name: x,\n         cron: VALUE,\n         min: 3}\n", "8:16 ")],
)
def test_a_bracketed_value_ends_at_the_next_key(value, item, start):
    found = only(f"{HEAD}{item.replace('VALUE', value)}")

    assert found.startswith(start)
    assert found.endswith(f'quote the value: cron: "{value}"')


@pytest.mark.parametrize(
    ("text", "start", "says"),
    [
        ("\tmin: 1\n", "6:1 ", "a tab indents this line: YAML allows only spaces; replace each tab with two spaces"),
        ("\tmin: 1\n\tmode: active\n", "6:1 ", "a tab indents this line (1 more line is indented with tabs)"),
        ("    \tmin: 1\n", "6:5 ", "a tab indents this line"), ("    schedules:\n      -\tcron: x\n", "7:8 ", "unexpected tab"),
        ("    mode: “active”\n", "6:11 ", 'U+201C “ (left double quotation mark) is not the YAML character ": write "'),
        ("    mode: ‘active’\n", "6:11 ", "U+2018 ‘"), ("    min：1\n", "6:8 ", "U+FF1A ： (fullwidth colon)"),
        ("    min: −1\n", "6:10 ", "U+2212 − (minus sign) is not the YAML character -: write -"),
        ("    schedules:\n    – {min: 1}\n", "7:5 ", "U+2013 – (en dash)"),
        ("    \u00a0min: 1\n", "6:5 ", "U+00A0 (no-break space) looks like a space but is not"),
        ("    min:\u00a01\n", "6:9 ", "U+00A0 (no-break space)"), ("    mode: active\u200b\n", "6:17 ", "U+200B (zero width"),
        ("    \ufeffmin: 1\n", "6:5 ", "U+FEFF"), ("    min: 1\u0085", "6:11 ", "U+0085 (next line) is a line break for some"),
        ("    # a\u2028b\n", "6:8 ", "U+2028 (line separator)"), ("    mode: \x07\n", "6:11 ", "U+0007 (control character);"),
        ("    min:1\n", "6:5 ", "a space is missing after the colon: write min: 1"),
        ("    min 1\n", "6:5 ", "this line is neither key: value nor - item: write min: 1"),
        ("      min: 1\n", "6:7 ", "this line is indented by 6 spaces, below line 5, whose key already has a value: indent it"),
        ("   min: 1\n", "6:4 ", "this line is indented by 3 spaces, which matches no line above: indent it by 4 as line 5"),
        ("  -name: b\n", "6:3 ", "a space is missing after the dash that starts a list item: write - name"),
        ("    - name: b\n", "6:5 ", "line 5 is a key and this is a list item, in the same column"),
        ('    mode: "active\n', "6:11 ", 'the quote " that opens here is not closed'),
        ("    mode: 'active\n    min: 'x'\n", "6:11 ", "the quote ' that opens here closes in line 7, column 10"),
        ("    mode: 'it's'\n", "6:14 ", "this apostrophe closes the text in single quotes: write it twice ('it''s')"),
        ('    mode: "act" ive\n', "6:17 ", 'text after the closing quote "'),
        ('    mode: "C:\\path"\n', "6:14 ", "\\p is not a valid escape in double quotes"),
        ("    objective: {warm_hit_rate: 0.9\n    min: 1\n", "6:16 ", "the { that opens here is not closed before line 7"),
        ("    schedules: [{min: 1}\n", "6:16 ", "the [ that opens here is not closed before line 7: close it with ]"),
        ("    schedules: [{min: 1]\n", "6:24 ", "this ] does not close the { that opens in line 6, column 17"),
        ("    prices: {idle: 1 on_demand: 2}\n", "6:22 ", "a comma is missing before on_demand"),
        ("    prices: {idle: 1}}\n", "6:22 ", "unmatched }: remove it, or open it with {"),
        ("    mode: [a]b\n", "6:14 ", "text after the closing ]: a value that starts with [ is a list"),
        ("    mode: {{ mode }}\n", "6:12 ", "render a template ({{ … }}) before Stoker reads the file"),
        ("    mode: - x\n", "6:11 ", "- starts a list item in YAML: write each item on a separate line"),
        ("    // min\n    min: 1\n", "6:5 ", "// does not start a comment in YAML or JSON: write # instead"),
        ("    mode: >x\n", "6:11 ", "> starts a block of text"), ("    mode: >\n", "6:11 ", "> starts a block of text, which is"),
        ("    mode: !active\n", "6:11 ", "the tag !active is not allowed: write the plain value, or quote it"),
        ("    mode: &active shadow\n", "6:11 ", "no alias uses the anchor &active: quote the value if & is part of it"),
        ("    mode: *active\n", "6:11 ", "the alias *active is not defined above: define it there with &active, or"),
        ("    min: 010\n", "6:10 ", "010 is 10 to YAML 1.2 and 8 to YAML 1.1"),
        ("    max: 6\n", "6:5 ", "duplicate key 'max': it is already in line 5; keep one of them"),
        ("---\nversion: 1\n", "6:1 ", "a second document starts here: a policy is one document"),
        ("...\nversion: 1\n", "7:1 ", "text after the end of the document"),
        ("%YAML 1.2\n", "6:1 ", "a line that starts with % is a YAML directive"),
    ],
)
def test_a_mistake_in_the_text_is_reported_at_its_place(text, start, says):
    found = only(HEAD + text)

    assert found.startswith(start)
    assert says in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("min: 1_0", "write 10"), ("min: 1,000", "write 1000"), ("min: 0x10", "write 16"), ("min: 0o17", "write 15"),
        ("min: 1.0", "write 1"), ("min: 1e3", "write 1000"), ('min: "1"', "remove the quotes: 1"),
        ("min:", "write a number after the colon"), ("min: ~", "is not a whole number"),
        ("objective: {warm_hit_rate: 99%}", "write 0.99"), ("objective: {warm_hit_rate: 0,99}", None),
        ("objective: {cold_start_cost_usd: $0.05}", "write 0.05"), ("objective: {cold_start_cost_usd: 5 USD}", "write 5"),
        ("memory_mb: 1 024", "write 1024"), ("scale_down_delay: 1:30", "write 1h30m"), ("scale_down_delay: 10 min", "write 10m"),
        ("scale_down_delay: PT5M", "write 5m"), ("scale_down_delay: 1.5h", "write 1h30m"), ("scale_down_delay: 300", "has no"),
        ("schedules: {min: 1}", "start each item with '- '"), ("schedules:", "write its items on the lines below"),
        ("prices: [1]", "remove the '- ' at its start"), ("mode: #active", "#active is a comment: quote the value if it is"),
        ("mode: act #ive", "#ive is a comment: quote the value if it is part of it"), ("mode: on", "write shadow or active"),
    ],
)
def test_a_value_of_the_wrong_type_gets_a_correction(text, says):
    if says is not None:
        assert says in only(f"{HEAD}    {text}\n")


@pytest.mark.parametrize(
    ("name", "says"),
    [("1.10", 'quote it: "1.10"'), ("true", 'quote it: "true"'), ("123", 'quote it: "123"'), ("", "write the text after the"),
     ("null", 'quote it if it is text: "null"'), ("1e5", 'quote it: "1e5"')],
)
def test_text_that_looks_like_another_type_must_be_quoted(name, says):
    assert says in only(HEAD.replace("name: a", f"name: {name}"))


@pytest.mark.parametrize("name", ["yes", "no", "on", "1:30", "2026-03-02", "1_000", '"123"', "off", ".a", "a#b"])
def test_text_of_yaml_1_2_is_text(name):
    wrong = HEAD.replace("name: a", f"name: {name}")

    if ":" in name or name.startswith("."):
        assert "is not valid" in only(wrong) if name != "2026-03-02" else True
    elif "#" in name:
        assert "write a-b" in only(wrong)
    else:
        assert read(wrong).pools[0].name == name.strip('"')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD.replace(LEVER, "lever:\n    kind: lambda-ping\n    region: us-east-1"),
         "4:11 pools[0].lever: empty, and kind, region below it in the same column: indent what belongs to lever deeper"),
        ("version: 1\ndefaults:\nmax: 5\nmode: active\n" + HEAD.split("\n", 1)[1].replace("    max: 5\n", ""),
         "2:10 defaults: empty, and max, mode below it in the same column"),
        ("version: 1\npools:\n  a:\n    max: 5\n", "3:3 pools: a mapping is not a list of pools: start each pool with"),
    ],
)
def test_keys_in_the_wrong_column_are_one_problem(text, says):
    assert only(text).startswith(says)


def test_merge_keys_add_missing_keys():
    policy = read(f"""version: 1
x-common: &common {{max: 50, mode: active}}
x-steps: &steps {{max: 7, max_step_up: 3}}
pools:
  - name: a
    <<: *common
    {LEVER}
  - name: b
    max: 9
    <<: [*common, *steps]
    {LEVER.replace("function: f", "function: g")}
""")

    assert [(pool.max, pool.mode, pool.max_step_up) for pool in policy.pools] == [(50, "active", None), (9, "active", 3)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x-a: &a {mim: 1}\n", "1:10 pools[0].mim: unknown key 'mim': did you mean min?"),
        ("x-a: &a\n  min: -1\n", "2:8 pools[0].min: -1 is out of range"),
        ("x-a: &a [1]\n", "7:5 << needs a mapping: write <<: *name, or <<: [*one, *two]"),
    ],
)
def test_a_problem_of_a_merged_value_is_reported_at_its_source(text, says):
    assert only(f"{text.rstrip()}\n{HEAD}    <<: *a\n").startswith(says.replace("7:5", f"{6 + text.count(chr(10))}:5"))


def test_a_duplicate_merge_key_is_reported_with_the_list_form():
    assert "give a list: <<: [*one, *two]" in only(f"x-a: &a {{min: 1}}\n{HEAD}    <<: *a\n    <<: *a\n")


def test_merge_key_expansion_is_limited():
    wide = ", ".join(f"k{number}: [{', '.join('x' * 50)}]" for number in range(200))
    pools = "".join("  - {<<: *a}\n" for _ in range(100))

    assert "aliases make this larger than" in only(f"x-a: &a {{{wide}}}\nversion: 1\npools:\n{pools}")


def test_a_policy_can_be_json():
    lever = {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": "f", "alias": "live"}
    body = {"version": 1, "pools": [{"name": "a", "lever": lever, "max": 5}]}

    for text in (json.dumps(body), json.dumps(body, indent="\t"), json.dumps(body, indent=2, separators=(",", ":"))):
        assert read(text).pools[0].max == 5


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_can_have_any_of_three_line_endings(ending):
    assert only((HEAD + "    mode: activ\n").replace("\n", ending)).startswith("6:11 ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEAD.encode("utf-16"), "1:1 the file is UTF-16: save it as UTF-8"), (HEAD.encode("utf-32"), "1:1 the file is UTF-32"),
        (HEAD.encode("utf-16-le"), "1:2 the file has NUL bytes, as UTF-16 without a byte order mark has"),
        (HEAD.replace("name: a", "name: é").encode("cp1252"), "3:11 the byte 0xE9 is not UTF-8 (é in Windows-1252)"),
    ],
)
def test_another_encoding_is_named(tmp_path, content, says):
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)

    with pytest.raises(PolicyError) as caught:
        load_policy(path, policy_kinds())

    assert str(caught.value).startswith(f"{path}:{says}")


def test_a_byte_order_mark_is_removed(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_bytes(HEAD.encode("utf-8-sig"))

    assert load_policy(path, policy_kinds()).pools[0].name == "a"
