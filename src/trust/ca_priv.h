/* ca_priv - what the files of the CA share. */
#pragma once
#include <pthread.h>

#include "trust/ca.h"

/* Certificates begin a little before now, for clocks differ; short ones not much. */
static inline int64_t ca_early_s(int64_t life_s)
{
	return life_s < 1200 ? life_s / 2 : 600;
}

#define HIN_ADDRESSES 256 /* whose refusals are counted at once */

struct refusals {
	struct hin_addr key; /* an IPv4 address or an IPv6 /64 */
	bool used;
	unsigned count;
	int64_t since_s;
};

struct hin_ca;

/*
 * The refusals of an address, under the lock; the one that was quiet longest gives way to a new
 * one.
 */
struct refusals *ca_refusals_of(struct hin_ca *a, const struct hin_addr *address, int64_t now_s);

struct hin_ca {
	char *folder;
	char *hub; /* "host:port" */
	char host[HIN_CODE_HOST];
	uint16_t port;
	char *names[HIN_CA_NAMES];
	size_t name_count;
	char settings_name[HIN_NOTE_NAME];
	int64_t sensor_life_s;
	struct hin_buffer pem; /* the CA's certificate */
	struct hin_certificate certificate;

	/* after unlock */
	bool unlocked;
	struct hin_buffer key, hub_pem, hub_key;
	struct hin_certificate hub_certificate;
	struct hin_note_signer signer;

	pthread_mutex_t lock; /* of what follows */
	struct hin_roster *roster;
	struct refusals refusals[HIN_ADDRESSES];
	struct hin_ca_counters counters;
};
