/* The machine under test: the only part of the harness that knows the kernel's headers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Brings up the stack with one interface, eth0, whose cable ends in machine_sent. features: what a
 * virtio device may offer, or nothing. */
void machine_start(bool offloads);
/* A frame arrives; split: the driver hands it over in pieces of its own buffers. Between batch
 * begin and end the driver keeps the lock, as it does for one interrupt. */
void machine_receive(const uint8_t *frame, size_t len, bool split);
void machine_batch(bool begin);
/* Called with each frame that left, cut to the MTU, checksums complete. */
extern void (*machine_sent)(const uint8_t *frame, size_t len);
/* Called when the virtual clock is about to jump to t; returns when the next event of the peer is
 * (UINT64_MAX: none). */
extern uint64_t (*machine_next_event)(void);
extern void (*machine_run_events)(uint64_t now);
uint64_t machine_now(void);
/* Runs timers and events until then. */
void machine_run_until(uint64_t ns);
/* Runs to the next timer or event, not beyond limit; false: nothing before it. */
bool machine_step(uint64_t limit);
void machine_seed(uint64_t seed);
/* Closes every descriptor of the program. */
void machine_close_all(void);
/* Allocations fail one time in n; 0: never. */
extern unsigned machine_fail_one_in;
/* What machine_sent saw was wrong (checksums); NULL. */
extern const char *machine_complaint;
void machine_restrict_features(unsigned mask);

/* System calls, as the kernel has them. */
long sys_socket(int family, int type, int protocol);
long sys_socketpair(int family, int type, int protocol, uintptr_t fds);
long sys_bind(int fd, uintptr_t addr, unsigned len);
long sys_connect(int fd, uintptr_t addr, unsigned len);
long sys_listen(int fd, int backlog);
long sys_accept4(int fd, uintptr_t addr, uintptr_t len, int flags);
long sys_sendto(int fd, uintptr_t buf, size_t n, unsigned flags, uintptr_t addr, unsigned len);
long sys_recvfrom(int fd, uintptr_t buf, size_t n, unsigned flags, uintptr_t addr, uintptr_t len);
long sys_sendmsg(int fd, uintptr_t msg, unsigned flags);
long sys_recvmsg(int fd, uintptr_t msg, unsigned flags);
long sys_shutdown(int fd, int how);
long sys_setsockopt(int fd, int level, int name, uintptr_t val, unsigned len);
long sys_getsockopt(int fd, int level, int name, uintptr_t val, uintptr_t len);
long sys_getsockname(int fd, uintptr_t addr, uintptr_t len);
long sys_getpeername(int fd, uintptr_t addr, uintptr_t len);
long sys_ioctl(int fd, unsigned cmd, uintptr_t arg);
long sys_read(int fd, uintptr_t buf, size_t n);
long sys_write(int fd, uintptr_t buf, size_t n);
long sys_close(int fd);
long sys_fcntl(int fd, unsigned cmd, uintptr_t arg);
long sys_poll(uintptr_t fds, unsigned n, int timeout);
long sys_epoll_create1(int flags);
long sys_epoll_ctl(int epfd, int op, int fd, uintptr_t event);
long sys_epoll_wait(int epfd, uintptr_t events, int max, int timeout);
