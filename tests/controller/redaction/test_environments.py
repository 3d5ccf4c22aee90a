"""A thousand ordinary environments: only what is secret in them is removed from messages."""

from numpy.random import default_rng

from controller.redaction.known_secrets import HIDDEN, KnownSecrets
from controller.redaction.process_secrets import forms, in_environment
from tests.controller.redaction.environments import KINDS, environment

THOUSAND = 1000


def test_in_a_thousand_environments_the_secrets_and_nothing_else_are_removed():
    rng = default_rng(20261129)
    wrong, missed = set(), set()
    for number in range(THOUSAND):
        made = environment(number, rng)
        hidden = KnownSecrets()
        hidden.hide(form for value in in_environment(made.variables, ()) for form in forms(value))
        for name, value in made.variables.items():
            changed = hidden.without(value) != value
            if changed and value not in made.secret:
                wrong.add(f"{made.kind}: {name}={value} -> {hidden.without(value)}")
            if value in made.secret and hidden.without(value) != HIDDEN:
                missed.add(f"{made.kind}: {name}")

    assert (sorted({each.partition("=")[0] for each in wrong}), sorted(missed)) == ([], [])


def test_the_environments_are_of_each_kind_and_have_enough_variables():
    rng = default_rng(1)
    made = [environment(number, rng) for number in range(len(KINDS))]

    assert len({each.kind for each in made}) == 7
    assert len({name for each in made for name in each.variables}) > 150
    assert all(each.secret for each in made)
