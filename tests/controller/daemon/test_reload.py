"""A running daemon uses another policy between two ticks: only changed pools are touched; a refused one changes nothing."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from adapters.ports.errors import Unsupported
from config.loading.problem import PolicyError, Problem
from config.model.display import Display
from config.model.lease import SqliteLeaseSettings
from config.model.limits import Limits
from config.model.policy import Objective
from config.model.statsd import StatsD
from controller.fleet.policy import change
from controller.fleet.policy.in_force import PolicyRefused
from controller.notifications.conditions import current_conditions
from controller.notifications.notice import DAEMON
from controller.store.sqlite_file import StoreError
from tests.builders import alias_of, pool_policy
from tests.fakes import FakeLever, steady
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving

HISTORY = timedelta(hours=3)
FOUR = {"a": steady(3), "b": steady(7), "c": steady(2), "d": steady(5)}


def changed(policy, each=None, without=(), added=(), **more):
    """A policy with changed pools: `each` by name; some left out, others added."""
    pools = [pool.model_copy(update=(each or {}).get(pool.name, {})) for pool in policy.pools if pool.name not in without]
    return policy.model_copy(update={"pools": (*pools, *added), **more})


def two(folder, **more):
    """A service with the pools `a` and `b`; its source also knows `c` and `d`."""
    each = {name: {"lever": alias_of(name)} for name in FOUR}
    return serving(folder, traffic=FOUR, history=HISTORY, starting=("a", "b"), each=each, **more)


def pool(name, **changes):
    return pool_policy(name=name, lever=alias_of(name), **changes)


async def use(here, *args, **changes):
    return await here.service.runtime.reloader.change(lambda policy: changed(policy, *args, **changes), "test")


async def test_a_new_ceiling_holds_from_the_next_tick_and_nothing_is_read_again(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        before, levers = dict(here.components.fleet.reconcilers), {name: list(each.calls) for name, each in here.levers.items()}
        done = await use(here, {"a": {"max": 2}})

        assert (done.outcome, done.diff["changed"]) == ("reloaded", {"a": [{"key": "max", "old": 100, "new": 2}]})
        assert dict(here.components.fleet.reconcilers) == before
        assert {name: each.calls for name, each in here.levers.items()} == levers
        await here.ticks()
        assert here.components.fleet.plans["a"].target == 2
        assert here.components.fleet.plans["b"].target == 7


async def test_an_added_pool_is_planned_at_the_next_tick_with_its_history(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        await use(here, added=[pool("c")])
        await here.ticks(2)

        assert here.levers["c"].writes[-1:] == [here.components.fleet.plans["c"].target]
        status, body = await here.json("/status")
        assert status == 200
        assert [pool["name"] for pool in body["pools"]] == ["a", "b", "c"]
        assert (await here.json("/v1/pools/c"))[0] == 200
        assert (await here.json("/v1/pools/c/forecast"))[0] == 200


async def test_a_removed_pool_is_an_orphan_and_no_longer_read_or_served(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        await use(here, without=["a"])
        reads = len(here.levers["a"].calls)
        await here.ticks(2)

        assert [each.pool for each in here.components.fleet.orphans.found] == ["a"]
        assert here.components.fleet.orphans.found[0].units == 3
        assert len(here.levers["a"].calls) == reads
        assert (await here.json("/v1/pools/a"))[0] == 404
        assert [pool["name"] for pool in (await here.json("/status"))[1]["pools"]] == ["b"]


async def test_a_pool_that_comes_back_is_no_orphan_and_continues_with_its_units(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        earlier = here.service.runtime.policy.pools[0]
        writes = list(here.levers["a"].writes)
        await use(here, without=["a"])
        await here.ticks()
        await use(here, added=[earlier])
        await here.ticks(2)

        assert here.components.fleet.orphans.found == ()
        assert here.levers["a"].writes == writes
        assert here.components.fleet.plans["a"].target == 3


async def test_shadow_becomes_active_and_shadow_again_without_a_restart(tmp_path):
    async with two(tmp_path, mode="shadow") as here:
        await here.ticks(2)
        assert here.levers["a"].writes == []
        await use(here, {"a": {"mode": "active"}})
        await here.ticks(2)
        assert here.levers["a"].writes == [3]
        assert here.levers["b"].writes == []
        await use(here, {"a": {"mode": "shadow"}})
        here.source.traffic["a"] = steady(9)
        await here.ticks(5)
        assert here.levers["a"].writes == [3]
        assert (await here.json("/v1/pools/a"))[1]["mode"] == "shadow"


async def test_another_objective_moves_the_row_of_one_pool_and_keeps_the_others(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        group = here.components.fleet.region_of["b"]
        await use(here, {"a": {"objective": Objective(cold_start_cost_usd=9.0)}})
        fleet = here.components.fleet

        assert fleet.region_of["b"] is group
        assert fleet.region_of["a"] is not group
        assert fleet.region_of["a"].terms("a").cold_start_cost_usd == 9.0
        assert fleet.view("a", here.clock.now()).proposal is not None
        await here.ticks(2)
        assert fleet.plans["a"].target == 3


async def test_an_equal_policy_is_unchanged(tmp_path):
    async with two(tmp_path) as here:
        assert (await use(here)).outcome == "unchanged"


@pytest.mark.parametrize(("key", "value"), [
    ("statsd", StatsD(address="127.0.0.1:8125")), ("lease", SqliteLeaseSettings(kind="sqlite", path="/run/lease.db"))])
async def test_keys_that_need_a_restart_are_refused_with_the_reason(tmp_path, key, value):
    async with two(tmp_path) as here:
        with pytest.raises(PolicyRefused, match=f"{key} cannot change while the daemon runs: restart it"):
            await use(here, **{key: value})
        assert here.components.policy.refusal is not None


async def test_a_lever_that_cannot_be_used_refuses_the_whole_policy(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks()
        policy, providers = here.service.runtime.policy, here.service._settings.providers
        providers.lever = refuse_lever
        with capture_logs() as logs, pytest.raises(PolicyRefused, match="needs the library"):
            await use(here, {"b": {"max": 1}}, added=[pool("c")])
        await here.ticks()

        assert here.service.runtime.policy is policy
        assert here.components.fleet.plans["b"].target == 7
        assert [each["event"] for each in logs if each["log_level"] == "error"] == ["policy-refused"]


def refuse_lever(pool):
    raise Unsupported(f"pool {pool.name}: the lever needs the library x, which is not installed")


async def test_a_full_disk_refuses_the_policy_and_the_ticks_go_on(tmp_path, monkeypatch):
    async with two(tmp_path) as here:
        await here.ticks(2)

        async def full(*_):
            raise StoreError("no space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(here.service.runtime.store, "save_states", full)
            with pytest.raises(PolicyRefused, match="no space left"):
                await use(here, without=["a"])
        await here.ticks()

        assert here.components.fleet.orphans.found == ()
        assert here.components.fleet.plans["a"].at == here.clock.now()


async def test_a_refusal_is_on_every_surface(tmp_path):
    async with two(tmp_path) as here:
        with pytest.raises(PolicyRefused):
            await use(here, statsd=StatsD(address="127.0.0.1:8125"))
        await here.ticks()

        assert "statsd" in (await here.json("/healthz"))[1]["policy_refused"]
        last = (await here.json("/status"))[1]["policy"]["last_reload"]
        assert (last["outcome"], last["trigger"]) == ("refused", "test")
        metrics = (await here.get("/metrics"))[1].decode()
        assert "stoker_policy_refused 1.0" in metrics
        assert 'stoker_policy_reloads_total{outcome="refused"} 1.0' in metrics


async def test_a_tick_that_is_due_while_a_policy_takes_effect_is_not_skipped(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks()
        tick = here.service.runtime.tick
        async with tick.between():
            due = asyncio.create_task(tick.run())
            await asyncio.sleep(0)
            assert not tick.running
        await due

        assert here.service.runtime.published.ticks.ended["skipped"] == 0


async def test_a_policy_takes_effect_after_the_tick_in_progress(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        here.levers["b"].hanging.add("read")
        here.components.fleet.reconcilers["b"].error = Unsupported("read again")
        tick = asyncio.create_task(here.service.runtime.tick.run())
        await until(lambda: here.service.runtime.tick.running)
        reload = asyncio.create_task(use(here, {"a": {"max": 1}}))
        await asyncio.sleep(0.05)
        assert here.service.runtime.policy.pools[0].max == 100
        await here.clock.advance(timedelta(seconds=30))
        await tick
        await reload
        assert here.service.runtime.policy.pools[0].max == 1
        here.components.fleet.stepping["b"].cancel()


async def until(condition):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_a_step_in_progress_of_a_removed_pool_is_waited_for_and_then_cut_off(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        here.levers["a"].hanging.add("write")
        here.source.traffic["a"] = steady(8)
        tick = asyncio.create_task(here.service.runtime.tick.run())
        while "write" not in here.levers["a"].calls[-1:]:
            if tick.done():
                await here.clock.advance(timedelta(minutes=1))
                tick = asyncio.create_task(here.service.runtime.tick.run())
            await asyncio.sleep(0.001)
        while not tick.done():
            await here.clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0.001)
        assert "a" in here.components.fleet.stepping
        reload = asyncio.create_task(use(here, without=["a"]))
        while not reload.done():
            await here.clock.advance(timedelta(seconds=5))
            await asyncio.sleep(0.01)
        await reload

        assert "a" not in here.components.fleet.stepping
        assert here.components.fleet.orphans.found[0].units == 8  # what the write may have set


async def test_overrides_of_a_pool_whose_mode_changes_stay(tmp_path):
    async with two(tmp_path, mode="shadow") as here:
        await here.ticks()
        status, _, _ = await here.ask("POST", "/v1/pools/a/overrides", TOKEN,
                                      json={"kind": "pin", "units": 6, "for": "2h", "reason": "launch", "by": "ana"})
        assert status == 200
        await use(here, {"a": {"mode": "active"}})
        await here.ticks(2)

        assert here.levers["a"].writes[-1] == 6


async def test_accounts_of_a_pool_go_on_and_its_two_modes_stay_apart(tmp_path):
    async with two(tmp_path, mode="shadow") as here:
        await here.ticks(30)
        before = await pool_entry(here, "b")
        await use(here, {"a": {"mode": "active"}, "b": {"objective": Objective(cold_start_cost_usd=1.0)}})
        shadow = await pool_entry(here, "a")
        await here.ticks(30)
        a, b = await pool_entry(here, "a"), await pool_entry(here, "b")

        assert shadow["simulated_bill_today_usd"] == a["simulated_bill_today_usd"] > 0
        assert a["actual_bill_today_usd"] > 0
        assert b["simulated_bill_today_usd"] > before["simulated_bill_today_usd"] > 0


async def pool_entry(here, name):
    return (await here.json(f"/v1/pools/{name}"))[1]


async def test_many_groups_are_joined_and_plans_stay_the_same(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        for at in range(7):
            await use(here, {"a": {"objective": Objective(cold_start_cost_usd=1.0 + at)}})
            await here.ticks()
        fleet = here.components.fleet

        assert len(fleet.regions) <= 6
        assert fleet.plans["b"].target == 7


async def test_as_many_groups_as_sources_are_not_joined(tmp_path, monkeypatch):
    monkeypatch.setattr(change, "MOST_GROUPS", 2)
    async with two(tmp_path) as here:
        await here.ticks(2)
        source, providers = here.source, here.service._settings.providers
        providers.groups = [(source, (name,)) for name in FOUR]
        await use(here, added=[pool("c"), pool("d")])
        await here.ticks()
        before = [here.components.fleet.region_of[name] for name in "bcd"]
        await use(here, {"a": {"objective": Objective(cold_start_cost_usd=1.0)}})

        assert [here.components.fleet.region_of[name] for name in "bcd"] == before


async def test_limits_change_without_a_restart(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        await use(here, limits=Limits(usd_per_hour=0.001))
        await here.ticks()

        assert (await here.json("/status"))[1]["limits"]["usd_per_hour"]["limit"] == 0.001


async def test_currency_and_time_zone_change_without_a_restart(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        await use(here, display=Display(timezone="Europe/Paris", currency_rate={"EUR": 2.0}))
        await here.ticks()

        assert (await here.json("/status"))[1]["display"] == {"timezone": "Europe/Paris", "currency": "EUR", "units_per_usd": 2.0}


class File:
    """Policy file whose content a test sets."""

    def __init__(self, policy):
        self.policy, self.reads, self.error = policy, 0, None

    def load(self):
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.policy


async def test_requests_while_a_reload_is_in_progress_share_the_next_one(tmp_path):
    async with two(tmp_path) as here:
        reloader = here.service.runtime.reloader
        file = File(changed(here.service.runtime.policy, {"a": {"max": 50}}))
        object.__setattr__(here.service._settings, "file", file)
        done = await asyncio.gather(*(reloader.reload("test") for _ in range(10)))

        assert {each.outcome for each in done} == {"reloaded"}
        assert file.reads == 1


async def test_http_reloads_and_refuses_with_all_problems(tmp_path):
    async with two(tmp_path) as here:
        file = File(changed(here.service.runtime.policy, {"a": {"max": 50}}))
        object.__setattr__(here.service._settings, "file", file)
        assert (await here.ask("POST", "/v1/reload"))[0] == 401
        status, body, _ = await here.ask("POST", "/v1/reload", TOKEN)
        assert (status, body["outcome"], body["diff"]["changed"]["a"][0]["new"]) == (200, "reloaded", 50)
        file.error = PolicyError([Problem("policy.yaml", 3, 1, "", "one"), Problem("policy.yaml", 4, 1, "", "two")])
        status, body, _ = await here.ask("POST", "/v1/reload", TOKEN)
        assert (status, body["error"].count("\n")) == (409, 1)


async def test_the_command_shows_what_has_changed_and_ends_with_2_for_a_refused_policy(tmp_path):
    async with two(tmp_path) as here:
        file = File(changed(here.service.runtime.policy, {"a": {"max": 50}}, added=[pool("c")]))
        object.__setattr__(here.service._settings, "file", file)
        shown = await here.stoker("reload", env={"STOKER_TOKEN": TOKEN})
        assert shown.exit_code == 0
        assert shown.stdout.splitlines()[:2] == ["+ pool c", "~ pool a"]
        file.error = PolicyError([Problem("policy.yaml", 3, 1, "", "wrong")])
        shown = await here.stoker("reload", env={"STOKER_TOKEN": TOKEN})
        assert (shown.exit_code, shown.stderr) == (2, "stoker: policy.yaml:3:1 wrong\n")


async def test_a_lever_of_another_resource_leaves_an_orphan_and_starts_anew(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        here.levers["a"] = FakeLever(here.clock)
        await use(here, {"a": {"lever": alias_of("a", "blue")}})
        await here.ticks(2)

        assert here.levers["a"].writes == [3]
        assert [each.lever.resource for each in here.components.fleet.orphans.found] == ["region=us-east-1 function=a alias=live"]


async def test_an_orphan_has_a_price_and_is_notified_until_it_is_taken_back(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        fleet, earlier = here.components.fleet, here.service.runtime.policy.pools[0]
        price = fleet.reconcilers["a"].usd_per_unit_minute
        await use(here, without=["a"])
        await here.ticks()
        (shown,) = (await here.json("/status"))[1]["orphans"]

        assert shown["usd_per_hour"] == pytest.approx(3 * 60 * price, rel=1e-4)
        assert f"{shown['usd_per_hour']:.4f} USD per hour" in shown["text"]
        keys = {key.code for key in current_conditions(fleet, here.clock.now())[DAEMON]}
        assert keys == {"orphan"}
        assert b'stoker_orphan_usd_per_hour{lever="lambda-provisioned-concurrency",pool="a"}' in (await here.get("/metrics"))[1]
        await use(here, added=[earlier])
        assert current_conditions(fleet, here.clock.now())[DAEMON] == {}


async def test_an_orphan_is_released_by_the_running_daemon_only_with_the_token_and_only_if_asked(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        await use(here, without=["a"])
        assert (await here.ask("POST", "/v1/orphans/a/release"))[0] == 401
        status, body, _ = await here.ask("POST", "/v1/orphans/a/release?dry_run=true", TOKEN)
        assert (status, body["target"], here.levers["a"].writes) == (200, 0, [3])
        shown = await here.stoker("release", "a", "--yes", env={"STOKER_TOKEN": TOKEN})
        assert shown.exit_code == 0, shown.output
        assert here.levers["a"].writes == [3, 0]
        assert here.components.fleet.orphans.found == ()


@pytest.mark.parametrize(("name", "code", "text"), [
    ("b", 409, "is a pool of the policy"), ("x", 404, "no pool and no orphan is called 'x'")])
async def test_pools_of_the_policy_and_unknown_names_are_not_released(tmp_path, name, code, text):
    async with two(tmp_path) as here:
        await here.ticks(2)
        status, body, _ = await here.ask("POST", f"/v1/orphans/{name}/release", TOKEN)

        assert status == code
        assert text in body["error"]
        assert here.levers["b"].writes == [7]
