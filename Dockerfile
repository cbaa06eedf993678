# The relay as an image: one binary, CA roots, no shell, one volume.

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
RUN cargo build --release --locked \
 && install -D target/release/referral-relay /image/bin/referral-relay \
 && mkdir /image/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/bin/referral-relay /usr/local/bin/referral-relay
# A new volume takes its owner from the folder in the image; without one the relay couldn't write.
COPY --from=build --chown=65532:65532 /image/data /data
ENV RELAY__STORE__URL=sqlite:/data/relay.db
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["referral-relay", "healthcheck"]
ENTRYPOINT ["referral-relay"]
CMD ["serve"]
