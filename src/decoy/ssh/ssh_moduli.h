/*
 * ssh_moduli - groups that OpenSSH's servers choose from (RFC 4419).
 *
 * Threads: read-only.
 */
#pragma once
#include "base/error.h"

struct hin_ssh_modulus {
	uint16_t bits;
	uint8_t generator;
	const char *prime; /* hexadecimal */
};

extern const struct hin_ssh_modulus hin_ssh_moduli[]; /* by size */
extern const size_t hin_ssh_moduli_count;
