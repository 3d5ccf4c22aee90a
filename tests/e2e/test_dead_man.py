"""A real daemon is killed and no other comes: the provider does what it was told ahead."""

import signal
from collections import Counter
from datetime import timedelta

from adapters.runtime.clock import SystemClock
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Sandbox
from tests.e2e.daemons import daemon, policy_text, serving, steady_history


class Jumping(SystemClock):
    """The machine's clock, and what was jumped."""

    ahead = timedelta(0)

    def now(self):
        return super().now() + self.ahead


async def test_after_a_kill_capacity_follows_the_plan_and_stops_at_the_floor(tmp_path):
    clock, policy = Jumping(), tmp_path / "policy.yaml"
    sandbox = Sandbox(clock, settings=Settings(preparation_seconds=(0.3, 0.5)))
    sandbox.add_function("agent", steady_history(5, days=2), init_seconds=0.1)
    sandbox.add_function("abrupt", steady_history(5, days=2), init_seconds=0.1)
    sandbox.add_function("watched", steady_history(5), init_seconds=0.1)
    text = policy_text("agent", "abrupt", "watched", low=2).split("  - name:")
    text[1] += "    dead_man: {after: 30m, follow: 1h}\n"
    text[2] += "    dead_man: {after: 30m, follow: 0s}\n"
    policy.write_text("  - name:".join(text) + "    mode: shadow\n    dead_man: {after: 30m}\n")

    def units(name):
        return sandbox.hosted(name).function.provisioned

    def all_told():
        """The plan's five, which never goes down before its end, and the two floors."""
        told = sorted((each["ResourceId"], each["ScalableTargetAction"]["MinCapacity"]) for each in sandbox.scheduled_actions)
        return told == [("function:abrupt:live", 0), ("function:agent:live", 0), ("function:agent:live", 5)]

    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url, "--tick-seconds", "1") as run:
        await run.until(all_told)  # the plan becomes known, and orders are renewed with each tick
        assert await run.end(signal.SIGKILL) == -signal.SIGKILL

        resources = Counter(action["ResourceId"] for action in sandbox.scheduled_actions)
        assert resources == {"function:agent:live": 2, "function:abrupt:live": 1}
        clock.ahead = timedelta(minutes=25)
        assert (units("agent"), units("abrupt")) == (5, 5)
        clock.ahead = timedelta(minutes=31)
        assert (units("agent"), units("abrupt")) == (5, 2)
        clock.ahead = timedelta(minutes=85)
        assert units("agent") == 5
        clock.ahead = timedelta(minutes=125)
        assert units("agent") == 2
        clock.ahead = timedelta(days=1)
        assert (units("agent"), units("abrupt"), units("watched")) == (2, 2, 0)
