"""All problems of a policy file are reported at once, with line and column."""

import subprocess
import sys
from typing import Literal

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, Problem, load_policy, parse_policy
from config.model.kinds import Kinds
from config.model.lever import LeverSettings
from config.model.policy import Assume, Objective
from tests.examples import examples
from tests.patience import PATIENCE_SECONDS


class Lambda(LeverSettings):
    """A lever for these tests."""

    kind: Literal["lambda"]
    region: str = Field(pattern=r"^[a-z0-9-]+$", examples=["us-east-1"])
    """The region of the function."""
    function: str
    """The function's name."""


class Ping(LeverSettings):
    """Another lever, whose resource is its address alone."""

    kind: Literal["ping"]
    url: str
    token_env: str | None = None
    routing_key: str | None = None
    path: str | None = None

    @property
    def resource(self) -> str:
        return self.url


KINDS = Kinds({"lambda": Lambda, "ping": Ping}, {})
HEAD = "version: 1\npools:\n"
POOL = "- {name: a, lever: {kind: lambda, region: us-east-1, function: f}, max: 5}\n"


def problems(text: str) -> list[Problem]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, KINDS)
    return caught.value.problems


def refusal(text: str) -> PolicyError | None:
    """Return why `text` is rejected; None when it is accepted."""
    try:
        parse_policy(text, KINDS)
    except PolicyError as error:
        return error
    return None


def only(text: str) -> str:
    """Return the only problem of `text`, without the file name."""
    (problem,) = problems(text)
    return str(problem).removeprefix("policy.yaml:")


def pool(**keys: str) -> str:
    """Return a policy of one pool in block style: its keys start in line 3, column 5."""
    plain = {"name": "a", "lever": "{kind: lambda, region: us-east-1, function: f}", "max": "5"} | keys
    return HEAD + "  - " + "\n    ".join(f"{key}: {value}" for key, value in plain.items() if value is not None) + "\n"


def test_the_smallest_policy_is_accepted():
    policy = parse_policy(HEAD + POOL, KINDS)

    assert [one.name for one in policy.pools] == ["a"]
    assert policy.pools[0].lever == Lambda(kind="lambda", region="us-east-1", function="f")
    assert policy.assume == Assume()


def test_defaults_apply_to_keys_that_a_pool_does_not_set():
    policy = parse_policy(
        "version: 1\ndefaults: {mode: active, max: 7, max_step_up: 3, objective: {cold_start_cost_usd: 0.2}}\npools:\n"
        "- {name: a, lever: {kind: lambda, region: r, function: a}}\n"
        "- {name: b, lever: {kind: lambda, region: r, function: b}, mode: shadow, max: 9, max_step_up: null,\n"
        "   objective: {warm_hit_rate: 0.9}}\n", KINDS)
    first, second = policy.pools

    assert (first.mode, first.max, first.max_step_up, first.objective) == ("active", 7, 3, Objective(cold_start_cost_usd=0.2))
    assert (second.mode, second.max, second.max_step_up, second.objective) == ("shadow", 9, None, Objective(warm_hit_rate=0.9))


SIX = """version: 1
defaults:
  mode: activ
pools:
  - name: support agent
    lever: {kind: lamda, region: us-east-1, function: f}
    min: 9
    max: 5
  - name: chat
    lever: {kind: lambda, region: us-east-1, function: g}
    maximum: 3
    max: 5
    schedules:
      - {cron: "0 8 * * *", timezone: Mars/Base, duration: 1h, min: 1}
"""


