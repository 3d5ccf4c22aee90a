"""`keep_setting` is accepted where there is a setting to keep, and rejected elsewhere."""

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy

CFN = """
version: 1
pools:
  - name: cfn
    mode: active
    max: 30
    keep_setting: {kept}
    lever: {{kind: lambda-provisioned-concurrency, region: us-east-1, function: cfn, alias: live}}
"""
RUN = """
version: 1
{defaults}
pools:
  - {{name: chat, max: 2, {own}lever: {{kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}}}}
"""


@pytest.mark.parametrize("kept", [True, False])
def test_keep_setting_is_accepted_where_zero_deletes_a_setting(kept):
    (pool,) = parse_policy(CFN.format(kept=str(kept).lower()), policy_kinds()).pools

    assert pool.keep_setting is kept


@pytest.mark.parametrize(("defaults", "own"), [("", "keep_setting: true, "), ("defaults: {keep_setting: true}", "")])
def test_keep_setting_is_rejected_where_zero_deletes_nothing(defaults, own):
    with pytest.raises(PolicyError, match="cloud-run-min-instances deletes no setting at 0 units") as caught:
        parse_policy(RUN.format(defaults=defaults, own=own), policy_kinds())
    assert len(caught.value.problems) == 1


def test_keep_setting_false_is_accepted_for_every_lever():
    text = RUN.format(defaults="defaults: {keep_setting: true}", own="keep_setting: false, ")
    (pool,) = parse_policy(text, policy_kinds()).pools

    assert pool.keep_setting is False
