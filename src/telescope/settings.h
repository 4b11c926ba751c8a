/*
 * settings - every threshold of the telescope, with its source.
 *
 * hin_telescope_table is the one list: defaults, ranges, help and citations come from it.
 */
#pragma once
#include "base/config.h"

struct hin_telescope_settings {
	/* events */
	int64_t event_timeout_ns;     /* 0 = by the size of the dark space */
	int64_t event_update_ns;      /* live: how often an event that goes on is told */
	int64_t event_timeout_max_ns; /* ceiling, and the time-out where the size is unknown */
	uint64_t
		event_rate_pps; /* slowest Internet-wide scan that one event should hold together */
	double event_miss;	/* chance that such a scan is cut by the time-out */
	/* scans */
	uint64_t scan_targets;	     /* distinct addresses that make a horizontal or block scan */
	uint64_t scan_ports;	     /* distinct ports that make a vertical scan */
	uint64_t scan_large_percent; /* share of the dark space that makes a scan large */
	/* tools */
	uint64_t tool_packets; /* matching packets that make a claim where chance is 1 in 65,536 */
	uint64_t tool_percent; /* share of an event's packets that must match */
	/* victims */
	uint64_t victim_packets;
	uint64_t victim_targets;
	int64_t victim_duration_ns;
	uint64_t victim_peak; /* packets in a minute at Corsaro's telescope size, scaled to ours */
	/* floods and amplification */
	uint64_t flood_packets;		/* packets in a minute to one address and port */
	uint64_t flood_spoofed_percent; /* sources per packet from which it is called spoofed */
	uint64_t amplification_sources;
	uint64_t amplification_packets; /* in a minute */
	/* change */
	double rising_score;
	uint64_t rising_packets; /* least packets in the interval */
	uint64_t rising_history; /* intervals of its own past that are needed */
	/* budgets */
	uint64_t memory_bytes;
	uint64_t seed; /* of the hashes; 0 = a fixed one for files, random for live */
	/* the log */
	int log; /* enum hin_telescope_log */
};

/* How much the log says: by the kind of run, or an enum hin_log_level and one more. */
enum hin_telescope_log {
	HIN_TELESCOPE_LOG_AUTO,
	HIN_TELESCOPE_LOG_ERROR,
	HIN_TELESCOPE_LOG_WARNING,
	HIN_TELESCOPE_LOG_INFO,
	HIN_TELESCOPE_LOG_DEBUG
};

/* Name, rule, default, help and source of each. */
extern const struct hin_config_table hin_telescope_table;

/* The defaults; sources stand in settings.c and in the manual. */
void hin_telescope_settings_default(struct hin_telescope_settings *settings);

/*
 * Set one threshold as a hub gives it, "name=value". A name that no setting has is passed over: it
 * is another kind of sensor's. HIN_EDENIED for what belongs to the machine (memory, seed, log);
 * HIN_EFORMAT or HIN_ERANGE for a value that cannot be.
 */
HIN_MUST_USE enum hin_code hin_telescope_settings_take(struct hin_telescope_settings *settings,
						       const char *text, struct hin_error *err);
