"""The installed command in an interpreter of its own: some libraries read the home directory when they are imported."""

import asyncio
import sys
from pathlib import Path

from tests.e2e.daemons import PATIENCE_SECONDS, clean_environment

STOKER = Path(sys.executable).with_name("stoker")


async def installed_stoker(*arguments, environment, seconds=PATIENCE_SECONDS):
    """Run the command to its end; return exit code, standard output and standard error."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(STOKER, *arguments, env=clean_environment() | environment, stdout=pipe,
                                                   stderr=pipe)
    out, err = await asyncio.wait_for(process.communicate(), seconds)
    return process.returncode, out.decode(), err.decode()
