#!/usr/bin/env bash
# Runs a Python test with a Python that has its modules: with_python.sh "MODULE MODULE" SCRIPT [ARGUMENT]...
# Exit status: that of the script; 77, that is skipped, where no Python has the modules.
set -euo pipefail

modules=$1
shift
for python in python3 /usr/bin/python3; do  # the second has what the package manager installed
    if "$python" -c "import ${modules// /, }" 2>/dev/null; then
        exec "$python" -B "$@"
    fi
done
echo "SKIPPED: needs Python 3 with $modules"
exit 77
