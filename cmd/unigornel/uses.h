/* What a program needs of its machine, as far as its symbols tell. */
#pragma once
#include "util.h"

struct uses {
	bool network; /* it can open sockets: the image gets the network stack */
	bool roots;   /* it verifies certificates with the system's roots */
};

/* Of Go's archive. Programs that make system calls by number escape notice. */
struct uses uses_of_archive(const char *path);

/* The host's bundle of CA certificates: SSL_CERT_FILE, or where distributions keep it. NULL if
 * there is none; *why then says what is wrong and what to do. */
const char *ca_bundle(const char **why);
/* Where programs look for it. */
#define CA_BUNDLE_PATH "/etc/ssl/certs/ca-certificates.crt"
