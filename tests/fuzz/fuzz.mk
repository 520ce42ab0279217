# Fuzzers: tests/fuzz/fuzz_NAME.c, built with ASan and UBSan. `make fuzz` runs each for FUZZ_TIME
# seconds of CPU time with a new seed, which it prints; the same seed repeats a run.

FUZZ_TIME ?= 10
FUZZ_VFS  := tests/unit/vfs/shims.c $(wildcard kernel/vfs/[a-df-oq-z]*.c kernel/vfs/e[pv]*.c kernel/vfs/p[aeio]*.c) \
             $(wildcard kernel/dev/tty*.c) kernel/time/deadline.c

# The network: a coverage-guided engine of our own (engine.c), the machine of the packet tests, and
# the stack compiled with coverage. Each mutates its corpus, tests/fuzz/corpus/NAME.pack.
FUZZ_NET     := tcp frame call
FUZZ_NET_OBJ  = $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(1))
FUZZ_NET_COV := -fsanitize-coverage=trace-pc,trace-cmp

.PHONY: fuzz fuzz-net
fuzz: fuzz-net $(BUILD)/fuzz/fuzz_cpio ## every fuzzer for FUZZ_TIME seconds of CPU time (default 10)
	@echo "  FUZZ $(BUILD)/fuzz/fuzz_cpio"; $(BUILD)/fuzz/fuzz_cpio $(FUZZ_TIME)

fuzz-net: $(FUZZ_NET:%=$(BUILD)/fuzz/fuzz_%)
	@for f in $^; do echo "  FUZZ $$f"; $$f $(FUZZ_TIME) || exit 1; done

$(BUILD)/fuzz/obj/kernel/%.o: UNIT_CFLAGS += -DHOST_NO_LIBC
$(BUILD)/fuzz/obj/kernel/net/%.o: UNIT_CFLAGS += $(FUZZ_NET_COV)
$(BUILD)/fuzz/obj/kernel/%.o: kernel/%.c
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@
# Those that talk to the machine by calls and frames know libc only.
$(BUILD)/fuzz/obj/tests/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(filter-out -Ikernel -Itests/unit/host,$(UNIT_CFLAGS)) -D_GNU_SOURCE -MMD -MP -c $< -o $@

$(FUZZ_NET:%=$(BUILD)/fuzz/fuzz_%): $(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o \
		$(call FUZZ_NET_OBJ,tests/fuzz/engine.c tests/fuzz/wire.c $(PACKET_KERNEL)) \
		$(call PACKET_OBJ,$(PACKET_HOST))
	@echo "  LD   $@"
	@$(CC) $(UNIT_CFLAGS) -o $@ $^

-include $(patsubst %.o,%.d,$(call FUZZ_NET_OBJ,$(PACKET_KERNEL) tests/fuzz/engine.c tests/fuzz/wire.c $(FUZZ_NET:%=tests/fuzz/fuzz_%.c)))

# Drivers, each with a device or a backend of our own: fuzz_NAME.c, the fake it includes, and the
# kernel's files FUZZ_OF_NAME.
FUZZ_DRIVERS       := virtio virtio_blk netfront blkfront xenbus
FUZZ_PACKETS       := kernel/net/packet.c kernel/net/netbuf.c kernel/net/checksum.c
FUZZ_OF_virtio     := kernel/dev/virtio/virtqueue.c kernel/dev/virtio/virtio.c kernel/arch/x86_64/emulated.c kernel/dev/virtio/rng.c \
                      $(wildcard kernel/dev/virtio/net*.c) $(FUZZ_PACKETS)
FUZZ_OF_virtio_blk := kernel/dev/virtio/virtqueue.c kernel/dev/virtio/virtio.c kernel/arch/x86_64/emulated.c kernel/dev/virtio/blk.c
FUZZ_OF_netfront   := $(wildcard kernel/dev/xen/netfront*.c) $(FUZZ_PACKETS) kernel/net/packet_gso.c
FUZZ_OF_blkfront   := $(wildcard kernel/dev/xen/blkfront*.c)
FUZZ_OF_xenbus     := $(wildcard kernel/dev/xen/xenbus*.c kernel/dev/xen/xenstore*.c)
FUZZ_FAKES         := $(wildcard tests/unit/*_backend.h tests/unit/*_device.h tests/unit/*_fake.h) tests/fuzz/driver.h

fuzz-net: $(FUZZ_DRIVERS:%=$(BUILD)/fuzz/fuzz_%)
.SECONDEXPANSION:
$(FUZZ_DRIVERS:%=$(BUILD)/fuzz/fuzz_%): $(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $$(FUZZ_OF_%) tests/fuzz/engine.c $(UNIT_HOST) $(FUZZ_FAKES) $(shell find kernel -name "*.h")
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(filter-out -Ikernel -Itests/unit/host,$(UNIT_CFLAGS)) -D_GNU_SOURCE -c -o $@.engine.o tests/fuzz/engine.c
	@$(CC) $(UNIT_CFLAGS) $(FUZZ_NET_COV) -o $@ $(filter %.c,$(filter-out tests/fuzz/engine.c,$^)) $@.engine.o

$(BUILD)/fuzz/fuzz_cpio: tests/fuzz/fuzz_cpio.c $(FUZZ_VFS) $(UNIT_HOST)
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(UNIT_CFLAGS) -o $@ $^
