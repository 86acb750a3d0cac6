# The image net-admin-helper:latest, made by `make docker`. It is for applications that live in containers themselves:
# they start it with the host's network and pid namespaces, and with the helper's three capabilities:
#
#     docker run --rm --network host --pid host --cap-drop ALL \
#         --cap-add NET_ADMIN --cap-add SYS_ADMIN --cap-add SYS_PTRACE \
#         net-admin-helper:latest /usr/local/bin/net-admin-helper cwg_create PID NET HOST PORT
#
# This needs WireGuard in the machine's kernel: an engine would end with the container that it was started in. There is
# no ENTRYPOINT, because applications give the whole command.

FROM debian:12 AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libcap2-bin libmnl-dev libssl-dev make scdoc \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The file with the settings, relative to this directory.
ARG CONFIG=config.h
# An engine is only there if the settings have it.
RUN make install CONFIG="$CONFIG" GROUP=nogroup && mkdir -p /usr/local/libexec/net-admin-helper

FROM debian:12-slim
COPY --from=build /usr/local/bin/ /usr/local/bin/
COPY --from=build /usr/local/libexec/ /usr/local/libexec/
# What COPY does to owner and capabilities differs from builder to builder, so both are set again; a change of owner
# takes capabilities away, so that goes first. nogroup is the group of nobody.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcap2-bin libmnl0 \
    && chown -R root:nogroup /usr/local/bin/net-admin-helper /usr/local/libexec/net-admin-helper \
    && chmod 0750 /usr/local/bin/net-admin-helper \
    && find /usr/local/libexec/net-admin-helper -type f -exec chmod 0710 '{}' + \
    && setcap cap_net_admin,cap_sys_admin,cap_sys_ptrace=p /usr/local/bin/net-admin-helper \
    && apt-get purge -y --auto-remove libcap2-bin \
    && rm -rf /var/lib/apt/lists/*
USER nobody
CMD ["/usr/local/bin/net-admin-helper", "--help"]
