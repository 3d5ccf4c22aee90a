"""A real daemon is killed and no other comes: the provider does what it was told ahead."""

import signal
from datetime import timedelta

from adapters.clock import SystemClock
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Sandbox
from tests.e2e.daemons import daemon, policy_text, serving, steady_history


class Jumping(SystemClock):
    """The machine's clock, and what was jumped."""

    ahead = timedelta(0)

    def now(self):
        return super().now() + self.ahead


async def test_killed_and_not_started_again_capacity_comes_down_to_the_floor_and_no_further(tmp_path):
    clock, policy = Jumping(), tmp_path / "policy.yaml"
    sandbox = Sandbox(clock, settings=Settings(preparation_seconds=(0.3, 0.5)))
    sandbox.add_function("agent", steady_history(5), init_seconds=0.1)
    sandbox.add_function("watched", steady_history(5), init_seconds=0.1)
    policy.write_text(policy_text("agent", "watched", low=2).replace("mode: active", "mode: active, dead_man: {after: 30m}")
                      + "    mode: shadow\n")
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url) as run:
        await run.until(lambda: sandbox.scheduled_actions)
        assert await run.end(signal.SIGKILL) == -signal.SIGKILL

        assert [action["ResourceId"] for action in sandbox.scheduled_actions] == ["function:agent:live"]
        clock.ahead = timedelta(minutes=25)
        assert sandbox.hosted("agent").function.provisioned == 5
        clock.ahead = timedelta(minutes=31)
        assert sandbox.hosted("agent").function.provisioned == 2
        clock.ahead = timedelta(days=1)
        assert sandbox.hosted("agent").function.provisioned == 2
        assert sandbox.hosted("watched").function.provisioned == 0
