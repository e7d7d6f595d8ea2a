/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What is known of filesystems by their names, from the kernel's sources. */
#ifndef FILESYSTEM_H
#define FILESYSTEM_H

/* `ret` of a copy_file_range to this file: a copy, where its filesystem can neither offload nor share blocks. */
long copied_by_range(long ret, int out);

#endif
