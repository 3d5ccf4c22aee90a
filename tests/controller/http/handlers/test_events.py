"""Announced events over HTTP: what is near, what is expected of it, and the reason in the plan that names it."""

from config.model.event import Event
from tests.services import serving

LAUNCH = Event.model_validate({"name": "launch", "start": "2026-03-02T12:02", "duration": "1h", "factor": 8, "lead": "5m"})


async def test_the_status_and_the_decision_name_the_event_and_replay_makes_the_same_plan(tmp_path):
    async with serving(tmp_path, each={"a": {"events": (LAUNCH,)}}) as here:
        await here.ticks()
        pools = {pool["name"]: pool for pool in (await here.ask("GET", "/status"))[1]["pools"]}
        detail = (await here.ask("GET", "/v1/pools/a"))[1]
        shown = await here.stoker("status", "a")
        why = await here.stoker("why", "a", "--json")
        (tmp_path / "record.json").write_text(why.output)
        replayed = await here.stoker("replay", str(tmp_path / "record.json"), url=False)

    assert pools["b"]["events"] == []
    assert pools["a"]["events"] == [{"name": "launch", "start": "2026-03-02T12:02:00+00:00", "end": "2026-03-02T13:02:00+00:00",
                                     "expected": "8 times the usual, which is not known yet"}]
    [reason] = [each for each in detail["reasons"] if each["code"] == "event"]
    assert "launch (Mon 12:02 to Mon 13:02 UTC): 8 times the usual is expected" in reason["text"]
    assert "launch (2026-03-02 12:02 UTC to 2026-03-02 13:02 UTC): 8 times" in shown.output
    assert "launch" in why.output
    assert replayed.exit_code == 0, replayed.output
