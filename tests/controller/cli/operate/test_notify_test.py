import textwrap

from tests.receivers import receiving
from tests.services import typed

POLICY = """\
version: 1
pools:
  - {name: a, max: 3, lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: f, alias: live}}
"""


def policy(folder, *sinks):
    path = folder / "policy.yaml"
    path.write_text(POLICY + ("notify:\n" + textwrap.indent("\n".join(sinks), "  ") + "\n" if sinks else ""))
    return str(path)


async def stoker(*arguments, **environment):
    return await typed("notify-test", "--policy", *arguments, env=environment)


async def test_each_sink_gets_a_message_in_its_own_shape(tmp_path):
    async with receiving() as receiver:
        path = policy(tmp_path, f"- {{name: hook, kind: webhook, url: '{receiver.url}', reasons: [fault], secret_env: KEY}}",
                      "- {name: team, kind: slack, url_env: SLACK}", f"- {{name: bus, kind: cloudevents, url: '{receiver.url}'}}")
        told = await stoker(path, SLACK=receiver.url, KEY="hunter2")

    assert (told.exit_code, told.output) == (0, "hook: delivered\nteam: delivered\nbus: delivered\n")
    assert receiver.bodies[0]["reason"] == "test"
    assert "blocks" in receiver.bodies[1]
    assert receiver.bodies[2]["type"] == "io.stoker.notice.test"
    assert "Stoker-Signature" in receiver.headers[0]


async def test_a_failed_delivery_is_reported_without_its_url(tmp_path):
    async with receiving() as receiver:
        receiver.answers = [403]
        path = policy(tmp_path, "- {name: team, kind: slack, url_env: SLACK}", "- {name: b, kind: slack, url_env: NONE}")
        told = await stoker(path, SLACK=receiver.url, NONE=None)

    assert told.exit_code == 1
    assert "team: sink team refuses messages (403)" in told.output
    assert "b: NONE not set" in told.output
    assert "T0KEN" not in told.output


async def test_a_policy_without_sinks_is_wrong_input(tmp_path):
    assert (await stoker(policy(tmp_path))).exit_code == 2


async def test_one_sink_alone(tmp_path):
    async with receiving() as receiver:
        sinks = [f"- {{name: {name}, kind: webhook, url: '{receiver.url}'}}" for name in ("one", "two")]
        told = await stoker(policy(tmp_path, *sinks), "--sink", "two")
        wrong = await stoker(policy(tmp_path, *sinks), "--sink", "three")

    assert told.output == "two: delivered\n"
    assert wrong.exit_code == 2
