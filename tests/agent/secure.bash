# Certificates and users for an etcd of the tests. Bats files source this file. T is the folder.

# Makes a certificate authority.
authority()
{
    openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=authority -keyout "$T/ca.key" -out "$T/ca.pem"
}

# Makes a certificate that it has signed: certificate NAME SUBJECT
certificate()
{
    openssl req -newkey ed25519 -nodes -subj "$2" -keyout "$T/$1.key" -out "$T/$1.csr"
    openssl x509 -req -in "$T/$1.csr" -CA "$T/ca.pem" -CAkey "$T/ca.key" -CAcreateserial -days 2 -out "$T/$1.pem" \
        -extfile <(echo "subjectAltName=IP:127.0.0.1,IP:192.0.2.1,DNS:localhost")
    chmod 0600 "$T/$1.key"
}

# Makes users by a command that calls etcd: root, each site as doc/agent.md says, an operator, and a reader who may
# read alone what sites have. The password of each is the name of the user with "-secret": add_users_to COMMAND SITE...
add_users_to()
{
    local call=$1 site peer
    shift
    "$call" user add root:root-secret
    "$call" user grant-role root root
    "$call" user add operator:operator-secret
    "$call" user add reader:reader-secret
    "$call" user add nobody:nobody-secret
    "$call" role add operator
    "$call" role grant-permission operator --prefix=true readwrite /cwg/v1/
    "$call" user grant-role operator operator
    "$call" role add reader
    "$call" role grant-permission reader --prefix=true read /cwg/v1/site/
    "$call" user grant-role reader reader
    for site; do
        "$call" user add "$site:$site-secret"
        "$call" role add "$site"
        "$call" role grant-permission "$site" --prefix=true readwrite "/cwg/v1/site/$site/"
        for peer; do
            [ "$peer" = "$site" ] ||
                "$call" role grant-permission "$site" --prefix=true write "/cwg/v1/site/$peer/in/$site/"
        done
        "$call" user grant-role "$site" "$site"
    done
    "$call" auth enable
}
