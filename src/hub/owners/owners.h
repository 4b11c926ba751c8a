/*
 * owners - who answers for an address, and which device had it, at a moment: a snapshot in memory.
 *
 * It is made of the desk's organisations, holdings and leases, never changes, and is replaced
 * whole.
 *
 * The organisation: the most specific holding that holds the address at that time. Where two
 * organisations claim the same range, the one entered last is given and `contested` is set. Without
 * a prefix the address's AS counts, when a table of them is given (base/geo.h). A lease that names
 * an organisation comes before all holdings.
 *
 * The device: the lease with the smallest range around the address that covers time and port. Of
 * leases for the same addresses and ports that overlap in time the later start wins from there on,
 * and the earlier one never comes back; those assigned for good (basis directory or hand) count
 * where none of the others does. When several devices shared the address by ports and the port is
 * not known, or two leases of the same start name different devices, no device is named and
 * `ambiguous` is set. Nothing is guessed: outside of every lease there is no device.
 *
 * Ownership: a snapshot is counted; hin_owners_ref() and hin_owners_unref(). Texts in it belong to
 *            it. A box holds the newest one.
 * Threads:   a snapshot is only read: any number at once. A box: any thread may ref, one refreshes.
 */
#pragma once
#include "base/geo.h"
#include "base/lang.h"
#include "hub/desk.h"

#define HIN_OWNERS_ANY_PORT (-1)     /* the port is not known: ICMP, or a row without one */
#define HIN_OWNERS_WALK 256	     /* blocks of ports looked at for one look-up */
#define HIN_OWNERS_MEMORY (1u << 30) /* most bytes of a snapshot unless settings say otherwise */

struct hin_owners;

enum hin_owner_basis {
	HIN_OWNER_NONE,
	HIN_OWNER_DIRECTORY, /* a holding, or an assignment for good */
	HIN_OWNER_AS,	     /* the AS of the address is in the directory */
	HIN_OWNER_DHCP,
	HIN_OWNER_RADIUS,
	HIN_OWNER_NAT,
	HIN_OWNER_BEAT,
	HIN_OWNER_HAND,
};

/* The word of a basis, as the desk has it: "dhcp"; "" for none. */
const char *hin_owner_basis_name(enum hin_owner_basis basis);

struct hin_owner {
	int64_t organisation;	    /* its number in the desk; 0 = nobody is known */
	int64_t holding;	    /* through which; 0 = none */
	enum hin_owner_basis basis; /* of the device when there is one, else of the organisation */
	const char *device;	    /* "mac:00:00:5e:00:53:01"; "" = not known. The snapshot's */
	uint8_t confidence;	    /* 0-100, of the device, else of the organisation */
	int64_t from_us, until_us; /* the lease's part of time; until 0 = still; both 0: no lease */
	bool ambiguous;		   /* several devices could have been it */
	bool contested;		   /* another organisation claims the same range */
};

/* An organisation, as far as analysis and telling ask for it in a hurry. */
struct hin_owners_organisation {
	int64_t id;
	const char *handle, *name, *name_ja, *sector;
	enum hin_lang language;
	bool member;
};

struct hin_owners_stats {
	uint64_t organisations, holdings, names, systems, leases, devices;
	uint64_t left_out;  /* leases and holdings that memory had no room for */
	uint64_t contested; /* ranges claimed by two organisations */
	uint64_t bytes;	    /* of memory */
	int64_t as_of_us;   /* when the desk was read */
};

struct hin_owners_settings {
	uint64_t memory_bytes;	   /* most; 0 = HIN_OWNERS_MEMORY */
	int64_t since_us;	   /* leases that ended before are not read; 0 = all */
	const struct hin_geo *geo; /* AS of an address, or NULL; must stay */
};

/*
 * Read the desk into a new snapshot, with one reference. When memory is used up the oldest leases
 * and then the smallest holdings are left out and counted. HIN_ENOMEM when the system has none.
 */
HIN_MUST_USE enum hin_code hin_owners_load(struct hin_owners **out, struct hin_desk *desk,
					   const struct hin_owners_settings *settings,
					   int64_t now_us, struct hin_error *err);

struct hin_owners *hin_owners_ref(struct hin_owners *owners);
void hin_owners_unref(struct hin_owners *owners); /* NULL is fine */

/*
 * Who had `address` and `port` (or HIN_OWNERS_ANY_PORT) at `time_us`? Fills `out` always; true when
 * an organisation or a device is known. `owners` may be NULL: nobody is known then.
 */
bool hin_owners_find(const struct hin_owners *owners, const struct hin_addr *address, int port,
		     int64_t time_us, struct hin_owner *out);

/* The organisation of a domain name at a time, by its longest suffix: "www.city.example". */
bool hin_owners_find_name(const struct hin_owners *owners, const char *name, int64_t time_us,
			  struct hin_owner *out);

/* An organisation by number, or NULL. */
const struct hin_owners_organisation *hin_owners_organisation(const struct hin_owners *owners,
							      int64_t id);

struct hin_owners_stats hin_owners_stats(const struct hin_owners *owners);

/* ---- the newest snapshot of a desk ---- */

struct hin_owners_box;

/* A box with nothing in it. */
HIN_MUST_USE enum hin_code hin_owners_box_new(struct hin_owners_box **out,
					      const struct hin_owners_settings *settings,
					      struct hin_error *err);
void hin_owners_box_free(struct hin_owners_box *box); /* NULL is fine */

/*
 * Read the desk again if directory or leases changed since; `*changed` (may be NULL) tells. Reading
 * takes a second for a million leases, so it is done at most for a twentieth of the time. On
 * failure the old snapshot stays.
 */
HIN_MUST_USE enum hin_code hin_owners_box_refresh(struct hin_owners_box *box, struct hin_desk *desk,
						  int64_t now_us, bool *changed,
						  struct hin_error *err);

/* The newest snapshot with a reference for the caller, or NULL when nothing was read yet. */
struct hin_owners *hin_owners_box_get(struct hin_owners_box *box);
