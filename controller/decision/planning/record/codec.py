"""JSON form of the values in a decision record. Pure.

A field is written under its name and as it is, unless its codec says otherwise. A field that has its default is left out.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.ports.errors import AdapterError, Limit
from adapters.ports.lever import Capacity, Phase
from controller.decision.planning.observation import Bound, DataFreshness, EventDemand, Proposal, Traffic
from controller.decision.planning.overrides_in_force import entry, shown_override
from controller.decision.planning.pool_state.state import INSTANTS, TIMED
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.selection.candidates import BY_KEY
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.layers.top_basis import PingBasis, TopBasis
from controller.decision.selection.leads.lead_basis import LeadBasis
from controller.decision.selection.rule_values import ProposalBasis
from forecasting.demand import instant_of, minute_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)


class RecordedError(AdapterError):
    """Error of a provider, read from a record."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a field is written and read; `key` replaces its name."""

    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]
    key: str = ""


PLAIN = Codec(lambda item: item, lambda item: item)


def dump_fields(value: "DataclassInstance", codecs: Mapping[str, Codec], skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the fields of `value` that are known and differ from their default, without those in `skip`."""
    body: dict[str, Any] = {}
    for field in fields(value):
        item, codec = getattr(value, field.name), codecs.get(field.name, PLAIN)
        if item is not None and (field.default is MISSING or item != field.default) and field.name not in skip:
            body[codec.key or field.name] = codec.dump(item)
    return body


def load_fields(kind: "type[T]", body: Mapping[str, Any], codecs: Mapping[str, Codec], **others: Any) -> "T":  # noqa: ANN401
    """Return the `kind` with the fields in `body` and `others`. Raise `KeyError`, `TypeError` or `ValueError` for damage."""
    values = dict(others)
    for field in fields(kind):
        codec = codecs.get(field.name, PLAIN)
        if field.name not in others and (item := body.get(codec.key or field.name)) is not None:
            values[field.name] = codec.load(item)
    return kind(**values)


def proposal_summary(proposal: Proposal) -> dict[str, Any]:
    """Return the proposal without its basis; a target that is no number in JSON is null."""
    target = float(proposal.target)
    return {"target": target if math.isfinite(target) else None, "candidate": proposal.candidate, "trusted": proposal.trusted}


def dump_proposal(proposal: Proposal) -> dict[str, Any]:
    """Return the proposal with its basis; a target that is no number in JSON is text."""
    target = float(proposal.target)
    body = {"target": target if math.isfinite(target) else str(target), "candidate": proposal.candidate,
            "trusted": proposal.trusted}
    return body if proposal.basis is None else body | {"basis": dump_basis(proposal.basis.detach())}


def load_proposal(body: Mapping[str, Any]) -> Proposal:
    """Return the proposal that `dump_proposal` wrote."""
    basis = None if "basis" not in body else load_basis(body["basis"])
    return Proposal(float(body["target"]), body["candidate"], body["trusted"], basis)


def dump_basis(basis: ProposalBasis | PingBasis) -> dict[str, Any]:
    """Return the values behind a proposal: signals by name, and the weight of each rule by its key, the highest first."""
    if isinstance(basis, PingBasis):
        return {"top": basis.top.body(), "proposed": basis.proposed, "planned": basis.planned, "ceiling": basis.ceiling,
                "lost": basis.lost, "known_minutes": basis.known, "present": basis.present}
    return {"mode": basis.mode.name.lower(), "leader": basis.leader.key, "known_at": instant_of(basis.minute).isoformat(),
            "horizon_minutes": basis.horizon, "known_minutes": basis.known, "peak": round(basis.peak, 4),
            "signals": {name: int(units) for name, units in read_signals(basis).items()},
            "weights": {rule.key: weight for rule, weight in basis.weights}} | \
        ({} if basis.top is None else {"top": basis.top.body()}) | ({} if basis.lead is None else {"lead": basis.lead.body()})


def read_signals(basis: ProposalBasis) -> dict[str, float]:
    """Return the signals that the leader and the rules with weight read."""
    names = {name for rule in (basis.leader, *(rule for rule, _ in basis.weights)) for name in rule.signals}
    return {name: units for name, units in basis.signals.items() if name in names}


def load_basis(body: Mapping[str, Any]) -> ProposalBasis | PingBasis:
    """Return the basis that `dump_basis` wrote."""
    top = None if "top" not in body else TopBasis.of_body(body["top"])
    if top is not None and "lost" in body:
        proposed, planned, ceiling = (int(body[key]) for key in ("proposed", "planned", "ceiling"))
        return PingBasis(top, proposed, planned, ceiling, float(body["lost"]), int(body["known_minutes"]),
                         body.get("present"))
    times = minute_of(datetime.fromisoformat(body["known_at"])), int(body["horizon_minutes"]), int(body["known_minutes"])
    basis = ProposalBasis.of(SelectionMode[body["mode"].upper()], BY_KEY[body["leader"]], times, float(body["peak"]),
                             body["signals"], {BY_KEY[key]: weight for key, weight in body["weights"].items()}, top)
    return basis if "lead" not in body else replace(basis, lead=LeadBasis.of_body(body["lead"]))


def load_timed(body: Any) -> tuple[tuple[datetime, int], ...]:  # noqa: ANN401
    """Return a list of instants with units."""
    return tuple((datetime.fromisoformat(at), units) for at, units in body)


def span_codec(key: str) -> Codec:
    """Return the codec of a span: seconds under `key`."""
    return Codec(timedelta.total_seconds, lambda seconds: timedelta(seconds=seconds), key)


INSTANT = Codec(datetime.isoformat, datetime.fromisoformat)
TIMED_UNITS = Codec(lambda items: [(at.isoformat(), units) for at, units in items], load_timed)
STATE = {**dict.fromkeys(INSTANTS, INSTANT), **dict.fromkeys(TIMED, TIMED_UNITS)}

CAPACITY = {"phase": Codec(str, Phase), "observed_at": INSTANT, "changed_at": INSTANT, "blocked": Codec(str, RecordedError)}

DEMAND_VIEW = {
    "freshness": Codec(str, DataFreshness), "traffic": Codec(str, Traffic), "missing_since": INSTANT,
    "data_age": span_codec("data_age_seconds"),
    "proposal": Codec(dump_proposal, load_proposal),
    "announced": Codec(asdict, lambda body: EventDemand(**body)),
}

CAPACITY_VIEW = {
    "reading": Codec(lambda item: dump_fields(item, CAPACITY), lambda body: load_fields(Capacity, body, CAPACITY), "capacity"),
    "error": Codec(str, RecordedError, "capacity_error"),
    "limit": Codec(asdict, lambda body: Limit(**body)),
    "billing_step": span_codec("billing_step_seconds"),
}

def load_bound(body: Mapping[str, Any]) -> Bound:
    """Return the bound that `asdict` wrote."""
    return Bound(ReasonCode(body["code"]), body["text"], body["low"], body["high"])


def list_codec(dump: Callable[[Any], Any], load: Callable[[Any], Any]) -> Codec:
    """Return the codec of a tuple of values."""
    return Codec(lambda items: [dump(each) for each in items], lambda items: tuple(load(each) for each in items))


OBSERVATION = {"now": INSTANT, "overrides": list_codec(entry, shown_override), "bounds": list_codec(asdict, load_bound)}
