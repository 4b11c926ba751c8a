/* hours_fuzz - quiet hours as a directory has them, and lines of the on-call table */
#include <stdlib.h>
#include <string.h>

#include "hub/telling/alert.h"
#include "hub/telling/notice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hin_alert_table table;
	char *text = malloc(size + 1), code[HIN_NOTICE_CODE];
	struct hin_error err = { 0 };
	struct hin_hours hours;
	int64_t now = INT64_C(1795340000000000), end;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (hin_hours_parse(&hours, text, true, &err) == HIN_OK && size < 60) {
		end = hin_hours_end(&hours, now);
		if (end < now || end > now + INT64_C(9) * 86400 * 1000000)
			abort();
	}
	hin_hours_fini(&hours);
	if (hin_alert_table_add(&table, text, &err) == HIN_OK)
		(void)hin_alert_routes(&table, HIN_SEVERITY_CRITICAL, now);
	hin_alert_table_fini(&table);
	if (hin_notice_code_parse(code, text, &err) == HIN_OK && strlen(code) != 14)
		abort();
	free(text);
	return 0;
}
