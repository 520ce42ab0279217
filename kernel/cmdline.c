/*
 * The command line (docs/image.md, "Command line"). Pure C: words are unquoted in place, and argv
 * and envp point into the text.
 */
#include "cmdline.h"
#include <stddef.h>
#include <asm/errno.h>
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "net/networds.h"

#define GRACE_DEFAULT 10u
#define GRACE_MAX     86400u

struct cmdline cmdline;

static char error_text[160];

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Takes the next word from *text, unquoted in place and terminated. NULL at the end of the text,
 * or with *error set when quoting is unfinished.
 */
static char *next_word(char **text, const char **error)
{
	char *in = *text;
	while (is_blank(*in))
		in++;
	if (!*in) {
		*text = in;
		return NULL;
	}
	char *word = in, *out = in;
	bool quoted = false;
	for (; *in && (quoted || !is_blank(*in)); in++) {
		if (*in == '"') {
			quoted = !quoted;
		} else if (*in == '\\') {
			in++;
			if (!*in) {
				*error = "it ends in a backslash";
				return NULL;
			}
			*out++ = *in == 'n' ? '\n' : *in;
		} else {
			*out++ = *in;
		}
	}
	if (quoted) {
		*error = "a quote (\") is not closed";
		return NULL;
	}
	*text = *in ? in + 1 : in;
	*out = '\0';
	return word;
}

/* The value if word is NAME=value, with name given as "NAME="; else NULL. */
static char *option_value(char *word, const char *name)
{
	size_t n = strlen(name);
	return strncmp(word, name, n) == 0 ? word + n : NULL;
}

/* Adds KEY=VALUE, in place of an earlier one of the same key: what is appended later wins. */
static void set_environment(char *entry, size_t key_length)
{
	for (int i = 0; i < cmdline.envc; i++) {
		if (strncmp(cmdline.envp[i], entry, key_length + 1) == 0) {
			cmdline.envp[i] = entry;
			return;
		}
	}
	cmdline.envp[cmdline.envc++] = entry;
}

static int bad_word(const char **error, const char *what, const char *word)
{
	ksnprintf(error_text, sizeof(error_text), "%s: %.80s", what, word);
	*error = error_text;
	return -EINVAL;
}

/* A number from 0 to max in decimal, the whole text. */
static bool number(const char *text, unsigned max, unsigned *value)
{
	unsigned n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned)(*text - '0');
		if (n > max)
			return false;
	}
	*value = n;
	return true;
}

static int kernel_option(char *word, const char **error)
{
	char *value;
	if (strcmp(word, "trace") == 0) {
		cmdline.trace = true;
	} else if (strcmp(word, "gdb") == 0) {
		cmdline.gdb = true;
	} else if (strcmp(word, "quiet") == 0) {
		cmdline.quiet = true;
	} else if ((value = option_value(word, "env="))) {
		char *equals = strchr(value, '=');
		if (!equals || equals == value)
			return bad_word(error, "env= needs KEY=VALUE", word);
		set_environment(value, (size_t)(equals - value));
	} else if ((value = option_value(word, "arg0="))) {
		cmdline.argv[0] = value;
	} else if ((value = option_value(word, "hostname="))) {
		if (!*value || strlen(value) > 64) /* __NEW_UTS_LEN */
			return bad_word(error, "hostname= needs 1 to 64 characters", word);
		cmdline.hostname = value;
		cmdline.hostname_given = true;
	} else if ((value = option_value(word, "console="))) {
		if (strcmp(value, "pipe") != 0 && strcmp(value, "tty") != 0)
			return bad_word(error, "console= needs tty or pipe", word);
		cmdline.console_pipe = strcmp(value, "pipe") == 0;
	} else if (strcmp(word, "exit=console") == 0) {
		cmdline.exit_console = true;
	} else if ((value = option_value(word, "cwd="))) {
		if (*value != '/')
			return bad_word(error, "cwd= needs an absolute path", word);
		cmdline.cwd = value;
	} else if ((value = option_value(word, "grace="))) {
		if (!number(value, GRACE_MAX, &cmdline.grace))
			return bad_word(error, "grace= needs seconds, at most 86400", word);
	} else {
		const char *wrong;
		if (!networds_parse(word, &wrong))
			return bad_word(error, "unknown word", word);
		if (wrong)
			return bad_word(error, wrong, word);
	}
	return 0;
}

/* Words that the virtual machine monitor adds by itself (QEMU's microvm, Firecracker), at the end
 * and so behind the program's arguments: they are for drivers. */
static bool added_by_monitor(char *word)
{
	const char *value = option_value(word, "virtio_mmio.device=");

	if (value && cmdline.virtio_mmio_count < CMDLINE_VIRTIO_MMIO)
		cmdline.virtio_mmio[cmdline.virtio_mmio_count++] = value;
	return value != NULL;
}

/* Room for cmdline_default_env. */
#define DEFAULT_ENV_MAX 4

static size_t count_blanks(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += is_blank(*text);
	return n;
}

int cmdline_parse(char *text, const char **error)
{
	static char default_name[] = "/app";
	/* Each word but the first has a blank before it. */
	size_t max_words = count_blanks(text) + 1;
	cmdline = (struct cmdline){
	    .argc = 1, .hostname = "unigornel", .cwd = "/", .grace = GRACE_DEFAULT};
	networds_reset();
	*error = NULL;
	cmdline.argv = kmalloc((max_words + 2) * sizeof(char *));
	cmdline.envp = kmalloc((max_words + 1 + DEFAULT_ENV_MAX) * sizeof(char *));
	if (!cmdline.argv || !cmdline.envp) {
		*error = "no memory for it";
		kfree(cmdline.argv);
		kfree(cmdline.envp);
		cmdline.argv = cmdline.envp = NULL;
		return -ENOMEM;
	}
	cmdline.argv[0] = default_name;

	bool of_program = false;
	int result = 0;
	char *word;
	while (result == 0 && (word = next_word(&text, error))) {
		if (added_by_monitor(word))
			continue;
		if (of_program)
			cmdline.argv[cmdline.argc++] = word;
		else if (strcmp(word, "--") == 0)
			of_program = true;
		else
			result = kernel_option(word, error);
	}
	if (*error)
		result = -EINVAL;
	cmdline.argv[cmdline.argc] = NULL;
	cmdline.envp[cmdline.envc] = NULL;
	return result;
}

void cmdline_default_env(char *entry)
{
	size_t key_length = (size_t)(strchr(entry, '=') - entry);
	static int added;

	for (int i = 0; i < cmdline.envc; i++)
		if (strncmp(cmdline.envp[i], entry, key_length + 1) == 0)
			return;
	assert(added++ < DEFAULT_ENV_MAX);
	cmdline.envp[cmdline.envc++] = entry;
	cmdline.envp[cmdline.envc] = NULL;
}
