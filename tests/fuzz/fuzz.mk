# Fuzzers: tests/fuzz/fuzz_NAME.c, built with ASan and UBSan. `make fuzz` runs each for FUZZ_TIME
# seconds with a new seed, which it prints; the same seed repeats a run.

FUZZ_TIME ?= 10
FUZZ_VFS  := tests/unit/vfs/shims.c $(wildcard kernel/vfs/[a-df-oq-z]*.c kernel/vfs/e[pv]*.c kernel/vfs/p[aeio]*.c) \
             $(wildcard kernel/dev/tty*.c) kernel/time/deadline.c

.PHONY: fuzz
fuzz: $(BUILD)/fuzz/fuzz_cpio
	@for f in $^; do echo "  FUZZ $$f"; $$f $(FUZZ_TIME) || exit 1; done

$(BUILD)/fuzz/fuzz_cpio: tests/fuzz/fuzz_cpio.c $(FUZZ_VFS) $(UNIT_HOST)
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(UNIT_CFLAGS) -o $@ $^