def test_six_mistakes_give_six_messages_with_places():
    found = problems(SIX)

    assert [(problem.line, problem.column, problem.path) for problem in found] == [
        (3, 9, "defaults.mode"), (5, 11, "pools[0].name"), (6, 19, "pools[0].lever.kind"), (8, 10, "pools[0].max"),
        (11, 5, "pools[1].maximum"), (14, 39, "pools[1].schedules[0].timezone"),
    ]
    assert all(len(str(problem).splitlines()) == 1 for problem in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (pool(mim="1"), "6:5 pools[0].mim: unknown key 'mim': did you mean min? allowed: name, lever, levers, demand, "),
        (pool(min="6"), "5:10 pools[0].max: max 5 is below min 6"),
        (pool(min="-1"), "6:10 pools[0].min: -1 is out of range: at least 0 is allowed"),
        (pool(max="5.5"), "5:10 pools[0].max: 5.5 is not a whole number"),
        (pool(max="'5'"), "5:10 pools[0].max: '5' is not a whole number"),
        (pool(max=""), "5:9 pools[0].max: empty is not a whole number"),
        (pool(max=None), "3:5 pools[0].max: the key max is missing: Ceiling, for example max: 200"),
        (pool(name="a/b"), "3:11 pools[0].name: 'a/b' is not valid (Letters, digits"),
        (pool(name="yes"), None),
        (pool(mode="off"), "6:11 pools[0].mode: 'off' is not allowed: write shadow or active"),
        (pool(mode="shaddow"), "6:11 pools[0].mode: 'shaddow' is not allowed: write shadow or active (did you mean shadow?)"),
        (pool(objective="{}"), "6:16 pools[0].objective: give exactly one of cold_start_cost_usd, cold_"),
        (pool(objective="{cold_start_cost_usd: 1, warm_hit_rate: 0.9}"), "6:16 pools[0].objective: give exactly one of "),
        (pool(objective="5"), "6:16 pools[0].objective: 5 is not a mapping of keys"),
        (pool(prices="{idle: .nan, warm_busy: 1, on_demand: 1}"), "6:20 pools[0].prices.idle: nan is not a finite number"),
        (pool(prices="{idle: 1e-6, warm_busy: 1E-6, on_demand: .5e-6}"), None),
        (pool(scale_down_delay="10"), "6:23 pools[0].scale_down_delay: 10 has no unit: write a span such as 30s, 5m"),
        (pool(schedules="5"), "6:16 pools[0].schedules: 5 is not a list"),
        (pool(schedules='[{cron: "0 8 * *", duration: 1h, min: 1}]'), "6:24 pools[0].schedules[0].cron: '0 8 * *' is not five"),
        (pool(schedules='[{cron: "0 8 * * *", duration: 1h, min: 6}]'),
         "6:56 pools[0].schedules[0].min: a schedule's min 6 is above the pool's max 5"),
        (pool(schedules='[{cron: "0 8 * * *", duration: 1h, mix: 6, max: 4}]'),
         "6:51 pools[0].schedules[0].mix: unknown key 'mix': did you mean"),
        (pool(lever="{kind: lamda}"), "4:19 pools[0].lever.kind: unknown lever kind 'lamda': did you mean lambda? allowed: lamb"),
        (pool(lever="{region: r}"), "4:12 pools[0].lever.kind: the key kind is missing: one of lambda, ping"),
        (pool(lever="{kind: lambda, region: r}"), "4:12 pools[0].lever.function: the key function is missing: The func"),
        (pool(lever="{kind: lambda, region: R, function: f}"), "4:35 pools[0].lever.region: 'R' is not valid (The region of the"),
        (pool(lever="{kind: lambda, region: r, function: f, fun: 1}"), "4:51 pools[0].lever.fun: unknown key 'fun': did you me"),
        (pool(lever="lambda"), "4:12 pools[0].lever: 'lambda' is not a lever: write a mapping with kind"),
        (pool(lever=None), "3:5 pools[0].lever: the key lever is missing"),
        (HEAD + POOL + "assume: {lead_time: 7h}\n", "4:21 assume.lead_time: 7h is too long: at most 6h"),
        (HEAD + POOL + "assume: {led_time: 7m}\n", "4:10 assume.led_time: unknown key 'led_time': did you mean lead_time? "),
        (HEAD + POOL + "pols: []\n", "4:1 pols: unknown key 'pols': did you mean pools? allowed: version, defaults, "),
        (HEAD + POOL + "defaults: {lever: {}}\n", "4:12 defaults.lever: lever cannot have a default: set it in each pool"),
        (HEAD + POOL + "defaults: {mod: active}\n",
         "4:12 defaults.mod: unknown key 'mod': did you mean mode? allowed: demand, credentials, mode, "),
        (HEAD + POOL + "defaults:\n", "4:10 defaults: empty is not a mapping of keys"),
        (HEAD + POOL + "defaults: {min: 6}\n", "3:73 pools[0].max: max 5 is below min 6"),
        (pool(max=None, min="6") + "defaults: {max: 5}\n", "5:10 pools[0].min: max 5 is below min 6"),
        (pool() + 'defaults: {schedules: [{cron: "0 8 * * *", duration: 1h, min: 6}]}\n',
         "5:10 pools[0].max: a schedule's min 6 is above the pool's max 5"),
        (HEAD + "  - 5\n", "3:5 pools[0]: 5 is not a pool: write a mapping with name, lever and max"),
        (HEAD, "2:7 pools: empty is not a list of pools"),
        ("version: 1\npools: []\n", "2:8 pools: an empty list is not a list of pools"),
        ("version: 1\n", "1:1 pools: the key pools is missing: add at least one pool"),
        ("version: 2\npools:\n" + POOL, "1:10 version: 2 is not a supported version: write version: 1"),
        ("version: 1.0\npools:\n" + POOL, "1:10 version: 1.0 is not a supported version"),
        ("version: true\npools:\n" + POOL, "1:10 version: true is not a supported version"),
        ("pools:\n" + POOL, "1:1 version: the key version is missing: write version: 1"),
        ("", "1:1 empty: a policy starts with version: 1"),
        ("# nothing\n", "1:1 empty: a policy starts with version: 1"),
        ("- 5\n", "1:1 a policy is a mapping of version, defaults, pools, select, limits, assume, notify, weekly_report, "),
    ],
)
def test_a_problem_has_its_place_and_the_allowed_values(text, message):
    if message is None:
        parse_policy(text, KINDS)
    else:
        assert only(text).startswith(message)


