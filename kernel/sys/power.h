/*
 * Requests from outside to end the machine: Xen's control/shutdown, a PC's power button. They
 * become SIGTERM for the program; one that has not ended after the grace period (command line:
 * grace=SECONDS, default 10; docs/image.md) is ended with 143 (128 + SIGTERM), and the machine says
 * so.
 */
#pragma once
#include <stdbool.h>

enum power_request { POWER_OFF, POWER_REBOOT, POWER_HALT };

/* From anywhere, interrupts included. A second request while one is under way changes nothing, but
 * that after POWER_REBOOT the machine restarts at its end. */
void power_request(enum power_request r);
/* The program has ended with this code, and the machine is about to: whatever is left to do (TCP
 * connections to close) is cut short when the grace period of a request is over. Returns the code
 * to end with. */
int power_program_ended(int code);
/* At its end the machine is to start again, not to stay off (reboot(2)). */
void power_want_reboot(void);
/* What hyper->shutdown is to do in the end, apart from the exit record. */
bool power_reboot_wanted(void);
