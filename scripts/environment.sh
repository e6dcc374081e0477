# shellcheck shell=bash
# Sourced by the other scripts, which run in the repository's root.

# use_environment FOLDER: make the virtual environment if it is not there, and activate it.
# PYTHON names the interpreter to make it with; given, the environment is made anew.
use_environment() {
    local folder=$1 python=${PYTHON:-python3}
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
        echo "Error: needs Python 3.10 or newer; name one, for instance: PYTHON=python3.12 $0" >&2
        exit 1
    fi
    if [[ -n ${PYTHON:-} || ! -x $folder/bin/pip ]] && ! "$python" -m venv --clear "$folder"; then
        echo "Error: needs Python's venv module; on Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    fi
    # shellcheck disable=SC1091
    source "$folder/bin/activate"
}