def test_an_invalid_default_is_reported_once_even_if_no_pool_uses_it():
    text = "version: 1\ndefaults: {min: -1}\npools:\n" + "".join(
        f"- {{name: p{index}, lever: {{kind: lambda, region: r, function: f{index}}}, max: 5{extra}}}\n"
        for index, extra in enumerate(["", "", ", min: 1"]))

    assert only(text) == "2:17 defaults.min: -1 is out of range: at least 0 is allowed"


def test_a_duplicate_pool_name_is_reported_with_the_first_pool():
    message = only(HEAD + POOL + POOL.replace("function: f", "function: g"))

    assert message == "4:10 pools[1].name: pools[0] already has the name 'a': choose another name"


def test_two_pools_with_one_resource_and_lever_are_reported():
    other = POOL.replace("name: a", "name: b")

    assert only(HEAD + POOL + other) == (
        "4:20 pools[1].lever: pools[0] already sets region=us-east-1 function=f by lambda: one pool per resource and lever")


def test_a_lever_can_define_its_resource():
    two = "".join(f"- {{name: {name}, lever: {{kind: ping, url: 'http://x', path: {name}}}, max: 5}}\n" for name in "ab")

    assert "already sets http://x by ping" in only(HEAD + two)


def test_one_resource_with_two_kinds_of_lever_is_allowed():
    other = "- {name: b, lever: {kind: ping, url: 'region=us-east-1 function=f'}, max: 5}\n"

    assert len(parse_policy(HEAD + POOL + other, KINDS).pools) == 2


@pytest.mark.parametrize("key", ["aws_secret_access_key", "password", "apiKey", "api-key", "token", "credentials"])
@pytest.mark.parametrize("where", ["pools[0].", "pools[0].lever.", "defaults.", ""])
def test_a_key_that_looks_like_a_secret_is_rejected_without_its_value(key, where):
    line = f"{key}: hunter2"
    text = {
        "": HEAD + POOL + line + "\n",
        "defaults.": HEAD + POOL + f"defaults: {{{line}}}\n",
        "pools[0].": pool(**{key: "hunter2"}),
        "pools[0].lever.": pool(lever=f"{{kind: lambda, region: r, function: f, {line}}}"),
    }[where]
    message = only(text)

    assert f"{where}{key}: the name looks like a secret; secrets are not allowed in the file" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("value", ["AKIAABCDEFGHIJKLMNOP", "https://user:hunter2@host/path", "redis://:hunter2@host:6379",
                                   "ghp_" + "a" * 36])
def test_a_value_that_looks_like_a_secret_is_rejected_without_quoting_it(value):
    message = only(pool(mode=f"'{value}'"))

    assert message.startswith("6:11 pools[0].mode: the value looks like a secret")
    assert value not in message


def test_a_secret_in_a_lever_is_not_repeated_when_two_pools_share_it():
    two = "".join(f"- {{name: {name}, lever: {{kind: ping, url: 'https://user:hunter2@x'}}, max: 5}}\n" for name in "ab")

    assert [problem.path for problem in problems(HEAD + two)] == ["pools[0].lever.url", "pools[1].lever.url"]
    assert "hunter2" not in str(refusal(HEAD + two))


def test_a_key_with_the_location_of_a_secret_is_allowed():
    parse_policy(pool(lever="{kind: ping, url: 'http://x', token_env: PING_TOKEN}"), KINDS)
    assert "unknown key 'password_file'" in only(pool(password_file="/run/secret"))


