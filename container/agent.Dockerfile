# The agent's image for whoever builds with Docker: compiled as container/build does, with the contents that container/image writes.
#
#   docker buildx build --platform linux/amd64,linux/arm64,linux/arm/v7,linux/arm/v5 -f container/agent.Dockerfile .
#
# What it saves is not what RouterOS imports (Docker writes OCI layouts); for a router's tar: container/build, container/image.

FROM --platform=$BUILDPLATFORM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev
WORKDIR /src
COPY tests/setup tests/setup
RUN tests/setup musl
COPY . .
ARG TARGETARCH TARGETVARIANT
RUN case $TARGETARCH$TARGETVARIANT in amd64) arch=x86-64 ;; arm64*) arch=arm64 ;; *) arch=$TARGETARCH$TARGETVARIANT ;; esac && \
    container/build --with debian --arch "$arch" && \
    install -d /image/secrets && install -m 0755 "target/static/$arch/linelight-agent" /image/

FROM scratch
COPY --from=build /image/ /
USER 65534:65534
ENTRYPOINT ["/linelight-agent"]
