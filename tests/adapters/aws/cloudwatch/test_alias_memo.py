"""What a source keeps of an alias between two reads."""

import numpy as np

from adapters.aws.cloudwatch.alias_memo import ALWAYS, SOMETIMES, Memo
from adapters.aws.cloudwatch.metric_queries import CONCURRENCY
from adapters.ports.minute_rows import UNSETTLED


def test_requests_are_known_up_to_the_last_read_of_them_but_for_its_newest_minutes():
    memo = Memo()
    memo.completed(1000, 1030, {metric: np.zeros(30) for metric in ALWAYS + SOMETIMES})
    assert memo.requests_until(1030) == 1030

    memo.completed(1000, 1033, {CONCURRENCY: np.zeros(33)})
    assert memo.requests_until(1033) == 1030 - UNSETTLED
