"""Accounts, emulator and backtest on the same minutes of a demo; `benchmarks/agreement.py` plays every lever for longer."""

from dataclasses import replace
from datetime import timedelta

import pytest
from numpy.random import PCG64, Generator

from controller.demo.scenes import every_lever, invented
from tests.witnesses import Compared, Figures, play

TRUE = Figures(cold_starts=10, cold_starts_without=60, requests=1000, bill_usd=2.0, saved_usd=0.5)


@pytest.mark.parametrize(("figure", "within", "beyond"), [
    ("cold_starts", 11, 11.5), ("cold_starts_without", 63, 64), ("requests", 1010, 1011), ("bill_usd", 2.05, 2.07),
    ("saved_usd", 0.75, 0.77),
])
def test_a_figure_beyond_its_bound_is_named(figure, within, beyond):
    said = Compared("agent", "lambda-ping", 60, 0.05, TRUE._replace(**{figure: within}), TRUE, TRUE._replace(**{figure: beyond}))

    assert said.off("accounts") == ()
    assert said.off("backtest") == (figure,)


async def test_a_batch_on_provisioned_concurrency_has_the_same_cold_starts_for_all_three(tmp_path):
    scene = invented(Generator(PCG64(7)), timedelta(minutes=70))
    scene = replace(scene, pools=scene.pools[1:])
    batch, _ = await play(scene, tmp_path, 7)

    assert batch.emulator.cold_starts_without > 30
    assert not {"cold_starts", "cold_starts_without", "requests"} & {*batch.off("accounts"), *batch.off("backtest")}


async def test_for_every_lever_the_accounts_have_the_requests_and_cold_starts_without_stoker_that_there_were(tmp_path):
    pytest.importorskip("google.cloud.run_v2")
    pools = await play(every_lever(Generator(PCG64(7)), timedelta(minutes=60)), tmp_path, 7)

    assert len({pool.kind for pool in pools}) == 4
    assert all(pool.minutes >= 15 and pool.emulator.cold_starts_without > 8 for pool in pools)
    assert {pool.kind: {"requests", "cold_starts_without"} & {*pool.off("accounts")} for pool in pools} == {
        pool.kind: set() for pool in pools}
    assert {pool.kind: pool.accounts.bill_usd for pool in pools} == {
        pool.kind: pytest.approx(pool.emulator.bill_usd, rel=0.05) for pool in pools}
