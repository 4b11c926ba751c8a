/*
 * geo - country and autonomous system of an address, from a MaxMind DB file.
 *
 * Field names of the common tables are known: GeoLite2 and DB-IP (country.iso_code,
 * autonomous_system_number, autonomous_system_organization), the ip-location-db tables
 * (country_code, asn, as_name) and IPinfo (country, asn "AS13335", as_name). A table has what it
 * has.
 *
 * Ownership: the caller owns a table and ends it with hin_geo_close(). Results are copies.
 * Threads:   after open any number may look up at once.
 */
#pragma once
#include "base/addr.h"

#define HIN_GEO_NAME 96 /* longest AS name, with its NUL */

struct hin_geo;

struct hin_geo_info {
	char country[3];	    /* ISO 3166-1, two capitals; "" when not known */
	uint32_t as_number;	    /* 0 when not known */
	char as_name[HIN_GEO_NAME]; /* escaped (base/escape.h), cut; "" when not known */
};

/*
 * Open the table at `path`. HIN_ESYS when it cannot be read, HIN_EFORMAT when it is no MaxMind DB
 * or a broken one, HIN_ENOMEM. `*out` is written on HIN_OK only.
 */
HIN_MUST_USE enum hin_code hin_geo_open(struct hin_geo **out, const char *path,
					struct hin_error *err);

/* Close `geo`; NULL is fine. */
void hin_geo_close(struct hin_geo *geo);

/*
 * Fill `out` for `addr`, empty where the table knows nothing. HIN_ENOENT when it has no entry,
 * HIN_EFORMAT when the file turns out to be broken there.
 */
HIN_MUST_USE enum hin_code hin_geo_find(const struct hin_geo *geo, const struct hin_addr *addr,
					struct hin_geo_info *out);

/* What the file says it is: "country ipv4", escaped, and when it was built. */
const char *hin_geo_kind(const struct hin_geo *geo);
int64_t hin_geo_built_ns(const struct hin_geo *geo);
