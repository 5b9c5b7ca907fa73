# SecBeat's commands. `./justw` runs them with the pinned just; `./justw` alone lists them.

set positional-arguments

export PATH := justfile_directory() / ".tools/bin:" + env("PATH")
export ENVOY_BIN := env("ENVOY_BIN", justfile_directory() / ".tools/bin/envoy")
export NATS_SERVER_BIN := env("NATS_SERVER_BIN", justfile_directory() / ".tools/bin/nats-server")

target := "wasm32-wasip1"
artifacts := "target/e2e-artifacts"
# The functions that score, for `mutants`.
scoring := "Scores::|Direction::|level_index|Readable|sum|samples|_score|would_block|matches_beyond|scoring|within|OutOf" + \
    "|Transaction::(evaluate( |$)|judge|readable|count|conclude|record|hides_within)"

_default:
    @just --list --unsorted

# Start everything: origin (or ORIGIN=http://host:port), control plane, Envoy; show verdicts live; Ctrl-C stops it
up: setup wasm
    cargo build --profile e2e -p secbeat -p secbeat-e2e
    @target/e2e/secbeat-up

# Send tests/corpus through a running `up` (or one of its own) and print what was blocked and what passed
attack: setup wasm
    cargo build --profile e2e -p secbeat -p secbeat-e2e
    @target/e2e/secbeat-attack

# Run the program `secbeat`, as in `./justw secbeat test '/?id=1'`
[no-exit-message]
secbeat *arguments: setup
    @cargo build --quiet --profile e2e -p secbeat
    @target/e2e/secbeat "$@"

# Run every test: unit, property, corpus, and end to end against a real Envoy
test *arguments: setup artifacts
    cargo test --profile e2e --workspace --doc --quiet
    cargo nextest run --cargo-profile e2e --workspace "$@"

# Check formatting, lints (host and wasm), licences and sources of dependencies, spelling
lint: setup
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy -p secbeat-filter -p secbeat-noop --target {{ target }} -- -D warnings
    cargo deny --log-level error check --hide-inclusion-graph licenses bans sources
    typos

# Run every fuzz target for so many seconds (60), two at a time; needs a C++ compiler
fuzz *arguments:
    @tools/fuzz "$@"

# Break parsers, transformations and scoring and see which test notices, for hours; `mutants -f FILE` breaks one file
mutants *arguments: setup
    @command -v cargo-mutants >/dev/null || { echo "cargo-mutants is missing: cargo install --locked cargo-mutants"; exit 1; }
    if [ $# -eq 0 ]; then set -- -f 'engine/src/parse*' -f 'engine/src/parse/**' -f 'engine/src/transform*' -f 'engine/src/transform/**' \
        -f 'engine/src/config/{category,scoring}.rs' -f 'engine/src/transaction/{run,scores,variables}.rs' \
        -f engine/src/compile/limits.rs -f engine/src/policy.rs -f engine/src/transaction.rs \
        -F '^engine/src/(parse|transform|config)' -F '{{ scoring }}'; fi; \
    PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 cargo mutants --test-tool=nextest -p secbeat-engine --profile e2e \
        --output target "$@" -- --lib

# Run the engine's unit tests in Miri, which notices undefined behaviour and leaks, for long; `miri parse::` runs some
miri *arguments:
    @cargo +nightly miri --version >/dev/null 2>&1 || { echo "Miri is missing: rustup toolchain install nightly --component miri,rust-src"; exit 1; }
    MIRIFLAGS="-Zmiri-env-set=PROPTEST_CASES=2 -Zmiri-env-set=PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 ${MIRIFLAGS:-}" \
        cargo +nightly miri test -p secbeat-engine --lib -- "$@"

# Measure Envoy's CPU time per request with the filter, with one that does nothing, and with none; `bench "small GET"`
# measures one kind of request
bench *arguments: setup wasm _noop
    cargo build --profile e2e -p secbeat-e2e
    @target/e2e/secbeat-bench "$@"

# Search the slowest inputs of 8 KiB for each rule and for whole requests, and fail if one takes too long; takes minutes.
# `bench-worst 7005001 7001002` searches for these rules only, `bench-worst requests` for requests out of what was found
# before; WORST_STEPS (1000) says how many changes are tried
bench-worst *arguments: setup wasm
    cargo build --release -p secbeat-e2e --bin secbeat-bench-worst
    @target/release/secbeat-bench-worst "$@"

# Send the samples under EFFICACY_DATA through Envoy with the default settings (`efficacy native`: through the engine
# alone, in seconds) and print true positives, true negatives and balanced accuracy per set and category
efficacy *arguments: setup
    if [ "${1:-}" != native ]; then just wasm; fi
    cargo build --profile e2e -p secbeat-e2e
    @target/e2e/secbeat-efficacy "$@"

# The filter that does nothing, for comparison.
_noop: setup
    @mkdir -p {{ artifacts }}
    cargo build --release --target {{ target }} -p secbeat-noop
    @cp target/{{ target }}/release/secbeat_noop.wasm {{ artifacts }}/noop.wasm

# Build the filter for use: dist/secbeat-filter.wasm
wasm: setup
    cargo build --release --target {{ target }} -p secbeat-filter
    @mkdir -p dist
    @cp target/{{ target }}/release/secbeat_filter.wasm dist/secbeat-filter.wasm

# Build the filter and the control plane for use
build: wasm
    cargo build --release -p secbeat

# Build what the end-to-end tests run: the filter, the filter with faults, the control plane
artifacts: setup
    @mkdir -p {{ artifacts }}
    cargo build --profile wasm-test --target {{ target }} -p secbeat-filter
    @cp target/{{ target }}/wasm-test/secbeat_filter.wasm {{ artifacts }}/filter.wasm
    cargo build --profile wasm-test --target {{ target }} -p secbeat-filter --features faults
    @cp target/{{ target }}/wasm-test/secbeat_filter.wasm {{ artifacts }}/filter-faults.wasm
    cargo build --profile e2e -p secbeat

# Install the pinned tools into .tools/ and the Rust target for wasm
setup:
    @tools/install

# Remove everything that was built, run or installed
clean:
    cargo clean
    rm -rf dist run .tools
