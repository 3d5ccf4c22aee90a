"""Validation of a policy document: returns every problem in it, or the `Policy`.

The steps: search for secrets, check the defaults, merge the defaults into each pool and check the pool, then check across pools.
This module imports no lever: the caller passes the mapping from kind to settings.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.loading.calendar_file import Calendars
from config.loading.credentials import report_credentials
from config.loading.layers import ONE, SEVERAL, report_layers, report_same_resource, written_levers
from config.loading.leads import LEADS, report_leads, written_leads
from config.loading.problem import Problem, path_text
from config.loading.report import EXTENSION, Path, Report, Step, place_within
from config.loading.secrecy import secrets_in
from config.loading.select import SELECT, written_entries
from config.loading.wording import as_written, keys_of, meant, shown, unknown, without_consequences, wording
from config.model.credentials import Credentials
from config.model.dead_man import DeadMan
from config.model.demand import DemandSettings
from config.model.display import Display
from config.model.event import Event, Holidays
from config.model.kinds import Kinds
from config.model.lease import LEASE_KINDS
from config.model.lever import Address, LeverSettings
from config.model.limits import Limits
from config.model.notify import Notify, Sink, WeeklyReport
from config.model.policy import Assume, Objective, Policy, PoolPolicy, PriceOverride
from config.model.schedule import Schedule
from config.model.select import Match, Selection
from config.model.statsd import StatsD
from config.yaml_text.node import Node

Part = TypeVar("Part", bound=BaseModel)

TOP_KEYS = ("version", "defaults", "pools", SELECT, "limits", "assume", "notify", "weekly_report", "lease", "statsd",
            "display")
DEMAND = "demand"
OWN_KEYS = ("name", ONE, SEVERAL, LEADS)
"""Keys that each pool sets itself and that cannot have a default."""
POOL_KEYS = tuple(keys_of(PoolPolicy))
DEFAULT_KEYS = tuple(key for key in POOL_KEYS if key not in OWN_KEYS)
PLACEHOLDER_LEVER = LeverSettings(kind="unknown")
"""Placeholder for a lever that is invalid or missing, so that the rest of its pool is checked too."""


class Check:
    """Check of one document. Adds problems to `report`; sets `policy` when there are none."""

    def __init__(self, report: Report, kinds: Kinds, calendars: Calendars | None = None) -> None:
        self.report = report
        self.policy: Policy | None = None
        self.kinds, self._calendars = kinds, calendars
        self._meant: set[str] = set()
        self.defaults: Node | None = None
        self.inherited: dict[str, object] = {}
        """Defaults that each pool is merged with, without the demand source, which has a check of its own."""

    def document(self, root: Node) -> None:
        """Check the whole document."""
        if root.kind != "mapping":
            self.report.note(root.place, (), f"a policy is a mapping of {', '.join(TOP_KEYS)}, not {shown(root.plain())}")
            return
        for place, path, message in list(secrets_in(root, self._declared())):
            self.report.note_secret(place, path, message)
        misindented = self.report.misindented((), root, TOP_KEYS)
        for key in root.members:
            if key not in TOP_KEYS and key not in misindented and not key.startswith(EXTENSION):
                self.report.note_at((key,), unknown("key", key, (*TOP_KEYS, f"{EXTENSION}… for anchors")), on_key=True)
            if "defaults" in meant([key], TOP_KEYS):
                self._meant.update(root.members[key].members)
        self._version(root)
        assume, limits = self._part(root, "assume", Assume), self._part(root, "limits", Limits)
        display = self._part(root, "display", Display)
        weekly = None if root.child("weekly_report") is None else self._part(root, "weekly_report", WeeklyReport)
        statsd = None if root.child("statsd") is None else self._part(root, "statsd", StatsD)
        lease = self._of_kind(("lease",), node, "lease", LEASE_KINDS) if (node := root.child("lease")) else None
        sinks, self.defaults = self._sinks(root), self._defaults(root)
        members = {} if self.defaults is None else self.defaults.members
        self.inherited = {key: member.plain() for key, member in members.items() if key in DEFAULT_KEYS and key != DEMAND}
        pools, select = self._pools(root), written_entries(self, root.child(SELECT))
        if not self.report.problems and assume is not None and limits is not None and display is not None:
            self.policy = Policy(version=1, pools=tuple(pools), select=select, assume=assume, limits=limits, notify=sinks,
                                 weekly_report=weekly, lease=lease, statsd=statsd, display=display)

    def _declared(self) -> frozenset[str]:
        ours: tuple[type[BaseModel], ...] = (PoolPolicy, Credentials, Objective, Schedule, Event, Holidays, PriceOverride,
                                             Selection, Match, DeadMan, Limits, Assume, Sink, WeeklyReport, StatsD,
                                             Display)
        models: Iterable[type[BaseModel]] = (*ours, *LEASE_KINDS.values(), *self.kinds.levers.values(),
                                             *self.kinds.demand.values())
        return frozenset(TOP_KEYS).union(*(keys_of(model) for model in models))

    def _version(self, root: Node) -> None:
        node = root.child("version")
        if node is None:
            if "version" not in meant(root.members, TOP_KEYS):
                self.report.note(root.place, ("version",), "the key version is missing: write version: 1")
        elif not (type(node.scalar) is int and node.scalar == 1):
            self.report.note_at(("version",), f"{shown(node.plain())} is not a supported version: write version: 1")

    def _part(self, root: Node, key: str, model: type[Part]) -> Part | None:
        """Return the settings under a top-level key, with defaults; None when they are invalid."""
        node = root.child(key)
        if node is None:
            return model()
        try:
            return model.model_validate(node.plain())
        except ValidationError as error:
            self.report_errors(error, model, lambda item: (key, *place_within(item)))
            return None

    def _sinks(self, root: Node) -> tuple[Sink, ...]:
        node = root.child("notify")
        try:
            return Notify.model_validate({} if node is None else {"notify": node.plain()}).notify
        except ValidationError as error:
            self.report_errors(error, Notify, lambda item: place_within(item) or ("notify",))
            return ()

    def _defaults(self, root: Node) -> Node | None:
        """Return the defaults as a mapping, checked as a pool that sets nothing else."""
        node = root.child("defaults")
        if node is None:
            return None
        if node.kind != "mapping":
            self.report.note_at(("defaults",), f"{shown(node.plain())} is not a mapping of keys: add keys or remove defaults")
            self._meant.update(DEFAULT_KEYS)
            return None
        self._meant |= meant(node.members, DEFAULT_KEYS)
        misindented = self.report.misindented(("defaults",), node, POOL_KEYS)
        for key in node.members:
            if key in OWN_KEYS and key not in misindented:
                self.report.note_at(("defaults", key), f"{key} cannot have a default: set it in each pool", on_key=True)
            elif key not in DEFAULT_KEYS and key not in misindented:
                self.report.note_at(("defaults", key), unknown("key", key, DEFAULT_KEYS), on_key=True)
        known = {key: member.plain() for key, member in node.members.items() if key in DEFAULT_KEYS and key != DEMAND}
        self.demand(("defaults", DEMAND), node.child(DEMAND))
        try:
            PoolPolicy.model_validate(known | {"name": "defaults", ONE: PLACEHOLDER_LEVER})
        except ValidationError as error:
            self.report_errors(error, PoolPolicy, lambda item: ("defaults", *place_within(item)), set_elsewhere=("max",))
        return node

    def _pools(self, root: Node) -> list[PoolPolicy]:
        node = root.child("pools")
        if node is None:
            if SELECT not in root.members and not {"pools", SELECT} & meant(root.members, TOP_KEYS):
                self.report.note(root.place, ("pools",), "the key pools is missing: add at least one pool, or select")
            return []
        if node.kind != "list" or not node.items:
            self.report.note_at(("pools",), f"{shown(node.plain()) if node.kind != 'list' else 'an empty list'} is not a list "
                                            "of pools: start each pool with '- name: '")
            return []
        names: dict[str, int] = {}
        resources: dict[Address, int] = {}
        indexed: dict[int, PoolPolicy] = {}
        for index, item in enumerate(node.items):
            pool = self.pool(("pools", index), item)
            self._names_differ(index, item, names)
            if pool is not None:
                indexed[index] = pool
                report_same_resource(self.report, index, pool, resources)
                report_credentials(self.report, index, pool)
        report_leads(self.report, indexed, names)
        return list(indexed.values())

    def pool(self, path: Path, node: Node) -> PoolPolicy | None:
        """Return one pool with the defaults merged in; None when any part is invalid."""
        inherited, defaults = self.inherited, self.defaults
        if node.kind != "mapping":
            self.report.note_at(path, f"{shown(node.plain())} is not a pool: write a mapping with name, lever and max")
            return None
        misindented = self.report.misindented(path, node, POOL_KEYS)
        lever, top = self._levers(path, node)
        inherits = defaults is not None and DEMAND not in node.members
        written, source = (("defaults",), defaults) if defaults is not None and inherits else (path, node)
        given = source.child(DEMAND)
        demand = self.demand((*written, DEMAND), given)
        own = {key: member.plain() for key, member in node.members.items() if key not in misindented}
        parts: dict[str, object] = {ONE: lever or PLACEHOLDER_LEVER, SEVERAL: top, DEMAND: demand}
        if (leads := node.child(LEADS)) is not None:
            parts[LEADS] = written_leads(self.report, (*path, LEADS), leads, self.demand)
        try:
            pool = PoolPolicy.model_validate(inherited | own | parts, by_name=False)
        except ValidationError as error:
            self.report_errors(error, PoolPolicy, lambda item: self._origin(item, path, node, inherited),
                                set_elsewhere=self._meant)
            return None
        if lever is None or (demand is None and given is not None and given.plain() is not None):
            return None
        within = (*path, "events") if "events" in node.members else ("defaults", "events")
        return pool.model_copy(update={"events": self._events(pool.events, within)}) if pool.events else pool

    def _events(self, events: tuple[Event, ...], within: tuple[Step, ...]) -> tuple[Event, ...]:
        """Return the events with their places in the file and the contents of their calendar files."""
        out = []
        for index, event in enumerate(events):
            path, text = (*within, index), ""
            if event.ics is not None and self._calendars is not None:
                content = self._calendars.read(event.ics)
                if isinstance(content, str):
                    text = content
                elif content.line:
                    self.report.problems.append(Problem(str(content.file), content.line, 1, "", content.message))
                else:
                    self.report.note_at((*path, "ics"), f"{content.file} {content.message}")
            place = self.report.place_of(path)
            out.append(event.placed(f"{self.report.source}:{place.line}:{place.column} {path_text(path)}", text))
        return tuple(out)

    def _origin(
        self, error: ErrorDetails, path: tuple[Step, ...], node: Node, inherited: Mapping[str, object]
    ) -> tuple[Step, ...]:
        """Return the path where the invalid value of a pool is written: in the pool, or in the defaults."""
        first, *rest = place_within(error)
        either = error.get("ctx", {}).get("either")
        if first in node.members or first not in inherited:
            return (*path, first, *rest)
        if either in node.members:
            return (*path, either)
        return ("defaults", first, *rest)

    def _levers(self, path: tuple[Step, ...], pool: Node) -> tuple[LeverSettings | None, LeverSettings | None]:
        """Return the settings of the base and of the layer above it; None for the base when either is invalid."""
        written = written_levers(self.report, path, pool, POOL_KEYS)
        valid = [self._of_kind(place, node, ONE, self.kinds.levers) for place, node in written]
        base, top, *others = (*valid, None, None)
        if None in valid or any(others):
            return None, None
        if base is None or top is None:
            return base, top
        stacked = report_layers(self.report, (*path, SEVERAL), base, top, self.kinds.levers)
        return (base, top) if stacked else (None, None)

    def demand(self, path: tuple[Step, ...], node: Node | None) -> DemandSettings | None:
        """Return the settings of a demand source; None when they are absent, null or invalid."""
        if node is None or (node.kind == "scalar" and node.scalar is None):
            return None
        return self._of_kind(path, node, "demand source", self.kinds.demand)

    def _of_kind(self, path: tuple[Step, ...], node: Node, what: str, kinds: Mapping[str, type[Part]]) -> Part | None:
        """Return settings that have a kind, validated by the model of that kind; None when they are invalid."""
        if node.kind != "mapping":
            self.report.note_at(path, f"{shown(node.plain())} is not a {what}: write a mapping with kind and its keys")
            return None
        kind = node.child("kind")
        if kind is None:
            self.report.note(node.place, (*path, "kind"), f"the key kind is missing: one of {', '.join(kinds)}")
            return None
        if not isinstance(kind.scalar, str) or kind.scalar not in kinds:
            self.report.note_at((*path, "kind"), unknown(f"{what} kind", str(kind.scalar), list(kinds)))
            return None
        model = kinds[kind.scalar]
        try:
            return model.model_validate(node.plain(), context=self.kinds.demand)
        except ValidationError as error:
            self.report_errors(error, model, lambda item: (*path, *place_within(item)))
            return None

    def report_errors(self, error: ValidationError, model: type[BaseModel], where: Callable[[ErrorDetails], tuple[Step, ...]],
                       set_elsewhere: Container[str] = ()) -> None:
        """Report the errors of pydantic, each at the path that `where` returns; skip missing keys that are `set_elsewhere`."""
        for item in without_consequences(error.errors(), model):
            if item["type"] == "missing" and len(item["loc"]) == 1 and item["loc"][0] in set_elsewhere:
                continue
            path = where(item)
            if item["type"] == "bounds" and self.report.has_misread(path[:-1]):
                continue
            node, message = self.report.reach(path), wording(item, model)
            if node is not None and item["type"] != "extra_forbidden":
                message = "".join((message, *as_written(item, node)))
            self.report.note_at(path, message, on_key=item["type"] == "extra_forbidden")

    def _names_differ(self, index: int, pool: Node, names: dict[str, int]) -> None:
        node = pool.child("name")
        if node is None or not isinstance(node.scalar, str):
            return
        first = names.setdefault(node.scalar, index)
        if first != index:
            self.report.note_at(("pools", index, "name"), f"pools[{first}] already has the name {shown(node.scalar)}: choose "
                                                          "another name")
