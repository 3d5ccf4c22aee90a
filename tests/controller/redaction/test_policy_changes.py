"""No text of a difference has a secret."""

import pytest

from config.model.policy_diff import Change, PolicyDiff
from controller.redaction.policy_changes import change_text, diff_body, lines, summary_text, without_secrets

HOOK = "https://hooks.example.com/services/T0123/B0456/zXy"


@pytest.mark.parametrize("value", [HOOK, [{"name": "ops", "url": HOOK}], {"api_key": "zXy-secret"},
                                   "password=zXy-secret", [{"headers": {"Authorization": "zXy-secret"}}]])
def test_no_secret_of_a_changed_value_is_shown(value):
    diff = PolicyDiff((), (), {"a": (Change("demand.url", None, value),)}, (Change("notify", value, None),))

    assert "zXy" not in str([*lines(diff), diff_body(diff), summary_text(diff)])


def test_of_a_url_the_host_is_shown():
    assert without_secrets("notify[0].url", HOOK) == "https://hooks.example.com/..."


def test_urls_that_differ_in_what_is_hidden_are_shown_as_changed():
    assert change_text(Change("url", HOOK, HOOK + "1")) == "url: changed (https://hooks.example.com/...)"


def test_an_absent_key_is_shown_as_absent():
    assert change_text(Change("budget_usd_per_month", None, 300.0)) == "budget_usd_per_month: absent -> 300.0"
