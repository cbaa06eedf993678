# The relay as an image: one static binary, CA roots, no shell, one volume.
#
# `docker build .` makes the image, `docker build --target binary --output DIR .` only the binary.

FROM rust:1.95-bookworm AS build
WORKDIR /build
# musl, because a static glibc loads the host's name service modules and dies of their version.
ENV TARGET_CC=musl-gcc TARGET_AR=ar
# The base image dates its packages, so their versions are not named again.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends musl-tools \
 && rm -rf /var/lib/apt/lists/* \
 && rustup target add "$(uname -m)-unknown-linux-musl" \
 && printf '[build]\ntarget = "%s-unknown-linux-musl"\n' "$(uname -m)" > "$CARGO_HOME/config.toml"
# The dependencies are built behind an empty crate, so this layer lasts until they change.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src tests \
 && touch src/lib.rs tests/main.rs \
 && echo 'fn main() {}' > src/main.rs \
 && cargo build --profile dist --locked
COPY config/default.toml config/
COPY src src
# Cargo goes by times, and a file of the checkout may be older than its stand-in above.
RUN touch src/lib.rs src/main.rs \
 && cargo build --profile dist --locked \
 && install -D target/*/dist/referral-relay /image/referral-relay \
 && mkdir /image/data

FROM scratch AS binary
COPY --from=build /image/referral-relay /

FROM gcr.io/distroless/static-debian12:nonroot
# As in Cargo.toml; `.ci/release` and `tests/image.sh` compare them.
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="referral-relay" \
      org.opencontainers.image.description="Relays GrowSurf referral webhooks to Customer.io: durable, once, in order" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /image/referral-relay /usr/local/bin/referral-relay
# A new volume takes its owner from the folder in the image; without one the relay couldn't write.
COPY --from=build --chown=65532:65532 /image/data /data
# Temporary files go into the volume, so that the rest can be read-only.
# The address of the stand-ins makes `serve --sandbox` and `sandbox` reachable through published ports.
ENV RELAY__STORE__URL=sqlite:/data/relay.db \
    TMPDIR=/data \
    RELAY_SANDBOX_LISTEN=0.0.0.0:8090
# Settings are found in /config/relay.toml.
WORKDIR /
USER 65532:65532
VOLUME /data
EXPOSE 8080 8090
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["referral-relay", "healthcheck"]
ENTRYPOINT ["referral-relay"]
CMD ["serve"]
