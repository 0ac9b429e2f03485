# Serin: the two commands are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
ARGS ?=
LOG := target/test.log

.PHONY: help demo test unit e2e bench sweep lint fmt clippy deny crds setup prerequisites

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Play a good and a bad release on the in-memory cluster (needs Rust only); ARGS="--speed 3 --no-color --listen 8001"
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing; install it with: curl https://sh.rustup.rs -sSf | sh"; exit 1; }
	@echo "building (two or three minutes the first time)"
	@$(CARGO) build --profile demo -p serin-cli --bin serin
	@$(CARGO) run --quiet --profile demo -p serin-cli --bin serin -- demo $(ARGS)

# The Helm that e2e/setup builds, unless another one is named.
export HELM ?= $(or $(SERIN_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/serin)/bin/helm4
.PHONY: plain
plain: ## Render install/*.yaml from the chart (needs Helm 4; `make setup` builds it)
	@for kind in cluster namespaced; do charts/plain $$kind > install/$$kind.yaml.new; mv install/$$kind.yaml.new install/$$kind.yaml; done

prerequisites:
	@missing=0; need() { command -v "$$1" >/dev/null 2>&1 || { echo "missing: $$1; install it with: $$2"; missing=1; }; }; \
	need $(CARGO) 'curl https://sh.rustup.rs -sSf | sh'; \
	need go 'apt-get install golang, 1.26 or newer'; \
	need python3 'apt-get install python3 python3-venv'; \
	need ip 'apt-get install iproute2'; \
	need unshare 'apt-get install util-linux'; \
	need openssl 'apt-get install openssl'; \
	need git 'apt-get install git'; \
	need ssh-keygen 'apt-get install openssh-client'; \
	need tmux 'apt-get install tmux'; \
	if [ "$$(id -u)" != 0 ] && ! unshare -Urn true 2>/dev/null; then \
	  echo "missing: root, or user namespaces; allow them with: sysctl -w kernel.unprivileged_userns_clone=1"; missing=1; fi; \
	exit $$missing

setup: prerequisites ## Find or build the real parts that the end-to-end tests run on (about 10 minutes cold)
	@e2e/setup

unit: ## Every test that needs no server, the simulator's scenarios and the examples in the documentation included
	@$(CARGO) test --workspace --exclude serin-e2e

test: setup ## Every test, those on real parts included; ends with the counts
	@mkdir -p target; : > $(LOG)
	@echo "== tests without servers"; status=0; \
	$(CARGO) test --workspace --lib --bins --tests --features serin-crds/schema --exclude serin-e2e --no-fail-fast 2>&1 | tee -a $(LOG) || status=1; \
	echo "== examples in the documentation"; \
	$(CARGO) test --workspace --doc --features serin-crds/schema --exclude serin-e2e --no-fail-fast 2>&1 | tee -a $(LOG) || status=1; \
	echo "== tests on real parts"; \
	$(MAKE) --no-print-directory e2e 2>&1 | tee -a $(LOG) || status=1; \
	awk '/^test result:/ { passed += $$4; failed += $$6; ignored += $$8 } \
	     END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 || ignored > 0 }' $(LOG) || status=1; \
	exit $$status

e2e: setup ## The tests on real parts: etcd, kube-apiserver, istiod, Envoy, Prometheus; ARGS="-- killed" plays some
	@$(CARGO) build -p serin-controller -p serin-e2e --bins
	@$(CARGO) test -p serin-e2e --no-fail-fast $(ARGS)

bench: setup ## Print the figures; SERIN_BENCH_INCUMBENT=/path/to/rollouts-controller takes those of Argo Rollouts too
	@$(CARGO) build --release -p serin-controller -p serin-e2e --bins
	@$(CARGO) bench -p serin-e2e --bench figures -- --nocapture $(ARGS)

sweep: ## Play every scenario with a fault at each call of the controller; ARGS="good-release superseded --every 10 --seed 1"
	@$(CARGO) bench --quiet -p serin-sim --bench sweep -- $(ARGS)

crds: ## Generate the CRDs, the roles and the copies of them in the chart
	@$(CARGO) run --quiet -p serin-crds --features schema --bin generate-crds

lint: fmt clippy deny ## Formatting, clippy, and the licences and advisories of what we depend on

fmt:
	@$(CARGO) fmt --all --check

clippy:
	@$(CARGO) clippy --workspace --all-targets -- -D warnings

deny:
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "missing: cargo-deny; install it with: cargo install --locked cargo-deny"; exit 1; }
	@$(CARGO) deny check
