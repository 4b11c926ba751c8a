/* Directory files of one format (FORMAT): what was read obeys every rule, and comes back out of our
 * CSV as it was. */
#include <stdlib.h>
#include <string.h>

#include "hub/owners/directory_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(void *user, const char *line)
{
	(void)user;
	for (; *line != '\0'; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			abort();
}

static void check_text(const char *text)
{
	if (hin_directory_check_text("", text, HIN_DIRECTORY_TEXT, NULL) != HIN_OK)
		abort();
}

static void check(const struct hin_directory *d)
{
	char text[HIN_HOLDING_TEXT];

	for (size_t i = 0; i < d->organisation_count; i++) {
		check_text(d->organisations[i].name);
		check_text(d->organisations[i].name_ja);
		if (hin_directory_find(d, d->organisations[i].handle) != i)
			abort();
	}
	for (size_t i = 0; i < d->contact_count; i++) {
		const struct hin_directory_contact *c = &d->contacts[i];

		if (!(strcmp(c->channel, "webhook") == 0 ? hin_directory_is_url(c->address)
							 : hin_directory_is_mail(c->address)))
			abort();
		if (hin_directory_find_contact(d, c->organisation, c->channel, c->address) != i)
			abort();
	}
	for (size_t i = 0; i < d->holding_count; i++) {
		const struct hin_directory_holding *h = &d->holdings[i];

		check_text(h->label);
		hin_directory_holding_text(text, h);
		if (h->kind == HIN_HOLDING_PREFIX && hin_addr_compare(&h->low, &h->high) > 0)
			abort();
	}
}

static void round_trip(const struct hin_directory *d)
{
	struct hin_directory *again = hin_directory_new();
	struct hin_directory_notes notes = { .note = check_line };
	struct hin_buffer first = { 0 }, second = { 0 };

	hin_directory_export(d, &first);
	if (again == NULL || first.failed ||
	    hin_directory_parse(again, HIN_DIRECTORY_CSV, "again", "s", first.data, first.used,
				&notes, NULL) != HIN_OK ||
	    notes.refused != 0)
		abort();
	hin_directory_export(again, &second);
	if (second.failed || first.used != second.used ||
	    memcmp(first.data, second.data, first.used) != 0)
		abort();
	hin_buffer_fini(&first);
	hin_buffer_fini(&second);
	hin_directory_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_directory_notes notes = { .note = check_line };
	struct hin_directory *d = hin_directory_new();
	struct hin_error err = { 0 };

	if (d == NULL)
		return 0;
	if (hin_directory_parse(d, FORMAT, "f", "s", data, size, &notes, &err) == HIN_OK) {
		check(d);
		round_trip(d);
	} else {
		check_line(NULL, err.text);
	}
	hin_directory_free(d);
	return 0;
}
