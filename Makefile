# make          the kernel library (build/libunigornel.a) and the tool (build/unigornel)
# make test     everything .ci/run runs
# The targets that people type are explained by `make help`.

CC      := gcc
BUILD   := build
WARN    := -std=gnu11 -Wall -Wextra -Wshadow -Wconversion -Werror

# No `rep stos` for structures: slow to start on CPUs, slow throughout on emulators.
KSTRING := -mmemcpy-strategy=unrolled_loop:64:noalign,libcall:-1:noalign \
           -mmemset-strategy=unrolled_loop:64:noalign,libcall:-1:noalign
# The kernel: ring 0, no SSE (the program's vector state stays untouched), no red zone
# (interrupts push on the current stack), frame pointers for backtraces.
KCFLAGS := $(WARN) -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=small -mno-red-zone \
           -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
           -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-strict-aliasing \
           -fno-delete-null-pointer-checks -ffunction-sections -fdata-sections -Ikernel \
           $(KSTRING)
KSRC    := $(sort $(shell find kernel -name '*.c' -o -name '*.S'))
KOBJ    := $(patsubst %,$(BUILD)/%.o,$(KSRC))
# Every image is linked with libunigornel.a and one of the others: the network stack, or what stands
# in for it where the program opens no sockets.
KOBJ_NET   := $(filter $(addprefix $(BUILD)/kernel/,net/% dev/virtio/net% dev/xen/netfront% vfs/proc_net%),$(KOBJ))
KOBJ_NONET := $(BUILD)/kernel/no_network.c.o
KOBJ_CORE  := $(filter-out $(KOBJ_NET) $(KOBJ_NONET),$(KOBJ))
KLIBS      := $(addprefix $(BUILD)/,libunigornel.a libunigornel-net.a libunigornel-nonet.a)

TOOL_CFLAGS := $(WARN) -O2 -g -D_GNU_SOURCE
TOOL_LIBS   := -lelf -lcjson
TOOL_SRC    := $(sort $(wildcard cmd/unigornel/*.c))
TOOL_OBJ    := $(patsubst %,$(BUILD)/%.o,$(TOOL_SRC))

.PHONY: all kernel tool install clean check-tools
all: kernel tool
kernel: $(KLIBS)
tool: $(BUILD)/unigornel $(BUILD)/image.ld

# The tool finds the linker script and the kernel library beside itself.
$(BUILD)/image.ld: kernel/image.ld
	@mkdir -p $(@D)
	@cp $< $@

$(BUILD)/libunigornel.a: $(KOBJ_CORE)
$(BUILD)/libunigornel-net.a: $(KOBJ_NET)
$(BUILD)/libunigornel-nonet.a: $(KOBJ_NONET)
$(KLIBS):
	@mkdir -p $(@D); rm -f $@
	@ar rcs $@ $^
	@echo "  AR   $@"

# The vDSO is the program's code and what time.Now costs; nobody takes backtraces by its frames.
$(BUILD)/kernel/arch/x86_64/vdso.c.o: KCFLAGS += -fomit-frame-pointer

$(BUILD)/kernel/%.c.o: kernel/%.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(KCFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/kernel/%.S.o: kernel/%.S
	@mkdir -p $(@D)
	@echo "  AS   $<"
	@$(CC) $(KCFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

$(BUILD)/cmd/%.c.o: cmd/%.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(TOOL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/unigornel: $(TOOL_OBJ)
	@echo "  LD   $@"
	@$(CC) -o $@ $(TOOL_OBJ) $(TOOL_LIBS)

# What the build needs is checked before the first compiler call, so that the remedy is the only message.
$(KOBJ) $(TOOL_OBJ): | check-tools
check-tools:
	@scripts/setup.sh --check

PREFIX ?= /usr/local
install: all ## install the tool and what it links with below PREFIX (default /usr/local)
	install -D $(BUILD)/unigornel $(DESTDIR)$(PREFIX)/bin/unigornel
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/unigornel $(KLIBS) $(BUILD)/image.ld

clean:
	rm -rf $(BUILD)

-include $(KOBJ:.o=.d) $(TOOL_OBJ:.o=.d)
include tests/unit/unit.mk
include tests/packet/packet.mk
include tests/fuzz/fuzz.mk
include scripts/people.mk
