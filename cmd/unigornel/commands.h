/* The commands. Each gets its own name as argv[0] and returns the exit code. */
#pragma once

int command_build(int argc, char **argv);
int command_run(int argc, char **argv);
int command_xl_config(int argc, char **argv);
int command_test(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_version(int argc, char **argv);
int command_help(int argc, char **argv);
/* Not for people: toolexec.c. */
int command_toolexec(int argc, char **argv);
