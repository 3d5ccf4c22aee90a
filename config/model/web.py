"""Values of settings that concern HTTP: addresses, headers and environment variables. None of them holds a secret."""

from typing import Annotated

from pydantic import Field

URL = r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$"
"""No user, query or fragment: secrets in them would be logged."""

HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,120}$"

Address = Annotated[str, Field(pattern=URL, max_length=500)]
Variable = Annotated[str, Field(pattern=VARIABLE)]
HeadersFrom = dict[Annotated[str, Field(pattern=HEADER)], Variable]
