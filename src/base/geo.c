#include "base/geo.h"

#include <errno.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/escape.h"
#include "base/number.h"
#include "base/time.h"

#define KIND_SIZE 64

struct hin_geo {
	MMDB_s table;
	char kind[KIND_SIZE];
};

enum hin_code hin_geo_open(struct hin_geo **out, const char *path, struct hin_error *err)
{
	struct hin_geo *geo = calloc(1, sizeof(*geo));
	int status;

	if (geo == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", path);
	status = MMDB_open(path, MMDB_MODE_MMAP, &geo->table);
	if (status != MMDB_SUCCESS) {
		int sys = errno;

		free(geo);
		errno = sys;
		/* EINVAL is what an empty file gives */
		if ((status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR) && sys != EINVAL)
			return hin_fail(err, HIN_ESYS, "open %s", path);
		if (status == MMDB_OUT_OF_MEMORY_ERROR)
			return hin_fail(err, HIN_ENOMEM, "no memory for %s", path);
		return hin_fail(err, HIN_EFORMAT, "%s is no MaxMind DB or a broken one", path);
	}
	hin_escape_text(
		geo->kind, sizeof(geo->kind),
		geo->table.metadata.database_type != NULL ? geo->table.metadata.database_type : "");
	*out = geo;
	return HIN_OK;
}

void hin_geo_close(struct hin_geo *geo)
{
	if (geo == NULL)
		return;
	MMDB_close(&geo->table);
	free(geo);
}

const char *hin_geo_kind(const struct hin_geo *geo)
{
	return geo->kind;
}

int64_t hin_geo_built_ns(const struct hin_geo *geo)
{
	uint64_t seconds = geo->table.metadata.build_epoch;

	return seconds < INT64_MAX / HIN_NS_PER_S ? (int64_t)seconds * HIN_NS_PER_S : 0;
}

/* The value at `path`, if the entry has one. */
static bool get(MMDB_entry_s *entry, MMDB_entry_data_s *out, const char *const *path)
{
	return MMDB_aget_value(entry, out, path) == MMDB_SUCCESS && out->has_data;
}

/* The first text of `paths` that the entry has, cut to `size` with its NUL. */
static bool get_text(MMDB_entry_s *entry, const char *const paths[][3], size_t count, char *out,
		     size_t size)
{
	for (size_t i = 0; i < count; i++) {
		MMDB_entry_data_s data;
		size_t length;

		if (!get(entry, &data, paths[i]) || data.type != MMDB_DATA_TYPE_UTF8_STRING)
			continue;
		length = data.data_size < size - 1 ? data.data_size : size - 1;
		memcpy(out, data.utf8_string, length);
		out[length] = '\0';
		return true;
	}
	return false;
}

static void get_country(MMDB_entry_s *entry, struct hin_geo_info *out)
{
	static const char *const paths[][3] = { { "country", "iso_code", NULL },
						{ "country_code", NULL, NULL },
						{ "registered_country", "iso_code", NULL },
						{ "country", NULL, NULL } };
	char text[4];

	if (get_text(entry, paths, HIN_COUNT(paths), text, sizeof(text)) && strlen(text) == 2 &&
	    text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z')
		memcpy(out->country, text, sizeof(out->country));
}

static void get_as_number(MMDB_entry_s *entry, struct hin_geo_info *out)
{
	static const char *const paths[][3] = { { "autonomous_system_number", NULL, NULL },
						{ "asn", NULL, NULL },
						{ "as_number", NULL, NULL } };
	char text[16];
	uint64_t number;

	for (size_t i = 0; i < HIN_COUNT(paths); i++) {
		MMDB_entry_data_s data;

		if (!get(entry, &data, paths[i]))
			continue;
		if (data.type == MMDB_DATA_TYPE_UINT32)
			out->as_number = data.uint32;
		else if (data.type == MMDB_DATA_TYPE_UINT16)
			out->as_number = data.uint16;
	}
	if (out->as_number != 0 || !get_text(entry, paths, HIN_COUNT(paths), text, sizeof(text)))
		return;
	if (hin_number_u64(&number, "AS", text + (strncmp(text, "AS", 2) == 0 ? 2 : 0), 0,
			   UINT32_MAX, NULL) == HIN_OK)
		out->as_number = (uint32_t)number;
}

static void get_as_name(MMDB_entry_s *entry, struct hin_geo_info *out)
{
	static const char *const paths[][3] = { { "autonomous_system_organization", NULL, NULL },
						{ "as_name", NULL, NULL },
						{ "name", NULL, NULL } };
	char text[4 * HIN_GEO_NAME];

	if (get_text(entry, paths, HIN_COUNT(paths), text, sizeof(text)))
		hin_escape_text(out->as_name, sizeof(out->as_name), text);
}

enum hin_code hin_geo_find(const struct hin_geo *geo, const struct hin_addr *addr,
			   struct hin_geo_info *out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *sa = (const struct sockaddr *)&v6;
	MMDB_lookup_result_s found;
	int status;

	*out = (struct hin_geo_info){ 0 };
	if (hin_addr_is_v4(addr)) {
		memcpy(&v4.sin_addr, addr->b + 12, 4);
		sa = (const struct sockaddr *)&v4;
	} else if (geo->table.metadata.ip_version == 4) {
		return HIN_ENOENT;
	} else {
		memcpy(&v6.sin6_addr, addr->b, 16);
	}
	found = MMDB_lookup_sockaddr(&geo->table, sa, &status);
	if (status != MMDB_SUCCESS)
		return HIN_EFORMAT;
	if (!found.found_entry)
		return HIN_ENOENT;
	get_country(&found.entry, out);
	get_as_number(&found.entry, out);
	get_as_name(&found.entry, out);
	return HIN_OK;
}
