"""What a bad disk, a bad copy or a power cut makes of a store while nobody has it open."""

import random
from pathlib import Path


def damage(store: Path, dice: random.Random) -> str:
    """Spoil the file of a store or its log at random; says how."""
    places = [path for path in (store, store.with_name(f"{store.name}-wal")) if path.exists() and path.stat().st_size]
    if not places:
        return "nothing to spoil"
    victim = dice.choice(places)
    content = bytearray(victim.read_bytes())
    how = dice.choice(("cut", "zeros", "noise", "flip", "emptied", "rubbish"))
    if how == "cut":
        del content[dice.randrange(len(content)):]
    elif how == "emptied":
        content.clear()
    elif how == "rubbish":
        content[:] = dice.randbytes(dice.randint(1, 20_000))
    else:
        at = dice.randrange(len(content))
        span = 1 if how == "flip" else dice.choice((16, 512, 4096, 20_000))
        end = min(len(content), at + span)
        content[at:end] = {"zeros": bytes(end - at), "noise": dice.randbytes(end - at),
                           "flip": bytes([content[at] ^ 1 << dice.randrange(8)])}[how]
    victim.write_bytes(content)
    return f"{how}: {victim.name}"
