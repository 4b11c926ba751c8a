/*
 * crowd - the many ordinary sources of a telescope: a few send much, most send little (Zipf).
 *
 * Each source has an address, a tool and ports of its own, all derived from the seed.
 *
 * Ownership: the caller owns the struct and ends it with hin_crowd_fini().
 * Threads:   one thread at a time.
 */
#pragma once
#include "sender.h"

struct hin_plan {
	uint64_t seed, packets;
	uint32_t sources;
	struct hin_prefix dark, dark6, member;
	uint32_t dark_base, dark_mask; /* IPv4, host order; the mask covers the host bits */
	uint32_t member_base;
	uint64_t rate_pps;
	int64_t start_ns;
	double v6_share;
	bool all_unique;
};

struct hin_crowd {
	const struct hin_plan *plan; /* borrowed */
	struct hin_crowd_source {
		uint32_t address;
		uint8_t tool, hops, manner, ports; /* manner: enum in crowd.c; ports: how many */
		uint32_t key;
	} * sources;
	struct hin_loaded ranks, ports;
	uint32_t unique; /* counter for flows that must not repeat */
	struct hin_probe recent[64];
	enum hin_tool recent_tools[64];
	uint32_t recent_count;
};

/* Is this address (host order) one that no source in the Internet has (RFC 6890 and kin)? */
bool hin_crowd_bogon(uint32_t address);

/* A random address (host order) that is neither bogon, nor ours, nor a network's first or last. */
uint32_t hin_crowd_address(const struct hin_plan *plan, struct hin_dice *dice);

/* One of the popular TCP ports, as often as it is popular. */
uint16_t hin_crowd_port(const struct hin_crowd *crowd, struct hin_dice *dice);

/* A random dark address. */
struct hin_addr hin_crowd_dark(const struct hin_plan *plan, struct hin_dice *dice);

/* Make the sources; false when memory is short. `plan` must outlive the crowd. */
bool hin_crowd_init(struct hin_crowd *crowd, const struct hin_plan *plan, struct hin_dice *dice);

void hin_crowd_fini(struct hin_crowd *crowd);

/* The next packet of someone in the crowd. Returns the sender's rank, 0 sends most. */
uint32_t hin_crowd_make(struct hin_crowd *crowd, struct hin_dice *dice, uint32_t clock,
			struct hin_probe *probe, enum hin_tool *tool);
