"""REPORT lines in both of Lambda's formats, and tails without one."""

import json

import pytest

from adapters.aws.lambda_.report_line import Report, report_in

WARM = ("REPORT RequestId: 8f5\tDuration: 75.37 ms\tBilled Duration: 76 ms\tMemory Size: 1024 MB\tMax Memory Used: 96 MB\t\n")
COLD = WARM.rstrip() + "\tInit Duration: 8123.45 ms\t\n"
RESTORED = WARM.rstrip() + "\tRestore Duration: 310.20 ms\tBilled Restore Duration: 311 ms\t\n"
TRACED = COLD.rstrip() + "\nXRAY TraceId: 1-5e\tSegmentId: 1\tSampled: true\t\n"


def platform(**metrics) -> str:
    record = {"requestId": "8f5", "metrics": {"durationMs": 75.37, "billedDurationMs": 76} | metrics, "status": "success"}
    return json.dumps({"time": "2026-03-02T12:00:00Z", "type": "platform.report", "record": record})


@pytest.mark.parametrize(("log", "expected"), [
    (f"START RequestId: 8f5 Version: 1\nEND RequestId: 8f5\n{WARM}", Report(75.37, None)),
    (f"of a line cut in two\nEND RequestId: 8f5\n{COLD}", Report(75.37, 8123.45)),
    (RESTORED, Report(75.37, 310.20)),
    (TRACED, Report(75.37, 8123.45)),
    (platform(), Report(75.37, None)),
    (f'cut"}}\n{platform(initDurationMs=8123.45)}\n', Report(75.37, 8123.45)),
    (platform(restoreDurationMs=310.2, billedRestoreDurationMs=311), Report(75.37, 310.2)),
    (f'{{"level": "INFO", "message": "hello"}}\n{platform()}\n', Report(75.37, None)),
])
def test_the_report_is_read(log, expected):
    assert report_in(log) == expected


@pytest.mark.parametrize("log", [
    "", "hello\n", '{"type": "platform.start", "record": {}}', "the handler wrote: Duration: 3 ms\n", '["platform.report"]',
    "INIT_REPORT Init Duration: 10006.19 ms\tPhase: init\tStatus: timeout\n",
])
def test_other_log_lines_are_not_a_report(log):
    assert report_in(log) is None
