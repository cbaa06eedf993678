#!/usr/bin/env bash
# The official libraries of both services, and axe-core for the operator's pages, in pinned versions,
# installed into the target folder on first use. Prints the folder of the Python packages and that of the Node packages, a line each.
# `libraries.sh install` is the same and says where they are in the log of CI.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

PYTHON_PACKAGES=(customerio==3.2.0 growsurf-python==1.16.0)
NODE_PACKAGES=(customerio-node@5.2.0 axe-core@4.14.1)

pins=$(printf '%s\n' "${PYTHON_PACKAGES[@]}" "${NODE_PACKAGES[@]}" | cksum | cut -d ' ' -f 1)
mkdir -p "${CARGO_TARGET_DIR:-target}/ci-tools"
folder=$(cd "${CARGO_TARGET_DIR:-target}/ci-tools" && pwd)/libraries-$pins

programs() {
  python3 -m pip --version && node --version && npm --version
} >/dev/null 2>&1

install_programs() {
  local root=()
  ((EUID == 0)) || root=(sudo -n)
  "${root[@]}" apt-get -qq update
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends \
    --yes python3 python3-pip nodejs npm >/dev/null
}

if [[ ! -d $folder ]]; then
  # Several tests may come here at once, some for other packages.
  exec 9>"${TMPDIR:-/tmp}/referral-relay-install.lock"
  flock 9
  if [[ ! -d $folder ]]; then
    programs || { install_programs >&2 && programs; } || {
      echo 'Python with pip and Node with npm are missing and apt-get could not install them' \
        '(Debian: python3-pip, npm)' >&2
      exit 1
    }
    rm -rf "$folder.new"
    PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check \
      --target "$folder.new/python" "${PYTHON_PACKAGES[@]}" >&2
    npm install --silent --no-save --no-audit --no-fund --ignore-scripts \
      --prefix "$folder.new/node" "${NODE_PACKAGES[@]}" >&2
    mv "$folder.new" "$folder"
  fi
  exec 9>&-
fi
printf '%s\n' "$folder/python" "$folder/node/node_modules"
