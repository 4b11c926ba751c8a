/*
 * lease - who had an address when: read from the logs of what hands addresses out, kept in the
 *desk.
 *
 *	dhcpd	  ISC dhcpd.leases: lease blocks, IPv4; and ia-na, ia-pd blocks of IPv6
 *	kea	  Kea's memfile, leases4 and leases6 (CSV with titles)
 *	dnsmasq	  dnsmasq.leases: it has only when a lease ends, so --lease-time says its length
 *	radius	  FreeRADIUS detail files: accounting Start, Interim-Update and Stop
 *	nat	  block allocation of carrier-grade NAT in syslog (RFC 6888, 7422)
 *	conntrack "conntrack -E -o timestamp[,id]": one port a connection
 *	csv	  ours, for assignments for good: address, ports, device, organisation, from, until
 *
 * Lines that are wrong are noted as "file:line: ..." and left out. Names that a device chose for
 * itself are never read.
 *
 * Ownership: a reader is the caller's, from hin_lease_reader_new() to hin_lease_reader_free().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "hub/owners/directory.h"

#define HIN_LEASE_LINE 8192	/* bytes of a line */
#define HIN_LEASE_DEVICE 96	/* longest device, with its NUL */
#define HIN_LEASE_KEY 32	/* bytes of the key that devices are digested with */
#define HIN_LEASE_OPEN 4000000u /* sessions that are open at once while a file is read */

enum hin_lease_format {
	HIN_LEASE_DHCPD,
	HIN_LEASE_KEA,
	HIN_LEASE_DNSMASQ,
	HIN_LEASE_RADIUS,
	HIN_LEASE_NAT,
	HIN_LEASE_CONNTRACK,
	HIN_LEASE_CSV,
	HIN_LEASE_FORMATS,
};

extern const char *const hin_lease_formats[HIN_LEASE_FORMATS + 1]; /* ends with NULL */

struct hin_lease {
	struct hin_addr low, high;
	uint16_t port_low, port_high;  /* 0-65535: all */
	int64_t from_us, until_us;     /* until 0: still */
	char device[HIN_LEASE_DEVICE]; /* "mac:...", "duid:...", "user:...", "circuit:...",
					  "inside:...", "client:..." */
	const char *organisation;      /* handle, or "" */
	const char *basis;	       /* a word of the desk: "dhcp" */
	uint8_t confidence;
};

/* Take one lease; another code than HIN_OK ends the reading. */
typedef enum hin_code (*hin_lease_fn)(void *user, const struct hin_lease *lease,
				      struct hin_error *err);

struct hin_lease_options {
	enum hin_lease_format format;
	const char *name; /* of the file, in notes */
	int64_t lease_us; /* length of a lease where the log does not say; 0 = a day */
	int32_t zone_s;	  /* seconds that times without a zone are ahead of UTC */
	int64_t now_us;	  /* the year of syslog's times */
	const char *site; /* whose inside addresses these are, or NULL */
	const char *key;  /* 32 bytes: devices are keyed digests of their MAC or user; or NULL */
};

/* Read all of a file's bytes; leases come as they end, and those still open at the end. */
HIN_MUST_USE enum hin_code hin_lease_parse(const struct hin_lease_options *options,
					   const void *data, size_t size, hin_lease_fn take,
					   void *user, struct hin_directory_notes *notes,
					   struct hin_error *err);

/* The key of the hub in `folder` that devices are digested with; made when there is none. */
HIN_MUST_USE enum hin_code hin_lease_key(char key[HIN_LEASE_KEY], const char *folder,
					 struct hin_error *err);

struct hin_lease_change {
	uint64_t added, extended, same, refused;
};

/*
 * Put a lease into the desk, in an open transaction. One with the same addresses, ports, start and
 * device is extended or ended, and so is one that is still open. HIN_ENOENT when its organisation
 * is not in the directory.
 */
HIN_MUST_USE enum hin_code hin_lease_put(struct hin_desk *desk, const struct hin_lease *lease,
					 const char *source, struct hin_lease_change *change,
					 struct hin_error *err);

/*
 * Read a file into the desk, with one act. Refused lines spoil it unless `skip_refused`: all of
 * the file is read before anything is written. A file that takes longer than a moment goes there
 * bit by bit (hub/owners/loading.h); when it breaks off, the same file again goes on. With
 * `dry_run` nothing is written, and what is counted of a long file is counted bit by bit too.
 */
struct hin_lease_import {
	const char *source;
	bool dry_run, skip_refused;
	int64_t account;
	uint8_t digest[32];
	int64_t bit_ns; /* of one transaction; 0 = HIN_LOADING_BIT_NS */
};

HIN_MUST_USE enum hin_code hin_lease_import(struct hin_desk *desk,
					    const struct hin_lease_options *options,
					    const struct hin_lease_import *import, const void *data,
					    size_t size, struct hin_directory_notes *notes,
					    struct hin_lease_change *change, struct hin_error *err);

/*
 * Forget leases that ended before `before_us`; how many into `*count`. One act, which comes first:
 * they go bit by bit.
 */
HIN_MUST_USE enum hin_code hin_lease_forget(struct hin_desk *desk, int64_t before_us,
					    int64_t account, int64_t now_us, uint64_t *count,
					    struct hin_error *err);
