"""How long units stay warm, and how that is known."""

from datetime import timedelta

import pytest

from adapters.registry import lever_kinds
from config.policy import Assume
from controller.economics import terms_of
from controller.keep_alive import ASSUMED, Basis, keep_alive_body, keep_alive_of
from tests.builders import pool_policy


def test_each_built_in_lever_has_an_assumption_within_its_own_range():
    assert ASSUMED.keys() == set(lever_kinds())
    assert all(one.low <= one.span <= one.high for one in ASSUMED.values())


@pytest.mark.parametrize(("kind", "minutes"), [("lambda-provisioned-concurrency", 6), ("lambda-ping", 6), ("http-ping", 6),
                                              ("cloud-run-min-instances", 15), ("of-a-third-party", 6)])
def test_without_a_word_of_the_policy_the_levers_own_is_assumed(kind, minutes):
    assumed = keep_alive_of(kind, Assume())

    assert (assumed.span, assumed.basis) == (timedelta(minutes=minutes), Basis.ASSUMED)


def test_what_the_policy_sets_holds_for_every_lever():
    assume = Assume(keep_alive=timedelta(minutes=9))

    assert {keep_alive_of(kind, assume).span for kind in lever_kinds()} == {timedelta(minutes=9)}
    assert keep_alive_of("lambda-ping", assume).text == "9m (set in the policy)"
    assert terms_of(pool_policy(), assume).keep_alive == 9


def test_the_text_names_the_span_its_source_and_its_range():
    assert keep_alive_of("lambda-ping", Assume()).text == "6m (assumed for AWS Lambda, which documents none; range 5m to 1h)"


def test_machines_get_the_span_and_its_range_in_seconds():
    body = keep_alive_body(keep_alive_of("cloud-run-min-instances", Assume()))

    assert (body["seconds"], body["low_seconds"], body["high_seconds"], body["basis"]) == (900, 0, 900, "assumed")
