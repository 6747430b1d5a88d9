# The commands in a container, with exactly what requirements.lock names; used by docker-compose.yml.
FROM python:3.13-slim
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --create-home ledger
USER ledger
ENTRYPOINT ["commissions"]
