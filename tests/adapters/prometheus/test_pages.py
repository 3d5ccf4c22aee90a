"""Queries that are sent together: what each gets is what it would get alone."""

import contextlib

import numpy as np

from adapters.ports.errors import AdapterError
from adapters.prometheus.answers import Series
from adapters.prometheus.client import Answer, PrometheusClient
from adapters.prometheus.pages import MOST_JOINED, Page, PageReader, joined, separated
from adapters.runtime.clock import ManualClock
from tests.adapters.prometheus.fake_prometheus import START, FakePrometheus, settings_of
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served


@contextlib.asynccontextmanager
async def reading():
    """Yield a server with the values of 60 queries, and a function that reads those of some numbers."""
    fake = FakePrometheus(ManualClock(NOON))
    fake.data = {f"q{number}": [dict.fromkeys(range(START - 200, START), number)] for number in range(60)}
    async with served(fake.respond) as url:
        client = PrometheusClient(settings_of(url), ManualClock(NOON), {}, PATIENCE_SECONDS)
        reader = PageReader(client)

        async def read(count, minutes=15):
            pages = {Page(f"q{number}", START - minutes, START): f"peak of pool p{number}" for number in range(count)}
            answers = await reader.read(await client.access.read(), pages)
            assert answers.keys() == pages.keys()
            return [each if isinstance(each, AdapterError) else each.series[0].values.tolist() for each in answers.values()]

        try:
            yield fake, read
        finally:
            await client.close()


async def test_queries_over_the_same_minutes_are_sent_together():
    async with reading() as (fake, read):
        found = await read(60)

    assert found == [[float(number)] * 15 for number in range(60)]
    assert sorted(query.count("label_replace") for query in fake.asked) == [10, MOST_JOINED, MOST_JOINED]


async def test_a_single_query_and_long_histories_are_sent_alone():
    async with reading() as (fake, read):
        await read(1)
        await read(2, minutes=181)

    assert sorted(fake.asked) == ["q0", "q0", "q1"]


async def test_a_wrong_query_is_the_error_of_its_page_alone():
    async with reading() as (fake, read):
        fake.wrong = {"q3"}
        found = await read(10)

    assert [number for number, each in enumerate(found) if isinstance(each, AdapterError)] == [3]
    assert "peak of pool p3" in str(found[3])
    assert len(fake.asked) == 1 + 10


async def test_a_server_that_takes_no_joined_query_is_asked_for_each():
    async with reading() as (fake, read):
        fake.most_joined = 1
        found = await read(30)

    assert found == [[float(number)] * 15 for number in range(30)]


async def test_after_a_request_without_a_response_fewer_queries_are_joined_and_then_one_more_each_time():
    together = []
    async with reading() as (fake, read):
        respond = fake.respond

        async def answer(request):
            form = await request.post()
            together.append(form["query"].count("label_replace"))
            if together[-1] > 12:
                request.transport.abort()
            fake.answer = None
            try:
                return await respond(request)
            finally:
                fake.answer = answer

        fake.answer = answer
        found, most = [], []
        for _ in range(4):
            together.clear()
            found.append(await read(25))
            most.append(max(together))

    assert found == [[[float(number)] * 15 for number in range(25)]] * 4
    assert most == [25, 12, 13, 6]


async def test_after_an_outage_all_queries_are_sent_again():
    async with reading() as (fake, read):
        async def answer(request):
            request.transport.abort()

        fake.answer = answer
        during = await read(60)
        fake.answer = None
        after = await read(60)

    assert all(isinstance(each, AdapterError) for each in during)
    assert after == [[float(number)] * 15 for number in range(60)]


def test_a_comment_at_the_end_of_a_query_does_not_hide_the_rest():
    assert joined(["x # a", "y"]) == ('label_replace((x # a\n), "stoker_query", "0", "", "")\n'
                                      'or label_replace((y\n), "stoker_query", "1", "", "")')


def test_series_of_no_query_are_left_out_and_the_number_is_no_label():
    values = np.zeros(1)
    series = [Series({"stoker_query": "1", "pod": "a"}, values), Series({"stoker_query": "7"}, values), Series({}, values)]
    found = separated(Answer(series, 5), 2)

    assert [[each.labels for each in answer.series] for answer in found] == [[], [{"pod": "a"}]]
    assert {answer.end for answer in found} == {5}
