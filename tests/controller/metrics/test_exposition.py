import asyncio
import subprocess
import threading
from datetime import timedelta
from shutil import which

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.ports.errors import Throttled, Unreachable
from config.model.credentials import Credentials
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.metrics.catalogue import FAMILIES, POOL_FAMILIES
from controller.metrics.pool_exposition import FACTS, OF_TOPS, binding_codes
from controller.metrics.tick_counters import BOUNDS, Ticks
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS
from tests.scrapes import UNTOLD, eventful, scraped
from tests.services import layers, serving


def families(text):
    return {family.name + ("_total" if family.type == "counter" else ""): family
            for family in text_string_to_metric_families(text)}


def values(text, name, **labels):
    return {tuple(value for key, value in sorted(sample.labels.items()) if key not in labels): sample.value
            for sample in families(text)[name].samples if labels.items() <= sample.labels.items()}


def value(text, name, **labels):
    found = [sample.value for sample in families(text)[name].samples if sample.labels == labels]
    assert len(found) == 1, (name, labels)
    return found[0]


async def test_every_metric_of_the_catalogue_is_exported_with_its_labels_and_no_other(tmp_path):
    found = families(await eventful(tmp_path))

    assert {name: family.type for name, family in found.items()} == {name: each.kind for name, each in FAMILIES.items()}
    for name, family in found.items():
        assert family.samples or name in UNTOLD, name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(FAMILIES[name].labels), name


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")
async def test_promtool_reports_nothing_about_a_scrape(tmp_path):
    text = await eventful(tmp_path)
    told = await asyncio.to_thread(subprocess.run, ["promtool", "check", "metrics"], input=text, capture_output=True, text=True,
                                   timeout=PATIENCE_SECONDS)

    assert (told.returncode, told.stdout + told.stderr) == (0, "")


async def test_figures_of_shadow_pools_are_kept_apart(tmp_path):
    async with serving(tmp_path, each={"b": {"mode": "shadow"}}) as here:
        text = await scraped(here)

    found = {name: {(sample.labels["pool"], sample.labels["mode"]) for sample in family.samples}
             for name, family in families(text).items() if name.startswith(("stoker_actual_", "stoker_simulated_"))}
    both = ("stoker_actual_requested_units", "stoker_actual_ready_units")
    assert [found.pop(name) for name in both] == 2 * [{("a", "active"), ("b", "shadow")}]
    assert {pool for name, pools in found.items() if "actual" in name for pool in pools} == {("a", "active")}
    assert {pool for name, pools in found.items() if "simulated" in name for pool in pools} == {("b", "shadow")}
    assert {sample.labels["pool"] for sample in families(text)["stoker_last_write_timestamp_seconds"].samples} == {"a"}
    assert values(text, "stoker_pools") == {("active",): 1, ("shadow",): 1}


async def test_writes_are_counted_by_outcome(tmp_path):
    async with serving(tmp_path) as here:
        here.levers["a"].failing["write"] = Throttled("slow down")
        here.source.traffic["a"] = lambda minute: 30
        await here.ticks(4)
        failed = values(await scraped(here), "stoker_actual_writes_total", pool="a")
        here.levers["a"].failing["write"] = Unreachable("no answer")
        await here.ticks(1)
        text = await scraped(here)

    assert failed[("active", "throttled")] >= 1
    assert ("active", "unreachable") in values(text, "stoker_actual_writes_total", pool="a")
    assert value(text, "stoker_guardrail_active", pool="a", mode="active", reason="write-failed") == 1


async def test_proposed_and_target_units_show_the_effect_of_guardrails(tmp_path):
    async with serving(tmp_path, max=5) as here:
        await here.ticks(3)
        text = await scraped(here)

    assert value(text, "stoker_proposed_units", pool="b", mode="active") >= 7
    assert value(text, "stoker_target_units", pool="b", mode="active") == 5
    assert value(text, "stoker_guardrail_active", pool="b", mode="active", reason="ceiling") == 1


