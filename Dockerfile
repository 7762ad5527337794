# A service of schedulergodx. Its database lives in /var/lib/schedulergodx.
#
# PYTHON_VERSION must have the minor version of the clients: jobs carry bytecode.

ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
WORKDIR /src
RUN python -m venv /opt/schedulergodx
COPY pyproject.toml README.md LICENSE ./
COPY schedulergodx ./schedulergodx
RUN /opt/schedulergodx/bin/pip install --no-cache-dir --disable-pip-version-check ".[service]"

FROM python:${PYTHON_VERSION}-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/schedulergodx --create-home schedulergodx
COPY --from=build /opt/schedulergodx /opt/schedulergodx
ENV PATH=/opt/schedulergodx/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SCHEDULERGODX_DB=sqlite:////var/lib/schedulergodx/jobs.db
USER schedulergodx
WORKDIR /var/lib/schedulergodx
VOLUME /var/lib/schedulergodx
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["sgx", "service", "health"]
ENTRYPOINT ["sgx"]
CMD ["service", "run"]
