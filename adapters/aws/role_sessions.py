"""Sessions of a pool's role: the library assumes it with the daemon's own credentials and renews both before they expire."""

from functools import partial
from typing import Any

from botocore import exceptions as boto
from botocore.credentials import AssumeRoleCredentialFetcher, Credentials, DeferredRefreshableCredentials
from botocore.session import Session

from adapters.aws.credentials import CredentialSource
from adapters.aws.error_codes import FORBIDDEN, stem
from adapters.aws.library_sessions import finding_session
from adapters.aws.setup_faults import FaultError, fault, fault_of, not_found
from adapters.aws.token_faults import Fault
from config.model.credentials import Credentials as PoolCredentials

SESSION_NAME = "stoker"


class RoleSession:
    """Source of one role's keys, for `CredentialSource`. `region`: of the STS endpoint when neither the credentials nor the AWS
    configuration name one.
    """

    def __init__(self, role: PoolCredentials, region: str) -> None:
        self._role, self._region = role, region

    def get_credentials(self) -> Credentials:
        """Return credentials of the role, which call STS when their keys are first read. Raise `FaultError` without own ones."""
        session = finding_session(self._region)
        own = session.get_credentials()
        if own is None:
            raise FaultError(not_found())
        region = self._role.region_sts or configured_region() or self._region
        fetcher = AssumeRoleCredentialFetcher(partial(_client, session, region), own, str(self._role.role_arn), self._named())
        return DeferredRefreshableCredentials(partial(self._fetched, own, fetcher), method="assume-role")

    def _named(self) -> dict[str, str]:
        given = {"RoleSessionName": self._role.session_name or SESSION_NAME, "ExternalId": self._role.external_id}
        return {key: value for key, value in given.items() if value is not None}

    def _fetched(self, own: Credentials, fetcher: AssumeRoleCredentialFetcher) -> dict[str, Any]:
        own.get_frozen_credentials()  # so that an error of the daemon's own credentials is not taken for one of the role
        try:
            found: dict[str, Any] = fetcher.fetch_credentials()
        except Exception as error:  # noqa: BLE001  (of any type: each is explained)
            raise FaultError(role_fault(self._role, error)) from None
        return found


def role_source(role: PoolCredentials, region: str) -> CredentialSource:
    """Return the source of the keys of a role, one for all its regions."""
    return CredentialSource(f"aws-role-{role.account}", lambda: RoleSession(role, region), subject=f"role {role.role_arn}")


def configured_region() -> str | None:
    """Return the region that environment or profile set for the AWS library; None without one."""
    found = Session().get_config_variable("region")
    return None if found is None else str(found)


def role_fault(role: PoolCredentials, error: Exception) -> Fault:
    """Return the fault of a role that could not be assumed."""
    code = str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, boto.ClientError) else ""
    if stem(code) in FORBIDDEN:
        external = "without an external ID" if role.external_id is None else "the external ID"
        return fault(f"AWS refuses AssumeRole of {role.role_arn} ({code}): check that the role exists, that its trust policy "
                     f"names this daemon's identity and {external}, and that this identity is allowed sts:AssumeRole on it "
                     "(stoker iam prints both)")
    if code in ("RegionDisabledException", "RegionDisabled"):
        return fault(f"AWS refuses AssumeRole of {role.role_arn} ({code}): enable STS for the region in that account, or set "
                     "credentials.region_sts")
    found = fault_of(error)
    return Fault(found.kind, f"role {role.role_arn}: {found.text}")


def _client(session: Session, region: str, service: str, **keys: Any) -> Any:  # noqa: ANN401  (the library's own types)
    return session.create_client(service, region_name=region, **keys)
