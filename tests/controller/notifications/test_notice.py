from datetime import timedelta
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from config.model.notify import NOTICE_CODES
from controller.notifications.notice import CALM, DAEMON, ENDINGS, MOST_NAMED, Change, Key, advance, coalesce
from tests.builders import NOON

MINUTE = timedelta(minutes=1)
FAILED = Key("a", "write-failed")


def run(*ticks, told=None):
    """What each tick tells, a minute apart; the codes with their pools."""
    told, out = dict(told or {}), []
    for at, standing in enumerate(ticks):
        changes, told = advance(told, standing, NOON + at * MINUTE)
        out.append([(change.pool, change.code) for change in changes])
    return out, told


def test_a_condition_is_told_once_while_it_holds():
    out, _ = run(*[{"a": {FAILED: "no"}}] * 3)

    assert out == [[("a", "write-failed")], [], []]


def test_its_end_is_told_once_it_was_calm_for_a_while():
    calm = CALM // MINUTE
    out, told = run({"a": {FAILED: "no"}}, *[{"a": {}}] * (calm + 3))

    assert out == [[("a", "write-failed")], *[[]] * (calm - 1), [("a", "write-recovered")], [], [], []]
    assert told == {}


def test_what_comes_and_goes_is_told_once():
    out, _ = run(*[{"a": {FAILED: "no"}}, {"a": {}}] * 10)

    assert list(chain(*out)) == [("a", "write-failed")]


def test_what_is_not_known_changes_nothing():
    out, told = run({"a": {FAILED: "no"}}, *[{"a": None}] * 20, {"a": {FAILED: "no"}})

    assert list(chain(*out)) == [("a", "write-failed")]
    assert list(told) == [FAILED]


def test_a_pool_that_is_gone_is_forgotten_without_a_word():
    out, told = run({"a": {FAILED: "no"}}, {"b": {}})

    assert out[1:] == [[]]
    assert told == {}


def test_two_orders_are_two_conditions_and_end_at_once():
    pin, pause = Key("a", "override-set", "pin"), Key("a", "override-set", "pause")
    out, _ = run({"a": {pin: "pin"}}, {"a": {pin: "pin", pause: "pause"}}, {"a": {pause: "pause"}})

    assert out == [[("a", "override-set")], [("a", "override-set")], [("a", "override-ended")]]


def test_a_clock_that_is_put_back_ends_it_no_later():
    _, told = advance({}, {"a": {FAILED: "no"}}, NOON)
    changes, _ = advance(told, {"a": {}}, NOON - timedelta(hours=3))

    assert [change.code for change in changes] == ["write-recovered"]


STANDING = st.fixed_dictionaries({name: st.none() | st.sets(st.sampled_from(["write-failed", "fault", "quota-reached"]))
                                  for name in "ab"})


@given(st.lists(STANDING, max_size=30), st.integers(0, 30))
def test_beginnings_and_ends_alternate_and_a_restart_in_between_tells_nothing_twice(ticks, restart):
    ticks = [{name: None if codes is None else {Key(name, code): code for code in codes} for name, codes in tick.items()}
             for tick in ticks]
    out, _ = run(*ticks)
    told, again = {}, []
    for at, standing in enumerate(ticks):
        if at == restart:
            told = dict(told)  # what the store gives back
        changes, told = advance(told, standing, NOON + at * MINUTE)
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


def test_the_same_of_many_pools_is_one_message_and_shadow_is_apart():
    names = [f"pool-{at:04}" for at in range(2000)]
    modes = {name: "shadow" if at % 2 else "active" for at, name in enumerate(names)}
    notices = coalesce([Change(name, "metrics-stale", "metrics are broken") for name in names], modes, NOON, "/stoker/x")

    assert [(notice.mode, notice.count, len(notice.pools)) for notice in notices] == [
        ("active", 1000, MOST_NAMED), ("shadow", 1000, MOST_NAMED)]
    assert notices[0].text == "1000 pools (pool-0000, pool-0002, pool-0004, ...): metrics are broken"
    assert notices[1].text.endswith("(in shadow: nothing is changed)")


def test_an_id_tells_messages_apart_and_is_the_same_for_the_same():
    def idents(pool, now, source):
        return [notice.id for notice in coalesce([Change(pool, "fault", "x")], {}, now, source)]

    assert idents("a", NOON, "s") == idents("a", NOON, "s")
    assert len({*idents("a", NOON, "s"), *idents("b", NOON, "s"), *idents("a", NOON + MINUTE, "s"), *idents("a", NOON, "t")}) == 4


def test_every_code_that_can_be_told_is_a_code_of_the_policy():
    codes = set(ENDINGS) | {ending.code for ending in ENDINGS.values() if ending.code}
    codes |= {"started", "stopping", "leader-changed", "test"}

    assert codes == set(NOTICE_CODES)


def test_a_notice_of_the_daemon_names_no_pool():
    notice, = coalesce([Change(DAEMON, "started", "Stoker has started")], {}, NOON, "s")

    assert (notice.pools, notice.count, notice.mode, notice.text) == ((), 0, None, "Stoker has started")
