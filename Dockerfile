# One image for migrate, namespace, worker and api; docker-compose.yml says which runs what.
FROM python:3.11-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements-runtime.lock ./
RUN python -m venv /opt/stepdown \
    && /opt/stepdown/bin/pip install --require-hashes --only-binary :all: -r requirements-runtime.lock

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 stepdown \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin stepdown
COPY --from=packages /opt/stepdown /opt/stepdown
ENV PATH=/opt/stepdown/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY definitions/ definitions/
COPY rules/ rules/
COPY workflows/ workflows/
COPY activities/ activities/
COPY interchange/ interchange/
COPY storage/ storage/
COPY runtime/ runtime/
COPY api/ api/
COPY worker.py ./
# The containers are read-only: compile now what Python would otherwise compile at every start.
RUN python -m compileall -q .
USER 10001:10001
EXPOSE 8700
CMD ["python", "-m", "api"]
