// SPDX-License-Identifier: GPL-2.0-or-later
#include "about.h"

void about_check(FILE *to)
{
	fputs("check\n", to);
}
