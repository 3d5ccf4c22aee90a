"""Environments as shells, CI systems, containers and functions have them, each with the values that are secret in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from numpy.random import Generator

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
NAMES = ("checkout", "support-agent", "payments", "search", "orders", "token-exchange", "secrets-api", "password-reset",
         "api-key-issuer",
         "credential-broker", "auth", "session-store", "billing", "inventory", "keycloak", "vault")
USERS = ("operations", "deploy", "marie.curie", "runner", "jenkins", "root", "app", "ubuntu", "ec2-user", "stoker")
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2", "sa-east-1")


@dataclass(frozen=True)
class Environment:
    """Variables of a process, and the values among them that are secret."""

    kind: str
    variables: Mapping[str, str]
    secret: frozenset[str]


class Maker:
    """Source of realistic values."""

    def __init__(self, rng: Generator) -> None:
        self.rng = rng
        self.user, self.service, self.region = (self.one(each) for each in (USERS, NAMES, REGIONS))
        self.folder = f"/home/{self.user}/work/{self.service}"

    def one(self, choices: tuple[str, ...]) -> str:
        return choices[int(self.rng.integers(len(choices)))]

    def number(self, most: int = 100_000) -> str:
        return str(int(self.rng.integers(1, most)))

    def hex(self, length: int) -> str:
        return "".join("0123456789abcdef"[each] for each in self.rng.integers(16, size=length))

    def key(self, length: int, prefix: str = "") -> str:
        return prefix + "".join(LETTERS[each] for each in self.rng.integers(len(LETTERS), size=length))

    def address(self) -> str:
        return ".".join(str(each) for each in (10, *self.rng.integers(1, 255, size=3)))

    def uuid(self) -> str:
        return "-".join(self.hex(length) for length in (8, 4, 4, 4, 12))


Made = tuple[dict[str, str], dict[str, str]]
"""Ordinary variables, and secret ones."""


def shell(make: Maker) -> Made:
    home = f"/home/{make.user}"
    return {
        "HOME": home, "USER": make.user, "LOGNAME": make.user, "SHELL": "/bin/bash", "PWD": make.folder, "OLDPWD": home,
        "PATH": f"{home}/.local/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "en_GB.UTF-8", "TERM": "xterm-256color", "SHLVL": "1",
        "EDITOR": "vim", "PAGER": "less", "MAIL": f"/var/mail/{make.user}", "HOSTNAME": f"workstation-{make.number(99)}",
        "_": "/usr/bin/env",
        "XDG_RUNTIME_DIR": "/run/user/1000", "XDG_SESSION_ID": make.number(99), "XDG_SESSION_TYPE": "wayland",
        "XDG_DATA_DIRS": "/usr/share",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus",
        "SESSION_MANAGER": f"local/host:@/tmp/.ICE-unix/{make.number()}",
        "SSH_AUTH_SOCK": "/run/user/1000/keyring/ssh", "SSH_CONNECTION": f"{make.address()} 51422 {make.address()} 22",
        "SSH_ASKPASS": "/usr/bin/ksshaskpass", "GPG_TTY": "/dev/pts/0", "GPG_AGENT_INFO": "/run/user/1000/gnupg/S.gpg-agent:0:1",
        "GNOME_KEYRING_CONTROL": "/run/user/1000/keyring", "PASSWORD_STORE_DIR": f"{home}/.password-store", "KEYTIMEOUT": "1",
        "PASSWORD_STORE_CLIP_TIME": "45", "PASSWORD_STORE_ENABLE_EXTENSIONS": "true", "COLORTERM": "truecolor",
        "LESSKEY": f"{home}/.lesskey",
        "LESSOPEN": "| /usr/bin/lesspipe %s", "LS_COLORS": "rs=0:di=01;34:ln=01;36", "VIRTUAL_ENV": f"{make.folder}/.venv",
        "PYTHONPATH": make.folder, "AWS_PROFILE": f"{make.service}-production", "AWS_DEFAULT_REGION": make.region,
        "AWS_SHARED_CREDENTIALS_FILE": f"{home}/.aws/credentials", "KUBECONFIG": f"{home}/.kube/config",
        "PGPASSFILE": f"{home}/.pgpass",
        "SOPS_AGE_KEY_FILE": f"{home}/.config/sops/age/keys.txt", "ANSIBLE_VAULT_PASSWORD_FILE": f"{home}/.vault-password",
        "TF_VAR_kms_key_arn": f"arn:aws:kms:{make.region}:{make.number()}:key/{make.uuid()}", "TF_VAR_region": make.region,
        "INIT_CWD": make.folder, "npm_config_cache": f"{home}/.npm", "npm_package_name": make.service,
        "WSL_DISTRO_NAME": "Ubuntu-24.04",
        "TERM_SESSION_ID": f"w0t0p0:{make.uuid()}", "ITERM_SESSION_ID": f"w0t0p0:{make.uuid()}",
        "__CF_USER_TEXT_ENCODING": "0x1F5:0x0:0x0",
    }, {"GITHUB_TOKEN": make.key(36, "ghp_"), "PGPASSWORD": make.key(20), "OPENAI_API_KEY": make.key(40, "sk-"),
        "VAULT_TOKEN": make.key(24, "hvs."), "NPM_TOKEN": make.key(36, "npm_"), "SSHPASS": make.key(14)}


def github_actions(make: Maker) -> Made:
    repository = f"acme/{make.service}"
    return {
        "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": repository, "GITHUB_REF": "refs/heads/main",
        "GITHUB_ACTOR": make.user,
        "GITHUB_SHA": make.hex(40), "GITHUB_RUN_ID": make.number(), "GITHUB_WORKFLOW": "Deploy to production",
        "GITHUB_JOB": "deploy-production",
        "GITHUB_WORKSPACE": f"/home/runner/work/{make.service}", "GITHUB_EVENT_NAME": "workflow_dispatch",
        "GITHUB_REF_PROTECTED": "true",
        "GITHUB_ENV": "/home/runner/work/_temp/_runner_file_commands/set_env", "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_WORKFLOW_REF": f"{repository}/.github/workflows/deploy.yml@refs/heads/main",
        "GITHUB_API_URL": "https://api.github.com",
        "RUNNER_OS": "Linux", "RUNNER_NAME": f"runner-{make.number()}", "RUNNER_TEMP": "/home/runner/work/_temp",
        "RUNNER_TRACKING_ID": make.uuid(),
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"https://run-actions.example/{make.uuid()}/token",
        "ACTIONS_CACHE_URL": "https://cache.example/x",
        "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache", "AWS_ROLE_ARN": f"arn:aws:iam::111122223333:role/{make.service}",
        "AWS_REGION": make.region,
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/home/runner/work/_temp/awscreds.json", "PWD": f"/home/runner/work/{make.service}",
        "HOME": "/home/runner",
    }, {"GITHUB_TOKEN": make.key(36, "ghs_"), "ACTIONS_RUNTIME_TOKEN": make.key(120),
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": make.key(120),
        "AWS_SECRET_ACCESS_KEY": make.key(40), "AWS_SESSION_TOKEN": make.key(200),
        "AWS_ACCESS_KEY_ID": "ASIA" + make.hex(16).upper()}


def gitlab(make: Maker) -> Made:
    return {
        "CI": "true", "GITLAB_CI": "true", "CI_PROJECT_PATH": f"acme/{make.service}",
        "CI_PROJECT_DIR": f"/builds/acme/{make.service}",
        "CI_PIPELINE_ID": make.number(), "CI_JOB_NAME": f"deploy-{make.service}", "CI_JOB_STAGE": "deployment",
        "CI_COMMIT_SHA": make.hex(40),
        "CI_COMMIT_REF_NAME": f"feature/{make.service}", "CI_ENVIRONMENT_NAME": "production", "CI_REGISTRY": "registry.example",
        "CI_REGISTRY_IMAGE": f"registry.example/acme/{make.service}", "CI_REGISTRY_USER": "gitlab-ci-token",
        "CI_DEPLOY_USER": "gitlab-deploy",
        "CI_SERVER_HOST": "gitlab.example", "CI_SERVER_TLS_CA_FILE": f"/builds/acme/{make.service}.tmp/CI_SERVER_TLS_CA_FILE",
        "CI_SERVER_TLS_KEY_FILE": f"/builds/acme/{make.service}.tmp/KEY", "CI_CONFIG_PATH": ".gitlab-ci.yml",
        "GITLAB_USER_LOGIN": make.user,
        "CI_RUNNER_TAGS": '["docker", "production"]', "CI_DEPENDENCY_PROXY_USER": "gitlab-ci-token",
        "SECRET_DETECTION_DISABLED": "true",
        "SECRET_DETECTION_EXCLUDED_PATHS": "tests, fixtures", "CI_KUBERNETES_ACTIVE": "true", "FF_USE_FASTZIP": "true",
    }, {"CI_JOB_TOKEN": make.key(64, "glcbt-"), "CI_REGISTRY_PASSWORD": make.key(64), "CI_DEPLOY_PASSWORD": make.key(20, "gldt-"),
        "CI_JOB_JWT": make.key(200, "eyJ"), "CI_DEPENDENCY_PROXY_PASSWORD": make.key(64), "SONAR_TOKEN": make.hex(40)}


def other_ci(make: Maker) -> Made:
    return {
        "JENKINS_URL": "https://jenkins.example/", "JENKINS_HOME": "/var/jenkins_home",
        "BUILD_TAG": f"jenkins-{make.service}-{make.number()}",
        "WORKSPACE": f"/var/jenkins_home/workspace/{make.service}", "EXECUTOR_NUMBER": "1", "NODE_NAME": "built-in",
        "JOB_NAME": make.service,
        "CIRCLE_PROJECT_REPONAME": make.service, "CIRCLE_WORKFLOW_ID": make.uuid(), "CIRCLE_WORKING_DIRECTORY": "~/project",
        "BUILDKITE_PIPELINE_SLUG": make.service,
        "BUILDKITE_BUILD_CHECKOUT_PATH": f"/var/lib/buildkite-agent/builds/{make.service}",
        "BUILDKITE_AGENT_NAME": f"{make.service}-agent-1", "TRAVIS_BUILD_DIR": f"/home/travis/build/acme/{make.service}",
        "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://dev.azure.com/acme/", "AGENT_WORKFOLDER": "/home/vsts/work",
        "BUILD_SOURCEBRANCH": "refs/heads/main",
        "TF_BUILD": "True", "SYSTEM_HOSTTYPE": "deployment", "CODEBUILD_BUILD_ID": f"{make.service}:{make.uuid()}",
        "CODEBUILD_RESOLVED_SOURCE_VERSION":
        make.hex(40), "CODEBUILD_KMS_KEY_ID": f"arn:aws:kms:{make.region}:111122223333:alias/aws/s3",
        "GITHUB_KEYPAIR_NAME": make.service,
    }, {"CIRCLE_OIDC_TOKEN": make.key(120, "eyJ"), "BUILDKITE_AGENT_ACCESS_TOKEN": make.key(50),
    "SYSTEM_ACCESSTOKEN": make.key(150),
        "CODECOV_TOKEN": make.uuid(), "DOCKER_PASSWORD": make.key(24)}


def kubernetes(make: Maker) -> Made:
    found = {
        "KUBERNETES_SERVICE_HOST": make.address(), "KUBERNETES_SERVICE_PORT": "443", "KUBERNETES_SERVICE_PORT_HTTPS": "443",
        "KUBERNETES_PORT": f"tcp://{make.address()}:443", "HOSTNAME": f"{make.service}-{make.hex(9)}-{make.hex(5)}",
        "POD_NAMESPACE": "production",
        "POD_IP": make.address(), "NODE_NAME": f"ip-{make.address().replace('.', '-')}.ec2.internal",
        "SERVICE_ACCOUNT": f"{make.service}-runner",
        "AWS_ROLE_ARN": f"arn:aws:iam::111122223333:role/{make.service}", "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_REGION": make.region,
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token", "PWD": "/srv/application",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "SECRET_NAME": f"{make.service}-credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
        "SECRETS_MOUNT_PATH": "/mnt/secrets-store", "TLS_KEY_FILE": "/etc/tls/tls.key",
        "CREDENTIALS_DIR": "/run/credentials/stoker.service",
        "TOKEN_REVIEW_ENABLED": "true", "VAULT_ADDR": "https://vault.production.svc:8200", "VAULT_CACERT": "/etc/vault/ca.pem",
    }
    for name in ("secrets-api", "token-exchange", "credential-broker", "password-reset", make.service):
        base, address = name.upper().replace("-", "_"), make.address()
        found |= {f"{base}_SERVICE_HOST": address, f"{base}_SERVICE_PORT": "8080", f"{base}_SERVICE_PORT_HTTP": "8080",
                  f"{base}_PORT": f"tcp://{address}:8080", f"{base}_PORT_8080_TCP": f"tcp://{address}:8080",
                  f"{base}_PORT_8080_TCP_PROTO": "tcp", f"{base}_PORT_8080_TCP_PORT": "8080",
                  f"{base}_PORT_8080_TCP_ADDR": address}
    return found, {"DATABASE_PASSWORD": make.key(24), "STOKER_TOKEN": make.hex(64), "REDIS_AUTH_TOKEN": make.key(32),
                   "SESSION_SECRET": make.key(48), "SLACK_BOT_TOKEN": make.key(40, "xoxb-"), "DD_API_KEY": make.hex(32)}


def ecs(make: Maker) -> Made:
    return {
        "ECS_CONTAINER_METADATA_URI": f"http://169.254.170.2/v3/{make.uuid()}", "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "HOME": "/root",
        "ECS_CONTAINER_METADATA_URI_V4": f"http://169.254.170.2/v4/{make.uuid()}",
        "ECS_AGENT_URI": "http://169.254.170.2/api/agent",
        "HOSTNAME": f"ip-{make.address().replace('.', '-')}.{make.region}.compute.internal", "AWS_REGION": make.region,
        "PWD": "/application",
        "DB_SECRET_ARN": f"arn:aws:secretsmanager:{make.region}:111122223333:secret:{make.service}",
        "DB_HOST": f"{make.service}.rds.amazonaws.com",
        "KMS_KEY_ARN": f"arn:aws:kms:{make.region}:111122223333:key/{make.uuid()}", "SERVICE_NAME": make.service,
        "LOG_LEVEL": "warning",
        "COPILOT_SERVICE_DISCOVERY_ENDPOINT": f"{make.service}.local", "S3_KEY_PREFIX": f"{make.service}/uploads",
        "PARTITION_KEY": "customer_id",
        "TOKEN_EXPIRY_SECONDS": "86400000", "PASSWORD_RESET_URL": f"https://{make.service}.example/reset",
        "IDEMPOTENCY_KEY_HEADER": "Idempotency-Key",
    }, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"/v2/credentials/{make.uuid()}", "DB_PASSWORD": make.key(30),
    "JWT_SECRET": make.key(64),
        "STRIPE_API_KEY": make.key(24, "rk_live_")}


def function(make: Maker) -> Made:
    return {
        "AWS_LAMBDA_FUNCTION_NAME": make.service, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_VERSION": make.number(99),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{make.service}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"2026/03/02/[$LATEST]{make.hex(32)}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "_HANDLER": "handler.main",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000", "_X_AMZN_TRACE_ID": f"Root=1-{make.hex(8)}-{make.hex(24)}",
        "LAMBDA_TASK_ROOT": "/var/task",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime", "TZ": ":UTC", "AWS_REGION": make.region,
        "PWD": "/var/task",
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "2773", "PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED": "true",
        "SECRETS_MANAGER_TTL": "300",
        "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL": "warning", "SECRETS_MANAGER_TIMEOUT_MILLIS": "1000",
        "POWERTOOLS_SERVICE_NAME": make.service,
        "PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS": "3", "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE": "1000",
        "MAX_TOKENS": "200000000",
        "MODEL_ID": "anthropic.claude-sonnet", "TOKENIZERS_PARALLELISM": "false", "PROMPT_CACHE_KEY": f"{make.service}-prompt",
        "API_KEY_SECRET_NAME": f"production/{make.service}/api-key",
        "OAUTH_TOKEN_URL": f"https://login.example/{make.service}/oauth2/token",
        "K_SERVICE": make.service, "K_REVISION": f"{make.service}-00042-abc", "K_CONFIGURATION": make.service, "PORT": "8080",
        "GOOGLE_CLOUD_PROJECT": f"acme-{make.service}", "GOOGLE_APPLICATION_CREDENTIALS": "/etc/google/workload-identity.json",
    }, {"AWS_ACCESS_KEY_ID": "ASIA" + make.hex(16).upper(), "AWS_SECRET_ACCESS_KEY": make.key(40),
    "AWS_SESSION_TOKEN": make.key(300),
        "ANTHROPIC_API_KEY": make.key(90, "sk-ant-"), "DB_CONNECTION_STRING": f"Server=db;Password={make.key(20)}"}


KINDS: tuple[Callable[[Maker], Made], ...] = (shell, github_actions, gitlab, other_ci, kubernetes, ecs, function)


def environment(number: int, rng: Generator) -> Environment:
    """Return an environment; each kind in turn, with most of its variables, and some of its secrets."""
    kind, make = KINDS[number % len(KINDS)], Maker(rng)
    ordinary, secret = kind(make)
    kept = {name: value for name, value in ordinary.items() if rng.random() < 0.8}
    hidden = {name: value for name, value in secret.items() if rng.random() < 0.6}
    return Environment(kind.__name__, {**kept, **hidden}, frozenset(hidden.values()))
