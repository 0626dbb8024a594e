# TrueVision's commands; `make help` lists them. What each needs is set up first by scripts/setup.sh.

.PHONY: setup setup-gpu run test test-training train evaluate export discover preview swapper draw envelope registry check-engines lint clean help
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The shell reads SOURCE and CONFIG from its environment, so that no character in them is taken for syntax.
SETTINGS := $(if $(CONFIG),--config "$$CONFIG",$(if $(SOURCE),,--config configs/demo.toml))

setup: ## Set up all that `make run` needs, and stop there
	@scripts/setup.sh run

setup-gpu: setup ## Set up what an NVIDIA GPU needs besides its driver: docs/gpu.md
	@scripts/setup.sh gpu

run: ## Start TrueVision: the demo, or SOURCE=<file, URL, device, screen, test>, or CONFIG=<settings file>
	@scripts/setup.sh run
	@exec target/release/truevision run $(SETTINGS) $(if $(SOURCE),"$$SOURCE")

test: ## Run every test and close with totals
	@scripts/setup.sh test
	@python3 scripts/run_suites.py scripts rust dashboard browser

test-training: ## Run the tests of the training system
	@scripts/setup.sh training
	@$(MAKE) --no-print-directory -C training setup
	@python3 scripts/run_suites.py training

train evaluate export discover preview swapper draw envelope registry: ## Train (DATA=, CONFIG=), evaluate (MODEL=, CLIPS=), export (MODEL=) the detector; more: docs/training.md
	@scripts/setup.sh training
	@$(MAKE) --no-print-directory -C training $@

check-engines: ## See whether TensorRT takes every model's graphs; needs no GPU
	@scripts/setup.sh engines
	@.cache/engines/bin/python scripts/check_engines.py

lint: ## Check formatting and lints of Rust and dashboard
	@cargo fmt --check
	@cargo clippy --all-targets --locked -- -D warnings
	@cd dashboard && npm run --silent lint

clean: ## Remove everything that set-up and builds made
	@rm -rf .cache models/fetched target dashboard/node_modules dashboard/dist

help: ## Show this list
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS='	' read -r target text; do \
		printf '  make %-24s %s\n' "$$target" "$$text"; done
