/* template_fuzz - a text of a template, whatever somebody wrote */
#include <stdlib.h>

#include "hub/telling/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a", "b", "code", NULL };
	static const char *const values[] = { "1", "", "{if a}" };
	struct hin_buffer title = { .limit = 1 << 20 }, text = { .limit = 1 << 20 };
	struct hin_template *t = NULL;
	struct hin_error err = { 0 };

	if (hin_template_parse(&t, "x", data, size, names, &err) != HIN_OK)
		return 0;
	hin_template_render(t, values, &title, &text);
	if (title.used > 0 && memchr(title.data, '\n', title.used) != NULL)
		abort(); /* a title is one line */
	hin_buffer_fini(&title);
	hin_buffer_fini(&text);
	hin_template_free(t);
	return 0;
}
