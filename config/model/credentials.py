"""Credentials of pools that are in another account than the daemon, or that another identity may change."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Cloud = Literal["aws", "google"]

ROLE_ARN = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,576}$"
EXTERNAL_ID = r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$"
SESSION_NAME = r"^[A-Za-z0-9_+=,.@-]{2,64}$"
AWS_REGION = r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$"
SERVICE_ACCOUNT = r"^[a-z0-9-]{1,63}@[a-z0-9.-]{1,190}\.gserviceaccount\.com$"

PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
"""Partition of ARNs by the first part of a region; `aws` for all others."""

OF_ROLE = ("external_id", "session_name", "region_sts")
"""Keys that need `role_arn`."""


class Credentials(BaseModel):
    """Role of AWS, service account of Google Cloud, or one of each, for the calls about a pool. No field is secret.

    With both, AWS gets the role and Google Cloud the service account.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    role_arn: Annotated[str, Field(pattern=ROLE_ARN)] | None = Field(default=None, examples=[
        "arn:aws:iam::111122223333:role/stoker"])
    """ARN of the IAM role that Stoker assumes for calls to AWS. Its account is the account of the pool."""
    external_id: Annotated[str, Field(pattern=EXTERNAL_ID)] | None = Field(default=None, examples=["stoker-7f3a9c"])
    """External ID that the role's trust policy requires. It is not a secret."""
    session_name: Annotated[str, Field(pattern=SESSION_NAME)] | None = Field(default=None, examples=["stoker-prod"])
    """Name of the role's sessions in CloudTrail; `stoker` when absent."""
    region_sts: Annotated[str, Field(pattern=AWS_REGION)] | None = Field(default=None, examples=["eu-west-1"])
    """Region of the STS endpoint that issues the role's sessions. When absent: that of the AWS configuration, such as AWS_REGION,
    or else that of the pool.
    """
    impersonate: Annotated[str, Field(pattern=SERVICE_ACCOUNT)] | None = Field(default=None, examples=[
        "stoker@acme.iam.gserviceaccount.com"])
    """Email address of the service account that Stoker impersonates for calls to Google Cloud."""

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if self.role_arn is None and (lone := [key for key in OF_ROLE if getattr(self, key) is not None]):
            text = f"{' and '.join(lone)} without role_arn: add role_arn"
            raise PydanticCustomError("credentials", "{text}", {"text": text})
        if self.role_arn is None and self.impersonate is None:
            raise PydanticCustomError("credentials", "empty: give role_arn for AWS, or impersonate for Google Cloud")
        return self

    @property
    def account(self) -> str | None:
        """Return the 12 digits of the role's account; None without a role."""
        return None if self.role_arn is None else self.role_arn.split(":")[4]

    def identity(self) -> Self:
        """Return the credentials without what does not change the identity or its trust policy."""
        return self.model_copy(update={"session_name": None, "region_sts": None})

    def at(self, cloud: Cloud | None) -> "Credentials | None":
        """Return the part for one cloud; None when it has none, so that the daemon's own identity applies."""
        if cloud == "aws" and self.role_arn is not None:
            return self.model_copy(update={"impersonate": None})
        if cloud == "google" and self.impersonate is not None:
            return Credentials(impersonate=self.impersonate)
        return None


def partition_of(region: str) -> str:
    """Return the partition of the ARNs of an AWS region."""
    return PARTITIONS.get(region.rsplit("-", 2)[0], "aws")
