"""What `stoker doctor` finds about the file of a pool."""

import numpy as np
import pytest

from adapters.demand.history_source import HistoryFiles
from adapters.demand.settings import HistoryFileSettings
from adapters.ports.diagnostics import Verdict
from adapters.runtime.clock import ManualClock
from tests.builders import NOON, pool_policy

HEAD = "timestamp,invocations,avg_concurrency,max_concurrency\n"


@pytest.mark.parametrize(("text", "verdict", "words"), [
    (None, Verdict.FAIL, "does not exist"),
    (HEAD, Verdict.FAIL, "no row"),
    (f"{HEAD}2026-03-02T11:00:00Z,1,1,1\n", Verdict.FAIL, "no row since 2026-03-02 11:01 UTC"),
    (f"{HEAD}2026-03-02T11:59:00Z,1,1,1\n", Verdict.OK, "has 1 minutes"),
])
async def test_doctor_reads_the_file_once(tmp_path, text, verdict, words):
    path = tmp_path / "agent.csv"
    if text is not None:
        path.write_text(text)
    provider = HistoryFiles(ManualClock(NOON), np.random.default_rng(0))
    settings = HistoryFileSettings(kind="history-file", path=str(path))
    (check,) = provider.demand_checks([(pool_policy(), settings)])
    (finding,) = await check.run()
    await provider.close()

    assert finding.verdict is verdict
    assert words in finding.text
