"""Pools that follow from the entries of `select` and the known resources. Pure and deterministic."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from config.model.layers import with_layers
from config.model.lever import Address, LeverSettings, address
from config.model.policy import Policy, PoolPolicy
from config.model.select import Listing, Select
from controller.decision.costs.cost_model import MINUTES_A_MONTH, terms_of
from controller.fleet.selection.inventory import Inventory, Resource


@dataclass(frozen=True, slots=True)
class SelectedPool:
    """Pool of an entry. `usd_per_month`: list price of its units at `max` for a month."""

    pool: PoolPolicy
    entry: int
    place: str
    usd_per_month: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Resource that matches an entry and gets no pool of it, and why. `bound`: because the entry's bound is reached."""

    entry: int
    resource: str
    why: str
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Expansion:
    """Policy with the selected pools, the last ones of `policy.pools`."""

    policy: Policy
    selected: tuple[SelectedPool, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Resource that matches an entry, as a pool."""

    pool: PoolPolicy
    resource: str
    usd_per_month: float

    @property
    def addresses(self) -> list[Address]:
        """Return the numbers that the pool's levers set."""
        return addresses_of(self.pool)


def unexpanded(policy: Policy) -> Policy:
    """Return the policy of the file: without the selected pools."""
    selected = set(policy.selected)
    return policy.model_copy(update={"pools": tuple(pool for pool in policy.pools if pool.name not in selected), "selected": ()})


def addresses_of(pool: PoolPolicy) -> list[Address]:
    """Return the addresses of a pool's layers."""
    return [address(layer.lever, pool.credentials) for layer in with_layers([pool])]


def expanded(policy: Policy, inventory: Inventory, present: Container[str] = frozenset()) -> Expansion:
    """Return `policy` with a pool for each resource that matches an entry.

    A resource with a pool in the file, or of an earlier entry, gets no other. Pools are added in the order of their names, those
    that are `present` (names) first, until a bound of the entry is reached: it removes none of these.
    """
    base = unexpanded(policy)
    names = {pool.name: "a pool of the file" for pool in base.pools}
    taken = {each for pool in base.pools for each in addresses_of(pool)}
    selected: list[SelectedPool] = []
    left_out: list[LeftOut] = []
    for index, entry in enumerate(base.select):
        found, unfit = candidates(policy, entry, inventory)
        left_out += [replace(each, entry=index) for each in unfit]
        count, usd, reached = 0, 0.0, ""
        for candidate, place in sorted(found, key=lambda each: (each[0].pool.name not in present, each[0].pool.name, each[1])):
            pool, addresses = candidate.pool, candidate.addresses
            if not taken.isdisjoint(addresses):
                continue
            reached = reached or ("" if pool.name in present else bound_of(entry, count + 1, usd + candidate.usd_per_month))
            if reached or pool.name in names:
                why = reached or f"the name {pool.name} is that of {names[pool.name]}: use more keys in the template of the name"
                left_out.append(LeftOut(index, f"{candidate.resource} in {place}", why, bool(reached)))
                continue
            taken.update(addresses)
            names[pool.name] = f"{candidate.resource} in {place}"
            count, usd = count + 1, usd + candidate.usd_per_month
            selected.append(SelectedPool(pool, index, place, candidate.usd_per_month))
    selected.sort(key=lambda each: (each.entry, each.pool.name))
    pools = (*base.pools, *(each.pool for each in selected))
    update = {"pools": pools, "selected": tuple(each.pool.name for each in selected)}
    return Expansion(base.model_copy(update=update), tuple(selected), tuple(left_out))


def bound_of(entry: Select, count: int, usd: float) -> str:
    """Return the bound that `count` pools for `usd` a month would exceed; empty if none."""
    keys = entry.keys
    if count > keys.most:
        return f"most: {keys.most} is reached: raise it, or include fewer"
    if keys.most_usd_per_month is not None and usd > keys.most_usd_per_month:
        return f"most_usd_per_month: {keys.most_usd_per_month:g} is reached: raise it, lower max, or include fewer"
    return ""


def candidates(policy: Policy, entry: Select, inventory: Inventory) -> tuple[list[tuple[Candidate, str]], list[LeftOut]]:
    """Return the resources that match an entry as pools, each with its place, and those that cannot be pools."""
    found: list[tuple[Candidate, str]] = []
    unfit: list[LeftOut] = []
    for listing in entry.listings:
        for resource in inventory.resources.get(listing.key, ()):
            if not entry.takes(resource.name, resource.alias, resource.marks):
                continue
            try:
                pool = pool_of(entry, listing, resource)
            except ValidationError as error:
                unfit.append(LeftOut(0, f"{resource.title} in {listing.title}", fault_text(error)))
                continue
            found.append((Candidate(pool, resource.title, usd_per_month(policy, pool, resource)), listing.title))
    return found, unfit


def pool_of(entry: Select, listing: Listing, resource: Resource) -> PoolPolicy:
    """Return the pool of a resource. Raise `ValidationError` for a name that is not valid."""
    keys = {**listing.where, **resource.keys, "account": (listing.credentials and listing.credentials.account) or ""}
    settings = dict(entry.settings) | {
        "name": filled(entry.template, keys), "lever": lever_at(entry.lever, keys),
        "levers": entry.top and lever_at(entry.top, keys),
        "demand": entry.demand and entry.demand.model_copy(update=dict(filled_texts(entry.demand, keys))),
        "credentials": listing.credentials, "leads": entry.leads,
    }
    return PoolPolicy.model_validate(settings, by_name=False).model_copy(update={"events": entry.events})


def lever_at(sample: LeverSettings, keys: Mapping[str, str]) -> LeverSettings:
    """Return the lever of a resource with the settings of the sample's."""
    return sample.model_copy(update={key: keys[key] for key in (*sample.place_keys, *sample.resource_keys)})


def filled(text: str, keys: Mapping[str, str]) -> str:
    """Return a text with each key of the resource in place of the key in braces."""
    for key, value in keys.items():
        text = text.replace(f"{{{key}}}", value)
    return text


def filled_texts(settings: BaseModel, keys: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield the texts of settings that contain a key in braces, such as `{function}` in a query, with its value."""
    for name, value in settings:
        if isinstance(value, str) and (text := filled(value, keys)) != value:
            yield name, text


def usd_per_month(policy: Policy, pool: PoolPolicy, resource: Resource) -> float:
    """Return the list price of a pool's units at `max` for a month, in USD: the most that its warm capacity can cost."""
    size = resource.size
    terms = terms_of(pool, policy.assume, size.memory_mb, size.architecture, vcpus=size.vcpus, billing=size.billing)
    return pool.max * max(terms.idle, terms.pinged_idle) * MINUTES_A_MONTH


def fault_text(error: ValidationError) -> str:
    """Return why a resource cannot be a pool."""
    first = error.errors(include_url=False)[0]
    if first["loc"] == ("name",):
        return f"{str(first['input'])[:100]!r} is not a valid name of a pool: give the entry another template (name)"
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
