# The files that the checks of the sources look at. Sourced by bats files.

setup()
{
    cd "$BATS_TEST_DIRNAME/../.." || return
    mapfile -t c_files < <(git ls-files '*.c' '*.h')
    mapfile -t program < <(git ls-files 'src/*.c')
    mapfile -t sources < <(git ls-files 'src/*.[ch]')
    mapfile -t scripts < <(git ls-files | xargs grep -lIE '^#!/(usr/)?bin/(env )?(bash|sh|bats)')
    mapfile -t python < <(git ls-files | xargs grep -lIE '^#!/usr/bin/(env )?python3|^from __future__')
    # What has no first line of its own because it is read by others.
    mapfile -t parts < <(git ls-files '*.bash')
    mapfile -t documents < <(git ls-files '*.md' '*.scd')
}
