# Sourced by tests/*/run: the built programs on loopback, for tests that are not written in Rust. Whoever sources it has a
# scratch folder, $scratch, and ends all that was started when it exits. Expects $root, and set -euo pipefail.

scratch=$(mktemp -d)
started=()

ended() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap ended EXIT

# program NAME: the built program, built now unless RELAY_PROGRAM, AGENT_PROGRAM or SIMULATED_ROUTER_PROGRAM names another.
program() {
  local name=$1 variable=${1#linelight-}_PROGRAM
  variable=${variable^^}
  variable=${variable//-/_}
  if [ -n "${!variable:-}" ]; then echo "${!variable}"; return; fi
  (cd "$root" && cargo build --quiet --locked --bin "$name" 2>"$scratch/build.log") || { cat "$scratch/build.log" >&2; return 1; }
  echo "${CARGO_TARGET_DIR:-$root/target}/debug/$name"
}

# background LOG COMMAND…: starts a command that ends with this script, its output in a file of $scratch.
background() {
  local log="$scratch/$1"; shift
  "$@" >"$log" 2>&1 &
  started+=($!)
}

# until_said LOG PATTERN: waits until a log answers, and prints the first line that does.
until_said() {
  local pid=${started[-1]} tries
  for tries in $(seq 150); do
    if grep -m1 -E -- "$2" "$scratch/$1" 2>/dev/null; then return; fi
    [ "$tries" -lt 150 ] && kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "$1 did not say $2:" >&2
  tail -n 20 "$scratch/$1" >&2
  return 1
}

# start_router: a simulated concentrator; $router is its API.
start_router() {
  background router env SIMULATED_ROUTER_PASSWORD=for-this-run-only "$(program simulated-router)" --subscribers 6
  until_said router '^ready$' >/dev/null
  router=$(sed -n 's/^api //p' "$scratch/router")
}

# start_relay FLAG…: a relay with keys of its own; $relay and $private are where it listens.
start_relay() {
  relay_program=$(program linelight-relay)
  export LINELIGHT_SERVER_DATA=$scratch/data
  [ -e "$scratch/data/keys.json" ] || "$relay_program" init >/dev/null
  background relay "$relay_program" serve --private-listen 127.0.0.1:0 "$@"
  local ready
  ready=$(until_said relay 'the relay is ready')
  relay=$(sed -E 's/.*viewers=(\S+).*/\1/' <<<"$ready")
  private=$(sed -E 's/.*private=(\S+).*/\1/' <<<"$ready")
}

# start_agent NAME VARIABLE=VALUE…: an agent of the router with a token for every line, with these variables of its own.
start_agent() {
  local name=$1; shift
  "$relay_program" agent add "$name" --lines '*' | tail -n 1 | awk '{print $NF}' >"$scratch/$name.token"
  echo for-this-run-only >"$scratch/password"
  chmod 600 "$scratch/$name.token" "$scratch/password"
  background "$name" env LINELIGHT_ROUTER="$router" LINELIGHT_ROUTER_PASSWORD_FILE="$scratch/password" \
    LINELIGHT_TOKEN_FILE="$scratch/$name.token" LINELIGHT_RELAY="ws://$relay" LINELIGHT_RELAY_PLAINTEXT=yes "$@" \
    "$(program linelight-agent)"
}

# metric NAME: a figure of the relay.
metric() { curl -sf "http://$private/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }

# until_true WHAT COMMAND…: waits until a command succeeds.
until_true() {
  local what=$1 tries; shift
  for tries in $(seq 150); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "$what: not within 15 s" >&2
  return 1
}
