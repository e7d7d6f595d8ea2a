# make run      set up, build, load and attach, serve on 127.0.0.1:10190 (root)
# make demo     what it shows when zero-copy degrades (root)
# make test     set up, build and run the whole test suite on this kernel (root)
# make help     the rest
#
# Steps leave stamps in build/stamps, written last: whatever interrupts a step, the next run does it again. System
# packages are looked at only when something is to be built with them.

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: help run demo build bpf bpf-bpftool native layout bundle programs applications test check lint types format-check format unused unit \
	native-test sanitized live soak fuzz fixtures bench deb reference test-container test-kernels kernels-table clean distclean FORCE

NODE := node_modules/.bin/node
OBJECT := build/bpf/spillway.bpf.o
BINDING := build/native/spillway.node
LAYOUT := agent/src/abi/layout.ts
# As deep in the tree as agent/src/cli/main.ts: what the agent finds beside itself, both find at the same place.
BUNDLE := build/agent/cli/main.cjs
# What that starts, and the same compiled.
AGENT := build/agent/cli/agent.cjs
CODE_CACHE := build/agent/cli/agent.cache
# What went into it, for the licences.
BUNDLE_INPUTS := build/agent/inputs.json
# Runs in a thread of its own, so it is a file of its own; made with the bundle, just before it.
PASSWORD_THREAD := build/agent/web/password-thread.cjs
LIBBPF := build/vendor/libbpf-1.7.0
STAMPS := build/stamps

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

run: ## set up, build, then run the agent; its options in ARGS
	@scripts/require-root 'make run'
	@$(MAKE) --no-print-directory build
	@scripts/mount-filesystems
	@exec bin/spillway run $(ARGS)

demo: ## an agent, a Prometheus and programs whose zero-copy degrades, to look at; Ctrl-C ends all of it
	@scripts/require-root 'make demo'
	@scripts/install-packages demo
	@$(MAKE) --no-print-directory build
	@scripts/mount-filesystems
	@exec $(NODE) demo/main.ts

build: bpf native layout bundle build/revision ## all that bin/spillway needs
	@:

bpf: $(STAMPS)/bpf ## the BPF object: in a container where docker runs, else on the host
	@:
native: $(STAMPS)/native ## the native binding
	@:
bundle: $(BUNDLE) ## the agent in one file
	@:
layout: $(STAMPS)/layout ## the agent's ABI, from the BTF of the object
	@:
programs: $(STAMPS)/programs ## the programs that the live tests drive
	@:
applications: $(STAMPS)/applications ## programs on the runtimes of others, for the live tests
	@:

# Directories count too: their time changes when a file is added or removed.
bpf_inputs := $(shell find bpf/)
native_inputs := $(shell find native/ ! -name '*.ts')
program_inputs := $(shell find agent/test/live/programs 2>/dev/null)
application_inputs := scripts/install-java $(shell find agent/test/live/applications -mindepth 1 ! -name '*.ts')

# All packages of a first build in one go. Each step makes sure of its own again.
$(STAMPS)/packages: scripts/install-packages
	@scripts/install-packages build
	@mkdir -p $(@D) && touch $@

# A stamp is good only as long as what it stands for is there.
$(STAMPS)/bpf: $(bpf_inputs) $(STAMPS)/libbpf $(if $(wildcard $(OBJECT)),,FORCE)
	@scripts/build-bpf
	@touch $@

