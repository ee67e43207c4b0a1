# Sourced by scripts/quickstart and scripts/test: makes .venv, or reuses it, and installs localft with the tested versions.
#
#   PYTHON=python3.12 scripts/test           uses another interpreter than python3
#   LOCALFT_CPU_TORCH=1 scripts/quickstart   takes PyTorch from its own index, whose Linux builds without CUDA are small
#
# Written for the bash 3.2 of macOS as well.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"
cpu_torch_index="https://download.pytorch.org/whl/cpu"

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

supported() { # supported INTERPRETER: whether localft runs on it
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

fingerprint() { # what an installation depends on; when it changes, pip runs again
  "$venv/bin/python" - "$root/pyproject.toml" "$root/constraints.txt" <<'PYTHON'
import hashlib, pathlib, sys
digest = hashlib.sha256(sys.version.encode())
for name in sys.argv[1:]:
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PYTHON
}

make_venv() {
  if [ -e "$venv" ] && supported "$venv/bin/python"; then
    return
  fi
  local python="${PYTHON:-python3}"
  command -v "$python" >/dev/null 2>&1 ||
    fail "$python: not found. localft needs Python 3.11, 3.12 or 3.13; install one, or name it: PYTHON=/path/to/python3.12 $0"
  supported "$python" ||
    fail "$python is $("$python" --version 2>&1); localft needs Python 3.11, 3.12 or 3.13. Name another: PYTHON=python3.12 $0"
  echo "Making $venv with $("$python" --version)" >&2
  "$python" -m venv --clear "$venv" ||
    fail "$venv: could not be made. On Debian and Ubuntu the package python3-venv is needed: apt install python3-venv"
}

install() { # install EXTRAS: editable, once for each state of pyproject.toml and constraints.txt
  local extras="$1" stamp="$venv/.localft-installed-$1" wanted
  wanted="$(fingerprint)"
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    return
  fi
  echo "Installing localft[$extras] into $venv; the first time this downloads PyTorch and takes a few minutes" >&2
  local options=(--quiet --disable-pip-version-check -c "$root/constraints.txt")
  if [ -n "${LOCALFT_CPU_TORCH:-}" ]; then
    # Alone, ahead of the rest, and tried briefly: pip would ask an index that does not answer for each package, for minutes.
    "$venv/bin/python" -m pip install "${options[@]}" --no-deps --timeout 10 --retries 1 --index-url "$cpu_torch_index" torch \
      >/dev/null 2>&1 ||
      echo "No PyTorch could be had from $cpu_torch_index; taking the usual build, which on Linux is larger" >&2
  fi
  "$venv/bin/python" -m pip install "${options[@]}" -e "$root[$extras]" ||
    fail "pip could not install localft[$extras]; its message is above. Running this script again goes on from there."
  printf '%s\n' "$wanted" >"$stamp"
}

prepare() { # prepare EXTRAS
  make_venv
  install "$1"
}
