"""What is played: the past ends where the play begins, and no policy knows what is to come."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import load_policy
from controller.demo.lead_traffic import TOOLS
from controller.demo.lever_settings import LAYERS
from controller.demo.runner import write_policy
from controller.demo.scenarios import PAST_DAYS, SceneError, ceiling_of, every_lever, invented, leading, pool_name, recorded
from forecasting.demand import DemandSeries, minute_of

DAY = 1440
START = datetime(2026, 1, 5, tzinfo=UTC)


def recording(path: Path, peaks: list[int]) -> Path:
    """A minute a row from `START` on."""
    rows = [f"{START + timedelta(minutes=at):%Y-%m-%dT%H:%M:%SZ},{peak},{peak / 2},{peak}" for at, peak in enumerate(peaks)]
    path.write_text("\n".join(["timestamp,invocations,avg_concurrency,max_concurrency", *rows]) + "\n")
    return path


@pytest.mark.parametrize("scene_of", [invented, every_lever, leading])
def test_generated_traffic_has_14_days_of_history_and_lasts_to_the_end(scene_of):
    scene = scene_of(np.random.default_rng(1), timedelta(hours=3))

    for pool in scene.pools:
        assert pool.series.first_minute == minute_of(scene.start) - PAST_DAYS * DAY
        assert pool.series.end_minute >= minute_of(scene.start + scene.lasting)
        assert pool.series.known.all()


@pytest.mark.parametrize("scene_of", [invented, every_lever, leading])
def test_every_invented_pool_stays_below_its_ceiling(scene_of):
    scene = scene_of(np.random.default_rng(1), timedelta(hours=12))

    assert [pool.name for pool in scene.pools if pool.series.peak.max() > pool.ceiling] == []


def test_there_is_a_pool_for_every_lever_and_one_with_layers():
    scene = every_lever(np.random.default_rng(1), timedelta(hours=1))

    assert sorted(pool.kind for pool in scene.pools) == sorted([*policy_kinds().levers, LAYERS])


@pytest.mark.parametrize("scene_of", [invented, every_lever, leading])
def test_the_policy_of_a_scenario_loads(tmp_path, scene_of):
    scene = scene_of(np.random.default_rng(1), timedelta(hours=1))
    policy = write_policy(scene, tmp_path / "policy.yaml")

    assert policy == load_policy(tmp_path / "policy.yaml", policy_kinds())
    assert {pool.mode for pool in policy.pools} == {"active"}
    assert [pool.name for pool in policy.pools] == [pool.name for pool in scene.pools]


def test_the_tools_lead_by_their_agent_and_the_workers_by_their_queue():
    scene = leading(np.random.default_rng(1), timedelta(hours=1))
    leads = {pool.name: pool.more["leads"] for pool in scene.pools if pool.more}

    assert leads == {**{name: [{"pool": "planner"}] for name in TOOLS}, "worker": [scene.metrics[0].lead]}


def test_a_recording_starts_a_day_before_its_end_by_default(tmp_path):
    scene = recorded(recording(tmp_path / "a.csv", [3] * (3 * DAY)), None, None)

    assert scene.start == START + timedelta(days=2)
    assert scene.lasting == timedelta(days=1)


def test_a_recording_can_be_cut_short_but_not_stretched(tmp_path):
    path = recording(tmp_path / "a.csv", [3] * (2 * DAY))

    assert recorded(path, 1, timedelta(hours=2)).lasting == timedelta(hours=2)
    assert recorded(path, 1, timedelta(days=9)).lasting == timedelta(days=1)


def test_the_ceiling_uses_only_history():
    peaks = np.array([10] * DAY + [900] * DAY, np.float32)
    series = DemandSeries(0, peaks, peaks / 2, peaks)

    assert ceiling_of(series, DAY) == 20


@pytest.mark.parametrize("day", [0, 2, 5])
def test_a_day_that_the_recording_does_not_have_is_refused(tmp_path, day):
    path = recording(tmp_path / "a.csv", [3] * (2 * DAY))

    with pytest.raises(SceneError, match=r"a\.csv: has 2\.0 days.*--start-day to a value from 1 to 1"):
        recorded(path, day, None)


@pytest.mark.parametrize(("stem", "name"), [
    ("support agent", "support-agent"), ("ä", "recorded"), ("a" * 99, "a" * 60), ("x_1", "x_1"),
])
def test_the_file_name_becomes_a_valid_pool_name(stem, name):
    assert pool_name(stem) == name
