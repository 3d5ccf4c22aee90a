"""`levers` of a pool: what can be layers, and the place and the remedy of each mistake."""

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, locate_policy, parse_policy

BASE = "{kind: lambda-provisioned-concurrency, region: us-east-1, function: pool, alias: live}"
TOP = "{kind: lambda-ping, region: us-east-1, function: pool, alias: live, handler: stoker, opted_in: true}"
RUN = "{kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}"
PING = "{kind: http-ping, url: 'https://%s/ping', opted_in: true}"


def policy(*pools: str, head: str = "") -> str:
    """Return a policy of pools a, b …, each with the given lines after its name."""
    return f"version: 1\n{head}pools:\n" + "".join(f"  - name: {name}\n    max: 5\n{lines}"
                                                   for name, lines in zip("abc", pools, strict=False))


def levers(*each: str) -> str:
    """Return the lines of a list of levers."""
    return "    levers:\n" + "".join(f"      - {one}\n" for one in each)


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, policy_kinds())
    return [str(problem).removeprefix("policy.yaml:") for problem in caught.value.problems]


def test_two_levers_are_the_base_and_the_top_of_one_pool():
    (pool,) = parse_policy(policy(levers(BASE, TOP)), policy_kinds()).pools

    assert (pool.lever.kind, pool.top.kind, pool.top.handler) == ("lambda-provisioned-concurrency", "lambda-ping", "stoker")


def test_a_list_of_one_lever_equals_the_lever():
    (pool,), (other,) = (parse_policy(policy(lines), policy_kinds()).pools for lines in (levers(TOP), f"    lever: {TOP}\n"))

    assert pool == other
    assert pool.top is None


def test_defaults_apply_to_a_pool_with_layers():
    head = "defaults: {mode: active, dead_man: {after: 30m}, keep_setting: true}\n"
    (pool,) = parse_policy(policy(levers(BASE, TOP), head=head), policy_kinds()).pools

    assert (pool.mode, pool.keep_setting, pool.dead_man is not None) == ("active", True, True)


@pytest.mark.parametrize("host", ["chat-abcdefghij-ew.a.run.app", "chat-123456.europe-west1.run.app", "blue---chat-1.ew.run.app",
                                  "agent.example.com"])
def test_a_url_of_the_service_or_of_another_domain_is_accepted(host):
    assert parse_policy(policy(levers(RUN, PING % host)), policy_kinds()).pools[0].top.kind == "http-ping"


def test_a_long_name_of_a_service_is_compared_by_its_first_letters():
    run = RUN.replace("chat", "a-service-with-a-very-long-name-for-agents")

    assert parse_policy(policy(levers(run, PING % "a-service-with-a-very-long-n-x-ew.a.run.app".replace("-n-x", "-name-1"))),
                        policy_kinds()).pools