async def test_the_bill_by_kind_adds_up_to_the_month(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(24)
        text = await scraped(here)

    bill = sum(values(text, "stoker_actual_bill_usd_total", pool="a").values())
    assert bill > 0
    assert bill == pytest.approx(value(text, "stoker_actual_bill_month_usd", pool="a", mode="active"))
    hits, cold = (value(text, f"stoker_actual_{name}_total", pool="a", mode="active") for name in ("warm_hits", "cold_starts"))
    assert hits + cold == 30 * round((hits + cold) / 30) > 0  # 3 units in flight are 30 requests a minute


async def test_a_scrape_after_ticks_have_stopped_is_not_ready(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks()
        before = await scraped(here)
        await here.clock.advance(timedelta(minutes=10))
        after = await scraped(here)

    assert value(before, "stoker_daemon_ready") == 1
    assert value(after, "stoker_daemon_ready") == 0


async def test_pools_are_rendered_once_per_tick_for_any_number_of_scrapes(tmp_path, monkeypatch):
    from controller.http import published_state
    made = []
    real = published_state.pool_lines
    monkeypatch.setattr(published_state, "pool_lines", lambda *facts: made.append(1) or real(*facts))
    async with serving(tmp_path) as here:
        await here.ticks()
        made.clear()
        await here.service.runtime.published.publish(here.components)
        texts = await asyncio.gather(*(scraped(here) for _ in range(5)))

    assert len(made) == 1
    assert len({text[text.index("# HELP stoker_demand_peak_units"):] for text in texts}) == 1


async def test_a_scrape_does_not_block_the_event_loop(tmp_path, monkeypatch):
    from controller.http import published_state
    begun, gate = threading.Event(), threading.Event()

    def slow(*_):
        begun.set()
        assert gate.wait(PATIENCE_SECONDS)
        return ""
    async with serving(tmp_path) as here:
        monkeypatch.setattr(published_state, "pool_lines", slow)
        await here.service.runtime.published.publish(here.components)
        scrape = asyncio.create_task(scraped(here))
        await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
        status, _, _ = await here.ask("GET", "/healthz")
        assert (status, scrape.done()) == (200, False)
        gate.set()
        await scrape


def test_facts_are_families_of_the_catalogue():
    assert set(FACTS) <= {family.name for family in POOL_FAMILIES}


def test_the_duration_of_a_tick_is_counted_in_every_bucket_above_it():
    ticks = Ticks()
    for seconds in (0.1, 0.11, 100):
        ticks.done(seconds)

    buckets = dict(ticks.buckets())
    assert (buckets["0.1"], buckets["0.25"], buckets[str(BOUNDS[-1])], buckets["+Inf"]) == (1, 2, 2, 3)
    assert ticks.seconds == pytest.approx(100.21)


def plan(action, *reasons):
    return Plan("a", NOON, action, 1, 1, 1, None, reasons, PoolState())


def test_only_reasons_that_changed_or_held_a_plan_are_binding():
    proposed, same = Reason(ReasonCode.PROPOSED, "", 1, 9), Reason(ReasonCode.PINNED, "", 5, 5)
    moved, held = Reason(ReasonCode.CEILING, "", 9, 5), Reason(ReasonCode.PAUSED, "", 5, 5)

    assert binding_codes(None) == []
    assert binding_codes(plan(Action.WRITE, proposed, moved, same)) == [ReasonCode.CEILING]
    assert binding_codes(plan(Action.HOLD, proposed, moved, held)) == [ReasonCode.CEILING, ReasonCode.PAUSED]
    assert binding_codes(plan(Action.HOLD, Reason(ReasonCode.NOT_READ, ""))) == []


async def test_pings_above_a_base_have_the_capacity_series_of_a_pool_under_their_own_name(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        text = await scraped(here)

    base, pings = {"pool": "a", "mode": "active"}, {"pool": "a:pings", "mode": "active"}
    for name in ("stoker_actual_requested_units", "stoker_actual_ready_units", "stoker_target_units"):
        assert (value(text, name, **base), value(text, name, **pings)) == (1, 5), name
    assert value(text, "stoker_actual_writes_total", outcome="accepted", **pings) == 1
    assert value(text, "stoker_pool_failing", **pings) == 0
    assert 0 < value(text, "stoker_actual_usd_per_hour", **pings) < value(text, "stoker_actual_usd_per_hour", **base)


async def test_demand_bounds_and_accounts_of_a_pool_with_layers_are_counted_once(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        text = await scraped(here)

    with_pings = {name for name, family in families(text).items()
                  if any(sample.labels.get("pool") == "a:pings" for sample in family.samples)}
    assert with_pings == {*OF_TOPS, "stoker_actual_usd_per_hour", "stoker_actual_writes_total",
                          "stoker_last_write_timestamp_seconds"} - {"stoker_lead_time_seconds"}  # not measured yet


async def test_pings_in_shadow_mode_are_simulated(tmp_path):
    async with layers(tmp_path, mode="shadow") as here:
        await here.ticks(4)
        text = await scraped(here)

    pings = {"pool": "a:pings", "mode": "shadow"}
    assert value(text, "stoker_actual_requested_units", **pings) == 0
    assert value(text, "stoker_simulated_requested_units", **pings) == 5


async def test_pings_that_hold_have_the_reason_under_their_own_name(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        here.levers["a:pings"].failing["read"] = Unreachable("no answer")
        await here.ticks(30)
        text = await scraped(here)

    assert value(text, "stoker_guardrail_active", pool="a:pings", mode="active", reason="capacity-unknown") == 1
    assert value(text, "stoker_pool_failing", pool="a:pings", mode="active") == 1
    assert value(text, "stoker_pool_failing", pool="a", mode="active") == 0


async def test_a_pool_with_a_role_has_its_account(tmp_path):
    lever = LambdaProvisionedConcurrencySettings(kind="lambda-provisioned-concurrency", region="us-east-1", function="b",
                                                 alias="live")
    role = Credentials(role_arn="arn:aws:iam::111122223333:role/stoker")
    async with serving(tmp_path, each={"b": {"credentials": role, "lever": lever}}) as here:
        text = await scraped(here)
        async with here.session.get(here.service.url + "/status") as answer:
            shown = await answer.json()

    [sample] = families(text)["stoker_pool_account"].samples
    assert sample.labels == {"pool": "b", "account": "111122223333"}
    assert {pool["name"]: pool["account"] for pool in shown["pools"]} == {"a": None, "b": "111122223333"}
