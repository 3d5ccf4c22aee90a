"""Base of all shapes of responses."""

from pydantic import BaseModel, ConfigDict

Known = float | None
Instant = str | None


class Shape(BaseModel):
    """An object with exactly these keys. Unknown values are null."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
