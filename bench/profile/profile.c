/*
 * A plugin for QEMU's emulator that counts executed guest instructions by translated block: an
 * exact profile, the same on a busy machine as on an idle one. Usage: bench/profile/profile.sh.
 *
 * The declarations are those of QEMU's plugin interface, version 1 (docs/devel/tcg-plugins.rst); no
 * distribution packages its header.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
					   void (*cb)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_atexit_cb(plugin_id id, void (*cb)(plugin_id id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *counter,
					      uint64_t add);

struct block {
	struct block *next;
	uint64_t address, executed;
	size_t instructions;
};

#define BUCKETS 65536
static struct block *buckets[BUCKETS];
static const char *output;

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	size_t n = qemu_plugin_tb_n_insns(tb);
	struct block **bucket = &buckets[(address ^ address >> 16) % BUCKETS], *b;

	(void)id;
	for (b = *bucket; b && (b->address != address || b->instructions != n); b = b->next)
		;
	if (!b) {
		b = calloc(1, sizeof *b);
		if (!b)
			abort();
		*b = (struct block){.next = *bucket, .address = address, .instructions = n};
		*bucket = b;
	}
	qemu_plugin_register_vcpu_tb_exec_inline(tb, 0 /* add to a 64-bit counter */, &b->executed,
						 1);
}

static void finished(plugin_id id, void *data)
{
	FILE *f = fopen(output, "w");

	(void)id;
	(void)data;
	if (!f) {
		perror(output);
		return;
	}
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *b = buckets[i]; b; b = b->next)
			fprintf(f, "%lx %lu %zu\n", b->address, b->executed, b->instructions);
	fclose(f);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info,
							       int argc, char **argv);
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	output = "profile.txt";
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4))
			output = strdup(argv[i] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finished, NULL);
	return 0;
}
