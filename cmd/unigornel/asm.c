/* See asm.h. The grammar of Go's assembler: cmd/asm/internal/lex, https://go.dev/doc/asm. */
#include "asm.h"
#include <string.h>

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

/* True if the assembly between start and end has the word outside // comments. */
static bool has_word(const char *start, const char *end, const char *word)
{
	size_t n = strlen(word);
	const char *p = start;
	while (p < end) {
		const char *q = p;
		if (p + 1 < end && p[0] == '/' && p[1] == '/') {
			while (p < end && *p != '\n')
				p++;
		} else if (is_word(*p)) {
			while (p < end && is_word(*p))
				p++;
			if ((size_t)(p - q) == n && !memcmp(q, word, n))
				return true;
		} else {
			p++;
		}
	}
	return false;
}

/* The start of the first line at or after p that begins with TEXT, or end. */
static const char *next_function(const char *p, const char *end)
{
	while (p < end && strncmp(p, "TEXT", 4)) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : end;
	}
	return p;
}

/*
 * Copies Go assembly, giving the flag NOFRAME (512) to functions without a frame whose only way out
 * is SYSCALL. Go's assembler would make the frame pointer's slot in them once they have a CALL, and
 * rt_sigreturn finds the signal frame by the stack pointer.
 */
static void keep_frameless(const struct buffer *in, struct buffer *out)
{
	const char *end = in->data + in->len, *p = next_function(in->data, end);
	buffer_add(out, in->data, (size_t)(p - in->data));
	while (p < end) {
		const char *next = next_function(p + 4, end);
		const char *line_end = memchr(p, '\n', (size_t)(next - p));
		const char *frame = line_end ? memmem(p, (size_t)(line_end - p), ",$0", 3) : NULL;
		if (!frame)
			frame = line_end ? memmem(p, (size_t)(line_end - p), ", $0", 4) : NULL;
		bool zero =
		    frame && !(strchr(frame, '0')[1] >= '0' && strchr(frame, '0')[1] <= '9');
		if (zero && memchr(p, ',', (size_t)(frame - p)) &&
		    !has_word(p, line_end, "NOFRAME") && has_word(line_end, next, "SYSCALL") &&
		    !has_word(line_end, next, "CALL")) {
			buffer_add(out, p, (size_t)(frame - p));
			buffer_add(out, "|512", 4);
			p = frame;
		}
		buffer_add(out, p, (size_t)(next - p));
		p = next;
	}
}

/* Copies Go assembly, replacing the instruction SYSCALL outside comments and strings; lines keep
 * their numbers. Returns how many there were. */
static size_t replace_syscalls(const struct buffer *in, struct buffer *out)
{
	static const char call[] = "CALL unigornel_syscall(SB)";
	const char *p = in->data, *end = in->data + in->len;
	size_t count = 0;
	while (p < end) {
		const char *start = p;
		if (p + 1 < end && p[0] == '/' && p[1] == '/') {
			while (p < end && *p != '\n')
				p++;
		} else if (p + 1 < end && p[0] == '/' && p[1] == '*') {
			const char *q = strstr(p + 2, "*/");
			p = q ? q + 2 : end;
		} else if (*p == '"') {
			for (p++; p < end && *p != '"' && *p != '\n'; p++)
				p += *p == '\\' && p + 1 < end;
			p += p < end;
		} else if (is_word(*p)) {
			while (p < end && is_word(*p))
				p++;
			if (p - start == 7 && !memcmp(start, "SYSCALL", 7) &&
			    (p == end || *p != '(')) {
				buffer_add(out, call, sizeof call - 1);
				count++;
				continue;
			}
		} else {
			p++;
		}
		buffer_add(out, start, (size_t)(p - start));
	}
	return count;
}

bool asm_replace_syscalls(const struct buffer *in, struct buffer *out)
{
	struct buffer frameless = {0};
	out->len = 0;
	if (!in->len || !strstr(in->data, "SYSCALL"))
		return false;
	keep_frameless(in, &frameless);
	bool found = frameless.len && replace_syscalls(&frameless, out);
	buffer_free(&frameless);
	return found;
}
