#include "time/clock_set.h"
void posix_timers_clock_set(void)
{
}
