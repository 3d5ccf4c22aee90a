# syntax=docker/dockerfile:1
# Two stages: the first builds the wheel and the environment from hashed locks, the second holds only what runs.
# Nothing here depends on the processor: every locked dependency has wheels for amd64 and arm64.

FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.txt requirements-build.txt requirements-sbom.txt ./
RUN python -m venv /opt/stoker \
 && /opt/stoker/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt \
 && python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-build.txt \
 && python -m venv /opt/sbom \
 && /opt/sbom/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-sbom.txt
COPY pyproject.toml README.md LICENSE hatch_build.py ./
COPY completions completions
COPY config config
COPY forecasting forecasting
COPY adapters adapters
COPY controller controller
# The context has no repository: make image gives the commit.
ARG STOKER_COMMIT=unknown
RUN STOKER_COMMIT="$STOKER_COMMIT" /opt/build/bin/hatchling build --target wheel \
 && /opt/stoker/bin/python -m pip install --no-cache-dir --no-deps --no-index dist/*.whl \
 && /opt/stoker/bin/python -m pip check \
 && /opt/stoker/bin/python -m pip uninstall --yes pip setuptools
# The bill of materials, then away with the tests of four libraries, 120 MB. Each library's licence stays in its dist-info folder.
RUN mkdir -p /opt/stoker/share/doc/stoker \
 && /opt/sbom/bin/cyclonedx-py environment /opt/stoker/bin/python --pyproject pyproject.toml --output-reproducible \
      --output-file /opt/stoker/share/doc/stoker/sbom.cdx.json \
 && find /opt/stoker/lib -depth -type d -name tests -regex '.*/site-packages/\(numpy\|pandas\|scipy\|statsmodels\)/.*' -exec rm -r {} +

FROM python:3.11-slim
# PYTHONSAFEPATH: a folder named config in the working directory must not hide ours. Bytecode cannot be written, as the root
# file system is meant to be read-only; logs are not to wait in a buffer.
ENV PATH=/opt/stoker/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STOKER_STATE_DIR=/var/lib/stoker \
    STOKER_HEALTH_URL=http://127.0.0.1:8080/healthz
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/stoker --create-home --shell /usr/sbin/nologin stoker \
 && install --directory --owner=10001 --group=10001 /etc/stoker
COPY --from=build /opt/stoker /opt/stoker
# State lives in the first and nowhere else, the policy in the second; the rest may be read-only. Both are the user's own in the
# image, so that a volume which takes its owner from there (Docker's, Fargate's) can be written.
VOLUME /var/lib/stoker /etc/stoker
WORKDIR /var/lib/stoker
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(os.environ['STOKER_HEALTH_URL'], timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["stoker"]
CMD ["run", "--policy", "/etc/stoker/policy.yaml", "--host", "0.0.0.0"]
