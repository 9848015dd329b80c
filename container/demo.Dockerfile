# Relay, agent and simulated router from source, in one image: for compose.demo.yaml alone. The images that are released are those of
# relay.Dockerfile and agent.Dockerfile.

FROM node:22-bookworm-slim AS page
WORKDIR /src/relay/web
COPY relay/web .
RUN npm ci --no-audit --no-fund && npm run build

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
COPY --from=page /src/relay/web/dist relay/web/dist
RUN cargo build --locked --release --bin linelight-relay --bin linelight-agent --bin simulated-router

FROM debian:12-slim
RUN install -d -o 65534 -g 65534 /state
COPY --from=build /src/target/release/linelight-relay /src/target/release/linelight-agent /src/target/release/simulated-router /usr/local/bin/
COPY container/demo-setup /usr/local/bin/
USER 65534:65534
VOLUME /state
