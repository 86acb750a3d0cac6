#!/usr/bin/env bats
# What the program is as a file: how it is linked, and what it could call; and how cwg is linked. Of two compilers'
# making.
# shellcheck disable=SC2153 # $NAME is set in helper.bash

bats_require_minimum_version 1.5.0
load cli

COMPILERS=(gcc clang)
SIZE_MAX=$((200 * 1024))

# A warning would end the build. What `make check` has built by gcc, with the same flags, is not built again.
setup_file()
{
    local compiler
    ln -s "$ROOT/build" "$BATS_FILE_TMPDIR/gcc"
    for compiler in "${COMPILERS[@]}"; do
        clean_make -s -j2 BUILD="$(readlink -m "$BATS_FILE_TMPDIR/$compiler")" CC="$compiler" CFLAGS='-O2 -g -Werror' \
            build tools >"$BATS_FILE_TMPDIR/$compiler.log" 2>&1 || true
    done
}

# Runs a function with a program of each compiler's: each PROGRAM FUNCTION
each()
{
    local compiler program=$1
    shift
    for compiler in "${COMPILERS[@]}"; do
        program=$BATS_FILE_TMPDIR/$compiler/${program##*/}
        echo "by $compiler: ${program##*/}"
        [ -e "$program" ] || fail "not built: $(tail -n 30 "$BATS_FILE_TMPDIR/$compiler.log")"
        "$@" "$program"
    done
}

each_program()
{
    each "$NAME" "$@"
}

both_programs()
{
    each "$NAME" "$@"
    each cwg "$@"
}

# The tags of the dynamic section with their values, one a line: "(NEEDED) Shared library: [libc.so.6]".
dynamic()
{
    readelf --dynamic --wide "$1" | sed -nE 's/^ 0x[0-9a-f]+ +(\([A-Z_0-9]+\)) +/\1 /p'
}

imports()
{
    nm --dynamic --undefined-only "$1" | awk '{ sub("@.*", "", $2); print $2 }'
}

# A command prints nothing.
nothing()
{
    local found
    found=$("$@") || true
    [ -z "$found" ] || fail "found: $found"
}

@test "gcc and clang build the program, its engine, cwg and the tests' tools without a warning" {
    both_programs test -x
    nothing grep -h 'warning\|error' "$BATS_FILE_TMPDIR"/*.log
}

check_size()
{
    strip -o "$BATS_TEST_TMPDIR/stripped" "$1"
    local size
    size=$(stat -c %s "$BATS_TEST_TMPDIR/stripped")
    echo "$size bytes"
    [ "$size" -lt "$SIZE_MAX" ]
}

@test "stripped it is smaller than 200 KiB" {
    each_program check_size
}

check_position()
{
    readelf --file-header --wide "$1" | grep -q '^ *Type: *DYN'
    dynamic "$1" | grep -q '^(FLAGS_1) .*PIE'
    nothing grep '^(TEXTREL)\|^(FLAGS).*TEXTREL' <(dynamic "$1")
}

@test "it runs at any address, and needs no relocation of code for that" {
    both_programs check_position
}

check_relro()
{
    readelf --program-headers --wide "$1" | grep -q '^ *GNU_RELRO '
    dynamic "$1" | grep -q '^(FLAGS) .*BIND_NOW'
    dynamic "$1" | grep -q '^(FLAGS_1) .*NOW'
}

@test "all addresses of functions are looked up at its start, and read-only from then on" {
    both_programs check_relro
}

check_stack()
{
    # Flags are between the sizes and the alignment: "RW ", and never "RWE".
    readelf --program-headers --wide "$1" | grep -qE '^ *GNU_STACK .* RW +0x'
}

@test "its stack is not executable" {
    both_programs check_stack
}

check_writable_code()
{
    readelf --program-headers --wide "$1" | grep -qE '^ *LOAD .* R E +0x'
    nothing grep -E '^ *[A-Z_]+ .* (RWE|WE) +0x' <(readelf --program-headers --wide "$1")
    # A section's flags follow its size and entry size: "AX" is there, "WAX" is not.
    readelf --section-headers --wide "$1" | grep -qE '\.text .* AX '
    nothing grep -E ' [0-9a-f]{2} +(WX|WAX|WXA)[A-Za-z]* ' <(readelf --section-headers --wide "$1")
}

@test "nothing in it is both writable and executable" {
    both_programs check_writable_code
}

check_libraries()
{
    local needed
    needed=$(dynamic "$2" | sed -n 's/^(NEEDED) Shared library: //p' | sort | tr -d '\n')
    [ "$needed" = "[libc.so.6][$1]" ] || fail "it needs $needed"
    nothing grep -E '^\((RPATH|RUNPATH|AUDIT|DEPAUDIT|CONFIG)\)' <(dynamic "$2")
}

@test "it needs libc and libmnl, and cwg libc, libcrypto, curl and jansson, if the system has them, and no more" {
    each "$NAME" check_libraries libmnl.so.0
    each cwg check_libraries "libcrypto.so.3][libcurl.so.4][libjansson.so.4"
}

check_imports()
{
    local name names
    names=$(imports "$1")
    grep -qx setns <<<"$names"
    # The heap; streams; other programs; the environment; languages; libraries at run time; unbounded copies; what
    # looks up names; randomness with a state, for which newer libraries call mmap(), which the sandbox hasn't.
    local forbidden='malloc|calloc|realloc|reallocarray|free|aligned_alloc|memalign|posix_memalign|sbrk|brk|mmap
        |strn?dup|v?asprintf|__v?asprintf_chk|getline|getdelim
        |v?printf|v?fprintf|v?dprintf|__v?(f|d)?printf_chk|puts|fputs|fwrite|putchar|perror|f?open64?_?2?stream|fopen
        |fdopen|freopen|fread|fgets|gets|getchar|v?scanf|v?sscanf|v?fscanf|__isoc99_.*scanf|stdin|stdout|stderr
        |system|popen|exec.*|fexecve|posix_spawn.*|v?fork|_Fork|clone|clone3|pthread_create|thrd_create
        |getenv|secure_getenv|setenv|putenv|unsetenv|clearenv|environ|__environ
        |setlocale|newlocale|uselocale|gettext|dgettext|dcgettext|bindtextdomain|iconv.*|strerror(_r|_l|name)?
        |dlopen|dlsym|strcpy|strcat|stpcpy|v?sprintf|__(strcpy|strcat|stpcpy|v?sprintf)_chk|wordexp|glob
        |getaddrinfo|gethostby.*|getpw.*
        |getgr(nam|gid|ent|ouplist).*|syslog|mnl_socket_.*|mnl_cb_.*|mnl_nlmsg_batch_.*|mnl_.*fprintf
        |alloca|atoi|atol|strtok|rand|random|srand|setuid|seteuid|setgid|ptrace|mprotect
        |getrandom|getentropy|arc4random.*'
    forbidden=${forbidden//[[:space:]]/}
    for name in $names; do
        [[ ! $name =~ ^($forbidden)$ ]] || fail "it can call $name"
    done
}

@test "libc gives it no way to the heap, to streams, to other programs, to the environment or to languages" {
    each_program check_imports
}

check_protections()
{
    imports "$1" | grep -qx __stack_chk_fail
    imports "$1" | grep -qx '__.*_chk'
}

@test "overruns of its buffers are looked for at run time" {
    both_programs check_protections
}

check_private_symbols()
{
    nothing nm --dynamic --defined-only "$1"
}

@test "it offers no symbol to a library that is loaded into it" {
    each_program check_private_symbols
}
