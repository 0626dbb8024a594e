#!/usr/bin/env bash
# Everything that has to be in place before TrueVision runs (`setup.sh run`), is tested (`setup.sh test`), its detector is
# trained (`setup.sh training`), its graphs are put through TensorRT's builder (`setup.sh engines`), or it runs on an NVIDIA
# GPU (`setup.sh gpu`, after `run`).
#
# Called by the Makefile. Each step leaves a stamp in .cache/stamps with the hash of what it was made from, so a
# second call repeats nothing. What comes from a package registry is pinned by SHA-256 in scripts/pins/.
# What set-up cannot bring itself (Rust, Node, Python) is checked first, one line and remedy for each.
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-}
case $purpose in run | test | training | engines | gpu) ;; *) echo "usage: setup.sh run|test|training|engines|gpu" >&2; exit 2 ;; esac

run_packages=(
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
  gstreamer1.0-libav gstreamer1.0-tools gstreamer1.0-x
  build-essential pkg-config
)
test_packages=(libgstrtspserver-1.0-dev chromium mosquitto mosquitto-clients openssl prometheus prometheus-alertmanager xvfb)

say() { printf 'set-up: %s\n' "$*"; }
complain() { printf 'set-up: %s\n' "$*" >&2; }

# at_least HAVE WANT: whether version HAVE is WANT or newer.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

check_machine() {
  local faults=0 rust have
  python_version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true)
  if [ "$(uname -sm)" != "Linux x86_64" ]; then
    complain "this is $(uname -sm): TrueVision's set-up knows Linux x86_64 only; use such a machine or container"
    faults=1
  elif ! command -v apt-get >/dev/null; then
    complain "apt-get is missing: set-up knows Debian 12 and its kin only; use such a machine or container"
    faults=1
  fi

  rust=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml 2>/dev/null || true)
  if ! have=$(cargo --version 2>/dev/null); then
    complain "Rust is missing: install it with rustup (see rust-lang.org/tools/install), then open a new shell"
    faults=1
  elif ! at_least "$(cut -d' ' -f2 <<<"$have")" "${rust:-1.85}"; then
    complain "$have is too old, ${rust:-1.85} or newer is needed: run 'rustup update stable'"
    faults=1
  fi

  if ! have=$(node --version 2>/dev/null) || ! command -v npm >/dev/null; then
    complain "Node is missing: install Node 20 or newer with npm (see nodejs.org/download)"
    faults=1
  elif ! at_least "${have#v}" 20; then
    complain "Node $have is too old: install Node 20 or newer (see nodejs.org/download)"
    faults=1
  fi

  if [ -z "$python_version" ]; then
    complain "Python 3 is missing: run 'apt-get install python3 python3-venv' as root"
    faults=1
  elif ! at_least "$python_version" 3.11 || at_least "$python_version" 3.15; then
    complain "python3 is $python_version: put Python 3.11 to 3.14 first on PATH"
    faults=1
  elif ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    run_packages+=(python3-venv)
  fi
  return "$faults"
}

install_packages() {
  local wanted=("${run_packages[@]}") missing as_root=()
  if [ "$purpose" = test ]; then wanted+=("${test_packages[@]}"); fi
  missing=$(comm -23 <(printf '%s\n' "${wanted[@]}" | sort) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort))
  [ -z "$missing" ] && return
  missing=$(tr '\n' ' ' <<<"$missing")
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      complain "packages are missing and there is no sudo: run 'apt-get install ${missing% }' as root, then repeat"
      exit 1
    fi
    say "administrator rights are needed to install packages; sudo may ask for your password"
    as_root=(sudo)
  fi
  say "installing $missing"
  if ! { "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } \
    >.cache/apt.log; then
    complain "apt-get could not install them (see above and .cache/apt.log): mend that, then repeat"
    exit 1
  fi
}

