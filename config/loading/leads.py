"""The key `leads` of a pool: other pools or demand sources whose values rise before the pool's demand."""

from collections.abc import Callable, Collection, Mapping

from config.loading.report import Path, Report
from config.loading.wording import nearest, shown, unknown
from config.model.demand import DemandSettings
from config.model.lead import MOST_LEADS, NO_SIGNAL, Lead
from config.model.policy import PoolPolicy
from config.yaml_text.node import Node

LEADS = "leads"
OTHER = "pool"
SHAPE = "write {pool: NAME} for another pool, or a demand source with kind and its keys"

ReadSource = Callable[[Path, Node], DemandSettings | None]
"""From the place and the node of a demand source to its settings; None if they are invalid, which it reports."""


def written_leads(report: Report, path: Path, node: Node, read_source: ReadSource) -> tuple[Lead, ...]:
    """Return the valid leads in the list `node` at `path`; report the others. If one is invalid, none is returned."""
    if node.kind != "list":
        report.note_at(path, f"{shown(node.plain())} is not a list of leads: start each with '- ': {SHAPE}")
        return ()
    if len(node.items) > MOST_LEADS:
        report.note_at((*path, MOST_LEADS), f"{len(node.items)} leads: a pool has at most {MOST_LEADS}; remove the others")
        return ()
    found = [_written(report, (*path, index), item, read_source) for index, item in enumerate(node.items)]
    return tuple(lead for lead in found if lead is not None) if None not in found else ()


def _written(report: Report, path: Path, node: Node, read_source: ReadSource) -> Lead | None:
    """Return one lead; None if it is invalid."""
    if node.kind != "mapping" or not {OTHER, "kind"} & node.members.keys():
        report.note_at(path, f"{shown(node.plain())} is not a lead: {SHAPE}")
        return None
    other, kind = node.child(OTHER), node.child("kind")
    if other is None and kind is not None and kind.scalar in NO_SIGNAL:
        report.note_at((*path, "kind"), f"{kind.scalar} {NO_SIGNAL[str(kind.scalar)]}")
        return None
    if other is None:
        source = read_source(path, node)
        return None if source is None else Lead(source=source)
    for key in node.members.keys() - {OTHER}:
        text = "remove it, or the key pool: a lead is another pool or a demand source" if key == "kind" else (
            unknown("key", key, (OTHER,)))
        report.note_at((*path, key), text, on_key=True)
        return None
    if not isinstance(other.scalar, str):
        report.note_at((*path, OTHER), f"{shown(other.plain())} is not the name of a pool")
        return None
    return Lead(pool=other.scalar)


def report_leads(report: Report, pools: Mapping[int, PoolPolicy], names: Collection[str]) -> None:
    """Report leads of `pools`, by their number in the file, that name no pool or one without demand. `names`: of all pools."""
    by_name = {pool.name: pool for pool in pools.values()}
    for index, pool in pools.items():
        for at, lead in enumerate(pool.leads):
            path: Path = ("pools", index, LEADS, at, OTHER)
            if lead.pool is None:
                continue
            if lead.pool not in names:
                near = nearest(lead.pool, names)
                hint = f"did you mean {near}? " if near else ""
                report.note_at(path, f"no pool is named {shown(lead.pool)}: {hint}name another pool of this file")
            elif (other := by_name.get(lead.pool)) is not None and other.demand_kind == "none":
                report.note_at(path, f"pool {other.name} has no demand source: add demand to it, or remove this lead")
