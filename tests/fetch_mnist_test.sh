#!/usr/bin/env bash
# Tests tools/fetch-mnist against mirrors on the loopback interface; nothing leaves the machine.
# Prints one line per check, and a SKIP line for what could not be checked. Exit status: 0 all passed, 1 not.
# The true files come from $GRIDRUN_MNIST, else from data/mnist (as .gz).
# shellcheck disable=SC2317  # functions that only check() calls
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
fetch="$root/tools/fetch-mnist"
names="train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte"
nowhere="http://127.0.0.1:1/mnist"  # nothing listens there
export no_proxy="127.0.0.1" NO_PROXY="127.0.0.1"

scratch=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server"; rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
failures=0

check() {  # what, then a command that must succeed
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "FAILED: $what"
        sed 's/^/    /' "$scratch/out" "$scratch/err"
        failures=$((failures + 1))
    fi
}

run() {  # mirrors, then fetch-mnist's arguments; leaves $status, $scratch/out and $scratch/err
    local mirrors=$1
    shift
    status=0
    GRIDRUN_MNIST_MIRRORS=$mirrors "$fetch" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
}

says_one_line() { [ ! -s "$scratch/out" ] && [ "$(wc -l <"$scratch/err")" -eq 1 ]; }

# ------------------------------------------------------------------------------------------------ wrong usage, help

run "$nowhere" --help
check "--help exits 0" [ "$status" -eq 0 ]
check "--help names GRIDRUN_MNIST_MIRRORS" grep -q GRIDRUN_MNIST_MIRRORS "$scratch/out"
run "$nowhere" --no-such-option
check "an unknown option exits 2" [ "$status" -eq 2 ]
run "$nowhere" one two
check "two directories exit 2" [ "$status" -eq 2 ]

# ------------------------------------------------------------------------------------------------ a file's place

refuses() {  # what, the directory, what the one line says; it must not touch what is there
    local what=$1 directory=$2 says=$3 before
    before=$(ls -lAR "$directory" 2>&1)
    run "$nowhere" "$directory"
    check "$what: exits 1" [ "$status" -eq 1 ]
    check "$what: says so in one line" says_one_line
    check "$what: says what is wrong" grep -qF "$says" "$scratch/err"
    check "$what: what was there stays" [ "$(ls -lAR "$directory" 2>&1)" = "$before" ]
}

places="$scratch/places"
mkdir -p "$places"/{plain,directory,gz-directory/train-images-idx3-ubyte.gz,fifo,loop,later,looped}
echo "not MNIST" >"$places/plain/train-images-idx3-ubyte"
refuses "a wrong plain file" "$places/plain" "$places/plain/train-images-idx3-ubyte: not MNIST's"
mkdir "$places/directory/train-images-idx3-ubyte"
refuses "a directory for a plain file" "$places/directory" "train-images-idx3-ubyte: a directory, expected a file"
refuses "a directory for a .gz" "$places/gz-directory" "train-images-idx3-ubyte.gz: a directory, expected a file"
mkfifo "$places/fifo/train-images-idx3-ubyte"
refuses "a fifo for a file" "$places/fifo" "train-images-idx3-ubyte: a special file, expected a file"
ln -s train-images-idx3-ubyte.gz "$places/loop/train-images-idx3-ubyte.gz"
refuses "a loop for a file" "$places/loop" "train-images-idx3-ubyte.gz: a symbolic link that leads nowhere"
echo "not MNIST" >"$places/later/t10k-labels-idx1-ubyte"
refuses "the last file is wrong: nothing is asked for" "$places/later" "t10k-labels-idx1-ubyte: not MNIST's"
echo "not a directory" >"$places/file"
refuses "a file for the directory" "$places/file" "$places/file: not a directory"
ln -s loop "$places/looped/loop"
refuses "a loop for the directory" "$places/looped/loop" "looped/loop: not a directory"
mkdir "$places"/two$'\n'lines
echo "not MNIST" >"$places"/two$'\n'lines/train-images-idx3-ubyte
refuses "a directory of two lines" "$places"/two$'\n'lines "two\\nlines/train-images-idx3-ubyte': not MNIST's"
GRIDRUN_MNIST="$places/plain" run "$nowhere"
check "by default it checks what gridrun reads: \$GRIDRUN_MNIST" grep -qF "$places/plain/train-images" "$scratch/err"
mkdir -p "$places/clone/data"
ln -s ../../plain "$places/clone/data/mnist"
status=0
(cd "$places/clone" && GRIDRUN_MNIST='' "$fetch") >"$scratch/out" 2>"$scratch/err" || status=$?
check "by default it checks what gridrun reads: data/mnist here" grep -q "^fetch-mnist: data/mnist/train-images" "$scratch/err"

# ------------------------------------------------------------------------------------------------ offline

run "$nowhere $nowhere" "$scratch/offline/mnist"
check "offline: exits 1" [ "$status" -eq 1 ]
check "offline: says so in one line" says_one_line
check "offline: leaves nothing behind" [ ! -e "$scratch/offline" ]

# ------------------------------------------------------------------------------------------------ loopback mirrors

if ! command -v python3 >/dev/null; then
    echo "SKIP: mirrors on the loopback interface (no python3)"
    exit $((failures > 0))
fi

mirrors="$scratch/mirrors"
mkdir -p "$mirrors/garbage" "$mirrors/other" "$mirrors/empty"
for name in $names; do
    echo "not a gzip file" >"$mirrors/garbage/$name.gz"
    echo "not MNIST" | gzip >"$mirrors/other/$name.gz"
