/* SPDX-License-Identifier: GPL-2.0 */
int pair_answer(void);
