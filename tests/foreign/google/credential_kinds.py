"""Every kind of Application Default Credentials, as the files and variables by which an operator gives them."""

import json
import stat
import sys
from pathlib import Path

from tests.foreign.google.token_services import ACCOUNT, REFRESH, SUBJECT

POOL = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/pool/providers/provider"
IMPERSONATION = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"
USER = {"type": "authorized_user", "client_id": "the-client", "client_secret": "the-secret", "refresh_token": REFRESH}
KINDS = ("service account", "authorized user", "gcloud user", "federation by file", "federation by URL",
         "federation by executable", "federation by AWS", "federation impersonating", "workforce user", "impersonated",
         "metadata server")


class Wallet:
    """Writes what a kind of credentials needs into `folder`. `plain`: the port of metadata server and subject token."""

    def __init__(self, folder: Path, private_key: str, plain: int) -> None:
        self.folder, self.plain = folder, plain
        self.key = {"type": "service_account", "project_id": "acme", "private_key_id": "1", "private_key": private_key,
                    "client_email": ACCOUNT, "client_id": "1", "token_uri": "https://oauth2.googleapis.com/token"}

    def variables(self, kind: str) -> dict[str, str]:
        """The environment variables of a kind."""
        if kind == "metadata server":
            host = f"127.0.0.1:{self.plain}"
            return {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}
        if kind == "gcloud user":
            self.write(USER, "application_default_credentials.json")
            return {"CLOUDSDK_CONFIG": str(self.folder)}
        more = {}
        if kind == "federation by executable":
            more = {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1"}
        if kind == "federation by AWS":
            more = {"AWS_ACCESS_KEY_ID": "AKIDOFTHETEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
        return {"GOOGLE_APPLICATION_CREDENTIALS": str(self.write(self.content(kind)))} | more

    def write(self, content: object, name: str = "credentials.json") -> Path:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def content(self, kind: str) -> dict[str, object]:
        if kind == "service account":
            return self.key
        if kind == "authorized user":
            return USER
        if kind == "workforce user":
            return {"type": "external_account_authorized_user", "client_id": "the-client", "client_secret": "the-secret",
                    "refresh_token": REFRESH, "token_url": "https://sts.googleapis.com/v1/oauthtoken",
                    "token_info_url": "https://sts.googleapis.com/v1/introspect"}
        if kind == "impersonated":
            return {"type": "impersonated_service_account", "service_account_impersonation_url": IMPERSONATION,
                    "source_credentials": USER, "delegates": []}
        if kind == "federation by AWS":
            source = {"environment_id": "aws1", "regional_cred_verification_url":
                      "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"}
            return self.external(source, "urn:ietf:params:aws:token-type:aws4_request")
        if kind == "federation by URL":
            form = {"type": "json", "subject_token_field_name": "id_token"}
            return self.external({"url": f"http://127.0.0.1:{self.plain}/subject", "format": form})
        if kind == "federation by executable":
            return self.external({"executable": {"command": str(self._executable()), "timeout_millis": 30000}})
        subject = self.folder / "subject-token"
        subject.write_text(SUBJECT)
        more = {"service_account_impersonation_url": IMPERSONATION} if kind == "federation impersonating" else {}
        return self.external({"file": str(subject)}) | more

    def external(self, source, subject_type="urn:ietf:params:oauth:token-type:jwt"):
        return {"type": "external_account", "audience": POOL, "subject_token_type": subject_type,
                "token_url": "https://sts.googleapis.com/v1/token", "credential_source": source}

    def _executable(self) -> Path:
        answer = {"version": 1, "success": True, "token_type": "urn:ietf:params:oauth:token-type:jwt", "id_token": SUBJECT,
                  "expiration_time": 9999999999}
        path = self.folder / "subject.py"
        path.write_text(f"#!{sys.executable}\nimport json\nprint({json.dumps(json.dumps(answer))})\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path
