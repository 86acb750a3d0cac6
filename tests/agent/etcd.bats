#!/usr/bin/env bats
# `cwg etcd` carries records between stores and Debian's etcd: what passes, and what doesn't. etcd.bash draws it.

bats_require_minimum_version 1.5.0
load etcd

etcd_of_the_file

@test "what a site tells another one comes there, at once, and each of its states" {
    local i
    etcd_up
    put site1 out/site2/early.0 "told before"
    both_carry
    within 5 has site2 in/site1/early.0 "told before"
    for i in 1 2 3; do passes "{\"n\":$i}"; done
    put site2 out/site1/l.1 "back"
    within 5 has site1 in/site2/l.1 back
    put site1 out/site2/more.0 "of a folder that was there"
    within 5 has site2 in/site1/more.0 "of a folder that was there"
    [ "$(ctl get --prefix --keys-only /cwg/v1/site/ | grep -c .)" = 6 ]
}

@test "a thousand records pass, in pages and in transactions of a hundred" {
    local i
    etcd_up
    mkdir -p "$T/site1/store/out/site2"
    for i in {1000..2000}; do echo "{\"record\":$i}" >"$T/site1/store/out/site2/l$i.0"; done
    carry site1
    within 20 says site1 connected
    within 20 eval '[ "$(ctl get --prefix --keys-only /cwg/v1/site/site2/ | grep -c .)" = 1001 ]'
    carry site2
    within 20 has site2 in/site1/l2000.0 '{"record":2000}'
    [ "$(find "$T/site2/store/in/site1" -type f | wc -l)" = 1001 ]
}

@test "the state of an end is told, not more than once in 30 s, and goes with it" {
    etcd_up
    both_carry
    put site1 status/l.0 '{"state":"waiting"}'
    within 5 eval 'ctl get /cwg/v1/site/site1/status/l.0 | grep -q waiting'
    put site1 status/l.0 '{"state":"connected"}'
    passes behind
    run ! eval 'ctl get /cwg/v1/site/site1/status/l.0 | grep -q connected'
    within 31 eval 'ctl get /cwg/v1/site/site1/status/l.0 | grep -q connected'
    put site1 status/m.0 '{"state":"x"}'
    within 5 eval 'ctl get /cwg/v1/site/site1/status/m.0 | grep -q x'
    end_carrier site1
    rm "$T/site1/store/status/m.0"
    carry site1
    within 5 eval '! ctl get /cwg/v1/site/site1/status/m.0 | grep -q x'
}

@test "what isn't a record of a site that is known comes to nothing" {
    etcd_up
    both_carry
    in_etcd site/site2/in/stranger/l.0 x
    in_etcd site/site2/in/site2/l.0 x
    in_etcd site/site2/in/site1/../../../want/l.0 x
    in_etcd site/site2/in/site1/.hidden x
    in_etcd site/site2/in/site1/$'a\nb' x
    in_etcd site/site2/in/site1/l.9 $'a\nb'
    in_etcd site/site2/in/site1/l.8 "$(printf 'x%.0s' {1..5000})"
    in_etcd site/site2/in/site1/"$(printf 'x%.0s' {1..67})" x
    in_etcd site/site2/want/l.1 '{"link":"l"}'
    in_etcd site/site22/in/site1/l.7 x
    passes behind
    [ "$(cd "$T/site2/store" && find in want signed -type f)" = in/site1/l.0 ]
    [ "$(ls "$T/site2/store/site")" = site1 ]
}

@test "a site that was forgotten: what etcd has of it isn't taken, until it is known anew" {
    etcd_up
    both_carry
    passes one
    "$CWG" forget --state "$T/site2" --site site1
    [ -z "$(ls "$T/site2/store/in/site1")" ]
    knows site2 site3
    put site1 out/site2/l.0 two
    put site1 out/site2/m.0 two
    run ! within 3 eval '[ -n "$(ls "$T/site2/store/in/site1")" ]'
    put site2 site/site1 known
    within 5 has site2 in/site1/l.0 two
    within 5 has site2 in/site1/m.0 two
}

# The store may be a restored one, or its server a liar.
@test "an older record replaces none, and a deleted one none" {
    local old='{"by":"a","body":"{\"serial\":7}"}' new='{"by":"a","body":"{\"serial\":8}"}'
    etcd_up
    both_carry
    in_etcd site/site2/in/site1/l.0 "$new"
    within 5 has site2 in/site1/l.0 "$new"
    in_etcd site/site2/in/site1/l.0 "$old"
    in_etcd site/site2/in/site1/m.0 behind
    within 5 has site2 in/site1/m.0 behind
    has site2 in/site1/l.0 "$new"
    ctl del --prefix /cwg/v1/site/site2/in/
    in_etcd site/site2/in/site1/n.0 behind
    within 5 has site2 in/site1/n.0 behind
    has site2 in/site1/l.0 "$new"
}

@test "a site that a link is declared with later is listened to from then on" {
    etcd_up
    both_carry
    in_etcd site/site2/in/site3/l.0 early
    passes behind
    [ ! -e "$T/site2/store/in/site3" ]
    knows site2 site3
    within 5 has site2 in/site3/l.0 early
}

@test "what the disk had no room for is read again within a minute" {
    etcd_up
    mkdir -p "$T/site2/store"
    mount -t tmpfs -o size=256k tmpfs "$T/site2/store"
    both_carry
    passes before
    head -c 1000000 /dev/zero >"$T/site2/store/full" || true
    in_etcd site/site2/in/site1/m.0 "$(printf 'x%.0s' {1..3000})"
    within 5 grep -q "No space left" "$T/site2.log"
    rm "$T/site2/store/full"
    within 65 test -e "$T/site2/store/in/site1/m.0"
    umount -l "$T/site2/store"
}
