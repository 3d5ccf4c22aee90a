"""A microburst in front of an emulator: it notes every call that passes, and answers some as AWS does in trouble."""

import json
import re
import urllib.request
from collections import Counter

from tests.patience import PATIENCE_SECONDS

RECORD = {"service": "*", "latency": 1}
"""Fires for every call that no other rule is for, so that all of them are counted."""

COUNTED = re.compile(r'^microburst_faults_total\{.*operation="(\w+)".*\} (\d+)$', re.MULTILINE)

READS = {"GetMetricData", "GetAlias", "GetFunction", "GetAccountSettings", "GetProvisionedConcurrencyConfig", "GetCallerIdentity",
         "ListFunctions", "ListAliases", "ListMetrics"}
"""Operations that change nothing."""


class Proxy:
    """The proxy of `server`. `upstream`: the emulator behind it."""

    def __init__(self, server, upstream):
        self.server, self.upstream, self.url = server, upstream, server.url
        self._before = Counter()
        self.disturb()

    def disturb(self, *rules):
        """Answer by these rules from now on, the first that fits; calls that none fits pass."""
        self._control("POST", "rules", json.dumps([*rules, RECORD]))

    def calls(self):
        """How often each operation was called since the last `forget`, disturbed or not."""
        return self._counted() - self._before

    def forget(self):
        """Count from now on."""
        self._before = self._counted()

    def _counted(self):
        counted = Counter()
        for operation, count in COUNTED.findall(self._control("GET", "metrics")):
            counted[operation] += int(count)
        return counted

    def _control(self, method, path, body=None):
        request = urllib.request.Request(f"{self.url}/_microburst/{path}", method=method,  # noqa: S310  (loopback)
                                         data=None if body is None else body.encode())
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.read().decode()
