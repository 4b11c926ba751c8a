#include "telescope/settings.h"

void hin_telescope_settings_default(struct hin_telescope_settings *settings)
{
	*settings = (struct hin_telescope_settings){
		.event_timeout_s = 0,
		.event_timeout_max_s = 21600,
		.event_rate_pps = 100,
		.event_miss = 0.001,
		.scan_targets = 5,
		.scan_ports = 4,
		.scan_large_percent = 10,
		.tool_packets = 2,
		.tool_percent = 50,
		.victim_packets = 25,
		.victim_targets = 10,
		.victim_duration_s = 60,
		.victim_peak = 30,
		.flood_packets = 300,
		.flood_spoofed_percent = 50,
		.amplification_sources = 10,
		.amplification_packets = 60,
		.rising_score = 5,
		.rising_packets = 30,
		.rising_history = 10,
		.memory_bytes = (uint64_t)192 << 20,
		.seed = 0,
	};
}
