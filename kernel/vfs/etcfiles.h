/* What programs expect in /etc, where the image does not bring its own. */
#pragma once

void etcfiles_init(void);
