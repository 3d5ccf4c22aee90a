"""Lines of StatsD and DogStatsD."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.statsd.lines import Malformed, Sample, samples


@pytest.mark.parametrize(("line", "found"), [
    (b"stoker.in_flight.support-agent:3|g", [Sample("support-agent", "", 3, False)]),
    (b"stoker.in_flight.eu.agent:+2|g\n", [Sample("eu.agent", "", 2, True)]),
    (b"stoker.in_flight.a:-1|g", [Sample("a", "", -1, True)]),
    (b"stoker.in_flight.a:2.1|g|@0.1", [Sample("a", "", 3, False)]),
    (b"stoker.in_flight:1e1|g|#env:prod,pool:a,sender:web 1", [Sample("a", "web_1", 10, False)]),
    (b"stoker.in_flight.a:+1|g|@1.0|#sender:x|c:abc|T1656581400", [Sample("a", "x", 1, True)]),
    (b"stoker.in_flight.a:1:+2|g", [Sample("a", "", 1, False), Sample("a", "", 2, True)]),
    (b"page.views:1|c", []),
    (b"stoker.in_flight_total:1|c", []),
    (b"_e{5,4}:title|text", []),
    (b"", []),
])
def test_a_line_is_read(line, found):
    assert samples(line) == found


@pytest.mark.parametrize(("line", "text", "pool"), [
    (b"stoker.in_flight:3|g", "without a pool", ""),
    (b"stoker.in_flight.a:3|c", "is a gauge", "a"),
    (b"stoker.in_flight.a", "is a gauge", "a"),
    (b"stoker.in_flight.a:x|g", "a number from 0", "a"),
    (b"stoker.in_flight.a:|g", "a number from 0", "a"),
    (b"stoker.in_flight.a:nan|g", "a number from 0", "a"),
    (b"stoker.in_flight.a:1e99|g", "a number from 0", "a"),
    (b"stoker.in_flight.a:+1|g|@0.5", "send changes without sampling", "a"),
    (b"stoker.in_flight.a:+0.5|g", "a whole number", "a"),
    (b"stoker.in_flight:+0.5|g|#pool:b", "a whole number", "b"),
])
def test_a_line_that_cannot_be_used_names_the_remedy_and_its_pool(line, text, pool):
    with pytest.raises(Malformed, match=text) as raised:
        samples(line)

    assert raised.value.pool == pool


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=40).map(lambda rest: b"stoker.in_flight" + rest)))
def test_any_bytes_are_read_or_refused(line):
    try:
        found = samples(line)
    except Malformed:
        return

    assert all(abs(each.value) <= 1_000_000 and (each.delta or each.value >= 0) for each in found)
