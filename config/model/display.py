"""The `display` section of the policy."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.model.shown import Shown
from config.model.zones import zone

Rate = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Display(BaseModel):
    """Time zone and currency of tables, pages and reports."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    timezone: str = Field(default="UTC", examples=["Europe/Paris"])
    """IANA time zone of displayed times."""
    currency_rate: dict[Currency, Rate] = Field(default={}, max_length=1, examples=[{"EUR": 0.92}])
    """A currency and its units per USD, which you update yourself; USD when absent."""

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            return zone(value).key
        except ValueError as error:
            raise PydanticCustomError("timezone", "{why}", {"why": str(error)}) from None

    @property
    def shown(self) -> Shown:
        """The settings for formatting."""
        currency, rate = next(iter(self.currency_rate.items()), ("USD", 1.0))
        return Shown(self.timezone, currency, rate)
