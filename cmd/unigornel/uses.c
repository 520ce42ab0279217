#include "uses.h"
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of package syscall, of golang.org/x/sys/unix wherever it is vendored, and of C, whose functions a
 * program with cgo leaves undefined. */
static bool opens_sockets(const char *symbol)
{
	static const char *const names[] = {"socket", "Socket", "socketpair", "Socketpair"};
	static const char unix_package[] = "golang.org/x/sys/unix.";
	const char *dot = strrchr(symbol, '.'), *name = dot ? dot + 1 : symbol;
	size_t n = strlen(symbol) - strlen(name);
	bool c = !dot, package = n == strlen("syscall.") && !memcmp(symbol, "syscall.", n);
	bool module = n >= strlen(unix_package) &&
		      !memcmp(name - strlen(unix_package), unix_package, strlen(unix_package));
	if (!c && !package && !module)
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void look_at_member(Elf *member, struct uses *u)
{
	GElf_Shdr h;
	Elf_Scn *s = NULL;
	while ((s = elf_nextscn(member, s)) && gelf_getshdr(s, &h))
		if (h.sh_type == SHT_SYMTAB)
			break;
	Elf_Data *data = s ? elf_getdata(s, NULL) : NULL;
	if (!data || !h.sh_entsize)
		return;
	size_t n = h.sh_size / h.sh_entsize;
	for (size_t i = 0; i < n && !(u->network && u->roots); i++) {
		GElf_Sym sym;
		const char *name = gelf_getsym(data, (int)i, &sym)
				       ? elf_strptr(member, h.sh_link, sym.st_name)
				       : NULL;
		if (!name)
			continue;
		u->network |= opens_sockets(name);
		u->roots |= !strcmp(name, "crypto/x509.loadSystemRoots");
	}
}

struct uses uses_of_archive(const char *path)
{
	struct uses u = {false, false};
	elf_version(EV_CURRENT);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *archive = fd >= 0 ? elf_begin(fd, ELF_C_READ_MMAP, NULL) : NULL;
	if (!archive)
		die("cannot read %s: %s", path, fd < 0 ? strerror(errno) : elf_errmsg(-1));
	Elf_Cmd more = ELF_C_READ_MMAP;
	for (Elf *m; (m = elf_begin(fd, more, archive)); elf_end(m)) {
		if (elf_kind(m) == ELF_K_ELF)
			look_at_member(m, &u);
		more = elf_next(m);
	}
	elf_end(archive);
	close(fd);
	return u;
}

const char *ca_bundle(const char **why)
{
	/* crypto/x509/root_linux.go */
	static const char *const places[] = {CA_BUNDLE_PATH,
					     "/etc/pki/tls/certs/ca-bundle.crt",
					     "/etc/ssl/ca-bundle.pem",
					     "/etc/pki/tls/cacert.pem",
					     "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
					     "/etc/ssl/cert.pem"};
	const char *chosen = getenv("SSL_CERT_FILE");
	if (chosen && *chosen) {
		if (!access(chosen, R_OK))
			return chosen;
		*why = xasprintf("SSL_CERT_FILE: cannot read %s: %s", chosen, strerror(errno));
		return NULL;
	}
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (!access(places[i], R_OK))
			return places[i];
	*why = "no CA certificates on this host, so programs trust no TLS peer: `apt-get install "
	       "ca-certificates`, or set SSL_CERT_FILE";
	return NULL;
}
