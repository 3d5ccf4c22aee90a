"""Which changes of conditions are sent, and in which notice."""

from datetime import timedelta
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from config.model.notify import NOTICE_CODES
from controller.notifications.notice import DAEMON, MOST_NAMED, coalesce
from controller.notifications.sending_rules import ENDINGS, RESOLVED_AFTER, Change, Key, advance
from tests.builders import NOON

MINUTE = timedelta(minutes=1)
FAILED = Key("a", "write-failed")


def run(*ticks, sent=None):
    """Return pool and code of the changes that each tick sends, ticks being 1 min apart; and the sent conditions."""
    sent, out = dict(sent or {}), []
    for at, conditions in enumerate(ticks):
        changes, sent = advance(sent, conditions, NOON + at * MINUTE)
        out.append([(change.pool, change.code) for change in changes])
    return out, sent


def test_a_lasting_condition_is_sent_once():
    out, _ = run(*[{"a": {FAILED: "no"}}] * 3)

    assert out == [[("a", "write-failed")], [], []]


def test_the_end_is_sent_5_min_after_the_last_observation():
    ticks_to_end = RESOLVED_AFTER // MINUTE
    out, sent = run({"a": {FAILED: "no"}}, *[{"a": {}}] * (ticks_to_end + 3))

    assert out == [[("a", "write-failed")], *[[]] * (ticks_to_end - 1), [("a", "write-recovered")], [], [], []]
    assert sent == {}


def test_a_flapping_condition_is_sent_once():
    out, _ = run(*[{"a": {FAILED: "no"}}, {"a": {}}] * 10)

    assert list(chain(*out)) == [("a", "write-failed")]


def test_a_tick_without_knowledge_changes_nothing():
    out, sent = run({"a": {FAILED: "no"}}, *[{"a": None}] * 20, {"a": {FAILED: "no"}})

    assert list(chain(*out)) == [("a", "write-failed")]
    assert list(sent) == [FAILED]


def test_conditions_of_a_removed_pool_end_without_a_notice():
    out, sent = run({"a": {FAILED: "no"}}, {"b": {}})

    assert out[1:] == [[]]
    assert sent == {}


def test_two_overrides_are_two_conditions_and_end_immediately():
    pin, pause = Key("a", "override-set", "pin"), Key("a", "override-set", "pause")
    out, _ = run({"a": {pin: "pin"}}, {"a": {pin: "pin", pause: "pause"}}, {"a": {pause: "pause"}})

    assert out == [[("a", "override-set")], [("a", "override-set")], [("a", "override-ended")]]


def test_a_clock_set_back_does_not_delay_the_end():
    _, sent = advance({}, {"a": {FAILED: "no"}}, NOON)
    changes, _ = advance(sent, {"a": {}}, NOON - timedelta(hours=3))

    assert [change.code for change in changes] == ["write-recovered"]


CONDITIONS = st.fixed_dictionaries({name: st.none() | st.sets(st.sampled_from(["write-failed", "fault", "quota-reached"]))
                                  for name in "ab"})


@given(st.lists(CONDITIONS, max_size=30), st.integers(0, 30))
def test_starts_and_ends_alternate_and_a_restart_repeats_none(ticks, restart):
    ticks = [{name: None if codes is None else {Key(name, code): code for code in codes} for name, codes in tick.items()}
             for tick in ticks]
    out, _ = run(*ticks)
    sent, again = {}, []
    for at, conditions in enumerate(ticks):
        if at == restart:
            sent = dict(sent)  # as loaded from the store
        changes, sent = advance(sent, conditions, NOON + at * MINUTE)
        again.append([(change.pool, change.code) for change in changes])
    ends = {ending.code: code for code, ending in ENDINGS.items()}
    holding = set()
    for pool, code in list(chain(*out)):
        if code in ENDINGS:
            assert (pool, code) not in holding
            holding.add((pool, code))
        else:
            holding.remove((pool, ends[code]))
    assert again == out


def test_many_pools_with_one_code_are_one_notice_per_mode():
    names = [f"pool-{at:04}" for at in range(2000)]
    modes = {name: "shadow" if at % 2 else "active" for at, name in enumerate(names)}
    notices = coalesce([Change(name, "metrics-stale", "metrics are broken") for name in names], modes, NOON, "/stoker/x")

    assert [(notice.mode, notice.count, len(notice.pools)) for notice in notices] == [
        ("active", 1000, MOST_NAMED), ("shadow", 1000, MOST_NAMED)]
    assert notices[0].text == "1000 pools (active; pool-0000, pool-0002, pool-0004, ...): metrics are broken"
    assert notices[1].text.startswith("1000 pools (shadow: simulated, nothing was written; pool-0001, ")


def test_ids_are_unique_and_reproducible():
    def ids(pool, now, source):
        return [notice.id for notice in coalesce([Change(pool, "fault", "x")], {}, now, source)]

    assert ids("a", NOON, "s") == ids("a", NOON, "s")
    assert len({*ids("a", NOON, "s"), *ids("b", NOON, "s"), *ids("a", NOON + MINUTE, "s"), *ids("a", NOON, "t")}) == 4


def test_every_code_is_a_reason_of_the_policy():
    codes = set(ENDINGS) | {ending.code for ending in ENDINGS.values() if ending.code}
    codes |= {"started", "stopping", "leader-changed", "policy-reloaded", "policy-refused", "select-failed", "select-left-out",
              "weekly-report", "test"}

    assert codes == set(NOTICE_CODES)


def test_a_notice_of_the_daemon_names_no_pool():
    notice, = coalesce([Change(DAEMON, "started", "Stoker has started")], {}, NOON, "s")

    assert (notice.pools, notice.count, notice.mode, notice.text) == ((), 0, None, "Stoker has started")
