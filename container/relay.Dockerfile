# The relay's image for whoever builds with Docker: compiled as container/build does, with the contents that container/image writes.
#
#   docker buildx build --platform linux/amd64,linux/arm64 -f container/relay.Dockerfile .

FROM --platform=$BUILDPLATFORM node:22-bookworm-slim AS page
WORKDIR /src/relay/web
COPY relay/web .
RUN npm ci --no-audit --no-fund && npm run build

FROM --platform=$BUILDPLATFORM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev
WORKDIR /src
COPY tests/setup tests/setup
RUN tests/setup musl
COPY . .
COPY --from=page /src/relay/web/dist relay/web/dist
ARG TARGETARCH
RUN case $TARGETARCH in amd64) arch=x86-64 ;; *) arch=$TARGETARCH ;; esac && \
    container/build --program relay --with debian --arch "$arch" && \
    install -d /image/var/lib && install -d -o 65534 -g 65534 /image/var/lib/linelight && \
    install -m 0755 "target/static/$arch/linelight-relay" /image/

FROM scratch
COPY --from=build /image/ /
USER 65534:65534
VOLUME /var/lib/linelight
ENTRYPOINT ["/linelight-relay"]
CMD ["serve"]
