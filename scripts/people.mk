# The targets that people type. `make help` prints what stands after the double hash.

.PHONY: help setup demo test test-boot test-diff test-std test-std-slice test-std-xen test-xen test-xnet xenlab stress test-net soak bench bench-net bench-xen lint

help: ## this list
	@echo "make                build the kernel library and the tool, build/unigornel"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## install what is missing from the distribution's packages
	@scripts/setup.sh

demo: setup ## boot a web server to look at, and a program you can talk to
	@$(MAKE) --no-print-directory -s all
	@scripts/demo.sh

test: setup ## every test: lint, unit, boot, Xen, differential, a slice of the standard library
	@scripts/test.sh

test-boot: ## boot tests alone (RUN=regexp selects)
	@$(MAKE) --no-print-directory -s all
	@scripts/gotest.sh ./boot -run '$(or $(RUN),.)'

test-diff: ## native against machine, program by program (RUN=regexp selects)
	@$(MAKE) --no-print-directory -s all
	@scripts/gotest.sh ./diff -run '$(or $(RUN),.)'

test-std: ## the tests of Go's standard library inside machines (PKG=... selects; resumes)
	@$(MAKE) --no-print-directory -s all
	@tests/std/run.sh $(PKG)

test-std-slice: ## the part of test-std that CI runs, about ten minutes
	@$(MAKE) --no-print-directory -s all
	@tests/std/run.sh --slice

test-std-xen: ## the same part under a real Xen, in the lab
	@$(MAKE) --no-print-directory -s all
	@HYPERVISOR=xen tests/std/run.sh --slice

test-xen: ## programs as guests of a real Xen with an outer machine around it (root; RUN=regexp selects)
	@$(MAKE) --no-print-directory -s all
	@tests/xenlab/xenlab build
	@scripts/gotest.sh -v ./xen -run '$(or $(RUN),.)'

test-xnet: ## the tests of golang.org/x/net inside machines (XNET=version)
	@$(MAKE) --no-print-directory -s all
	@tests/std/run.sh --xnet

xenlab: setup ## an interactive dom0 of a real Xen, in QEMU
	@tests/xenlab/xenlab shell $(GUESTS)

stress: ## the stress programs, MINUTES each (default 10)
	@$(MAKE) --no-print-directory -s all
	@tests/stress/run.sh $(or $(MINUTES),10)

test-net: ## the network against Linux over a tap, in full (root): NET_LONG
	@$(MAKE) --no-print-directory -s all
	@NET_LONG=1 scripts/gotest.sh -v ./net

soak: ## an hour of mixed load on the network (root)
	@$(MAKE) --no-print-directory -s all
	@NET_SOAK=$(or $(DURATION),1h) scripts/gotest.sh -v -timeout 3h -run TestSoak ./net

bench-net: setup ## figures of the network against a Debian guest, and their bars (root)
	@$(MAKE) --no-print-directory -s all
	@bench/net.sh

bench-xen: setup ## figures under Xen against a Debian guest, and their bars (root)
	@$(MAKE) --no-print-directory -s all
	@bench/xen.sh

bench: setup ## figures against a Debian guest, and the bars they are held to
	@$(MAKE) --no-print-directory -s all
	@bench/run.sh

lint: ## clang-format, gofmt, go vet
	@scripts/lint.sh
