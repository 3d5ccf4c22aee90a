"""The price curve of a demo: for the pools of both demos, on a shorter history."""

from datetime import timedelta

import pytest
from numpy.random import PCG64, Generator

from controller.demo import price_curve
from controller.demo.runner import terms_by_pool, write_policy
from controller.demo.scenarios import every_lever, invented

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("scene_of", [invented, every_lever])
def test_the_pools_are_compared_with_target_tracking_on_the_days_before(tmp_path, monkeypatch, scene_of):
    monkeypatch.setattr(price_curve, "DAYS", 2)
    monkeypatch.setattr(price_curve, "WARM_UP_DAYS", 1)
    scene = scene_of(Generator(PCG64(7)), HOUR)
    policy = write_policy(scene, tmp_path / "policy.yaml")

    told = price_curve.price_curve_sentence(policy, scene, terms_by_pool(policy, scene))

    assert told.startswith("Backtest of the 1 days before. AWS target tracking (70 %): ")
    assert " cold starts, bill $" in told
    assert "Stoker at its number of cold starts: " in told


def test_a_history_that_is_too_short_has_no_price_curve(tmp_path, monkeypatch):
    monkeypatch.setattr(price_curve, "DAYS", 1000)
    scene = invented(Generator(PCG64(7)), HOUR)
    policy = write_policy(scene, tmp_path / "policy.yaml")

    assert price_curve.price_curve_sentence(policy, scene, terms_by_pool(policy, scene)) == ""
