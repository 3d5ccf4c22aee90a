"""What reading can cost is known before a daemon runs."""

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import parse_policy
from controller.preflight.reading_bill import bill_text, reading_bill

LAMBDA = "lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: f%d, alias: live}"


def policy_of(pools=1, limits="", demand=""):
    rows = "".join(f"  - {{name: p{at}, max: 5, {LAMBDA % at}{demand}}}\n" for at in range(pools))
    return parse_policy(f"version: 1\n{limits}pools:\n{rows}", policy_kinds())


def test_a_fleet_shows_its_least_and_its_highest_bill():
    bill = reading_bill(policy_of(1000))

    assert bill.pools == 1000
    assert bill.asleep == pytest.approx(29.2)
    assert bill.slowed == pytest.approx(116.8)
    assert bill.each_minute == pytest.approx(1051.2)
    assert "29.20 USD per month while 1000 pools sleep, at most 1051.20 USD" in bill_text(policy_of(1000))


def test_pools_with_leads_and_leads_are_read_each_minute():
    queue = "{kind: cloudwatch, peak: {namespace: AWS/SQS, metric: Depth, statistic: Maximum}}"
    first = f"  - {{name: led, max: 5, {LAMBDA % 9}, leads: [{{pool: p0}}, {queue}]}}\n"
    whole = policy_of(3).model_copy(update={"pools": parse_policy(
        "version: 1\npools:\n" + first + "".join(f"  - {{name: p{at}, max: 5, {LAMBDA % at}}}\n" for at in range(3)),
        policy_kinds()).pools})
    bill = reading_bill(whole)

    assert (bill.pools, bill.leads) == (2, 3)
    assert bill.asleep == pytest.approx(2 * 0.0292 + 2 * 1.0512 + 0.438)
    assert bill.each_minute == pytest.approx(4 * 1.0512 + 0.438)
    assert "while 2 pools sleep and 3 with leads or as leads are read each minute" in bill_text(whole)


def test_the_limit_is_shown_and_a_limit_that_cannot_be_kept_is_named():
    assert bill_text(policy_of(100, "limits: {metric_reads_usd_per_month: 40}\n")).endswith("; limit 40 USD")
    text = bill_text(policy_of(100, "limits: {metric_reads_usd_per_month: 4}\n"))
    assert text.endswith("limit 4 USD, but 11.68 USD is the least while no pool sleeps")
    assert bill_text(policy_of()).endswith("no limit (limits.metric_reads_usd_per_month)")


def test_free_reads_have_no_bill():
    assert bill_text(policy_of(demand=", demand: {kind: none}")) == ""
