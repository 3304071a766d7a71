# etcd as Debian packages it, for compose.ha.yaml. Any other image with etcd and etcdctl on the path does as well.
ARG BASE_IMAGE=debian:trixie-slim
FROM ${BASE_IMAGE}
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends etcd-server etcd-client && \
    rm -rf /var/lib/apt/lists/* && \
    mkdir -p /data && chown 1000:1000 /data && chmod 700 /data
ENV ETCDCTL_API=3
USER 1000:1000
VOLUME /data
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["etcdctl", "endpoint", "health"]
ENTRYPOINT ["etcd"]
