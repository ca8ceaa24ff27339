# Installs Debian packages that are missing, saying what and why. Sourced after common.sh.

# The packages for each purpose. Versions are Debian 12's own.
packages_for() {
    case "$1" in
    build) echo g++ cmake ninja-build ccache libboost1.81-dev libboost-json1.81-dev libtomlplusplus-dev prometheus-cpp-dev \
        libspdlog-dev libcli11-dev libgtest-dev libgmock-dev libbenchmark-dev libpg-query-dev libpq-dev libssl-dev liburing-dev zlib1g-dev ;;
    run) echo postgresql-15 postgresql-client-15 python3 python3-psycopg2 openssl util-linux passwd ;;
    fuzz) echo clang libclang-rt-14-dev ;;
    clients)
        echo iproute2 patroni etcd-server python3-etcd gcc libpq-dev python3-psycopg2 python3-psycopg python3-asyncpg python3-sqlalchemy libpostgresql-jdbc-java \
            openjdk-17-jdk-headless libdbd-pg-perl ruby-pg php-cli php-pgsql golang-go golang-github-jackc-pgx-v4-dev
        # Debian's npm brings hundreds of packages: any that is there will do.
        command -v npm >/dev/null && command -v node >/dev/null || echo nodejs npm
        ;;
    peers | postgres) echo debootstrap ;;
    *) fail "unknown purpose '$1' (build, run, clients, fuzz, peers, postgres)" ;;
    esac
}

reason_for() {
    case "$1" in
    build) echo "to compile pgweir and its tests" ;;
    run) echo "to run real PostgreSQL servers and the scripts around them" ;;
    fuzz) echo "to build with AddressSanitizer and the fuzz targets (libFuzzer comes with clang)" ;;
    clients) echo "to try every client of the matrix in tests/integration/clients" ;;
    peers) echo "to make the folder with today's PgBouncer for comparison" ;;
    postgres) echo "to make the folder with another version of PostgreSQL" ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

# Debian's package starts a server "main" on port 5432 when it is installed; nobody here wants that one.
install_without_main_cluster() {
    local conf=/etc/postgresql-common/createcluster.conf saved
    apt_install postgresql-common
    saved="$(mktemp)"
    cp -p "$conf" "$saved" 2>/dev/null || : >"$saved"
    echo 'create_main_cluster = false' >"$conf"
    local status=0
    apt_install "$@" || status=$?
    cat "$saved" >"$conf"
    rm -f "$saved"
    return "$status"
}

# node's clients: the versions of the lock file, into build/clients, from where this machine's npm gets its packages.
need_node_modules() {
    local from="$ROOT/tests/integration/clients" to="$ROOT/build/clients"
    cmp -s "$from/package-lock.json" "$to/node_modules/installed.json" && return
    mkdir -p "$to"
    cp "$from/package.json" "$from/package-lock.json" "$to/"
    (cd "$to" && step "npm ci for node's clients" npm ci --no-audit --no-fund --ignore-scripts)
    cp "$from/package-lock.json" "$to/node_modules/installed.json" # the mark of a whole installation
}

# need_packages PURPOSE...: after it the packages of these purposes are there, or the script has ended with the command to run.
need_packages() {
    local purpose package missing=() wanted
    for purpose in "$@"; do
        wanted=()
        for package in $(packages_for "$purpose"); do
            is_installed "$package" || wanted+=("$package")
        done
        [ "${#wanted[@]}" -eq 0 ] || say "missing $(reason_for "$purpose"): ${wanted[*]}"
        missing+=("${wanted[@]}")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        printf 'These packages have to be installed first; please run:\n\n    sudo apt-get update && sudo apt-get install -y %s\n\n' \
            "${missing[*]}" >&2
        exit 1
    fi
    command -v apt-get >/dev/null || fail "apt-get not found: this needs Debian 12"
    step "apt-get update" apt-get update -q
    if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
        step "installing ${#missing[@]} packages" install_without_main_cluster "${missing[@]}"
    else
        step "installing ${#missing[@]} packages" apt_install "${missing[@]}"
    fi
}
