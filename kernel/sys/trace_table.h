/*
 * What the tracer knows of each system call: name and kinds of arguments, as a string
 * "name:kinds", or "name:=kinds" for calls that return an address. A kind is one letter:
 *
 *   d int   u unsigned   x hex   p pointer   i file descriptor   I directory descriptor (AT_FDCWD)
 *   s path or string   b bytes of the program (length: next argument)   q size, decimal
 *   B bytes filled in by the call (length: its result)   m mode, octal
 *   o open flags (a following m only with O_CREAT)   P PROT_   M MAP_   A MADV_   C clone flags
 *   g signal   h SIG_BLOCK...   z sigset   Z sigset filled in   a sigaction   y sigaction filled in
 *   k clock   t timespec   T timespec filled in   e epoll operation   E epoll event
 *   V epoll events filled in (count: result)   f futex operation   w whence   F fcntl command
 *   r RLIMIT_   L rlimit   l rlimit filled in   R two descriptors filled in
 */
#pragma once

/* NULL for a number without a call. */
const char *trace_call(unsigned long nr);
