"""One cause is one failure; what depends on it is skipped."""

from adapters.ports.diagnostics import REMEDIES, Check, Finding, Verdict
from adapters.ports.errors import PermissionDenied, Unreachable
from controller.preflight.causes import without_consequences


async def nothing():
    return []


def check(*about, gates=False):
    return Check("title", nothing, frozenset(about), gates)


def finding(name, verdict, error=PermissionDenied):
    return Finding(name, "x", verdict, f"{name} text", REMEDIES[error])


def verdicts(*results):
    return [(each.check, each.verdict.value) for each in without_consequences(results)]


ROOT = check("a", "b", gates=True), [finding("credentials", Verdict.FAIL)]


def test_later_checks_of_the_same_pools_are_skipped_with_the_cause():
    found = without_consequences([ROOT, (check("a"), [finding("pool", Verdict.FAIL)])])

    assert (found[1].verdict, found[1].text, found[1].remedy) == (
        Verdict.SKIPPED, "needs credentials of x, which failed", "")


def test_warnings_and_unchecked_findings_are_consequences_too_and_ok_is_not():
    assert verdicts(ROOT, (check("a", "b"), [finding("quota", Verdict.UNCHECKED), finding("metrics", Verdict.WARN),
                                             finding("disk", Verdict.OK)])) == [
        ("credentials", "fail"), ("quota", "skipped"), ("metrics", "skipped"), ("disk", "ok")]


def test_other_pools_and_checks_of_several_of_which_some_can_succeed_are_not_skipped():
    others = [(check("c"), [finding("pool", Verdict.FAIL)]), (check("a", "c"), [finding("permission", Verdict.FAIL)]),
              (check(), [finding("disk", Verdict.FAIL)])]

    assert verdicts(ROOT, *others)[1:] == [("pool", "fail"), ("permission", "fail"), ("disk", "fail")]


def test_a_failure_that_gates_nothing_is_no_cause():
    assert verdicts((check("a"), [finding("quota", Verdict.FAIL)]), (check("a"), [finding("pool", Verdict.FAIL)])) == [
        ("quota", "fail"), ("pool", "fail")]


def test_a_cause_can_depend_on_another_one():
    role = check("a", gates=True), [finding("role", Verdict.FAIL)]
    pool = check("a"), [finding("pool", Verdict.FAIL)]

    assert verdicts(ROOT, role, pool) == [("credentials", "fail"), ("role", "skipped"), ("pool", "skipped")]
    assert verdicts(role, pool) == [("role", "fail"), ("pool", "skipped")]


def test_an_unreachable_provider_explains_only_what_cannot_reach_it():
    root = check("a", gates=True), [finding("credentials", Verdict.FAIL, Unreachable)]
    found = verdicts(root, (check("a"), [finding("pool", Verdict.FAIL, Unreachable), finding("lever", Verdict.FAIL)]))

    assert found == [("credentials", "fail"), ("pool", "skipped"), ("lever", "fail")]


def test_a_measured_clock_is_reported_beside_refused_credentials_and_is_no_cause():
    late = check("a"), [finding("clock", Verdict.FAIL), finding("clock", Verdict.UNCHECKED)]
    wrong = check("a", gates=True), [finding("clock", Verdict.FAIL)]

    assert verdicts(ROOT, late)[1:] == [("clock", "fail"), ("clock", "skipped")]
    assert verdicts(wrong, (check("a"), [finding("pool", Verdict.FAIL)]))[1:] == [("pool", "fail")]


def test_roles_that_fail_for_one_reason_are_one_failure():
    roles = [(check(name, gates=True), [finding("credentials", Verdict.FAIL)]) for name in ("c", "d")]
    found = without_consequences([ROOT, *roles, (check("d"), [finding("pool", Verdict.FAIL)])])

    assert [each.verdict.value for each in found] == ["fail", "skipped", "skipped", "skipped"]
    assert found[1].text == "the same failure as credentials of x"
    assert found[3].text == "needs credentials of x, which failed"
