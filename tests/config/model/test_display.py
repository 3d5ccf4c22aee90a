"""Amounts and times in the currency and time zone of the reader."""

from datetime import UTC, datetime

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy
from config.model.display import Display
from config.model.shown import DEFAULT, Shown, amount_text, local, show_as, shown_as, time_text
from controller.decision.costs.sentences import bill_sentence, dollars, signed_dollars

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
PARIS = Display(timezone="Europe/Paris", currency_rate={"EUR": 0.9})
POLICY = """version: 1
pools:
  - {name: a, max: 5, lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: f, alias: live}}
"""


@pytest.fixture
def paris():
    show_as(PARIS.shown)
    yield
    show_as(DEFAULT)


def parsed(text):
    return parse_policy(POLICY + text, policy_kinds())


def test_without_settings_times_are_utc_and_amounts_usd():
    assert shown_as() == DEFAULT
    assert time_text(NOON) == "2026-07-01 12:00 UTC"
    assert (dollars(1.5), amount_text(1.5), amount_text(None)) == ("$1.50", "1.50", "-")
    assert DEFAULT.body() == {"timezone": "UTC", "currency": "USD", "units_per_usd": 1.0}


def test_times_are_local_with_the_name_of_the_zone(paris):
    assert local(NOON).hour == 14
    assert time_text(NOON) == "2026-07-01 14:00 CEST"
    assert time_text(NOON.replace(month=1), "%H:%M") == "13:00 CET"


@pytest.mark.parametrize(("usd", "text"), [
    (10, "EUR 9.00"), (-10, "-EUR 9.00"), (0, "EUR 0.00"), (0.01, "EUR 0.009"), (1234.5, "EUR 1,111.05")])
def test_amounts_are_converted(paris, usd, text):
    assert dollars(usd) == text


def test_sentences_are_in_the_currency_too(paris):
    assert signed_dollars(0) == "EUR 0.00"
    assert bill_sentence(20, 10, 5, 15) == "Bill +EUR 9.00, 10 fewer cold starts (EUR 0.90 each)"


def test_settings_survive_their_way_over_http():
    assert Shown.of(PARIS.shown.body()) == PARIS.shown
    assert Shown.of(DEFAULT.body()) == DEFAULT


def test_a_policy_has_the_settings():
    assert parsed("display: {timezone: Europe/Paris, currency_rate: {EUR: 0.9}}\n").display == PARIS
    assert parsed("").display.shown == DEFAULT


@pytest.mark.parametrize(("text", "says"), [
    ("display: {timezone: Europe/Pari}\n", "is not an IANA time zone"),
    ("display: {currency_rate: {EUR: 0}}\n", "EUR"),
    ("display: {currency_rate: {euro: 1}}\n", "euro"),
    ("display: {currency_rate: {EUR: 1, CHF: 1}}\n", "currency_rate"),
    ("display: {currency: EUR}\n", "unknown key 'currency'"),
])
def test_a_wrong_setting_is_a_problem_with_its_place(text, says):
    with pytest.raises(PolicyError) as caught:
        parsed(text)

    assert says in str(caught.value)
    assert ":4:" in str(caught.value)
