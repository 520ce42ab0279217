# Host unit tests: every tests/unit/test_NAME.c is one cmocka program. Its first line names the
# kernel sources it is linked with:   /* unit: kernel/mm/buddy.c kernel/lib/rbtree.c */
# They run under ASan and UBSan. tests/unit/host/ holds what stands in for the hardware.

UNIT_CFLAGS := $(WARN) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
               -fno-omit-frame-pointer -DHOST_TEST -Itests/unit/host -Ikernel
UNIT_HOST   := $(wildcard tests/unit/host/*.c)
UNIT_TESTS  := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))

.PHONY: test-unit
test-unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do echo "  UNIT $$t"; ./$$t; done

.SECONDEXPANSION:
unit_sources = $(shell sed -n '1s,^/\* unit: \(.*\) \*/$$,\1,p' tests/unit/$(1).c)
$(BUILD)/unit/%: tests/unit/%.c $(UNIT_HOST) $$(call unit_sources,$$*) $(shell find kernel tests/unit -name '*.h')
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(UNIT_CFLAGS) -o $@ $< $(UNIT_HOST) $(call unit_sources,$*) -lcmocka -lm

# Parts of the tool are compiled as the tool is.
$(BUILD)/unit/test_asm: UNIT_CFLAGS += -D_GNU_SOURCE
