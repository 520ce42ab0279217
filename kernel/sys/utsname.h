/* Names of the system: uname(2). */
#pragma once

#define UTS_SYSNAME "Linux"
#define UTS_RELEASE "6.1.0-unigornel"
#define UTS_VERSION "#1 SMP unigornel"
#define UTS_MACHINE "x86_64"
