# Folders with another suite of Debian, made by debootstrap and used by chroot. Sourced after common.sh; needs root.
# The logs are next to the folder: FOLDER.debootstrap.log and FOLDER.install.log.

# The mirror that this machine's apt uses for Debian itself (not for security updates or other vendors).
debian_mirror() {
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }'
}

# debian_has FOLDER PACKAGE: whether it is installed there.
debian_has() {
    [ "$(chroot "$1" dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null)" = installed ]
}

# debian_versions FOLDER PACKAGE...: a line for each.
debian_versions() {
    local folder="$1"
    shift
    chroot "$folder" dpkg-query -W -f '    ${Package} ${Version}\n' "$@" 2>/dev/null || true
}

# debian_bootstrap SUITE FOLDER: a minimal system; the folder appears when it is whole.
debian_bootstrap() {
    local suite="$1" folder="$2" mirror proxy
    mirror="$(debian_mirror)"
    [ -n "$mirror" ] || fail "no Debian mirror among apt's sources: run apt-get update first"
    proxy="$(apt-config dump --format '%v' Acquire::http::Proxy 2>/dev/null || true)"
    [ -z "$proxy" ] || export http_proxy="$proxy"
    mkdir -p "$(dirname "$folder")"
    rm -rf "$folder.new"
    if ! debootstrap --variant=minbase "$suite" "$folder.new" "$mirror" >"$folder.debootstrap.log" 2>&1; then
        tail -20 "$folder.debootstrap.log" >&2
        rm -rf "$folder.new"
        return 1
    fi
    # A service that a package starts while it is installed would be this machine's, not the folder's.
    printf '#!/bin/sh\nexit 101\n' >"$folder.new/usr/sbin/policy-rc.d"
    chmod +x "$folder.new/usr/sbin/policy-rc.d"
    rm -rf "$folder"
    mv "$folder.new" "$folder"
}

# debian_add FOLDER PACKAGE...: installs them there; no server of PostgreSQL's is made or started.
debian_add() {
    local folder="$1" setting
    shift
    mkdir -p "$folder/etc/postgresql-common"
    echo 'create_main_cluster = false' >"$folder/etc/postgresql-common/createcluster.conf"
    cp /etc/resolv.conf "$folder/etc/resolv.conf" 2>/dev/null || true
    # The same way to the mirror as this machine's: proxies and the like.
    setting="$(apt-config dump | grep -E '^Acquire::(http|https|ftp)::' || true)"
    # Signatures are checked, dates are not, as debootstrap itself does: a machine's mirror may be a frozen copy.
    printf '%s\n' "$setting" 'Acquire::Check-Valid-Until "false";' >"$folder/etc/apt/apt.conf.d/90machine"
    # /proc in a mount namespace of its own: packages ask for it, and nothing stays mounted whatever happens.
    unshare --mount --propagation private sh -c '
        folder="$1"; shift
        set -e
        mount -t proc proc "$folder/proc"
        export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
        chroot "$folder" dpkg --configure -a
        chroot "$folder" apt-get update -q
        chroot "$folder" apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold "$@"' sh "$folder" "$@" \
        >"$folder.install.log" 2>&1 || {
        tail -30 "$folder.install.log" >&2
        return 1
    }
}
