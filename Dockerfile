# The image net-admin-helper:latest, made by `make docker`. It is for applications that live in containers themselves:
# they start it with the host's network and pid namespaces, and with the helper's three capabilities:
#
#     docker run --rm --network host --pid host --cap-drop ALL \
#         --cap-add NET_ADMIN --cap-add SYS_ADMIN --cap-add SYS_PTRACE \
#         net-admin-helper:latest /usr/local/bin/net-admin-helper cwg_create PID NET HOST PORT
#
# It needs WireGuard in the machine's kernel. There is no engine in it, whatever the settings say: one would end with
# the container that it was started in. There is no ENTRYPOINT, because applications give the whole command.

FROM docker.io/library/debian:12 AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libcap2-bin libcurl4-openssl-dev libjansson-dev \
        libmnl-dev libssl-dev make scdoc \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The file with the settings, relative to this directory.
ARG CONFIG=config.h
RUN printf '#include "%s"\n#undef ENABLE_CWG_ENGINE\n#undef CWG_PREFER_ENGINE\n' "/src/$CONFIG" >/image.h \
    && make install CONFIG=/image.h GROUP=nogroup

FROM docker.io/library/debian:12-slim
ARG VERSION
LABEL org.opencontainers.image.title="net-admin-helper" \
    org.opencontainers.image.description="Links containers by WireGuard, for callers without privilege" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION"
COPY --from=build /usr/local/bin/ /usr/local/bin/
# What COPY does to owner and capabilities differs from builder to builder, so both are set again; a change of owner
# takes capabilities away, so that goes first. nogroup is the group of nobody. No other program here changes who runs
# it: beside a process with these capabilities, a setuid one of the base image would be a way to root.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcap2-bin libcurl4 libjansson4 libmnl0 \
    && chown -R root:nogroup /usr/local/bin/net-admin-helper \
    && chmod 0750 /usr/local/bin/net-admin-helper \
    && setcap cap_net_admin,cap_sys_admin,cap_sys_ptrace=p /usr/local/bin/net-admin-helper \
    && apt-get purge -y --auto-remove libcap2-bin \
    && find / -xdev -type f -perm /6000 -exec chmod a-s '{}' + \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log
USER nobody
CMD ["/usr/local/bin/net-admin-helper", "--help"]
