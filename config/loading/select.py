"""The key `select` of a policy: entries that add a pool for each resource that matches, with the settings of a pool."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Protocol

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.loading.layers import ONE, SEVERAL
from config.loading.leads import LEADS, written_leads
from config.loading.report import Path, Report
from config.loading.wording import keys_of, nearest, shown, unknown
from config.model.credentials import Credentials
from config.model.demand import DemandSettings
from config.model.kinds import Kinds
from config.model.lead import Lead
from config.model.lever import LeverSettings
from config.model.policy import NAME, PoolPolicy
from config.model.select import SAMPLE, Listing, Select, Selection
from config.yaml_text.node import Node

SELECT, CREDENTIALS, DEMAND = "select", "credentials", "demand"
POOL_KEYS = tuple(key for key in keys_of(PoolPolicy) if key != "name")
KEYS = (*Selection.model_fields, *POOL_KEYS)
PARTS = (ONE, SEVERAL, LEADS, DEMAND, CREDENTIALS)
PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")
OF_CLOUD = {"aws": ("labels", "tags"), "google": ("tags", "labels")}
"""For each cloud, the key that its resources do not have, and what to write instead."""


class PoolCheck(Protocol):
    """Check of the document, which checks each entry as a pool: `config.loading.check.Check`."""

    report: Report
    kinds: Kinds
    defaults: Node | None
    inherited: dict[str, object]

    def pool(self, path: Path, node: Node) -> PoolPolicy | None:
        """Return one pool with the defaults merged in; None when any part is invalid, which is reported."""

    def demand(self, path: Path, node: Node | None) -> DemandSettings | None:
        """Return the settings of a demand source; None when they are absent, null or invalid."""

    def report_errors(self, error: ValidationError, model: type[BaseModel], where: Callable[[ErrorDetails], Path]) -> None:
        """Report the errors of pydantic, each at the path that `where` returns."""


def written_entries(check: PoolCheck, node: Node | None) -> tuple[Select, ...]:
    """Return the valid entries of `select`; report every problem in them."""
    if node is None:
        return ()
    if node.kind != "list" or not node.items:
        check.report.note_at((SELECT,), f"{shown(node.plain()) if node.kind != 'list' else 'an empty list'} is not a list of "
                                        "entries: start each entry with '- include: '")
        return ()
    found = (Entry(check, (SELECT, index), item).checked() for index, item in enumerate(node.items))
    return tuple(each for each in found if each is not None)


class Entry:
    """Check of one entry: its own keys, and its settings as those of a pool of a sample resource."""

    def __init__(self, check: PoolCheck, path: Path, node: Node) -> None:
        self._check, self._report, self._path, self._node = check, check.report, path, node

    def checked(self) -> Select | None:
        """Return the entry with the defaults merged in; None when any part is invalid."""
        node, report, before = self._node, self._report, len(self._report.problems)
        if node.kind != "mapping":
            report.note_at(self._path, f"{shown(node.plain())} is not an entry: write include and the keys of a pool")
            return None
        misindented = report.misindented(self._path, node, KEYS)
        for key in node.members.keys() - set(KEYS) - misindented:
            report.note_at((*self._path, key), unknown("key", key, KEYS), on_key=True)
        keys = self._keys()
        kind = self._kind()
        credentials = list(self._credentials())
        first = credentials[0] if credentials else None
        pools = [] if kind is None else [self._check.pool(self._path, self._as_pool(where, kind, first))
                                         for where in self._places(kind)]
        if keys is not None and kind is not None:
            self._check_clouds(keys, kind)
            self._check_name(keys, kind, [None if each is None else Credentials.model_validate(each) for each in credentials])
        self._check_leads()
        if len(report.problems) > before or keys is None or kind is None or not pools or pools[0] is None:
            return None
        return self._select(keys, pools[0], tuple(
            Listing(where=where, credentials=None if each is None else Credentials.model_validate(each).at(kind.cloud))
            for each in credentials for where in self._places(kind)))

    def _select(self, keys: Selection, pool: PoolPolicy, listings: tuple[Listing, ...]) -> Select:
        own = {key: member.plain() for key, member in self._node.members.items() if key in POOL_KEYS}
        settings = {key: value for key, value in (self._check.inherited | own).items() if key not in PARTS}
        leads, demand = self._leads(), self._node.child(DEMAND)
        path: Path = (*self._path, DEMAND)
        if DEMAND not in self._node.members and self._check.defaults is not None:
            path, demand = ("defaults", DEMAND), self._check.defaults.child(DEMAND)
        return Select(
            keys=keys, listings=tuple({each.key: each for each in listings}.values()), lever=pool.lever, top=pool.top,
            demand=self._check.demand(path, demand), settings=settings, events=pool.events,
            leads=leads)

    def _leads(self) -> tuple[Lead, ...]:
        node, path = self._node.child(LEADS), (*self._path, LEADS)
        return () if node is None else written_leads(self._report, path, node, self._check.demand)

    def _check_leads(self) -> None:
        """Report a lead that is no pool of the file: a selected pool can leave."""
        pools = self._report.reach(("pools",))
        names = [] if pools is None else [name.scalar for item in pools.items if (name := item.child("name")) is not None]
        for index, lead in enumerate(self._leads()):
            if lead.pool is not None and lead.pool not in names:
                self._report.note_at((*self._path, LEADS, index), f"no pool of this file is named {shown(lead.pool)}: leads of "
                                                                  "selected pools are pools of the file, or demand sources")

    def _keys(self) -> Selection | None:
        given = {key: member.plain() for key, member in self._node.members.items() if key in Selection.model_fields}
        try:
            return Selection.model_validate(given)
        except ValidationError as error:
            self._check.report_errors(error, Selection, lambda item: (*self._path, *item["loc"]))
            return None

    def _kind(self) -> type[LeverSettings] | None:
        """Return the settings of the lever, the lowest of two; None, and report why, if its resources cannot be listed."""
        _, node = next(self._levers(), ((), None))
        kind = None if node is None else node.child("kind")
        model = self._check.kinds.levers.get(str(kind.scalar)) if kind is not None else None
        if model is None:
            self._check.pool(self._path, self._as_pool({}, None, None))  # reports what is wrong
            return None
        for at, lever in self._levers():
            self._check_listed(at, lever)
        return model if model.place_keys else None

    def _check_listed(self, path: Path, lever: Node) -> None:
        kind = lever.child("kind")
        model = self._check.kinds.levers.get(str(kind.scalar)) if kind is not None else None
        if model is None:
            return
        if not model.place_keys:
            can = ", ".join(name for name, each in self._check.kinds.levers.items() if each.place_keys)
            self._report.note_at((*path, "kind"), f"its resources cannot be listed: write a pool for each, or use one of {can}")
        for key in model.resource_keys:
            if key in lever.members:
                other = "include.alias" if key == "alias" else "include.name"
                self._report.note_at((*path, key), f"{key} is found by select: remove it, and use {other}", on_key=True)

    def _levers(self) -> Iterator[tuple[Path, Node]]:
        one, several = self._node.child(ONE), self._node.child(SEVERAL)
        if one is not None and one.kind == "mapping":
            yield (*self._path, ONE), one
        for index, item in enumerate([] if several is None else several.items):
            if item.kind == "mapping":
                yield (*self._path, SEVERAL, index), item

    def _places(self, kind: type[LeverSettings]) -> list[dict[str, str]]:
        """Return the places of the lever: a key such as `region` may be a list."""
        _, lever = next(self._levers())
        values = []
        for key in kind.place_keys:
            node = lever.child(key)
            listed = [] if node is None else [item.scalar for item in node.items] if node.kind == "list" else [node.scalar]
            values.append(list(dict.fromkeys(map(str, listed))))
        return [dict(zip(kind.place_keys, each, strict=True)) for each in product(*values)] or [{}]

    def _credentials(self) -> Iterator[object]:
        """Yield the credentials, one or each of a list, as they are written; None for the daemon's own identity."""
        node, path = self._node.child(CREDENTIALS), (*self._path, CREDENTIALS)
        if node is None:
            yield self._check.inherited.get(CREDENTIALS)
        elif node.kind != "list":
            yield node.plain()
        else:
            for index, item in enumerate(node.items):
                try:
                    Credentials.model_validate(item.plain())
                    yield item.plain()
                except ValidationError as error:
                    self._check.report_errors(error, Credentials, lambda found, at=index: (*path, at, *found["loc"]))  # type: ignore[misc]

    def _as_pool(self, where: Mapping[str, str], kind: type[LeverSettings] | None, credentials: object) -> Node:
        """Return the entry as a pool of a sample resource at a place, with the places of the entry in the text."""
        node = self._node
        members = {key: member for key, member in node.members.items() if key in POOL_KEYS}
        members["name"] = text_node(node, SAMPLE)
        if (own := node.child(CREDENTIALS)) is not None and own.kind == "list":
            valid = [item for item in own.items if item.plain() == credentials]
            members[CREDENTIALS] = valid[0] if valid else text_node(own, None)
        for key in (ONE, SEVERAL):
            if kind is not None and key in members:
                members[key] = sampled(members[key], where, kind)
        return Node(node.place, "mapping", members=members, keys=node.keys)

    def _check_clouds(self, keys: Selection, kind: type[LeverSettings]) -> None:
        wrong, right = OF_CLOUD.get(str(kind.cloud), ("", ""))
        for part, match in (("include", keys.include), ("exclude", keys.exclude)):
            path: Path = (*self._path, part)
            if match is not None and wrong and getattr(match, wrong) is not None:
                self._report.note_at((*path, wrong), f"resources of this lever have no {wrong}: write {right}", on_key=True)
            if match is not None and match.alias is not None and "alias" not in kind.resource_keys:
                self._report.note_at((*path, "alias"), "resources of this lever have no alias: remove it", on_key=True)

    def _check_name(self, keys: Selection, kind: type[LeverSettings], credentials: list[Credentials | None]) -> None:
        """Report a template with a key that resources do not have, or with which no name is valid."""
        path: Path = (*self._path, "name")
        allowed = (*kind.resource_keys, *kind.place_keys, *(("account",) if kind.cloud == "aws" else ()))
        template = keys.name or ""
        for key in PLACEHOLDER.findall(template):
            if key not in allowed:
                near = nearest(key, allowed)
                hint = f"did you mean {{{near}}}? " if near else ""
                self._report.note_at(path, f"unknown {{{key}}}: {hint}allowed: {', '.join(f'{{{each}}}' for each in allowed)}")
                return
        if template and re.search(NAME, PLACEHOLDER.sub("x", template)) is None:
            self._report.note_at(path, f"{shown(template)} gives no valid name: use letters, digits, '.', '_' and '-', and "
                                       "keys in braces such as {function}")
        if "{account}" in template and any(each is None or each.account is None for each in credentials):
            self._report.note_at(path, "{account} needs credentials with role_arn, which name the account")


def text_node(near: Node, text: str | None) -> Node:
    """Return a scalar at the place of another value."""
    return Node(near.place, "scalar", scalar=text, source=text)


def sampled(written: Node, where: Mapping[str, str], kind: type[LeverSettings]) -> Node:
    """Return a lever, or a list of them, of a sample resource at a place."""
    if written.kind == "list":
        return Node(written.place, "list", items=[sampled(item, where, kind) for item in written.items])
    if written.kind != "mapping":
        return written
    names = {key: str(kind.model_fields[key].examples[0]) for key in kind.resource_keys}  # type: ignore[index]
    filled = {key: text_node(written, text) for key, text in (where | names).items()}  # type: ignore[operator]
    return Node(written.place, "mapping", members={**written.members, **filled}, keys=written.keys)
