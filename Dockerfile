# The image net-admin-helper:latest, made by `make image`. It is for applications that live in containers themselves:
# they start it with the host's network and pid namespaces, and with the helper's three capabilities:
#
#     docker run --rm --network host --pid host --cap-drop ALL \
#         --cap-add NET_ADMIN --cap-add SYS_ADMIN --cap-add SYS_PTRACE \
#         net-admin-helper:latest /usr/local/bin/net-admin-helper cwg_create PID NET HOST PORT
#
# It needs WireGuard in the machine's kernel. There is no engine in it, whatever the settings say: one would end with
# the container that it was started in. There is no ENTRYPOINT, because applications give the whole command.
# doc/image.md has the rest.

FROM docker.io/library/debian:12 AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libcap2-bin libmnl-dev make
WORKDIR /src
COPY . .
# The file with the settings, relative to this directory.
ARG CONFIG=config.h
RUN printf '#include "%s"\n#undef ENABLE_CWG_ENGINE\n#undef CWG_PREFER_ENGINE\n' "/src/$CONFIG" >/image.h \
    && make -s -j"$(nproc)" CONFIG=/image.h INSTALLER='make image' DESTDIR=/image image-root

# The helper, its libraries, and nothing that could run beside it. Builders keep the file's capabilities when they copy
# a whole directory from a stage; some lose them when they copy the file, or change its owner.
FROM scratch
LABEL org.opencontainers.image.title="net-admin-helper" \
    org.opencontainers.image.description="Links containers by WireGuard, for callers without privilege" \
    org.opencontainers.image.licenses="Apache-2.0 AND LGPL-2.1-or-later"
COPY --from=build /image/ /
USER nobody
CMD ["/usr/local/bin/net-admin-helper", "--help"]