$(STAMPS)/libbpf: $(wildcard native/vendor/*) $(if $(wildcard $(LIBBPF)/include),,FORCE) | $(STAMPS)/packages
	@scripts/fetch-libbpf
	@touch $@

$(STAMPS)/native: $(native_inputs) node_modules/.installed $(STAMPS)/libbpf $(if $(wildcard $(BINDING)),,FORCE)
	@scripts/build-native
	@touch $@

layout_inputs := scripts/generate-layout.ts $(filter-out $(LAYOUT),$(wildcard agent/src/abi/*.ts))
$(STAMPS)/layout: $(STAMPS)/bpf $(layout_inputs) node_modules/.installed $(if $(wildcard $(LAYOUT)),,FORCE)
	@$(NODE) scripts/generate-layout.ts $(OBJECT) $(LAYOUT)
	@touch $@

# What `spillway dashboards export` writes: by the name of each file its text.
RULES := dashboards/rules/spillway-alerts.yaml dashboards/rules/spillway-alerts-optional.yaml
RULES_AS_JSON := JSON.stringify(Object.fromEntries(process.argv.slice(1).map((file) => \
	[path.basename(file), fs.readFileSync(file, "utf8")])))

# One file of plain JavaScript, compiled, starts six times as fast as the sources, and needs a third less memory. CommonJS, because an
# ECMAScript module that imports node:http makes Node load all of its fetch(), for a tenth of a second.
$(BUNDLE) $(AGENT) $(CODE_CACHE) $(PASSWORD_THREAD) $(BUNDLE_INPUTS) &: $(STAMPS)/layout bin/start.cjs scripts/generate-code-cache.ts \
		$(shell find agent/src native/lib dashboards -name '*.ts') $(RULES)
	@esbuild agent/src/cli/main.ts agent/src/web/password-thread.ts --bundle --platform=node --format=cjs --target=node24 \
		--minify-whitespace --minify-syntax \
		--log-level=warning --outbase=agent/src --outdir=build/bundle.tmp --out-extension:.js=.cjs --metafile=$(BUNDLE_INPUTS) \
		--define:EMBEDDED_RULES="$$($(NODE) -p '$(RULES_AS_JSON)' $(RULES))" --define:import.meta.url=__self \
		--banner:js="const __self = require('node:url').pathToFileURL(__filename).href;"
	@mkdir -p $(dir $(BUNDLE)) $(dir $(PASSWORD_THREAD))
	@mv build/bundle.tmp/web/password-thread.cjs $(PASSWORD_THREAD)
	@{ printf '(function (exports, require, module, __filename, __dirname) {'; cat build/bundle.tmp/cli/main.cjs; printf '\n})'; } >$(AGENT)
	@$(NODE) scripts/generate-code-cache.ts $(AGENT) $(CODE_CACHE)
	@cp bin/start.cjs $(BUNDLE)

# What `spillway version` and build_info call the revision.
build/revision: FORCE
	@mkdir -p $(@D)
	@git rev-parse --short=12 HEAD >$@.tmp 2>/dev/null || echo unknown >$@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

$(STAMPS)/programs: $(program_inputs)
	@scripts/build-programs
	@mkdir -p $(@D) && touch $@

$(STAMPS)/applications: scripts/build-applications $(application_inputs)
	@scripts/build-applications
	@mkdir -p $(@D) && touch $@

node_modules/.installed: package-lock.json
	@scripts/install-node-modules

# The BPF objects that the tests of the binding load.
fixtures: $(STAMPS)/native
	@scripts/build-native all

bpf-bpftool: $(STAMPS)/libbpf ## the BPF object linked by bpftool instead, for comparison
	@scripts/build-bpf bpftool-linked

$(STAMPS)/sanitized: $(STAMPS)/native $(if $(wildcard build/native-address-undefined/planted.node),,FORCE)
	@scripts/build-native sanitized
	@touch $@

test: ## the whole suite: lint, types, format, unit, native, live on this kernel
	@scripts/require-root 'make test'
	@scripts/install-packages build bpf test
	@$(MAKE) --no-print-directory build bpf-bpftool programs applications fixtures $(STAMPS)/sanitized
	@scripts/mount-filesystems
	@scripts/test

check: node_modules/.installed layout lint types format-check unused unit ## what of the suite needs no root

# Tools run with the Node of node_modules, whatever the host has.
lint types format-check unused format unit native-test sanitized live soak fuzz bench $(BUNDLE) $(BUNDLE_INPUTS): \
	export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
lint: node_modules/.installed ## ESLint
	@eslint --max-warnings 0 .
types: node_modules/.installed ## tsc
	@tsc --noEmit
format-check: node_modules/.installed ## Prettier and clang-format, only looking
	@prettier --check --log-level warn .
	@clang-format-19 --dry-run -Werror bpf/*.c bpf/*.h
format: node_modules/.installed ## Prettier and clang-format, writing
	@prettier --write --log-level warn .
	@clang-format-19 -i bpf/*.c bpf/*.h
unused: node_modules/.installed ## knip: files, exports and dependencies that nothing uses
	@knip
unit: build ## the tests that need no kernel
	@vitest run --project unit
native-test: build fixtures $(STAMPS)/sanitized ## the tests of the native binding
	@vitest run --project native
sanitized: build fixtures $(STAMPS)/sanitized ## the same under AddressSanitizer and UBSan
	@scripts/sanitized vitest run --project native --exclude 'native/test/{sanitizers,build}.test.ts'
# A finding prints seed and path; the same again: make fuzz FUZZ_SEED=...
FUZZ_RUNS ?= 100
FUZZ_SEED ?= $(shell shuf -i 1-2000000000 -n 1)
fuzz: build fixtures $(STAMPS)/sanitized ## the fuzz tests, FUZZ_RUNS times as long and from a random seed
	@echo 'again: make fuzz FUZZ_RUNS=$(FUZZ_RUNS) FUZZ_SEED=$(FUZZ_SEED)'
	@FUZZ_RUNS=$(FUZZ_RUNS) FUZZ_SEED=$(FUZZ_SEED) vitest run --project unit --testTimeout 0 agent/test/fuzz
	@FUZZ_RUNS=$(FUZZ_RUNS) FUZZ_SEED=$(FUZZ_SEED) scripts/sanitized vitest run --project native --testTimeout 0 native/test/fuzz
live: build bpf-bpftool programs applications ## the tests on the running kernel
	@vitest run --project live
# As long as it takes: some ten minutes for each day.
DAYS ?= 1
soak: build programs ## DAYS days of operation, as fast as they go: nothing that the agent holds grows
	@scripts/require-root 'make soak'
	@scripts/mount-filesystems
	@SOAK_DAYS=$(DAYS) SOAK_MOST_S=0 vitest run --project live --testTimeout 0 faults-day

build/bench/%: bench/programs/%.c
	@mkdir -p $(@D)
	@$(CC) -O2 -Wall -Wextra -Werror -pthread -o $@ $<
build/bench/%.bpf.o: bench/programs/%.bpf.c
	@scripts/install-packages bpf
	@mkdir -p $(@D)
	@clang-19 --target=bpf -O2 -Wall -Wextra -Werror -c -o $@ $<
bench: build programs build/bench/calls build/bench/shared build/bench/empty.bpf.o ## what it costs, beside what one would use instead
	@scripts/require-root 'make bench'
	@scripts/install-packages test
	@scripts/mount-filesystems
	@node bench/main.ts $(ARGS)

deb: build $(BUNDLE_INPUTS) ## the Debian package, build/spillway_VERSION_ARCH.deb; ARCH=arm64 on such a machine
	@scripts/build-deb $(ARCH)

reference: $(STAMPS)/layout ## docs/cli.md from the tree of commands; man page and completions beside it in build/reference
	@$(NODE) scripts/generate-reference.ts build/reference "$$(date +%s)"
	@cp build/reference/cli.md docs/cli.md

test-container: build $(BUNDLE_INPUTS) ## the object built in a container is the one built here; the image as docs/operations.md runs it
	@scripts/require-root 'make test-container'
	@scripts/mount-filesystems
	@scripts/test-container

# KERNELS names some of them (scripts/fetch-kernel --list), ARGS some of the tests (e.g. quick).
test-kernels: build bpf-bpftool programs ## the tests on Debian's kernels, each in a virtual machine
	@scripts/require-root 'make test-kernels'
	@scripts/install-packages kernels
	@SPILLWAY_KERNELS='$(KERNELS)' scripts/test-kernels $(ARGS)
kernels-table: node_modules/.installed ## docs/kernels.md and .json from what test-kernels found last
	@$(NODE) scripts/generate-kernels.ts

clean: ## remove what was built
	@rm -rf build
distclean: clean ## remove the npm packages too
	@rm -rf node_modules
