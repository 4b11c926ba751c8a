/*
 * ssh_umac - the MACs umac-64 and umac-128 (RFC 4418) for messages of less than 16 MiB.
 *
 * Its keys are a kilobyte and more, and are made anew for each message: a session that is idle
 * keeps the 16 bytes that they come from.
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/error.h"

#define HIN_SSH_UMAC_KEY 16
#define HIN_SSH_UMAC_MAX 16

/*
 * The tag of `size` bytes at `data` under `key` and the nonce of a packet's number; `tag_size` is 8
 * or 16. HIN_ENOMEM when libcrypto refuses.
 */
HIN_MUST_USE enum hin_code hin_ssh_umac(const uint8_t key[HIN_SSH_UMAC_KEY], uint64_t number,
					const void *data, size_t size, uint8_t *tag,
					size_t tag_size);
