// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver for QEMU's educational PCI device, docs/specs/edu.rst of QEMU.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "edu_drv.h"

#define EDU_VENDOR		0x1234
#define EDU_DEVICE		0x11e8
#define EDU_BAR			0
#define EDU_DMA_BITS		28

void edu_release(struct kref *ref)
{
	struct edu *edu = container_of(ref, struct edu, ref);

	kfree(edu->misc.name);
	mutex_destroy(&edu->lock);
	kfree(edu);
}

static int edu_setup(struct edu *edu, struct pci_dev *pdev)
{
	int err;

	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(EDU_DMA_BITS));
	if (err)
		return dev_err_probe(&pdev->dev, err, "no DMA\n");
	if (!edu_is_edu(edu))
		return dev_err_probe(&pdev->dev, -ENODEV, "no edu device\n");
	edu->buf = dma_alloc_coherent(&pdev->dev, EDU_BUF_SIZE, &edu->dma,
				      GFP_KERNEL);
	return edu->buf ? 0 : -ENOMEM;
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *ids)
{
	struct edu *edu;
	int err;

	edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	kref_init(&edu->ref);
	mutex_init(&edu->lock);
	init_completion(&edu->done);
	edu->pdev = pdev;

	err = pci_enable_device_mem(pdev);
	if (err)
		goto err_put;
	err = pci_request_mem_regions(pdev, KBUILD_MODNAME);
	if (err)
		goto err_disable;
	edu->base = pci_iomap(pdev, EDU_BAR, 0);
	if (!edu->base) {
		err = -ENOMEM;
		goto err_regions;
	}
	err = edu_setup(edu, pdev);
	if (err)
		goto err_unmap;
	pci_set_master(pdev);
	err = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_ALL_TYPES);
	if (err < 0)
		goto err_master;
	err = request_irq(pci_irq_vector(pdev, 0), edu_irq, IRQF_SHARED,
			  KBUILD_MODNAME, edu);
	if (err)
		goto err_vectors;

	pci_set_drvdata(pdev, edu);
	err = edu_cdev_add(edu);
	if (err)
		goto err_irq;
	return 0;

err_irq:
	free_irq(pci_irq_vector(pdev, 0), edu);
err_vectors:
	pci_free_irq_vectors(pdev);
err_master:
	pci_clear_master(pdev);
	dma_free_coherent(&pdev->dev, EDU_BUF_SIZE, edu->buf, edu->dma);
err_unmap:
	pci_iounmap(pdev, edu->base);
err_regions:
	pci_release_mem_regions(pdev);
err_disable:
	pci_disable_device(pdev);
err_put:
	kref_put(&edu->ref, edu_release);
	return err;
}

static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	edu_cdev_del(edu);

	mutex_lock(&edu->lock);
	/* From now on open files are told that there is no device. */
	edu->pdev = NULL;
	if (edu_idle(edu))
		dev_warn(&pdev->dev, "removed while it is at work\n");
	free_irq(pci_irq_vector(pdev, 0), edu);
	pci_free_irq_vectors(pdev);
	/* Without it no transfer reaches the memory that is freed next. */
	pci_clear_master(pdev);
	dma_free_coherent(&pdev->dev, EDU_BUF_SIZE, edu->buf, edu->dma);
	pci_iounmap(pdev, edu->base);
	pci_release_mem_regions(pdev);
	pci_disable_device(pdev);
	mutex_unlock(&edu->lock);

	kref_put(&edu->ref, edu_release);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= edu_ids,
	.probe		= edu_probe,
	.remove		= edu_remove,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("QEMU's educational PCI device");
MODULE_LICENSE("GPL");
