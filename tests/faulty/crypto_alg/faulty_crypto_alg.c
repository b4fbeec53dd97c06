// SPDX-License-Identifier: GPL-2.0
/*
 * A crypto algorithm that is never unregistered.
 *
 * Trigger: load, then unload. Who looks for one by name follows it.
 */

#include <crypto/algapi.h>
#include <linux/crypto.h>
#include <linux/module.h>

static void faulty_crypt(struct crypto_tfm *tfm, u8 *dst, const u8 *src)
{
}

static int faulty_setkey(struct crypto_tfm *tfm, const u8 *key,
			 unsigned int len)
{
	return 0;
}

static struct crypto_alg faulty_alg = { /* FAULT */
	.cra_name = "faulty",
	.cra_driver_name = "faulty-generic",
	.cra_flags = CRYPTO_ALG_TYPE_CIPHER,
	.cra_blocksize = 16,
	.cra_module = THIS_MODULE,
	.cra_u = {
		.cipher = {
			.cia_min_keysize = 16,
			.cia_max_keysize = 16,
			.cia_setkey = faulty_setkey,
			.cia_encrypt = faulty_crypt,
			.cia_decrypt = faulty_crypt,
		},
	},
};

static int __init faulty_init(void)
{
	return crypto_register_alg(&faulty_alg);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: crypto algorithm never unregistered");
MODULE_LICENSE("GPL");
