/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZED_H
#define FUZZED_H

int fuzzed_cdev_init(void);
void fuzzed_cdev_exit(void);

int fuzzed_netlink_init(void);
void fuzzed_netlink_exit(void);

#endif