MISTAKES = [
    (f"    lever: {BASE}\n{levers(BASE, TOP)}",
     "6:5 pools[0].levers: lever and levers are both given: remove lever, and list each layer under levers, the lowest first"),
    ("", "3:5 pools[0].lever: the key lever is missing: it sets the pool's warm capacity (levers: with two layers)"),
    ("    levers: []\n", "5:13 pools[0].levers: an empty list: add one lever, or two as layers, the lowest first"),
    ("    levers:\n", "5:12 pools[0].levers: empty is not a list of levers: start each lever with '- kind: '"),
    (f"    levers: {BASE}\n", "5:13 pools[0].levers: a mapping is not a list of levers: start each lever with '- kind: '"),
    (levers(BASE, TOP, BASE), "8:9 pools[0].levers[2]: 3 levers: a pool has at most 2 layers; remove the others"),
    (levers(TOP, BASE), ("6:9 pools[0].levers[0]: lambda-ping is the layer above lambda-provisioned-concurrency: list "
                        "lambda-provisioned-concurrency first")),
    (levers(BASE, PING % "a.example"),
     ("7:9 pools[0].levers[1]: http-ping cannot be a layer above lambda-provisioned-concurrency: possible: "
     "lambda-ping above lambda-provisioned-concurrency, http-ping above cloud-run-min-instances")),
    (levers(BASE, BASE),
     ("7:9 pools[0].levers[1]: lambda-provisioned-concurrency cannot be a layer above lambda-provisioned-concurrency: possible: "
     "lambda-ping above lambda-provisioned-concurrency, http-ping above cloud-run-min-instances")),
    (levers(BASE, TOP.replace("us-east-1", "eu-west-1")),
     ("7:37 pools[0].levers[1].region: another resource than that of lambda-provisioned-concurrency: all layers of a pool act on "
     "one resource: write us-east-1, or make it another pool")),
    (levers(BASE, TOP.replace("pool", "other")),
     ("7:58 pools[0].levers[1].function: another resource than that of lambda-provisioned-concurrency: all layers of a pool act "
     "on one resource: write pool, or make it another pool")),
    (levers(BASE, TOP.replace("live", "beta")),
     ("7:71 pools[0].levers[1].alias: another resource than that of lambda-provisioned-concurrency: all layers of a pool act on "
     "one resource: write live, or make it another pool")),
    (levers(RUN, PING % "shop-abcdefghij-ew.a.run.app"),
     ("7:32 pools[0].levers[1].url: another resource than that of cloud-run-min-instances: all layers of a pool act on one "
     "resource: write a URL of the service chat, or make it another pool")),
    (f"    top: {TOP}\n{levers(BASE)}", "5:5 pools[0].top: unknown key 'top': "),
    (levers(BASE, TOP.replace("handler: stoker", "handlr: stoker")), "7:77 pools[0].levers[1].handlr: unknown key "),
    (f"    levrs:\n      - {BASE}\n", "5:5 pools[0].levrs: unknown key 'levrs': did you mean levers?"),
]


@pytest.mark.parametrize(("lines", "says"), MISTAKES)
def test_a_mistake_is_one_problem_with_its_place_and_remedy(lines, says):
    (found,) = problems(policy(lines))

    assert found.startswith(says)


def test_the_keys_of_a_pool_are_those_of_the_file():
    (found,) = problems(policy(levers(BASE) + "    nonsense: 1\n"))

    allowed = found.partition("allowed: ")[2].split(", ")
    assert "levers" in allowed
    assert "top" not in allowed


def test_levers_cannot_have_a_default():
    (found,) = problems(policy(levers(BASE), head=f"defaults:\n  levers: [{BASE}]\n"))

    assert found == "3:3 defaults.levers: levers cannot have a default: set it in each pool"


@pytest.mark.parametrize(("first", "second", "says"), [
    (levers(BASE, TOP), f"    lever: {TOP}\n", ("10:12 pools[1].lever: pools[0] already sets region=us-east-1 function=pool "
                                               "alias=live by lambda-ping: one pool per resource and lever")),
    (f"    lever: {TOP}\n", levers(BASE, TOP), ("10:9 pools[1].levers[1]: pools[0] already sets region=us-east-1 function=pool "
                                               "alias=live by lambda-ping: one pool per resource and lever")),
    (f"    lever: {BASE}\n", levers(BASE, TOP), ("9:9 pools[1].levers[0]: pools[0] already sets region=us-east-1 function=pool "
                                                "alias=live by lambda-provisioned-concurrency: one pool per resource and lever")),
])
def test_a_layer_is_no_lever_of_another_pool(first, second, says):
    assert problems(policy(first, second)) == [says]


def test_a_place_of_a_layer_is_found_by_its_name_in_the_model(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(policy(levers(BASE, TOP), f"    lever: {RUN}\n"))
    located = locate_policy(path, policy_kinds())

    assert located.at(("pools", 0, "top", "alias")) == f"{path}:7:71 pools[0].levers[1].alias"
    assert located.at(("pools", 0, "lever", "alias")) == f"{path}:6:90 pools[0].levers[0].alias"
    assert located.at(("pools", 1, "lever", "project")) == f"{path}:10:53 pools[1].lever.project"
