# Shared by the shell scripts: where things are, what to say, how to fail. Sourced, never run.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export ROOT

# The interpreter of Debian's own packages (python3-psycopg2 belongs to it), whatever else is first on PATH.
PYTHON=/usr/bin/python3

say() { printf '==> %s\n' "$*"; }

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# step WHAT COMMAND...: says what begins and how long it took; the command's own output stays visible.
step() {
    local what="$1" begun="$SECONDS" status=0
    shift
    say "$what"
    "$@" || status=$?
    if [ "$status" -ne 0 ]; then
        say "$what: failed after $((SECONDS - begun)) s (status $status)"
        return "$status"
    fi
    say "$what: done in $((SECONDS - begun)) s"
}

# Configures and builds one preset: build_preset PRESET [TARGET...]
build_preset() {
    local preset="$1"
    shift
    # Without CC and CXX from the environment: the presets say which compiler, everywhere the same.
    (cd "$ROOT" && env -u CC -u CXX cmake --preset "$preset" -Wno-dev >"$ROOT/build/configure-$preset.log" 2>&1) || {
        cat "$ROOT/build/configure-$preset.log" >&2
        return 1
    }
    local targets=()
    [ "$#" -eq 0 ] || targets=(--target "$@")
    (cd "$ROOT" && cmake --build "build/$preset" -j "$(nproc)" "${targets[@]}")
}
