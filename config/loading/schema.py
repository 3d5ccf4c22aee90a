"""JSON Schema of policy files (draft 2020-12), for editors, generated from the models that validate them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from config.loading.check import DEMAND, OWN_KEYS
from config.loading.layers import MOST, ONE, SEVERAL
from config.loading.leads import LEADS, OTHER
from config.loading.report import EXTENSION
from config.model.display import Display
from config.model.duration import format_duration
from config.model.kinds import Kinds
from config.model.lead import MOST_LEADS, NO_SIGNAL, Lead
from config.model.lease import LEASE_KINDS
from config.model.limits import Limits
from config.model.notify import Sink, WeeklyReport
from config.model.policy import Assume, PoolPolicy
from config.model.select import Selection
from config.model.statsd import StatsD

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HINDSIGHT = "metrics"
"""Key of a demand source that is another demand source."""
Json = dict[str, Any]
LAYERS_SCHEMA: Json = {"type": "array", "minItems": 1, "maxItems": MOST, "items": {"$ref": "#/$defs/Lever"},
                       "description": "Layers on one resource, the lowest first: instead of lever."}

LEASE_TEXT = "Lease that several daemons share: the leader writes, and a standby takes over when the leader stops."
NO_DEFAULT_MAX: Json = {"not": {"required": ["defaults"], "properties": {"defaults": {"required": ["max"]}}}}


class Generator(GenerateJsonSchema):
    """Schema generator that writes defaults as in a policy file: a span is `2m`, not `PT2M`."""

    def encode_default(self, dft: object) -> Any:  # noqa: ANN401  (pydantic's signature)
        """See `GenerateJsonSchema`."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def policy_schema(kinds: Kinds) -> Json:
    """Return the schema of a policy file whose levers and demand sources are of `kinds`.

    It accepts every file that the loader accepts. It checks less: no cron, no time zones, nothing across keys or pools.
    """
    models: tuple[type[BaseModel], ...] = (PoolPolicy, Selection, Limits, Assume, Sink, WeeklyReport, StatsD, Display,
                                           *LEASE_KINDS.values(), *kinds.levers.values(), *kinds.demand.values())
    refs, generated = models_json_schema([(model, "validation") for model in models], schema_generator=Generator)
    parts: Json = generated["$defs"]
    parts.pop("LeverSettings", None)
    parts["Lever"] = {
        "description": "How a pool's warm capacity is set.",
        "oneOf": [tagged(kind, "lever", parts, refs[model, "validation"]) for kind, model in kinds.levers.items()],
    }
    parts["Demand"] = {
        "description": "Where a pool's demand is read. When absent, the usual source of the lever's resource.",
        "oneOf": [tagged(kind, "demand source", parts, refs[model, "validation"]) for kind, model in kinds.demand.items()],
    }
    nest_demand(kinds, parts, refs)
    leases = [tagged(kind, "lease", parts, refs[model, "validation"]) for kind, model in LEASE_KINDS.items()]
    parts["Lease"] = {"oneOf": leases, "description": LEASE_TEXT}
    pool = parts["PoolPolicy"]
    pool["title"] = "Pool"
    pool["properties"][ONE] = {"$ref": "#/$defs/Lever"}
    pool["properties"][DEMAND] = {"anyOf": [{"$ref": "#/$defs/Demand"}, {"type": "null"}]}
    parts.pop("Lead")
    pool["properties"][LEADS] = leads_schema(kinds, parts["Demand"]["oneOf"])
    pool["properties"][SEVERAL] = LAYERS_SCHEMA
    pool["required"] = ["name"]
    pool["oneOf"] = [{"required": [ONE]}, {"required": [SEVERAL]}]
    optional = {key: value for key, value in pool["properties"].items() if key not in OWN_KEYS}
    parts["Select"] = select_schema(parts.pop("Selection"), optional | {LEADS: pool["properties"][LEADS]})
    parts["Defaults"] = {"title": "Defaults", "type": "object", "additionalProperties": False, "properties": optional,
                         "description": "Values for keys that a pool does not set. A key in a pool replaces the whole default."}
    return {
        "$schema": DIALECT,
        "title": "Stoker policy",
        "type": "object",
        "additionalProperties": False,
        "patternProperties": {f"^{EXTENSION}": {"description": "Ignored by Stoker; for anchors."}},
        "required": ["version"],
        "anyOf": [{"required": ["pools"]}, {"required": ["select"]}],
        "properties": {
            "version": {"const": 1, "description": "Version of the format."},
            "defaults": {"$ref": "#/$defs/Defaults"},
            "pools": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/PoolPolicy"},
                      "description": "Pools whose warm capacity is set; names are unique."},
            "select": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Select"},
                       "description": "Entries that add a pool for each resource that matches."},
            "limits": {"$ref": "#/$defs/Limits"},
            "assume": {"$ref": "#/$defs/Assume"},
            "notify": {"type": "array", "maxItems": 20, "items": {"$ref": "#/$defs/Sink"},
                       "description": "Sinks that receive notifications; names are unique."},
            "weekly_report": {"$ref": "#/$defs/WeeklyReport"}, "lease": {"$ref": "#/$defs/Lease"},
            "statsd": {"$ref": "#/$defs/StatsD"}, "display": {"$ref": "#/$defs/Display"},
        },
        "if": NO_DEFAULT_MAX,
        "then": {"properties": {"pools": {"items": {"required": ["max"]}}}},
        "$defs": parts,
    }


