# Packet tests: the network stack and the files it stands on, compiled for the host with ASan and
# UBSan, and the cases of tests/packet. `make test-packet` runs them all; build/packet/test_packet
# -v NAME shows one at work. The objects serve the network's fuzzers too.

PACKET_KERNEL := $(wildcard kernel/net/*.c) kernel/lib/siphash.c kernel/sched/timer.c \
                 $(wildcard kernel/vfs/[a-df-oq-z]*.c kernel/vfs/e[pv]*.c kernel/vfs/p[aeio]*.c) \
                 $(wildcard kernel/dev/tty*.c) kernel/time/deadline.c
PACKET_HOST   := tests/unit/vfs/shims.c $(UNIT_HOST) tests/packet/machine.c
PACKET_CASES  := tests/packet/main.c tests/packet/frame.c tests/packet/segment.c \
                 tests/packet/program.c $(wildcard tests/packet/case_*.c)
PACKET_OBJ     = $(patsubst %.c,$(BUILD)/packet/%.o,$(1))

# Cases know nothing of the kernel but its system calls.
$(BUILD)/packet/tests/packet/%.o: UNIT_CFLAGS := $(filter-out -Ikernel -Itests/unit/host,$(UNIT_CFLAGS)) -D_GNU_SOURCE
$(BUILD)/packet/tests/packet/machine.o: UNIT_CFLAGS += -Itests/unit/host -Ikernel

$(BUILD)/packet/kernel/%.o: UNIT_CFLAGS += -DHOST_NO_LIBC

$(BUILD)/packet/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/packet/test_packet: $(call PACKET_OBJ,$(PACKET_KERNEL) $(PACKET_HOST) $(PACKET_CASES))
	@echo "  LD   $@"
	@$(CC) $(UNIT_CFLAGS) -o $@ $^ -lm

.PHONY: test-packet
test-packet: $(BUILD)/packet/test_packet ## the network packet by packet, on a virtual clock
	@$<

-include $(patsubst %.o,%.d,$(call PACKET_OBJ,$(PACKET_KERNEL) $(PACKET_HOST) $(PACKET_CASES)))
