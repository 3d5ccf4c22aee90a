"""Kinds that a policy file can name, with the models of their settings."""

from collections.abc import Mapping
from typing import NamedTuple

from config.model.demand import DemandSettings
from config.model.lever import LeverSettings


class Kinds(NamedTuple):
    """Settings by kind: of levers, and of demand sources."""

    levers: Mapping[str, type[LeverSettings]]
    demand: Mapping[str, type[DemandSettings]]
