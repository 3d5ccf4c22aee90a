"""Each problem is reported once, and none that follows from another."""

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy

LEVER = "lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: %s, alias: live}"


def problems(text: str) -> list[str]:
    """Return the paths of all problems, each with its message."""
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, policy_kinds())
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


def pools(*rest: str) -> str:
    """Return pools a, b, c …, each with a separate lever and with `rest`."""
    rows = zip("abcdef", rest, strict=False)
    return "pools:\n" + "".join(f"  - {{name: {name}, {LEVER % name}{more}}}\n" for name, more in rows)


def test_pools_with_invalid_levers_share_no_resource():
    found = problems("""version: 1
defaults: {max: 5}
pools:
  - name: a
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: a, alias: $LATEST}
  - name: b
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: b, alias: $LATEST}
  - name: c
    lever: {kind: cloud-run-min-instances, project: acme, location: europe-west1}
  - name: d
    lever: {kind: lambda}
  - name: e
    lever: {kind: lambda}
""")

    assert [each.partition(": ")[0] for each in found] == [
        "pools[0].lever.alias", "pools[1].lever.alias", "pools[2].lever.service", "pools[3].lever.kind", "pools[4].lever.kind"]
    assert "publish-version --function-name a" in found[0]
    assert "publish-version --function-name b" in found[1]


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("version: 1\n" + pools(", maxx: 5"), "pools[0].maxx", "did you mean max?"),
        ("version: 1\ndefaults: {maxx: 5}\n" + pools("", "", ""), "defaults.maxx", "did you mean max?"),
        ("version: 1\ndefault: {max: 5}\n" + pools("", ""), "default", "did you mean defaults?"),
        ("version: 1\ndefaults: [max]\n" + pools("", ""), "defaults", "is not a mapping of keys"),
        ("verson: 1\n" + pools(", max: 5"), "verson", "did you mean version?"),
        ("version: 1\n" + pools(", max: 5").replace("pools", "pool"), "pool", "did you mean pools?"),
        ("version: 1\n" + pools(", max: 5").replace("lever", "levr"), "pools[0].levr", "did you mean lever?"),
        ("version: 1\n" + pools(", max: 5").replace("name", "nam"), "pools[0].nam", "did you mean name?"),
        ("version: 1\n" + pools(", max: 5").replace("function", "funtion"), "pools[0].lever.funtion", "did you mean function?"),
        ("version: 1\n" + pools(", max: 5, schedules: [{cron: '0 8 * * *', duration: 1h, mim: 2}]"), "pools[0].schedules[0].mim",
         "did you mean min?"),
    ],
)
def test_a_misspelt_key_is_not_also_a_missing_key(text, path, says):
    (found,) = problems(text)

    assert found.startswith(f"{path}: ")
    assert says in found


def test_another_missing_key_is_still_reported():
    assert [each.partition(": ")[0] for each in problems("version: 1\n" + pools(", mod: active"))] == [
        "pools[0].max", "pools[0].mod"]


def test_a_value_repeated_by_aliases_is_one_problem():
    text = "version: 1\ndefaults: {max: 5}\npools:\n" + "".join(
        f"  - {{name: {name}, {LEVER % name}, prices: {value}}}\n"
        for name, value in (("a", "&p {idle: -1, warm_busy: 1, on_demand: 1}"), ("b", "*p"), ("c", "*p")))

    assert problems(text) == ["pools[0].prices.idle: -1 is out of range: at least 0 is allowed"]


def test_a_misread_value_has_only_the_fault_of_the_text():
    found = problems("version: 1\n" + pools(", max: !number 5x"))

    assert len(found) == 1
    assert "tag" in found[0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("name: support agent", "write support-agent"), ("name: ' chat '", "write chat"), ("name: 'chat/v2'", "write chat-v2"),
        ("name: ''", "write it like support-agent"),
    ],
)
def test_text_that_does_not_match_gets_a_suggestion(wrong, says):
    (found,) = problems(f"version: 1\npools:\n  - {wrong}\n    max: 5\n    {LEVER % 'f'}\n")

    assert says in found
    assert "^" not in found


@pytest.mark.parametrize(
    ("url", "right"),
    [("agent.example.com/ping", "https://agent.example.com/ping"), ("https://a.example/p?x=1", "https://a.example/p"),
     ("https://me@a.example/p", "https://a.example/p")],
)
def test_an_invalid_url_gets_a_suggestion(url, right):
    (found,) = problems(f"version: 1\npools:\n  - {{name: a, max: 2, lever: {{kind: http-ping, url: '{url}'}}}}\n")

    assert f": write {right}" in found
