"""Each way in which AWS's client finds credentials, set up for a command: files in a folder, and variables of its environment.

Every function returns variables; all of them end in temporary or static credentials that the emulator checks.
"""

import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta

from tests.foreign.aws import REGION
from tests.foreign.token_services import AUTHORIZATION, SSO_TOKEN

OFF = {"AWS_EC2_METADATA_DISABLED": "true"}


def files(folder, config="", credentials=""):
    """Write AWS's two files; return what names them."""
    (folder / "config").write_text(config)
    (folder / "credentials").write_text(credentials)
    return OFF | {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
                  "HOME": str(folder)}


def static(account, profile="base"):
    return f"[{profile}]\naws_access_key_id = {account.number}\naws_secret_access_key = test\n"


def user_keys(folder, key):
    """The answer of CreateAccessKey as the default profile of the credentials file; written in one step, as tools do it."""
    new = folder / "credentials.new"
    new.write_text(f"[default]\naws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n")
    new.replace(folder / "credentials")


def assume_role(folder, account, role, service):
    config = (f"[profile work]\nrole_arn = {role}\nsource_profile = base\nregion = {REGION}\n"
              f"duration_seconds = {service.seconds}\n")
    return files(folder, config, static(account)) | {"AWS_PROFILE": "work"}


def chained_roles(folder, account, role, service):
    """The keys of a user, a first role assumed with them, a second one assumed with the first."""
    config = (f"[profile middle]\nrole_arn = {account.role('middle')}\nsource_profile = base\n"
              f"[profile work]\nrole_arn = {role}\nsource_profile = middle\nduration_seconds = {service.seconds}\n")
    return files(folder, config, static(account)) | {"AWS_PROFILE": "work"}


def web_identity(folder, account, role, service):
    """As the pod identity webhook of EKS sets it up."""
    token = folder / "token"
    token.write_text(account.web_identity_token())
    return files(folder) | {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_SESSION_NAME": "stoker"}


def web_identity_profile(folder, account, role, service):
    token = folder / "token"
    token.write_text(account.web_identity_token())
    config = f"[profile work]\nrole_arn = {role}\nweb_identity_token_file = {token}\n"
    return files(folder, config) | {"AWS_PROFILE": "work"}


def container(folder, account, role, service):
    """As ECS and EKS Pod Identity set it up, with the token in a file."""
    token = folder / "authorization"
    token.write_text(AUTHORIZATION)
    return files(folder) | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{service.url}/v1/credentials",
                            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)}


def instance_metadata(folder, account, role, service):
    return files(folder) | {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url}


def process(folder, account, role, service):
    script = folder / "keys.py"
    script.write_text(
        "import json, urllib.request\n"
        f"request = urllib.request.Request({service.url + '/v1/credentials'!r}, headers={{'Authorization': {AUTHORIZATION!r}}})\n"
        "keys = json.load(urllib.request.urlopen(request))\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': keys['AccessKeyId'], 'SecretAccessKey': keys['SecretAccessKey'],\n"
        "                  'SessionToken': keys['Token'], 'Expiration': keys['Expiration']}))\n")
    config = f"[profile work]\ncredential_process = {sys.executable} {script}\n"
    return files(folder, config) | {"AWS_PROFILE": "work"}


def role_from_container(folder, account, role, service):
    config = f"[profile work]\nrole_arn = {role}\ncredential_source = EcsContainer\nduration_seconds = {service.seconds}\n"
    found = container(folder, account, role, service)
    return found | files(folder, config) | {"AWS_PROFILE": "work"}


def role_from_instance_metadata(folder, account, role, service):
    config = f"[profile work]\nrole_arn = {role}\ncredential_source = Ec2InstanceMetadata\nduration_seconds = {service.seconds}\n"
    return files(folder, config) | {"AWS_PROFILE": "work"} | {
        "AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url}


def role_from_environment(folder, account, role, service):
    config = f"[profile work]\nrole_arn = {role}\ncredential_source = Environment\nduration_seconds = {service.seconds}\n"
    return files(folder, config) | {"AWS_PROFILE": "work", "AWS_ACCESS_KEY_ID": account.number, "AWS_SECRET_ACCESS_KEY": "test"}


def single_sign_on(folder, account, role, service):
    """After `aws sso login`: a token in the cache."""
    config = ("[profile work]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = stoker\n"
              f"[sso-session acme]\nsso_region = {REGION}\nsso_start_url = https://acme.example/start\n")
    cache = folder / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    expires = (datetime.now(UTC) + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    token = {"accessToken": SSO_TOKEN, "expiresAt": expires, "region": REGION, "startUrl": "https://acme.example/start"}
    (cache / f"{hashlib.sha1(b'acme', usedforsecurity=False).hexdigest()}.json").write_text(json.dumps(token))
    return files(folder, config) | {"AWS_PROFILE": "work", "AWS_ENDPOINT_URL_SSO": service.url}


KINDS = (assume_role, chained_roles, web_identity, web_identity_profile, container, instance_metadata, process,
         role_from_container, role_from_instance_metadata, role_from_environment, single_sign_on)
