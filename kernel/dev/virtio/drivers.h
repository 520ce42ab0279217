/* The virtio drivers there are. */
#pragma once
#include "dev/virtio/virtio.h"

extern const struct virtio_driver virtio_rng_driver, virtio_blk_driver;
/* Weak: no part of an image without a network stack (kernel/no_network.c). */
extern const struct virtio_driver virtio_net_driver __attribute__((weak));
