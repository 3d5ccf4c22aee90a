"""A launch of a calendar file, through the real commands, the provider's client and CloudWatch's history."""

import json
from datetime import UTC, datetime, timedelta

from tests.e2e.daemons import policy_text, puts, sandbox_of, serving, steady_history, stoker

CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1
SUMMARY:Spring launch
DTSTART:{start:%Y%m%dT%H%M%SZ}
DTEND:{end:%Y%m%dT%H%M%SZ}
END:VEVENT
END:VCALENDAR
"""


async def test_a_launch_in_a_calendar_file_is_planned_and_requested(tmp_path):
    sandbox, policy, now = sandbox_of(), tmp_path / "policy.yaml", datetime.now(UTC)
    sandbox.add_function("agent", steady_history(5, days=2.5), init_seconds=0.1)
    event = "{name: ours, ics: ours.ics, summary: LAUNCH, factor: 4}"
    policy.write_text(f"{policy_text('agent', high=40)}    events: [{event}]\n")
    (tmp_path / "ours.ics").write_text(CALENDAR.format(start=now - timedelta(minutes=1), end=now + timedelta(hours=2)))
    async with serving(sandbox) as url:
        given = "--policy", str(policy), "--sandbox-url", url
        planned, before = await stoker("plan", "--json", *given), puts(sandbox)
        done = await stoker("run", "--once", "--state-dir", str(tmp_path / "state"), *given)
    [pool] = json.loads(planned[1])["pools"]

    assert pool["target"] == 20
    assert "ours: Spring launch" in pool["text"]
    assert "4 times the usual 5" in pool["text"]
    assert done[0] == 0, done[2]
    assert (before, puts(sandbox)) == ([], [20])
