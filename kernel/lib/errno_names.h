/* errno(3): names and messages. error is positive; NULL for a number that has no name. */
#pragma once

const char *errno_name(int error); /* "ENOENT" */
const char *errno_text(int error); /* "No such file or directory" */