def test_a_key_that_a_lever_declares_is_not_a_secret():
    parse_policy(pool(lever="{kind: ping, url: 'http://x', routing_key: eu}"), KINDS)


def test_a_problem_contains_the_file_name(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("\N{ZERO WIDTH NO-BREAK SPACE}" + pool(mode="off"), encoding="utf-8")

    with pytest.raises(PolicyError) as caught:
        load_policy(path, KINDS)

    assert str(caught.value) == f"{path}:6:11 pools[0].mode: 'off' is not allowed: write shadow or active"


@pytest.mark.parametrize(("content", "text"), [(None, "cannot be read: No suc"), (b"version: 1\nname: \xff\n", ":2:7 the byte")])
def test_an_unreadable_file_is_a_problem(tmp_path, content, text):
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(PolicyError, match=text):
        load_policy(path, KINDS)


def test_the_referees_policy_is_accepted():
    text = ("version: 1\ndefaults:\n  mode: shadow\n  objective: {cold_start_cost_usd: 0.05}\npools:\n  - name: pool\n"
            "    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: pool, alias: live}\n    min: 0\n"
            "    max: 100000\n    memory_mb: 1024\n    init_seconds: 8.0\n"
            "assume: {metric_delay: 2m, lead_time: 2m, keep_alive: 6m}\n")
    policy = parse_policy(text, policy_kinds())

    assert policy.pools[0].max == 100_000
    assert policy.pools[0].init_seconds == 8.0


PIECES = st.sampled_from(
    ["version: 1", "pools:", "- ", "  ", "\n", "name: ", "a", "lever: ", "{kind: lambda, region: r, function: f}", "max: 5",
     "{", "}", "[", "]", "&a ", "*a", "!!str ", "? ", ": ", ", ", "'", '"', "<<", "\t", "|\n", "defaults: ", "schedules: ",
     "null", ".nan", "9" * 30, "objective: ", "{cron: '* * * * *', duration: 1h, min: 1}", "%YAML 1.2\n", "---\n", "\x00",
     "\ud800", "\u2028", "\x85", "#", "-1", "1e999", "“", "\u00a0", "：", "-a: ", "//", "@", "*/5", "%", "`", "010", "it's", "\r",
     "...\n", "<<: *a\n", "\\", "\ufeff", "> x", "\n   "],
)


@examples(300)
@given(st.text(max_size=60) | st.lists(PIECES, max_size=25).map("".join))
@example("a: &a [*a]")
@example("[" * 5000)
@example("- " * 5000)
@example("{a: " * 200)
@example("? " * 5000)
@example("1: {2: 3}\n[4]: 5")
def test_any_text_is_loaded_or_raises_a_policy_error(text):
    error = refusal(text)

    if error is not None:
        lines = str(error).splitlines()
        assert len(lines) == len(error.problems) > 0
        assert all(line.startswith("policy.yaml:") for line in lines)
        assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in error.problems)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
TEXTS = st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
KEYS = ["name", "lever", "levers", "top", "mode", "objective", "min", "max", "schedules", "prices", "scale_down_delay",
        "memory_mb", "cron"]


@examples(200)
@given(st.fixed_dictionaries({"version": st.just(1) | VALUES}, optional={
    "defaults": VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES),
    "pools": VALUES | st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES), max_size=3), "assume": VALUES}))
def test_any_document_is_loaded_or_raises_a_policy_error(document):
    error = refusal(yaml.safe_dump(document, allow_unicode=True))

    assert error is None or error.problems


def test_loading_imports_neither_numpy_nor_a_provider():
    code = ("import sys; from adapters.kinds import policy_kinds; policy_kinds(); "
            "import config.loading.loader, config.loading.schema; "
            "print([m for m in ('numpy', 'statsmodels', 'boto3', 'botocore', 'google', 'aiohttp') if m in sys.modules])")
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert (process.stdout.strip(), process.stderr) == ("[]", "")


def test_headers_from_allows_authorization():
    lever = "{kind: http-ping, url: 'https://a.example/ping', opted_in: true, headers_from: {Authorization: PING_AUTH}}"
    policy = parse_policy(f"version: 1\npools:\n  - name: a\n    lever: {lever}\n    max: 2\n", policy_kinds())

    assert policy.pools[0].lever.model_dump()["headers_from"] == {"Authorization": "PING_AUTH"}
