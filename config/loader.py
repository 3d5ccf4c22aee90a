"""From a policy file to a `Policy`, or to every problem in it at once.

The steps: read the text with its places, look for secrets, check the defaults, merge them into each pool and check that, then
what only shows between pools. Nothing here knows any lever: the mapping from kind to settings is handed in.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.calendar_file import Calendars
from config.dead_man import DeadMan
from config.document import MOST_BYTES, Node, Place, read_document
from config.event import Event, Holidays
from config.lease import LEASE_KINDS
from config.lever import LeverSettings
from config.limits import Limits
from config.notify import Notify, Sink
from config.policy import Assume, Objective, Policy, PoolPolicy, PriceOverride
from config.problem import PolicyError, Problem, path_text
from config.schedule import Schedule
from config.secrecy import secrets_in
from config.wording import shown, unknown, wording

__all__ = ["PolicyError", "Problem", "load_policy", "parse_policy"]

Step = str | int
Kinds = Mapping[str, type[LeverSettings]]
Part = TypeVar("Part", bound=BaseModel)

TOP_KEYS = ("version", "defaults", "pools", "limits", "assume", "notify", "lease")
OWN_KEYS = ("name", "lever")
"""What every pool must say for itself and no default can."""
DEFAULT_KEYS = tuple(key for key in PoolPolicy.model_fields if key not in OWN_KEYS)
STAND_IN = LeverSettings(kind="unknown")
"""In the place of a lever that is itself wrong or absent, so that the rest of its pool is checked too."""


def load_policy(path: Path, kinds: Kinds) -> Policy:
    """The policy in the file at `path`; `PolicyError` with every problem, one that cannot be read included."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise PolicyError([Problem(str(path), line, 1, "", "not UTF-8: save the file in UTF-8")]) from error
    except OSError as error:
        raise PolicyError([Problem(str(path), 1, 1, "", f"cannot be read: {error.strerror or error}")]) from error
    return parse_policy(text, kinds, str(path), Calendars(path.parent))


def parse_policy(text: str, kinds: Kinds, source: str = "policy.yaml", calendars: Calendars | None = None) -> Policy:
    """The policy that `text` says; `PolicyError` with every problem. Raises nothing else for any text.

    `kinds` maps a lever's kind to the model of its settings; `source` is what problems call the file. Without `calendars` no
    calendar file is read, and events that name one have no windows.
    """
    root, faults = read_document(text)
    check = Check(source, root, kinds, calendars)
    for fault in faults:
        check.note(fault.place, (), fault.message)
    readable = root is not None and not (root.kind == "scalar" and root.scalar is None)
    if root is not None and readable:
        check.document(root)
    elif not faults:
        check.note(Place(1, 1), (), "empty: a policy begins with version: 1 and names pools")
    if check.problems or check.policy is None:
        raise PolicyError(check.problems)
    return check.policy


def place_within(error: ErrorDetails) -> tuple[Step, ...]:
    """Where inside the checked value it is wrong; our own validators tell by `at` where inside their field."""
    return (*error["loc"], *error.get("ctx", {}).get("at", ()))


