"""Text of `stoker why`: one decision in the order in which it was made, with every number that the target follows from."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from controller.cli.formatting import blackout_text, format_value, line_with_effect, override_line
from controller.cli.operate.why_rules import rules

PHASES = {"ready": "no change in progress", "in-progress": "change in progress", "failed": "last change failed"}
WRITES = ("write", "would-write")
INDENT = 15
"""Width of the labels."""

LEAST_WIDTH = 60


def lines(body: Mapping[str, Any], width: int = 80) -> Iterator[str]:
    """Yield the record as lines of text, wrapped to `width`."""
    from config.model.layers import base_name

    record, inputs = body["record"], body["record"]["inputs"]
    mode, rationale, width = mode_of(inputs), inputs.get("weighed") or {}, max(width, LEAST_WIDTH)
    yield f"{body['pool']} ({mode or 'mode not recorded'})  {heading(body)}"
    yield from labelled("outcome", [outcome(record, mode)], width)
    yield from labelled("demand", [demand(inputs, rationale)], width)
    yield from labelled("forecast", [forecast(rationale.get("forecast"))], width)
    yield from labelled("capacity", [capacity(inputs, mode)], width)
    if (keep_alive := rationale.get("keep_alive")) is not None:
        yield from labelled("keep-alive", [f"{keep_alive['text']}{used_text(keep_alive)}"], width)
    in_force = [line_with_effect(each) for each in body.get("overrides", ())]
    yield from labelled("override", in_force or map(override_line, inputs.get("overrides", ())), width)
    if rationale.get("ensemble"):
        yield from rules(rationale, width)
    elif base_name(body["pool"]) == body["pool"]:  # the reasons of pings have all numbers of their rules
        yield from labelled("rules", ["not recorded" if record["proposal"] else "no proposal"], width)
    yield from ending(record, width)
    if "pings" in body:
        yield from pings_lines(body["pings"], width, "no decision recorded by then" if body["recorded"] else "no plan yet")
    if (held := blackout_text(body)) is not None:
        yield from labelled("all held", [f"pings held all idle units: {held}"], width)


def ending(record: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the reasons of a decision, the provider's answer, and what changed since the decision before."""
    inputs = record["inputs"]
    yield from labelled("reasons", [f"{each['code']}: {each['text']}" for each in record["reasons"]], width)
    yield from labelled("provider", [answer(record, inputs, mode_of(inputs))], width)
    yield from labelled("changed", since((inputs.get("weighed") or {}).get("since")), width)


def pings_lines(layer: Mapping[str, Any] | None, width: int, missing: str) -> Iterator[str]:
    """Yield the decision of the pings above the base of a pool, else the text `missing`. They follow demand and base."""
    yield ""
    if layer is None:
        yield f"pings above the base: {missing}"
        return
    record, inputs = layer["record"], layer["record"]["inputs"]
    yield f"pings above the base  {heading(layer)}"
    yield from labelled("outcome", [outcome(record, mode_of(inputs))], width)
    yield from labelled("capacity", [capacity(inputs, mode_of(inputs))], width)
    yield from ending(record, width)


def heading(body: Mapping[str, Any]) -> str:
    """Return time and kind of a decision."""
    kind = "latest decision recorded by then" if body["recorded"] else "plan of the last tick"
    return f"{body['record']['at'][:19].replace('T', ' ')} UTC, {kind}"


def labelled(label: str, items: Iterable[str], width: int) -> Iterator[str]:
    """Yield each item as wrapped lines beside a label, with a hanging indent; nothing without items."""
    first = f"  {label:{INDENT - 2}}"
    for item in items:
        yield from textwrap.wrap(item, width, initial_indent=first, subsequent_indent=" " * (INDENT + 2),
                                 break_long_words=False, break_on_hyphens=False)
        first = " " * INDENT


def since(body: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what changed since the decision before, the cause first."""
    if body is None:
        yield "no earlier decision since the start of the daemon"
        return
    yield f"since {body['at'][11:16]} UTC (target {format_value(body['target'])})" + ("" if body["changes"] else ": nothing")
    yield from (each["text"] for each in body["changes"])


def timeline(pool: str, start: datetime, found: Sequence[Mapping[str, Any]], width: int = 80) -> Iterator[str]:
    """Yield each decision as its time and outcome, and below it what changed since the one before."""
    width = max(width, LEAST_WIDTH)
    count = f"{len(found)} decision{'' if len(found) == 1 else 's'}" if found else "no decision is recorded"
    yield f"{pool}  {count} since {start:%Y-%m-%d %H:%M} UTC" + (": its plan has not changed" if not found else "")
    for record in found:
        mode, changes = mode_of(record["inputs"]), ((record["inputs"].get("weighed") or {}).get("since") or {}).get("changes", ())
        layer = "" if record["pool"] == pool else "pings: "
        yield f"  {record['at'][:19].replace('T', ' ')}  {layer}{outcome(record, mode)}"
        for text in [each["text"] for each in changes] or [record["text"]]:
            yield from textwrap.wrap(text, width, initial_indent=" " * 6, subsequent_indent=" " * 8, break_long_words=False,
                                     break_on_hyphens=False)
    if found:
        after = datetime.fromisoformat(found[-1]["at"]) + timedelta(seconds=1)  # decisions have fractions of a second
        yield f"One of them in full: stoker why {pool} --at {after:%Y-%m-%dT%H:%M:%SZ}"


def used_text(keep_alive: Mapping[str, Any]) -> str:
    """Return the keep-alive that the rule costs use, as the end of a line; empty if it is the same."""
    minutes = keep_alive["used_minutes"]
    return "" if 60 * minutes == keep_alive["seconds"] else f"; rule costs use {minutes} min"


def forecast(forecast_body: Mapping[str, Any] | None) -> str:
    """Return the forecast for the first minute that the decision could affect. No rule reads it."""
    if forecast_body is None:
        return "none available"
    below = ", ".join(f"P{100 * float(level):g} {peak:g}" for level, peak in forecast_body["peak_below"].items())
    return (f"for {forecast_body['of'][11:16]} ({forecast_body['horizon_minutes']} min ahead): concurrent demand {below}; "
            "the rules decide, none reads it")


def mode_of(inputs: Mapping[str, Any]) -> str | None:
    """Return the mode of the pool at the decision; None if it is not recorded. A record omits settings with their default."""
    from config.model.policy import PoolPolicy

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


def demand(inputs: Mapping[str, Any], rationale: Mapping[str, Any]) -> str:
    """Return the state of the demand data, its age, and the peak of the newest known minute at the proposal."""
    age, ensemble = inputs.get("data_age_seconds"), rationale.get("ensemble")
    state = str(inputs.get("freshness", "not recorded"))
    traffic = {"none": "no traffic, ", "live": "traffic, "}.get(inputs.get("traffic", ""), "")
    text = f"{traffic}{state}" + ("" if age is None else f", newest known minute {age:.0f} s old")
    return text + (f", peak {ensemble['peak']:g} at {ensemble['known_at'][11:16]} UTC" if ensemble else "")


def capacity(inputs: Mapping[str, Any], mode: str | None) -> str:
    """Return the capacity reading and its age. In shadow mode the reading is simulated."""
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
