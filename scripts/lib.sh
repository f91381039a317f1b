# shellcheck shell=bash
# What `test` needs around its stages: finding or installing what they use, and leaving nothing
# behind. Sourced by it, after `set -euo pipefail`. Runs on bash 3.2 (macOS).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$root" || exit 2
export PYTHONDONTWRITEBYTECODE=1

# The oldest versions that do. The emulator needs the second.
rust_needed=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' Cargo.toml)
python_needed=3.10

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi

heading() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }

die() {
  printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 2
}

# --- Leaving nothing behind ---------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/lamplighter.XXXXXX")

clean_up() {
  trap '' INT TERM HUP
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# --- What must be there -------------------------------------------------------------------------

# at_least FOUND NEEDED: compares the first two numbers of two versions.
at_least() {
  local found_major=${1%%.*} found_rest=${1#*.} needed_major=${2%%.*} needed_rest=${2#*.}
  local found_minor=${found_rest%%[!0-9]*} needed_minor=${needed_rest%%[!0-9]*}
  [ "$found_major" -gt "$needed_major" ] ||
    { [ "$found_major" -eq "$needed_major" ] && [ "$found_minor" -ge "$needed_minor" ]; }
}

# provide WHAT DEBIAN-PACKAGES MACOS-COMMAND: installs what is missing where that needs nobody's
# password, and says how otherwise.
provide() {
  if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    echo "$1 is missing: installing $2 (apt-get, as root)"
    # shellcheck disable=SC2086 # a list of packages
    { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y $2; } \
      </dev/null >"$work/apt-get.log" 2>&1 || { tail -n 20 "$work/apt-get.log" >&2; die "apt-get could not install $2"; }
  else
    die "$1 is missing. Get it with
  Debian, Ubuntu:  sudo apt-get install $2
  macOS:           $3"
  fi
}

need_rust() {
  [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] && PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
  if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    die "Rust is missing: version $rust_needed or newer is needed. Get it from https://rustup.rs"
  fi
  local version
  version=$(rustc --version | awk '{ print $2 }')
  at_least "$version" "$rust_needed" ||
    die "rustc is $version, and $rust_needed or newer is needed. Get it with: rustup update stable"
  command -v cc >/dev/null || provide "a C compiler (cc)" "gcc libc6-dev" "xcode-select --install"
}

# Fails when NAME is no Python that runs. A name on the path proves nothing: version managers
# leave shims that only complain.
python_version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# Sets `python`, or fails and sets `python_found` to the version that is too old, if there is one.
find_python() {
  local candidate version
  python_found=''
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
    version=$(python_version "$candidate") || continue
    if at_least "$version" "$python_needed"; then
      python=$(command -v "$candidate")
      return 0
    fi
    python_found=${python_found:-$version}
  done
  return 1
}

# Sets `python` to an interpreter that can make virtual environments.
need_python() {
  local needs="Python $python_needed or newer is needed (the variable PYTHON may name one)"
  if ! find_python; then
    [ -z "$python_found" ] || die "python3 is $python_found. $needs"
    provide "Python $python_needed or newer" "python3 python3-venv" "brew install python"
    find_python || die "$needs, and the package python3 is older"
  fi
  if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    provide "Python's venv module" "python$(python_version "$python")-venv" "brew install python"
    "$python" -c 'import venv, ensurepip' || die "$python cannot make virtual environments"
  fi
}

# --- AWS, which nothing here may reach ----------------------------------------------------------

# Puts whatever profile, credentials or end points this shell had for AWS out of reach.
forget_aws() {
  local name
  for name in $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
  export AWS_EC2_METADATA_DISABLED=true AWS_REGION=eu-west-1
}
