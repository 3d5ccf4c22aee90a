"""The file of Application Default Credentials, and its faults. Texts quote no values, except names."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google.auth.crypt import RSASigner

VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
EXECUTABLES = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
FIELDS = {
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "external_account": ("audience", "subject_token_type", "token_url", "credential_source"),
    "external_account_authorized_user": ("refresh_token", "token_url", "client_id", "client_secret"),
    "gdch_service_account": ("format_version", "private_key_id", "private_key", "name", "project", "token_uri"),
    "impersonated_service_account": ("service_account_impersonation_url", "source_credentials"),
    "service_account": ("client_email", "private_key", "token_uri"),
}
"""Type of file that the library accepts -> required fields."""


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """A file of credentials. `why`: the variable that names it, or the program that wrote it."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{self.path} ({self.why})"

    def fault(self, environment: Mapping[str, str]) -> str:
        """Return the fault of the file as the end of a sentence that starts with its name. Empty when there is none."""
        content, fault = _read(self.path)
        return fault or _fault_of(content, environment)

    @property
    def type(self) -> str:
        """Type of the file, as in `FIELDS`. Empty when the file cannot be read."""
        content, _ = _read(self.path)
        return str(content.get("type")) if isinstance(content, dict) else ""

    @property
    def external(self) -> bool:
        """Whether it is for workload identity federation, which exchanges a subject token."""
        return bool(self._source())

    def sources(self) -> set[str]:
        """Return the hosts that the subject token is read from."""
        return {urlsplit(str(value)).netloc for name, value in self._source().items() if name.endswith("url")}

    def _source(self) -> Mapping[str, Any]:
        content, _ = _read(self.path)
        source = content.get("credential_source") if isinstance(content, dict) else None
        return source if isinstance(source, dict) else {}


def credential_file(environment: Mapping[str, str]) -> CredentialFile | None:
    """Return the file that the library reads; None when there is none, and the library requests a metadata server."""
    value = environment.get(VARIABLE)
    if value:
        return CredentialFile(Path(value), VARIABLE)
    folder = Path(environment.get("CLOUDSDK_CONFIG") or "~/.config/gcloud").expanduser()
    path = folder / "application_default_credentials.json"
    return CredentialFile(path, "written by gcloud") if path.is_file() else None


def _read(path: Path) -> tuple[Any, str]:
    """Return the content of a JSON file and an empty text, or None and the fault."""
    try:
        return json.loads(path.read_text(encoding="utf-8")), ""
    except FileNotFoundError:
        return None, "does not exist"
    except IsADirectoryError:
        return None, "is a directory, not a file"
    except OSError as error:
        return None, f"cannot be read by user {os.getuid()}: {error.strerror}"
    except json.JSONDecodeError as error:
        if error.doc.startswith("\ufeff"):
            return None, "starts with a byte order mark: save it as UTF-8 without one"
        return None, f"is not valid JSON (line {error.lineno}, column {error.colno})" if error.doc.strip() else "is empty"
    except ValueError:
        return None, "is not UTF-8 text"


def _fault_of(content: Any, environment: Mapping[str, str]) -> str:  # noqa: ANN401  (any JSON value)
    allowed = ", ".join(FIELDS)
    if not isinstance(content, dict):
        return f"contains no JSON object; allowed are files of the types {allowed}"
    if "installed" in content or "web" in content:
        return "is the file of an OAuth client, not of credentials: run gcloud auth application-default login"
    kind = content.get("type")
    if kind not in FIELDS:
        return f"has {f'the unknown type {str(kind)[:40]!r}' if kind else 'no type'}; allowed are {allowed}"
    missing = [field for field in FIELDS[kind] if not content.get(field)]
    if missing:
        return f"is of type {kind} and lacks {', '.join(missing)}"
    if kind == "service_account":
        return _fault_of_key(content)
    if kind == "external_account":
        return _fault_of_source(content["credential_source"], environment)
    if kind == "impersonated_service_account":
        fault = _fault_of(content["source_credentials"], environment)
        return f"contains source_credentials that {fault}" if fault else ""
    return ""


def _fault_of_key(content: Mapping[str, Any]) -> str:
    try:
        RSASigner.from_service_account_info(content)  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001  (each backend of the library raises its own class)
        return "has a private_key that is not a valid PEM key"
    return ""


def _fault_of_source(source: Any, environment: Mapping[str, str]) -> str:  # noqa: ANN401
    """Return the fault of the `credential_source` of an external account. Empty when there is none."""
    if not isinstance(source, dict):
        return "has a credential_source that is not a JSON object"
    if "executable" in source and environment.get(EXECUTABLES) != "1":
        return f"names an executable, which is not allowed: set {EXECUTABLES}=1"
    if not {"file", "url", "executable", "environment_id", "certificate"} & source.keys():
        return "has a credential_source without file, url, executable, certificate or environment_id"
    if "file" not in source:
        return ""
    path = Path(str(source["file"]))
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return f"names the subject token file {path}, which cannot be read: {what}"
    return _fault_of_subject(path, content, source.get("format"))


def _fault_of_subject(path: Path, content: str, form: Any) -> str:  # noqa: ANN401
    if not content.strip():
        return f"names the subject token file {path}, which is empty"
    if not isinstance(form, dict) or form.get("type") != "json":
        return ""
    field = form.get("subject_token_field_name")
    try:
        has = bool(json.loads(content)[field])
    except (LookupError, TypeError, ValueError):
        has = False
    return "" if has else f"names the subject token file {path}, which is not JSON with a field {field}"
