# The service and the rules that come with it, in a slim image that runs as nobody in particular.
FROM rust:1.95-bookworm AS build
RUN rustup target add wasm32-unknown-unknown \
    && apt-get update && apt-get install -y --no-install-recommends libssl-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# What `weir --version` shows; the build has no .git: docker build --build-arg WEIR_COMMIT=$(git rev-parse --short=12 HEAD) .
ARG WEIR_COMMIT
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    make rules \
    && cargo build --release --locked -p weir \
    && install -D target/release/weir /out/weir \
    && mkdir -p /out/rules.d && cp rules.d/*.wasm /out/rules.d/

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libssl3 && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 weir && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin weir
COPY --from=build /out/weir /usr/local/bin/weir
# Its owner may add rules to it, so that a swap is a copy into the volume that stands here.
COPY --from=build --chown=10001:10001 /out/rules.d /var/lib/weir/rules.d
COPY --chown=root:root stack/weir.compose.toml /etc/weir/weir.toml
COPY --chown=root:root mappings /etc/weir/mappings
# A fresh volume takes the owner of the folder that it covers. Compiled code is read from a folder of the service's own only.
RUN install -d -m 700 -o 10001 -g 10001 /var/lib/weir/rules.d.cache && install -d -o 10001 -g 10001 /var/lib/weir/data
WORKDIR /var/lib/weir
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["weir"]
CMD ["run", "/etc/weir/weir.toml"]
