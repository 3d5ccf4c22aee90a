"""Known resources: what a listing adds, what two in a row remove, and what a failed one keeps."""

from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.ports.discovery import Found, Size, Survey
from adapters.ports.errors import Unreachable
from controller.fleet.selection.inventory import Inventory

KEY = "region=us-east-1"


def found(function: str, tags=None) -> Found:
    lever = LambdaProvisionedConcurrencySettings.model_validate(
        {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": function, "alias": "live"})
    return Found(function, lever, "", tags=tags, size=Size(1024, "x86_64"))


def survey(*functions: str) -> Survey:
    return Survey(tuple(map(found, functions)), ())


def test_a_resource_is_gone_after_two_listings_in_a_row_without_it():
    both = Inventory().after({KEY: survey("a", "b")})
    once = both.after({KEY: survey("a")})
    twice, back = once.after({KEY: survey("a")}), once.after({KEY: survey("a", "b")})

    assert [[each.name for each in known.resources[KEY]] for known in (both, once, twice)] == [["a", "b"], ["a", "b"], ["a"]]
    assert [each.absent for each in once.resources[KEY]] == [0, 1]
    assert [each.absent for each in back.resources[KEY]] == [0, 0]


def test_a_listing_that_fails_keeps_what_is_known_and_does_not_count():
    once = Inventory().after({KEY: survey("a", "b")}).after({KEY: survey("a")})
    failed = once.after({KEY: Unreachable("no response")})

    assert (failed.resources, failed.errors) == (once.resources, {KEY: "no response"})
    assert [each.name for each in failed.after({KEY: survey("a", "b")}).resources[KEY]] == ["a", "b"]


def test_the_first_failure_of_a_place_makes_no_empty_listing():
    assert Inventory().after({KEY: Unreachable("no response")}).resources == {}


def test_the_inventory_is_stored_and_damaged_ones_are_ignored():
    known = Inventory().after({KEY: Survey((found("a", tags={"warm": "on"}),), ())})

    assert Inventory.loaded(known.dumped()) == known
    for body in (None, b"{", b"[]", b'{"k": [{"name": 1}]}', b'{"k": 5}'):
        assert Inventory.loaded(body) == Inventory()