def select_schema(own: Json, of_pool: Json) -> Json:
    """Return the schema of an entry of `select`: its own keys, and those of a pool without those that name the resource."""
    lever = {"type": "object", "required": ["kind"], "description": "Lever without the keys that name the resource. Keys of the "
                                                                    "place, such as region, may be lists."}
    credentials = {"anyOf": [of_pool["credentials"], {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Credentials"}}],
                   "description": "Role or service account, or a list: resources are listed with each."}
    others = {ONE: lever, SEVERAL: {"type": "array", "minItems": 1, "maxItems": MOST, "items": lever,
                                    "description": "Layers on one resource, the lowest first: instead of lever."}}
    return own | {"title": "Select", "properties": own["properties"] | of_pool | others | {"credentials": credentials},
                  "oneOf": [{"required": [ONE]}, {"required": [SEVERAL]}]}


def leads_schema(kinds: Kinds, sources: Sequence[Json]) -> Json:
    """Return the schema of a pool's leads: another pool, or one of the demand `sources` of `kinds` that has a signal."""
    other = {"title": "Other pool", "type": "object", "additionalProperties": False, "required": [OTHER],
             "properties": {OTHER: {"type": "string", "description": Lead.model_fields[OTHER].description}}}
    signals = [source for kind, source in zip(kinds.demand, sources, strict=True) if kind not in NO_SIGNAL]
    return {"type": "array", "maxItems": MOST_LEADS, "description": PoolPolicy.model_fields[LEADS].description,
            "items": {"oneOf": [other, *signals]}}


def nest_demand(kinds: Kinds, parts: Json, refs: Mapping[Any, Json]) -> None:
    """Let the key `HINDSIGHT` of a demand source be another demand source."""
    parts.pop("DemandSettings", None)
    for model in kinds.demand.values():
        if HINDSIGHT in model.model_fields:
            settings = parts[refs[model, "validation"]["$ref"].removeprefix("#/$defs/")]
            settings["properties"][HINDSIGHT] = {"anyOf": [{"$ref": "#/$defs/Demand"}, {"type": "null"}],
                                                 "description": model.model_fields[HINDSIGHT].description}


def tagged(kind: str, what: str, parts: Json, reference: Json) -> Json:
    """Return the reference to one kind's settings, after restricting its `kind` to that value."""
    settings = parts[reference["$ref"].removeprefix("#/$defs/")]
    settings["properties"]["kind"] = {"const": kind, "type": "string", "description": f"The kind of {what}."}
    settings["required"] = sorted({"kind", *settings.get("required", ())}, key=list(settings["properties"]).index)
    return reference
