# Other versions of PostgreSQL than Debian 12's own, each in a folder build/postgres/N with the suite of Debian that has it.
# Sourced after common.sh, packages.sh and debian.sh.

# Debian 12's own is in /usr/lib/postgresql already.
OWN_POSTGRES=15

# The suite that has a version: releases keep theirs, sid has today's newest.
suite_of_postgres() {
    case "$1" in
    17) echo trixie ;;
    *) echo sid ;;
    esac
}

# The programs as this machine runs them: with the folder's own loader and libraries, and with no mount and no chroot, so that
# servers, sockets and data are the machine's. PostgreSQL finds its other programs and files from where it was started.
wrap_postgres() {
    local folder="$1" version="$2" tree="$1/wrapped.new" program
    rm -rf "$tree"
    mkdir -p "$tree/lib/postgresql/$version/bin" "$tree/share"
    ln -s "../../../../usr/lib/postgresql/$version/lib" "$tree/lib/postgresql/$version/lib"
    ln -s "../../usr/share/postgresql" "$tree/share/postgresql"
    for program in "$folder/usr/lib/postgresql/$version/bin"/*; do
        cat >"$tree/lib/postgresql/$version/bin/$(basename "$program")" <<'SH'
#!/bin/sh
# Written by scripts/lib/postgres.sh.
bin="${0%/*}"
root="$bin/../../../../.."
for loader in "$root"/usr/lib/*-linux-gnu/ld-linux-*.so.*; do break; done
exec "$loader" --library-path "${loader%/*}" --argv0 "$0" "$root/usr/lib/${bin##*/wrapped/lib/}/${0##*/}" "$@"
SH
        chmod 755 "$tree/lib/postgresql/$version/bin/$(basename "$program")"
    done
    rm -rf "$folder/wrapped"
    mv "$tree" "$folder/wrapped"
}

make_postgres() {
    local version="$1" folder="$2" suite
    [ "$(id -u)" -eq 0 ] || fail "debootstrap needs root: once sudo $0 --postgres $version"
    need_packages postgres
    suite="$(suite_of_postgres "$version")"
    [ -x "$folder/usr/bin/apt-get" ] || step "a minimal $suite in build/postgres/$version" debian_bootstrap "$suite" "$folder"
    debian_has "$folder" "postgresql-$version" ||
        step "adding postgresql-$version" debian_add "$folder" "postgresql-$version" ||
        fail "no postgresql-$version out of $suite, see build/postgres/$version.install.log"
    wrap_postgres "$folder" "$version"
}

postgres_runs() {
    local as=()
    [ "$(id -u)" -ne 0 ] || as=(runuser -u postgres --)
    "${as[@]}" "$PGWEIR_PG_BIN/postgres" --version >/dev/null
}

# use_postgres N: makes what is missing and has scripts/lib/cluster.py run that version (PGWEIR_PG_BIN).
use_postgres() {
    local version="$1" folder="$ROOT/build/postgres/$1"
    [[ "$version" =~ ^[0-9]+$ ]] || fail "--postgres needs a major version such as 18, not '$version'"
    PGWEIR_PG_BIN="/usr/lib/postgresql/$version/bin"
    if [ "$version" -ne "$OWN_POSTGRES" ]; then
        PGWEIR_PG_BIN="$folder/wrapped/lib/postgresql/$version/bin"
        [ -x "$PGWEIR_PG_BIN/postgres" ] || make_postgres "$version" "$folder"
    fi
    export PGWEIR_PG_BIN
    # As root the servers run as the user postgres, who has to get into this folder.
    postgres_runs || fail "$PGWEIR_PG_BIN/postgres does not run as the servers' user"
}
