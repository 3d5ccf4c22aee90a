"""Progress of a long command on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from controller.cli.verbosity import is_quiet


@contextmanager
def progress_of(label: str, total: float) -> Iterator[Callable[[float], None]]:
    """Yield a function to call with the work that was done, of `total`. Show a bar when standard error is a terminal."""
    if is_quiet() or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.advance(task, done)
