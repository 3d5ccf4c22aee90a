"""Keep-alive and its source."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.kinds import policy_kinds
from adapters.ports.lever import KeepAliveSeen
from config.model.policy import Assume
from controller.decision.costs.cost_model import terms_of
from controller.decision.costs.keep_alive import (
    ASSUMED,
    ENOUGH,
    Basis,
    keep_alive_body,
    keep_alive_of,
    seen_body,
    seen_of,
    steadied,
)
from tests.builders import pool_policy


def test_each_built_in_lever_has_an_assumption_within_its_own_range():
    assert ASSUMED.keys() == set(policy_kinds().levers)
    assert all(one.low <= one.span <= one.high for one in ASSUMED.values())


@pytest.mark.parametrize(("kind", "minutes"), [("lambda-provisioned-concurrency", 20), ("lambda-ping", 20), ("http-ping", 20),
                                              ("cloud-run-min-instances", 15), ("of-a-third-party", 20)])
def test_without_a_policy_value_the_lever_has_its_default_keep_alive(kind, minutes):
    assumed = keep_alive_of(kind, Assume())

    assert (assumed.span, assumed.basis) == (timedelta(minutes=minutes), Basis.ASSUMED)


def test_a_policy_value_applies_to_every_lever():
    assume = Assume(keep_alive=timedelta(minutes=9))

    assert {keep_alive_of(kind, assume).span for kind in policy_kinds().levers} == {timedelta(minutes=9)}
    assert keep_alive_of("lambda-ping", assume).text == "9m (set in the policy)"
    assert terms_of(pool_policy(), assume).keep_alive == 9


def test_the_text_names_the_span_its_source_and_its_range():
    assert keep_alive_of("lambda-ping", Assume()).text == "20m (assumed for AWS Lambda, which documents none; range 5m to 1h)"


def test_json_has_the_span_and_its_range_in_seconds():
    body = keep_alive_body(keep_alive_of("cloud-run-min-instances", Assume()))

    assert (body["seconds"], body["low_seconds"], body["high_seconds"], body["basis"]) == (900, 0, 900, "assumed")


def seen(typical=None, low=None, high=None, observations=ENOUGH):
    spans = (None if minutes is None else timedelta(minutes=minutes) for minutes in (typical, low, high))
    return KeepAliveSeen(*spans, observations, "units pinged after a pause")


def judged(*spans, **more):
    one = keep_alive_of("lambda-ping", Assume(), seen(*spans, **more))
    return one.basis, *(span // timedelta(minutes=1) for span in (one.span, one.low, one.high))


def test_a_measured_span_replaces_what_is_assumed():
    assert judged(12.4, 9, 14) == (Basis.MEASURED, 12, 9, 14)
    assert judged(0.2, 0, 1) == (Basis.MEASURED, 1, 0, 1), "a minute is the grain of all accounts"


def test_measured_bounds_limit_the_assumption_and_narrow_its_range():
    assert judged(None, 29, None) == (Basis.MEASURED, 29, 29, 60)
    assert judged(None, None, 4) == (Basis.MEASURED, 4, 4, 4)
    assert judged(None, 4, 35) == (Basis.ASSUMED, 20, 4, 35)
    assert judged(None, 29.0001, None) == (Basis.MEASURED, 29, 29, 60)


def test_the_text_of_a_measured_span_has_the_number_of_observations():
    text = keep_alive_of("lambda-ping", Assume(), seen(None, 29, None, 340)).text

    assert text == "29m (measured: units pinged after a pause, 340 observations; range 29m to 1h)"


def test_too_few_observations_are_ignored_and_the_policy_takes_precedence():
    assert judged(12, 9, 14, observations=ENOUGH - 1) == (Basis.ASSUMED, 20, 5, 60)
    assert keep_alive_of("lambda-ping", Assume(keep_alive=timedelta(minutes=3)), seen(12, 9, 14)).span == timedelta(minutes=3)


def test_a_measurement_stays_until_a_new_one_has_enough_observations_and_differs():
    before = seen(12, 9, 14)

    assert steadied(None, before) == steadied(seen(30, 30, 30, observations=3), before) == before
    assert steadied(seen(13, 9, 14, observations=50), before) == replace(before, observations=50)
    assert steadied(seen(20, 16, 25), before) == seen(20, 16, 25)
    assert steadied(seen(12, None, 14), None) == seen(12, None, 14)
    assert steadied(seen(12, observations=1), None) is None


def test_a_stored_measurement_is_loaded_and_invalid_values_are_not():
    for each in (seen(12, 9, 14), seen(None, 4.5, None)):
        assert seen_of(json.loads(json.dumps(seen_body(each)))) == each
    assert [seen_of(body) for body in (None, [], {}, {"typical": "x"}, 5)] == [None] * 5
