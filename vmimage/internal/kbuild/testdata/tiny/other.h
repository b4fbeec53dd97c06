/* SPDX-License-Identifier: GPL-2.0 */
int tiny_other(void);
