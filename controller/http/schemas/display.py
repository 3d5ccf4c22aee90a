"""Settings of pages in responses, published in `/openapi.json`. See `controller.http.schemas.status`."""

from controller.http.schemas.shape import Shape


class DisplaySettings(Shape):
    """How the policy asks to show amounts and times. Every value of a response is in USD and UTC."""

    timezone: str
    currency: str
    units_per_usd: float
