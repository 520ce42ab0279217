/*
 * What must not outlive the tool: its temporary directory, unfinished output files, the terminal's
 * raw mode, child processes. atexit and the handlers of SIGINT, SIGTERM and SIGHUP take care.
 */
#pragma once
#include <stdbool.h>

/* Installs the handlers. Called once, first. */
void session_begin(void);
/* This run's private directory, made at the first call, removed at exit with all in it. */
const char *session_dir(void);
/* A file that is removed at exit unless session_keep is called (a half-written image). */
void session_remove_at_exit(const char *path);
void session_keep(const char *path);
/* The signal that asked us to stop, or 0. */
int session_interrupted(void);
/* How many have come: one that asks to stop, more that insist. */
int session_interrupts(void);
/* Exits with 128 + signal if one came. Long loops call it. */
void session_check(void);
