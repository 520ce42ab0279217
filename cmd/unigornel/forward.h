/*
 * Ports of the host on IPv6 addresses (-p [::1]:8080:80). QEMU's user networking forwards from IPv4
 * addresses alone, so a process of ours takes what arrives and hands it to a port on 127.0.0.1 from
 * which QEMU forwards. It ends with the tool.
 */
#pragma once
#include <stdint.h>

/* Forwards from a socket (bound, and listening if it is TCP's) to 127.0.0.1:port. Takes the
 * descriptor. Exits with a message if it cannot start. */
void forward_start(int fd, int is_udp, uint16_t port);