class Check:
    """One pass over one document. Gathers problems; `policy` is set when there are none."""

    def __init__(self, source: str, root: Node | None, kinds: Kinds, calendars: Calendars | None = None) -> None:
        self.problems: list[Problem] = []
        self.policy: Policy | None = None
        self._source, self._root, self._kinds, self._calendars = source, root, kinds, calendars
        self._secret: list[tuple[Step, ...]] = []

    def note(self, place: Place, path: tuple[Step, ...], message: str) -> None:
        """Remember a problem; one on something secret only if it says just that, so that no message repeats the value."""
        if not any(path[: len(secret)] == secret for secret in self._secret):
            self.problems.append(Problem(self._source, place.line, place.column, path_text(path), message))

    def note_at(self, path: tuple[Step, ...], message: str, on_key: bool = False) -> None:
        """Remember a problem at the value under `path`, or at its key; at the innermost thing that exists."""
        node, place = self._root, Place(1, 1)
        for depth, step in enumerate(path):
            if node is None:
                break
            place = node.place
            if on_key and depth == len(path) - 1 and isinstance(step, str):
                place, node = node.keys.get(step, place), None
            else:
                node = node.child(step)
        self.note(node.place if node is not None else place, path, message)

    def document(self, root: Node) -> None:
        """Check all of it."""
        if root.kind != "mapping":
            self.note(root.place, (), f"a policy is a mapping of {', '.join(TOP_KEYS)}, not {shown(root.plain())}")
            return
        for place, path, message in list(secrets_in(root, self._declared())):
            self.note(place, path, message)
            self._secret.append(path)
        for key in root.members:
            if key not in TOP_KEYS:
                self.note_at((key,), unknown("key", key, TOP_KEYS), on_key=True)
        self._version(root)
        assume, limits = self._part(root, "assume", Assume), self._part(root, "limits", Limits)
        lease = self._of_kind(("lease",), node, "lease", LEASE_KINDS) if (node := root.child("lease")) else None
        sinks, pools = self._sinks(root), self._pools(root, self._defaults(root))
        if not self.problems and assume is not None and limits is not None:
            self.policy = Policy(version=1, pools=tuple(pools), assume=assume, limits=limits, notify=sinks, lease=lease)

    def _declared(self) -> frozenset[str]:
        ours: tuple[type[BaseModel], ...] = (PoolPolicy, Objective, Schedule, Event, Holidays, PriceOverride, DeadMan, Limits,
                                             Assume, Sink)
        models: Iterable[type[BaseModel]] = (*ours, *LEASE_KINDS.values(), *self._kinds.values())
        return frozenset(TOP_KEYS).union(*(model.model_fields for model in models))

    def _version(self, root: Node) -> None:
        node = root.child("version")
        if node is None:
            self.note(root.place, ("version",), "the key version is missing: write version: 1")
        elif not (type(node.scalar) is int and node.scalar == 1):
            self.note_at(("version",), f"{shown(node.plain())} is not a version this Stoker reads: write version: 1")

    def _part(self, root: Node, key: str, model: type[Part]) -> Part | None:
        """What stands under a key of the top level, with its defaults; None when it is wrong."""
        node = root.child(key)
        if node is None:
            return model()
        try:
            return model.model_validate(node.plain())
        except ValidationError as error:
            for item in error.errors():
                self._complain(item, model, (key, *place_within(item)))
            return None

    def _sinks(self, root: Node) -> tuple[Sink, ...]:
        node = root.child("notify")
        try:
            return Notify.model_validate({} if node is None else {"notify": node.plain()}).notify
        except ValidationError as error:
            for item in error.errors():
                self._complain(item, Notify, place_within(item) or ("notify",))
            return ()

    def _defaults(self, root: Node) -> Node | None:
        """The defaults as a mapping, checked as if a pool said nothing else."""
        node = root.child("defaults")
        if node is None:
            return None
        if node.kind != "mapping":
            self.note_at(("defaults",), f"{shown(node.plain())} is not a mapping of keys: give keys or leave defaults out")
            return None
        for key in node.members:
            if key in OWN_KEYS:
                self.note_at(("defaults", key), f"{key} belongs to each pool and has no default", on_key=True)
            elif key not in DEFAULT_KEYS:
                self.note_at(("defaults", key), unknown("key", key, DEFAULT_KEYS), on_key=True)
        known = {key: member.plain() for key, member in node.members.items() if key in DEFAULT_KEYS}
        try:
            PoolPolicy.model_validate(known | {"name": "defaults", "lever": STAND_IN})
        except ValidationError as error:
            for item in error.errors():
                if not (item["type"] == "missing" and item["loc"] == ("max",)):
                    self._complain(item, PoolPolicy, ("defaults", *place_within(item)))
        return node

    def _pools(self, root: Node, defaults: Node | None) -> list[PoolPolicy]:
        node = root.child("pools")
        if node is None:
            self.note(root.place, ("pools",), "the key pools is missing: name at least one pool")
            return []
        if node.kind != "list" or not node.items:
            self.note_at(("pools",), f"{shown(node.plain()) if node.kind != 'list' else 'an empty list'} is not a list of pools")
            return []
        inherited = {} if defaults is None else {
            key: member.plain() for key, member in defaults.members.items() if key in DEFAULT_KEYS
        }
        names: dict[str, int] = {}
        resources: dict[tuple[str, str], int] = {}
        pools = []
        for index, item in enumerate(node.items):
            pool = self._pool(index, item, inherited)
            self._names_differ(index, item, names)
            if pool is not None:
                pools.append(pool)
                self._resources_differ(index, pool, resources)
        return pools

    def _pool(self, index: int, node: Node, inherited: dict[str, object]) -> PoolPolicy | None:
        """One pool with the defaults merged in; None unless it is right, its lever at least."""
        path: tuple[Step, ...] = ("pools", index)
        if node.kind != "mapping":
            self.note_at(path, f"{shown(node.plain())} is not a pool: a mapping with name, lever and max")
            return None
        lever = self._lever((*path, "lever"), node)
        said = {key: member.plain() for key, member in node.members.items()}
        try:
            pool = PoolPolicy.model_validate(inherited | said | {"lever": lever or STAND_IN})
        except ValidationError as error:
            for item in error.errors():
                self._complain(item, PoolPolicy, self._origin(item, path, node, inherited))
            return None
        within = (*path, "events") if "events" in node.members else ("defaults", "events")
        return pool.model_copy(update={"events": self._events(pool.events, within)}) if pool.events else pool

    def _events(self, events: tuple[Event, ...], within: tuple[Step, ...]) -> tuple[Event, ...]:
        """The events with their places, and with what their calendar files say."""
        out = []
        for index, event in enumerate(events):
            path, text = (*within, index), ""
            if event.ics is not None and self._calendars is not None:
                found = self._calendars.read(event.ics)
                if isinstance(found, str):
                    text = found
                elif found.line:
                    self.problems.append(Problem(str(found.file), found.line, 1, "", found.message))
                else:
                    self.note_at((*path, "ics"), f"{found.file} {found.message}")
            place = self._place_of(path)
            out.append(event.placed(f"{self._source}:{place.line}:{place.column} {path_text(path)}", text))
        return tuple(out)

    def _place_of(self, path: tuple[Step, ...]) -> Place:
        node = self._root
        for step in path:
            node = None if node is None else node.child(step)
        return Place(1, 1) if node is None else node.place

    def _origin(
        self, error: ErrorDetails, path: tuple[Step, ...], node: Node, inherited: Mapping[str, object]
    ) -> tuple[Step, ...]:
        """Where the value that a pool's error is about was written: in the pool, or in the defaults."""
        first, *rest = place_within(error)
        either = error.get("ctx", {}).get("either")
        if first in node.members or first not in inherited:
            return (*path, first, *rest)
        if either in node.members:
            return (*path, either)
        return ("defaults", first, *rest)

    def _lever(self, path: tuple[Step, ...], pool: Node) -> LeverSettings | None:
        node = pool.child("lever")
        if node is None:
            self.note(pool.place, path, "the key lever is missing: say by which kind of lever its capacity is set")
            return None
        return self._of_kind(path, node, "lever", self._kinds)

    def _of_kind(self, path: tuple[Step, ...], node: Node, what: str, kinds: Mapping[str, type[Part]]) -> Part | None:
        """Settings that have a kind, by the model of that kind."""
        if node.kind != "mapping":
            self.note_at(path, f"{shown(node.plain())} is not a {what}: a mapping with kind and what that kind needs")
            return None
        kind = node.child("kind")
        if kind is None:
            self.note(node.place, (*path, "kind"), f"the key kind is missing: one of {', '.join(kinds)}")
            return None
        if not isinstance(kind.scalar, str) or kind.scalar not in kinds:
            self.note_at((*path, "kind"), unknown(f"{what} kind", str(kind.scalar), list(kinds)))
            return None
        model = kinds[kind.scalar]
        try:
            return model.model_validate(node.plain())
        except ValidationError as error:
            for item in error.errors():
                self._complain(item, model, (*path, *place_within(item)))
            return None

    def _complain(self, error: ErrorDetails, model: type[BaseModel], path: tuple[Step, ...]) -> None:
        """One of pydantic's errors, at its place."""
        self.note_at(path, wording(error, model), on_key=error["type"] == "extra_forbidden")

    def _names_differ(self, index: int, pool: Node, names: dict[str, int]) -> None:
        node = pool.child("name")
        if node is None or not isinstance(node.scalar, str):
            return
        first = names.setdefault(node.scalar, index)
        if first != index:
            self.note_at(("pools", index, "name"), f"pools[{first}] already has the name {shown(node.scalar)}: names are unique")

    def _resources_differ(self, index: int, pool: PoolPolicy, resources: dict[tuple[str, str], int]) -> None:
        path = ("pools", index, "lever")
        first = resources.setdefault((pool.lever.kind, pool.lever.resource), index)
        if first != index and not any(secret[:3] == path for secret in self._secret):
            message = f"pools[{first}] already sets {pool.lever.resource} by {pool.lever.kind}: one pool per resource and lever"
            self.note_at(path, message)
