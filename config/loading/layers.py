"""The keys `lever` and `levers` of a pool: one lever, or two as layers on one resource, the lowest first."""

from collections.abc import Mapping, Sequence

from config.loading.report import Path, Report
from config.loading.wording import meant, shown
from config.model.lever import Address, LeverSettings, address
from config.model.policy import PoolPolicy
from config.yaml_text.node import Node

ONE, SEVERAL = "lever", "levers"
LAYERS: tuple[str | int, ...] = ("lever", "top")
"""Layers of a pool by their names in `PoolPolicy`, the lowest first."""
MOST = len(LAYERS)


def written_levers(report: Report, path: Path, pool: Node, allowed: Sequence[str]) -> list[tuple[Path, Node]]:
    """Return the levers of the pool at `path` with their places, the lowest first; report why there are none or too many.

    `allowed`: the keys of a pool. A missing key is not reported where another key of the pool is its misspelling.
    """
    one, several = pool.child(ONE), pool.child(SEVERAL)
    where = (*path, SEVERAL)
    if one is not None and several is not None:
        report.note_at(where, "lever and levers are both given: remove lever, and list each layer under levers, the lowest first",
                       on_key=True)
        return []
    if one is not None:
        return [((*path, ONE), one)]
    if several is None:
        if not {ONE, SEVERAL} & meant(pool.members, allowed):
            report.note(pool.place, (*path, ONE), "the key lever is missing: it sets the pool's warm capacity (levers: with two "
                                                  "layers)")
        return []
    if several.kind != "list":
        report.note_at(where, f"{shown(several.plain())} is not a list of levers: start each lever with '- kind: '")
    elif not several.items:
        report.note_at(where, "an empty list: add one lever, or two as layers, the lowest first")
    elif len(several.items) > MOST:
        report.note_at((*where, MOST), f"{len(several.items)} levers: a pool has at most {MOST} layers; remove the others")
    return [((*where, index), item) for index, item in enumerate(several.items)]


def report_layers(report: Report, path: Path, base: LeverSettings, top: LeverSettings,
                  kinds: Mapping[str, type[LeverSettings]]) -> bool:
    """Return whether `top` can be the layer above `base`; report why not. `path`: the place of the list of both."""
    if top.kind in base.stacks_under:
        conflict = base.conflict(top)
        if conflict is not None:
            key, remedy = conflict
            report.note_at((*path, 1, key), f"another resource than that of {base.kind}: all layers of a pool act on one "
                                            f"resource: {remedy}, or make it another pool")
        return conflict is None
    if base.kind in top.stacks_under:
        report.note_at((*path, 0), f"{base.kind} is the layer above {top.kind}: list {top.kind} first")
        return False
    pairs = [f"{above} above {kind}" for kind, model in kinds.items() for above in sorted(model.stacks_under)]
    report.note_at((*path, 1), f"{top.kind} cannot be a layer above {base.kind}: possible: {', '.join(pairs) or 'none'}")
    return False


def report_same_resource(report: Report, index: int, pool: PoolPolicy, resources: dict[Address, int]) -> None:
    """Report each layer of pool number `index` whose resource another pool sets by the same kind of lever, and add it to
    `resources`: the number of the first pool by address. Functions of one name in two accounts are two resources.
    """
    layers = [each for each in (pool.lever, pool.top) if each is not None]
    listed = report.reach(("pools", index, SEVERAL)) is not None
    for layer, settings in enumerate(layers):
        path: Path = ("pools", index, SEVERAL, layer) if listed else ("pools", index, ONE)
        first = resources.setdefault(address(settings, pool.credentials), index)
        if first != index and not report.has_secret(path):
            report.note_at(path, f"pools[{first}] already sets {settings.resource} by {settings.kind}: one pool per resource and "
                                 "lever")
