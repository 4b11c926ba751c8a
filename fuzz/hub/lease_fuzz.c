/* Logs of leases of the formats FIRST to LAST, by the first byte: what is taken is a lease that the
 * desk may hold. */
#include <stdlib.h>
#include <string.h>

#include "hub/owners/lease.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(void *user, const char *line)
{
	(void)user;
	for (; *line != '\0'; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			abort();
}

static enum hin_code check(void *user, const struct hin_lease *l, struct hin_error *err)
{
	unsigned *left = user;

	if (l->port_low > l->port_high || l->from_us < 0 ||
	    (l->until_us != 0 && l->until_us <= l->from_us) ||
	    hin_addr_compare(&l->low, &l->high) > 0 || l->confidence > 100 ||
	    strlen(l->device) >= sizeof(l->device) || l->organisation == NULL)
		abort();
	for (const char *p = l->device; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			abort();
	if ((*left)-- == 0) /* one line may stand for a million */
		return hin_fail(err, HIN_ELIMIT, "enough");
	return HIN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char key[32] = "a key";
	struct hin_directory_notes notes = { .note = check_line };
	struct hin_lease_options options = { .name = "f", .now_us = 1795313403000000, .site = "s" };
	struct hin_error err = { 0 };
	unsigned left = 1000, first = FIRST, last = LAST;

	if (size == 0)
		return 0;
	options.format = (enum hin_lease_format)(first + (data[0] & 0x7f) % (last - first + 1));
	options.key = data[0] & 0x80 ? key : NULL;
	if (hin_lease_parse(&options, data + 1, size - 1, check, &left, &notes, &err) != HIN_OK)
		check_line(NULL, err.text);
	return 0;
}
