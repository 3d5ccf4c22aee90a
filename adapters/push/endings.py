"""Which silent senders have ended: a process that is killed sends no final report. Pure.

A silent sender may still serve requests, so the pool's demand is unknown. It counts as ended sooner where that is likely: it had
nothing in flight, or a new sender has taken its place.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from adapters.push.sender import Sender

FORGOTTEN_SECONDS = 3600.0
"""Time after which any silent sender counts as ended."""

SETTLED_SECONDS = 600.0
"""The same of a sender that had nothing in flight, or whose place a sender took that began at most this time before its end."""


def ended(silent: Mapping[str, Sender], stopped: Iterable[Sender], reporting: Iterable[Sender], at: float) -> list[str]:
    """Return the silent senders that count as ended at `at`. `stopped`: those that sent a final report.

    Each new sender takes one place, that of the sender that went first; a stopped one also leaves a place.
    """
    newest = deque(sorted((each for each in reporting if each.new), key=lambda each: each.since))
    gone = [(sender, "") for sender in stopped if not sender.replaced]
    gone += [(sender, name) for name, sender in silent.items() if at - sender.reported_at > SETTLED_SECONDS]
    found = []
    for sender, name in sorted(gone, key=lambda each: each[0].reported_at):
        if name and (at - sender.reported_at > FORGOTTEN_SECONDS or (sender.complete and not sender.in_flight)):
            found.append(name)
            continue
        while newest and newest[0].since < sender.reported_at - SETTLED_SECONDS:
            newest.popleft()
        if newest:
            newest.popleft().new, sender.replaced = False, True
            found += [name] if name else []
    return found
