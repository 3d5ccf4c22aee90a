"""Change of a pool's objective in the text of a policy file. Comments and formatting stay as they are."""

import re
from typing import Any, NamedTuple

import yaml

from config.loading.calendar_file import Calendars
from config.loading.loader import PolicyError, parse_policy
from config.model.kinds import Kinds
from config.model.policy import Objective, Policy
from config.yaml_text.composer import Mark
from config.yaml_text.document import LOADER

KEY = "objective"
BYTE_ORDER_MARK = "\ufeff"
BREAK = re.compile(r"\r\n|\r|\n")


class EditRefused(Exception):
    """The value cannot be changed without changing something else. The message starts with file:line."""


class Change(NamedTuple):
    """A new text for the part of the file from `start` to `end`. `line`: where the old value is, from 1."""

    start: int
    end: int
    text: str
    line: int


def with_objective(text: str, kinds: Kinds, source: str, pool: str, objective: tuple[str, str],
                   calendars: Calendars | None = None) -> str:
    """Return `text` with another objective of `pool`, and nothing else changed. `objective`: the key and the number.

    A pool without an objective of its own gets one, so that `defaults` and other pools stay as they are. `source`: name of the
    file in messages. Raise `PolicyError` when the text is no valid policy, and `EditRefused` when an anchor or a merge key shares
    the value, or when the new text is not the same policy apart from this objective.
    """
    mark, plain = text[: text.startswith(BYTE_ORDER_MARK)], text.removeprefix(BYTE_ORDER_MARK)
    before = parse_policy(plain, kinds, source, calendars)
    change = change_of(plain, source, [one.name for one in before.pools].index(pool), objective)
    changed = f"{plain[: change.start]}{change.text}{plain[change.end :]}"
    if policy_or_none(changed, kinds, source, calendars) != with_pool_objective(before, pool, objective):
        raise EditRefused(f"{source}:{change.line}: other values depend on this place (an anchor or a merge key); give {pool} "
                          f"its own line: {KEY}: {entry(objective)}")
    return mark + changed


def policy_or_none(text: str, kinds: Kinds, source: str, calendars: Calendars | None) -> Policy | None:
    """Return the policy in `text`; None if it is not valid."""
    try:
        return parse_policy(text, kinds, source, calendars)
    except PolicyError:
        return None


def with_pool_objective(policy: Policy, pool: str, objective: tuple[str, str]) -> Policy:
    """Return the policy with another objective of one pool."""
    wanted = Objective(**{objective[0]: float(objective[1])})
    pools = (one.model_copy(update={KEY: wanted}) if one.name == pool else one for one in policy.pools)
    return policy.model_copy(update={"pools": tuple(pools)})


def entry(objective: tuple[str, str]) -> str:
    """Return an objective as a mapping on one line."""
    return f"{{{objective[0]}: {objective[1]}}}"


def change_of(text: str, source: str, index: int, objective: tuple[str, str]) -> Change:
    """Return the change of the pool at `index`. Raise `EditRefused` at an alias or an anchor."""
    places = Places(text)
    root: Any = yaml.compose(text, Loader=LOADER)  # a mapping with pools, because the text is a valid policy
    pool = next(value for key, value in root.value if key.value == "pools").value[index]
    found = next(((key, value) for key, value in pool.value if key.value == KEY), None)
    if found is None:
        return insertion(pool, places, f"{KEY}: {entry(objective)}")
    key, value = found
    line = key.start_mark.line + 1
    if places.of(value.start_mark) < places.of(key.end_mark):
        raise EditRefused(f"{source}:{line}: the objective is an alias of the anchor in line {value.start_mark.line + 1}; "
                          f"replace the alias by {entry(objective)}")
    number = next(((key, value) for key, value in value.value if key.value == objective[0]), None)
    if number is None:
        return Change(places.of(value.start_mark), places.of(value.end_mark), entry(objective), line)
    name, old = number
    start, end = places.of(old.start_mark), places.of(old.end_mark)
    if start < places.of(name.end_mark) or text[start] == "&":
        raise EditRefused(f"{source}:{name.start_mark.line + 1}: other values share this one by an anchor; replace it by "
                          f"{objective[1]}")
    return Change(start, end, objective[1], old.start_mark.line + 1)


def insertion(pool: yaml.MappingNode, places: "Places", line: str) -> Change:
    """Return the change that adds an entry to a pool: after its name if that is on one line, else before its first key."""
    first = pool.value[0][0]
    after = next((value.end_mark for key, value in pool.value if key.value == "name"
                  and key.start_mark.line == value.start_mark.line == value.end_mark.line), None)
    indent = f"{places.line_break}{' ' * first.start_mark.column}"
    if after is None:
        at = places.of(first.start_mark)
        text = f"{line}, " if pool.flow_style else f"{line}{indent}"
    elif pool.flow_style:
        at, text = places.of(after), f", {line}"
    else:
        at, text = places.end_of_line(after.line), f"{indent}{line}"
    return Change(at, at, text, pool.start_mark.line + 1)


class Places:
    """Positions in a text by line and column, which parsers count from 0."""

    def __init__(self, text: str) -> None:
        breaks = list(BREAK.finditer(text))
        self._starts = [0, *(found.end() for found in breaks)]
        self._ends = [*(found.start() for found in breaks), len(text)]
        self.line_break = breaks[0][0] if breaks else "\n"

    def of(self, mark: Mark) -> int:
        """Return the position of a parser mark."""
        return self._starts[mark.line] + mark.column

    def end_of_line(self, line: int) -> int:
        """Return the position before the line break."""
        return self._ends[line]
