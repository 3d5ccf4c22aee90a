"""The target of a decision, computed by hand from the text of `stoker why` alone, as an engineer on call would."""

import math
import re

ROW = re.compile(r" +([\d.]+) +(<?[\d.]+) % +(-?[\d.]+)?  (.*)")
RULE = re.compile(r"(?:(.*?), \+ margin (\d+) \(([\d.]+) × √(\d+)\) = (\d+)|(.*))")
SIGNAL = re.compile(r" = (\d+)")
EXACT = re.compile(r"mean of (\d+) rules? by weight ([\d.]+)")
CHANGE = re.compile(r": (?:(\d+) -> )?(?:held at |stays )?(\d+)$")
REMARKS = ("short-history", "keep-alive", "kept-by-others", "deletes-setting", "setting-gone")


class Wrong(AssertionError):
    """A number of the text does not follow from the others."""


def check(right: bool, text: str) -> None:
    if not right:
        raise Wrong(text)


def rule_units(text: str) -> int:
    """The units of a rule by the values of its signals: `max(a = 7, b = 9) = 9, + margin 3 (1 × √9) = 12`."""
    if text == "no warm capacity = 0":
        return 0
    found = RULE.fullmatch(text)
    top = found[1] if found[1] is not None else found[6]
    value = combined(top)
    if found[1] is None:
        return value
    margin, factor, root, units = int(found[2]), float(found[3]), int(found[4]), int(found[5])
    check(root == value, text)
    check(margin == math.floor(value + factor * math.sqrt(value) + 0.5) - value, text)
    check(units == value + margin, text)
    return units


def combined(text: str) -> int:
    """The maximum or minimum that a text states, checked."""
    if not text.startswith(("max(", "min(")):
        return int(SIGNAL.search(text)[1])
    body, stated = text.rsplit(") = ", 1)
    inner = body[4:]
    if inner.startswith("min("):
        least, rest = inner[4:].split("), ", 1) if "), demand" not in inner else inner[4:].rsplit("), ", 1)
        parts = [min(int(each) for each in SIGNAL.findall(least)), *(int(each) for each in SIGNAL.findall(rest))]
    else:
        parts = [int(each) for each in SIGNAL.findall(inner)]
    value = (max if text.startswith("max(") else min)(parts)
    check(value == int(stated), text)
    return value


def table(lines: list[str]) -> tuple[float, float]:
    """The mean of the rules by weight, from the rows of the table, and how far rounding of the displayed numbers may move it."""
    mean = slack = total = 0.0
    for line in lines:
        found = ROW.fullmatch(line)
        if found is None:
            continue
        least = 0.05 if found[2] == "<0.1" else float(found[2])
        units, share = float(found[1]), least / 100
        if "mean by weight" in line:
            slack += 0.005 * share
        else:
            check(rule_units(found[4]) == units, line)
        mean, slack, total = mean + share * units, slack + 0.0005 * units, total + share
    check(abs(total - 1) <= 0.0005 * 7, f"the weights add up to {total:.4f}")
    return mean, slack + 1e-9


def target_of(text: str) -> int | None:
    """The target by the text of `stoker why`, printed wide. Raise `Wrong` where its numbers contradict each other."""
    lines = text.split("\n")  # text of providers may hold other line separators
    at = {line[2:15].strip(): number for number, line in enumerate(lines) if line[2:3].strip()}
    reasons = [line[15:] for line in lines[at["reasons"] : at["provider"]]]
    proposed, stated = None, ""
    if "ensemble" in at:
        ensemble = lines[at["ensemble"]][15:]
        rows = [line for number, line in enumerate(lines) if at["ensemble"] > number and ROW.fullmatch(line)]
        mean, slack = table(rows)
        proposed = int(re.search(r"-> (\d+)(?:, cost|$)", ensemble)[1])
        if (found := EXACT.match(ensemble)) is not None:
            exact, stated = float(found[2]), found[2]
            check(abs(mean - exact) <= slack + 0.05, f"{mean} by the table, {exact} by the ensemble")
            check("not followed" in ensemble or math.ceil(exact - 0.5) == proposed, ensemble)
        if "followed" in ensemble:
            leader = re.sub(r" is followed alone -> \d+$| -> \d+$", "", ensemble.split("none: ")[-1].split("more than: ")[-1])
            check(rule_units(leader) == proposed, ensemble)
    said = next((reason for reason in reasons if reason.startswith("proposed: ")), "")
    check("; ensemble of" not in said or f"rules {stated} -> " in said, said)
    return followed(reasons, proposed)


def followed(reasons: list[str], proposed: int | None) -> int | None:
    """The target after each reason in order."""
    target = None
    for reason in reasons:
        code, said = reason.split(": ", 1)
        if code == "proposed":
            rule = said.rsplit(", followed alone", 1)[0].rsplit(", the only", 1)[0]
            check(rule.endswith((f"= {proposed}", f"-> {proposed}")), said)
            target = proposed
        elif (found := CHANGE.search(said)) is not None and code not in REMARKS:
            check(found[1] is None or target is None or int(found[1]) == target, said)
            target = int(found[2])
    return target
