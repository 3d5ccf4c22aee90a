"""Leading signals in `/status`, in metrics and in the cost of reading."""

from prometheus_client.parser import text_string_to_metric_families

from adapters.demand.settings import HistoryFileSettings
from adapters.ports.errors import Unreachable
from adapters.prometheus.settings import PrometheusSettings
from config.model.lead import Lead
from controller.daemon.jobs import reads_usd
from tests.fakes import FakeSource, steady
from tests.scrapes import scraped
from tests.services import serving

QUERY = 'max(max_over_time(depth{queue="a"}[1m]))'
DEPTH = Lead(source=PrometheusSettings(kind="prometheus", url="https://prometheus.example.com", peak=QUERY))
FILE = Lead(source=HistoryFileSettings(kind="history-file", path="/queue.csv"))
LEADS = {"b": {"leads": (Lead(pool="a"), DEPTH)}}


def depth():
    return FakeSource({DEPTH.series: steady(40)}, delay=2)


async def test_status_has_the_signals_of_each_pool(tmp_path):
    source = depth()
    async with serving(tmp_path, each=LEADS, signals=[(source, (DEPTH.series,))]) as here:
        source.broken = Unreachable(f"{DEPTH.series}: refused")
        await here.ticks(2)
        _, status = await here.json("/status")
        a, b = status["pools"]

        assert a["leads"] == []
        assert [(each["name"], each["value"], each["error"]) for each in b["leads"]] == [
            ("pool a", 3, None), (f"prometheus {QUERY}", 40, f"prometheus {QUERY}: refused")]
        assert {(each["forecast"], each["followed"]) for each in b["leads"]} == {(None, False)}
        assert b["freshness"] == "fresh"
        assert b["error"] is None
        assert b["leads"][1]["age_seconds"] > b["leads"][0]["age_seconds"] >= 0
        assert [(each["kind"], each["pools"], each["leads"], each["failing"]) for each in status["sources"]] == [
            ("fake-source", 2, 0, 0), ("fake-source", 0, 1, 1)]


async def test_a_failing_signal_does_not_make_the_daemon_unready(tmp_path):
    source = depth()
    source.broken = Unreachable("refused")
    async with serving(tmp_path, each=LEADS, signals=[(source, (DEPTH.series,))]) as here:
        status, body = await here.json("/readyz")

        assert (status, body["status"]) == (200, "ready")


async def test_metrics_have_the_signals_with_escaped_labels(tmp_path):
    async with serving(tmp_path, each=LEADS, signals=[(depth(), (DEPTH.series,))]) as here:
        found = {family.name: family.samples for family in text_string_to_metric_families(await scraped(here))}

        samples = {each.labels["signal"]: (each.labels["pool"], each.value) for each in found["stoker_leading_signal"]}
        assert samples == {"pool a": ("b", 3.0), f"prometheus {QUERY}": ("b", 40.0)}
        assert [each.value for each in found["stoker_leading_signal_failing"]] == [0.0, 0.0]
        assert {each.labels["source"] for each in found["stoker_metric_delay_seconds"]} == {"fake-source/0", "fake-source/lead-0"}


async def test_the_cost_of_reading_includes_signals_that_are_no_pools_demand(tmp_path):
    async with serving(tmp_path / "a") as here:
        without = reads_usd(here.service.runtime)
    both = {"b": {"leads": (DEPTH, FILE)}}
    source = FakeSource({DEPTH.series: steady(1), FILE.series: steady(1)})
    async with serving(tmp_path / "b", each=both, signals=[(source, (DEPTH.series, FILE.series))]) as here:
        assert reads_usd(here.service.runtime) == 2 * without
        assert (await here.json("/status"))[1]["metric_reads_usd_per_month"] == round(2 * without, 6)
    async with serving(tmp_path / "c", each={"b": {"leads": (Lead(pool="a"),)}}) as here:
        assert reads_usd(here.service.runtime) == without
