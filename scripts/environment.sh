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

# use_working_environment: stay in the active environment if it can train networks with this
# repository's code, else go to that of scripts/test, which is made if need be.
use_working_environment() {
    local found
    found=$(python -c 'import tensorflow, pycocotools, geomrcnn; print(geomrcnn.__path__[0])' \
        2>/dev/null || true)
    [[ $found -ef $PWD/geomrcnn ]] && return
    use_environment .venv-test
    python -m pip install --quiet --editable '.[train,export,postgis,dask,dev]'
}