done
python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$mirrors" >"$scratch/server" 2>"$scratch/requests" &
server=$!
port=""
for _ in $(seq 100); do
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$scratch/server")
    [ -z "$port" ] || break
    sleep 0.1
done
check "the loopback server starts" [ -n "$port" ]
base="http://127.0.0.1:$port"

mkdir "$scratch/corrupt"
echo "mine" >"$scratch/corrupt/train-images-idx3-ubyte.gz"
run "$base/garbage $base/other/ $base/empty" "$scratch/corrupt"
check "corrupt mirrors: exits 1" [ "$status" -eq 1 ]
check "corrupt mirrors: says so in one line" says_one_line
check "corrupt mirrors: says why" grep -q checksum "$scratch/err"
for mirror in garbage other empty; do
    check "corrupt mirrors: asked $mirror" grep -q "GET /$mirror/train-images-idx3-ubyte.gz" "$scratch/requests"
done
check "corrupt mirrors: what was there stays" grep -q mine "$scratch/corrupt/train-images-idx3-ubyte.gz"
check "corrupt mirrors: leaves nothing else" [ "$(ls -A "$scratch/corrupt")" = train-images-idx3-ubyte.gz ]

# ------------------------------------------------------------------------------------------------ the true files

mnist=""
for directory in "${GRIDRUN_MNIST:-}" "$root/data/mnist"; do
    if [ -n "$directory" ] && [ -f "$directory/t10k-labels-idx1-ubyte.gz" ]; then
        mnist=$directory
        break
    fi
done
if [ -z "$mnist" ]; then
    echo "SKIP: fetching the true files (no MNIST .gz files here; GRIDRUN_MNIST names their directory)"
    exit $((failures > 0))
fi

mkdir "$mirrors/true"
cp "$mnist"/*.gz "$mirrors/true/"
same() {  # the directory holds the four files as mirrored, and nothing else
    for name in $names; do
        cmp "$1/$name.gz" "$mirrors/true/$name.gz" || return 1
    done
    [ "$(find "$1" -type f | wc -l)" -eq 4 ]
}

run "$nowhere $base/garbage $base/true/" "$scratch/a/mnist"
check "the third mirror is right: exits 0" [ "$status" -eq 0 ]
check "the third mirror is right: equal files, nothing else" same "$scratch/a/mnist"

touch -t 200001010000 "$scratch/a/mnist"/*
run "$nowhere" "$scratch/a/mnist"
check "all there: exits 0 offline" [ "$status" -eq 0 ]
check "all there: nothing is replaced" [ -z "$(find "$scratch/a/mnist" -type f -newer "$root/tests/fetch_mnist_test.sh")" ]

echo "damaged" >"$scratch/a/mnist/t10k-labels-idx1-ubyte.gz"
run "$base/true" "$scratch/a/mnist"
check "one damaged: exits 0" [ "$status" -eq 0 ]
check "one damaged: only that is fetched" [ "$(grep -c fetched "$scratch/out")" -eq 1 ]
check "one damaged: equal files, nothing else" same "$scratch/a/mnist"

gzip -d "$scratch/a/mnist"/*.gz
run "$nowhere" "$scratch/a/mnist"
check "plain files, all right: exits 0 offline" [ "$status" -eq 0 ]

echo "damaged" >"$scratch/a/mnist/train-images-idx3-ubyte"
cp "$mirrors/true/train-images-idx3-ubyte.gz" "$scratch/a/mnist"
run "$base/true" "$scratch/a/mnist"
check "a wrong plain file beside a right .gz: exits 1" [ "$status" -eq 1 ]
check "a wrong plain file beside a right .gz: one line" says_one_line
check "a wrong plain file beside a right .gz: names it" grep -q "train-images-idx3-ubyte: not MNIST's" "$scratch/err"
check "a wrong plain file beside a right .gz: it stays" grep -q damaged "$scratch/a/mnist/train-images-idx3-ubyte"
mv "$scratch/a/mnist/train-images-idx3-ubyte.gz" "$scratch/a/mnist/train-images-idx3-ubyte"
run "$nowhere" "$scratch/a/mnist"
check "gzip under a plain name is read as gridrun reads it: exits 0" [ "$status" -eq 0 ]
head -c 1000 /dev/zero >>"$scratch/a/mnist/train-images-idx3-ubyte"
run "$nowhere" "$scratch/a/mnist"
check "zeros that pad gzip are passed over, as gridrun does: exits 0" [ "$status" -eq 0 ]
echo "more" >>"$scratch/a/mnist/train-images-idx3-ubyte"
run "$nowhere" "$scratch/a/mnist"
check "anything else behind gzip is refused, as gridrun does: exits 1" [ "$status" -eq 1 ]
cp "$mirrors/true"/*.gz "$places/gz-directory" 2>/dev/null
refuses "all files right, one inside a directory" "$places/gz-directory" "train-images-idx3-ubyte.gz: a directory"

if command -v wget >/dev/null; then
    mkdir "$scratch/bin"
    for tool in bash wget gzip sha256sum shasum mktemp rm cp mv mkdir dirname cut grep tail cat head od; do
        path=$(command -v "$tool") && ln -s "$path" "$scratch/bin/$tool"
    done
    PATH="$scratch/bin" GRIDRUN_MNIST_MIRRORS="$nowhere $base/true" \
        bash "$fetch" "$scratch/w" >"$scratch/out" 2>"$scratch/err"
    check "with wget and no curl: exits 0" [ $? -eq 0 ]
    check "with wget and no curl: equal files, nothing else" same "$scratch/w"
else
    echo "SKIP: fetching with wget (not installed)"
fi

exit $((failures > 0))
