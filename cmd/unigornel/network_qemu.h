/* The machine's network as QEMU wants it, and what of the host it needs. */
#pragma once
#include "network.h"

/*
 * Opens tap devices, chooses and tries ports of the host, tries capture files: what is missing or
 * not permitted ends the tool here, with the remedy. Settles ports that were given as 0 and says
 * which they are.
 */
void network_open(struct network *n);
/* The part of it that needs no tap: ports and capture files. */
void network_open_ports(struct network *n);

/* Adds QEMU's arguments; descriptors that it must inherit go to keep (at most MAX_INTERFACES). */
void network_arguments(const struct network *n, bool microvm, struct strv *argv, int *keep);

/* After QEMU has started: closes what network_open opened, and sees to it that bursts of
 * connections to published ports are not lost. Waits until QEMU has opened these. */
void network_started(struct network *n, pid_t qemu);

/* A better message for a complaint of QEMU about its network; NULL: it is about something else. */
const char *network_complaint(const char *said);

/* True if the QEMU here has user networking. */
bool network_has_user(void);
