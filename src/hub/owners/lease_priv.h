/* lease_priv - what the readers of leases share. */
#pragma once
#include "hub/owners/directory_priv.h"
#include "hub/owners/lease.h"

#define HIN_LEASE_SECONDS INT64_C(8589934588) /* latest time in seconds: of the year 2242 */

/* A file while it is read. */
struct lease_reading {
	const struct hin_lease_options *options;
	const char *text;
	size_t size;
	hin_lease_fn take;
	void *user;
	struct hin_directory_notes *notes;
	struct hin_error *err;
};

enum hin_code lease_read_dhcpd(struct lease_reading *r);
enum hin_code lease_read_kea(struct lease_reading *r);
enum hin_code lease_read_dnsmasq(struct lease_reading *r);
enum hin_code lease_read_radius(struct lease_reading *r);
enum hin_code lease_read_nat(struct lease_reading *r);
enum hin_code lease_read_conntrack(struct lease_reading *r);
enum hin_code lease_read_csv(struct lease_reading *r);

/* Note a line as refused. */
enum hin_code lease_refuse(struct lease_reading *r, size_t line, const char *why);

/* Note what is left out without spoiling the file: `skipped` of the notes. */
void lease_skip(struct lease_reading *r, size_t line, const char *why);

/* Check a lease and hand it over; what is wrong with it is noted for `line`. */
enum hin_code lease_take(struct lease_reading *r, struct hin_lease *lease, size_t line);

/*
 * Set the device "KIND:VALUE", VALUE in small letters; a keyed digest of it when there is a key.
 * False when the value is empty, too long or has characters that are none of a name.
 */
bool lease_set_device(struct hin_lease *lease, const struct hin_lease_options *options,
		      const char *kind, const char *value);

/* "00:00:5E:00:53:01", "00-00-5e-00-53-01", "0000.5e00.5301" or 12 digits as "00:00:5e:00:53:01";
 * false when it is none. */
bool lease_read_mac(char out[18], const char *text);

/* Lines of the file, for hin_lines_next(); `line` is to be freed. */
enum hin_code lease_lines(struct lease_reading *r, struct hin_lines *out);

/* ---- leases that are open while a file is read ---- */

struct lease_open {
	uint64_t key; /* hash of what makes it one */
	struct hin_lease lease;
	size_t line;
	int64_t seen_us; /* last heard of */
	uint64_t server; /* of RADIUS: hash of the NAS; 0 = none */
	bool used;
};

struct lease_table {
	struct lease_open *rows; /* open addressing */
	size_t size, count;
};

/* The row of `key`, made if it is new (`used` is false then); NULL without memory or room. */
struct lease_open *lease_table_row(struct lease_table *t, uint64_t key);

/* Take the row of `key` out. */
void lease_table_remove(struct lease_table *t, uint64_t key);

uint64_t lease_hash(uint64_t seed, const void *data, size_t size);
