"""The policy in use: its hash, when it was loaded, and the outcome of the last reload."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from config.model.policy import Policy
from config.model.shown import DEFAULT, Shown

ReloadOutcome = Literal["reloaded", "unchanged", "refused"]
OUTCOMES: tuple[ReloadOutcome, ...] = get_args(ReloadOutcome)


@dataclass(frozen=True, slots=True)
class Reload:
    """One reload: its outcome, what started it, and a text: what has changed, or why the policy was refused."""

    outcome: ReloadOutcome
    at: datetime
    trigger: str
    text: str
    seconds: float
    diff: Mapping[str, Any] = field(default_factory=dict)
    """Difference to the policy before, without secrets; empty unless the outcome is `reloaded`."""


@dataclass(slots=True)
class PolicyInForce:
    """Policy in use. `hash`: see `policy_hash`. `last`: the last reload; None before the first."""

    hash: str
    loaded_at: datetime
    last: Reload | None = None
    counts: Counter[ReloadOutcome] = field(default_factory=Counter)
    """Reloads since the start by outcome."""
    display: Shown = DEFAULT
    """How pages and commands show amounts and times."""
    select: Mapping[str, Any] | None = None
    """Entries of `select` as JSON values: their pools, bounds and failures; None without entries."""

    def note(self, reload: Reload, new_hash: str | None = None) -> None:
        """Record a reload; with the hash of the policy that it put in force."""
        self.last = reload
        self.counts[reload.outcome] += 1
        if new_hash is not None:
            self.hash, self.loaded_at = new_hash, reload.at

    @property
    def refusal(self) -> str | None:
        """Why the last reload was refused; None if it was not."""
        return self.last.text if self.last is not None and self.last.outcome == "refused" else None

    def body(self) -> dict[str, Any]:
        """Return the policy in use as JSON values, for `/status`."""
        last = self.last
        reload = None if last is None else {"outcome": last.outcome, "at": last.at.isoformat(), "trigger": last.trigger,
                                            "text": last.text}
        return {"hash": self.hash, "loaded_at": self.loaded_at.isoformat(), "last_reload": reload, "select": self.select}


class PolicyRefused(Exception):
    """A reload was refused: the policy before stays in use. The message says why, with one line for each problem."""


def policy_hash(policy: Policy) -> str:
    """Return the hash of what a policy means: comments, order of keys and defaults that are written out do not change it."""
    return hashlib.sha256(policy.model_dump_json().encode()).hexdigest()[:16]
