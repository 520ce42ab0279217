/* What programs expect in /etc, where the image does not bring its own. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

void etcfiles_init(void);

/*
 * Replaces the content of one of the files made here that depend on the network: /etc/resolv.conf,
 * /etc/hosts, /etc/hostname. False, and nothing done, if the image brought its own. No lock held.
 */
bool etcfiles_replace(const char *path, const char *text, size_t n);
/* Writes /etc/hostname and /etc/hosts anew, after the host's name has changed. */
void etcfiles_hostname(void);
