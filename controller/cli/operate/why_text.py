"""Text of `stoker why`: one decision with its inputs, its reasons and the provider's answer."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.model.policy import PoolPolicy
from controller.cli.formatting import format_value, line_with_effect, override_line

PHASES = {"ready": "no change in progress", "in-progress": "change in progress", "failed": "last change failed"}
WRITES = ("write", "would-write")


def lines(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as lines of text."""
    record, inputs = body["record"], body["record"]["inputs"]
    kind = "latest decision recorded by then" if body["recorded"] else "plan of the last tick"
    mode = mode_of(inputs)
    yield f"{body['pool']} ({mode or 'mode not recorded'})  {record['at'][:19].replace('T', ' ')} UTC, {kind}"
    yield f"  {'outcome':12} {outcome(record, mode)}"
    yield f"  {'demand':12} {demand(inputs)}"
    yield f"  {'capacity':12} {capacity(inputs, mode)}"
    proposal = record["proposal"]
    yield f"  {'proposal':12} " + ("none" if proposal is None else f"{number_text(proposal['target'])} by {proposal['candidate']}"
                                   + ("" if proposal["trusted"] else ", not trusted yet"))
    rationale = inputs.get("weighed") or {}
    yield f"  {'forecast':12} {forecast(rationale.get('forecast'))}"
    if (keep_alive := rationale.get("keep_alive")) is not None:
        yield f"  {'keep-alive':12} {keep_alive['text']}{used_text(keep_alive)}"
    yield from rules(rationale)
    in_force = [line_with_effect(each) for each in body.get("overrides", ())]
    for text in in_force or map(override_line, inputs.get("overrides", ())):
        yield f"  {'override':12} {text}"
    yield "  reasons"
    for reason in record["reasons"]:
        before, after = reason["before"], reason["after"]
        move = "" if before is None else f"{after}" if before == after else f"{before} -> {after}"
        yield f"    {reason['code']:18} {move:12} {reason['text']}"
    yield f"  {'provider':12} {answer(record, inputs, mode)}"


def used_text(keep_alive: Mapping[str, Any]) -> str:
    """Return the keep-alive that the rule costs use, as the end of a line; empty if it is the same."""
    minutes = keep_alive["used_minutes"]
    return "" if 60 * minutes == keep_alive["seconds"] else f"; rule costs use {minutes} min"


def forecast(forecast_body: Mapping[str, Any] | None) -> str:
    """Return the forecast for the first minute that the decision could affect."""
    if forecast_body is None:
        return "none available"
    below = ", ".join(f"P{100 * float(level):g} {peak:g}" for level, peak in forecast_body["peak_below"].items())
    return f"for {forecast_body['of'][11:16]} ({forecast_body['horizon_minutes']} min ahead): concurrent demand {below}"


def rules(rationale: Mapping[str, Any]) -> Iterator[str]:
    """Yield the simulated extra cost of each rule, cheapest first, and its weight in the proposal."""
    if not rationale.get("rules"):
        return
    yield (f"  {'rules':12} simulated bill + cold-start cost on recent demand, minus the bill of on-demand service without cold "
           f"starts; ensemble: {rationale['choice_usd']:.2f} USD")
    yield f"    {'':10} {'USD':>10}  weight  rule"
    for each in rationale["rules"]:
        share = f"{each['share']:.0%}" if each["share"] else "-"
        yield f"    {'':10} {each['usd']:10.2f}  {share:>6}  {each['rule']}{' (baseline)' if each.get('naive') else ''}"


def mode_of(inputs: Mapping[str, Any]) -> str | None:
    """Return the mode of the pool at the decision; None if it is not recorded. A record omits settings with their default."""
    policy = inputs.get("policy")
    return None if policy is None else str(policy.get("mode", PoolPolicy.model_fields["mode"].default))


def outcome(record: Mapping[str, Any], mode: str | None) -> str:
    """Return the outcome of the decision."""
    if record["action"] in WRITES:
        verb = "would change requested" if mode == "shadow" else "requested changed"
        return f"{verb} from {format_value(requested_of(record))} to {record['target']}"
    return f"{'kept' if record['action'] == 'keep' else 'held'} at {format_value(record['target'])}"


def requested_of(record: Mapping[str, Any]) -> int | None:
    """Return the units requested at the decision, simulated in shadow mode; None if they were unknown."""
    units: int | None = record["simulated_requested" if record["mode"] == "shadow" else "actual_requested"]
    return units


def demand(inputs: Mapping[str, Any]) -> str:
    """Return the state of the demand data and its age."""
    age = inputs.get("data_age_seconds")
    state = str(inputs.get("freshness", "not recorded"))
    traffic = {"none": "no traffic, ", "live": "traffic, "}.get(inputs.get("traffic", ""), "")
    state = f"{traffic}{state}"
    return state if age is None else f"{state}, newest known minute {age:.0f} s old"


def capacity(inputs: Mapping[str, Any], mode: str | None) -> str:
    """Return the capacity reading and its age. In shadow mode the reading is simulated."""
    from datetime import datetime

    if (error := inputs.get("capacity_error")) is not None:
        return f"unknown: {error}"
    reading = inputs.get("capacity")
    if reading is None:
        return "not read yet"
    text = f"{'simulated: ' if mode == 'shadow' else ''}{units_text(reading)}"
    if "now" not in inputs:
        return text
    age = datetime.fromisoformat(inputs["now"]) - datetime.fromisoformat(reading["observed_at"])
    return f"{text}, read {age.total_seconds():.0f} s earlier"


def units_text(reading: Mapping[str, Any]) -> str:
    """Return the units of a capacity reading and whether a change is in progress."""
    return f"{reading['requested']} requested, {reading['ready']} ready ({PHASES.get(reading['phase'], reading['phase'])})"


def answer(record: Mapping[str, Any], inputs: Mapping[str, Any], mode: str | None) -> str:
    """Return the provider's answer to the request. In shadow mode no request is sent; the capacity after it is simulated."""
    refused = next((reason["text"] for reason in record["reasons"] if reason["code"] == "write-failed"), None)
    if refused is not None:
        return str(refused)
    if record["action"] not in WRITES:
        return "no request sent"
    capacity_after = inputs.get("answer")
    if mode == "shadow":
        simulated = "" if capacity_after is None else f"; simulated: {units_text(capacity_after)}"
        return f"no request sent (shadow mode){simulated}"
    return "not recorded" if capacity_after is None else f"accepted: {units_text(capacity_after)}"


def number_text(value: float | str | None) -> str:
    """Return a proposal's units as text; null in a record stands for a value that is not a number."""
    return "no number" if value is None else f"{value:g}" if isinstance(value, int | float) else value
