# The image of the controller: one static binary and the certificates that it trusts; no shell, no libraries, no root.
# `docker build --target gitops` makes that of the loop into Git, which needs git and ssh.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base ca-certificates
WORKDIR /src
COPY . .
# On Alpine the target is musl, and what it links is static: 12 MiB.
RUN cargo build --profile image --locked -p serin-controller -p serin-gitops

FROM alpine:3.22 AS gitops
# ssh wants its user to have a name.
RUN apk add --no-cache git openssh-client-default openssh-keygen ca-certificates && adduser -D -H -u 65532 serin
COPY --from=build /src/target/image/serin-gitops /usr/local/bin/serin-gitops
USER 65532:65532
# /healthz and /readyz; /metrics.
EXPOSE 8081 8091
ENTRYPOINT ["/usr/local/bin/serin-gitops"]

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/image/serin-controller /serin-controller
USER 65532:65532
# /healthz and /readyz; /metrics.
EXPOSE 8080 8090
ENTRYPOINT ["/serin-controller"]