# step NAME OUTPUT INPUT...: runs function make_NAME unless OUTPUT exists and was made from the same INPUT files
# with the same Python.
step() {
  local name=$1 output=$2 stamp=.cache/stamps/$1 inputs began=$SECONDS
  shift 2
  inputs=$({ echo "$python_version"; sha256sum "$@"; } | sha256sum)
  if [ -e "$output" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$inputs" ]; then return; fi
  say "$name ..."
  "make_$name"
  echo "$inputs" >"$stamp"
  say "$name done in $((SECONDS - began)) s"
}

# install_pins VENV FILE: the packages of FILE, exactly, each checked against its hash.
install_pins() {
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    --only-binary=:all: --requirement "$2"
}

# unpack WHEEL PATTERN... FOLDER
unpack() { .cache/venv/bin/python scripts/unpack.py "$@"; }

make_venv() {
  rm -rf .cache/venv
  python3 -m venv .cache/venv
  install_pins .cache/venv scripts/pins/tools.txt
}

make_wheels() {
  rm -rf .cache/wheels
  .cache/venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
    --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 \
    --platform manylinux_2_28_x86_64 --dest .cache/wheels --requirement scripts/pins/wheels.txt
}

make_onnxruntime() {
  rm -rf .cache/ort
  unpack .cache/wheels/onnxruntime-*.whl 'onnxruntime/capi/libonnxruntime.so.*' \
    onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt .cache/ort
}

make_faces() {
  .cache/venv/bin/python scripts/convert_faces.py .cache/wheels/mediapipe-*.whl models/fetched
  unpack .cache/wheels/mediapipe-*.whl 'mediapipe-*.dist-info/LICENSE' models/fetched
}

make_demo() {
  unpack .cache/wheels/scikit_image-*.whl skimage/data/astronaut.png .cache/demo
  .cache/venv/bin/python scripts/make_demo.py .cache/demo/astronaut.png .cache/demo
}

make_dashboard_packages() { (cd dashboard && npm ci --no-audit --no-fund --loglevel=error); }

make_dashboard() { (cd dashboard && npm run --silent build); }

make_gpu() {
  rm -rf .cache/gpu
  .cache/venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
    --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
    --platform manylinux2010_x86_64 --platform manylinux1_x86_64 \
    --dest .cache/gpu/wheels --requirement scripts/pins/gpu.txt
  unpack .cache/gpu/wheels/onnxruntime_gpu-*.whl 'onnxruntime/capi/libonnxruntime*.so*' onnxruntime/LICENSE \
    onnxruntime/ThirdPartyNotices.txt .cache/gpu/lib
  for wheel in .cache/gpu/wheels/nvidia_*.whl; do unpack "$wheel" 'nvidia/*/lib/*.so*' .cache/gpu/lib; done
  rm -r .cache/gpu/wheels
  # Absolute, so that a program started anywhere finds them; a TensorRT that is installed elsewhere is left in view.
  printf 'export %s=%s\n' ORT_DYLIB_PATH "'$(ls "$PWD"/.cache/gpu/lib/libonnxruntime.so.*)'" \
    LD_LIBRARY_PATH "'$PWD/.cache/gpu/lib'\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" >.cache/gpu/env.sh
}

make_engines() {
  rm -rf .cache/engines
  python3 -m venv .cache/engines
  install_pins .cache/engines scripts/pins/engines.txt
}

make_test_tools() { install_pins .cache/venv scripts/pins/tests.txt; }

check_machine || exit 1
mkdir -p .cache/stamps
install_packages

step venv .cache/venv scripts/pins/tools.txt
step wheels .cache/wheels scripts/pins/wheels.txt
step faces models/fetched scripts/pins/*.txt scripts/convert_faces.py scripts/tflite2onnx/*.py
if [ "$purpose" = engines ]; then
  step engines .cache/engines scripts/pins/engines.txt
  exit
fi
if [ "$purpose" = gpu ]; then
  step gpu .cache/gpu/env.sh scripts/pins/gpu.txt
  exit
fi
# The training environment, gigabytes of it, is training/Makefile's.
if [ "$purpose" = training ]; then exit; fi
step onnxruntime .cache/ort scripts/pins/wheels.txt
step demo .cache/demo scripts/pins/*.txt scripts/make_demo.py
step dashboard_packages dashboard/node_modules dashboard/package-lock.json
mapfile -d '' pages < <(find dashboard \( -name node_modules -o -name dist -o -name tests \) -prune -o -type f -print0)
step dashboard dashboard/dist "${pages[@]}"
if [ "$purpose" = test ]; then step test_tools .cache/venv scripts/pins/*.txt .cache/stamps/venv; fi

cargo build --release --locked
