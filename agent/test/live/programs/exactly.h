/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef EXACTLY_H
#define EXACTLY_H

/* Dies when the kernel answered otherwise than the program was written for: what it then witnessed would prove nothing.
 */
void exactly(const char *step, long ret, long expected);

#endif
