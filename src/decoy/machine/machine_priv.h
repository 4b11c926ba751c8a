/* machine_priv - what an imitated machine says of itself, with what it has by default. */
#pragma once
#include "decoy/shell/shell_priv.h"

/* When it was started, seconds since 1970. */
int64_t machine_boot_s(const struct hin_shell_machine *m);

/* Since then, microseconds. */
int64_t machine_up_us(const struct hin_shell_machine *m);

struct machine_memory { /* KiB */
	uint64_t total, used, free, shared, buffers, cached, available, swap, swap_free;
};

struct machine_memory machine_memory(const struct hin_shell_machine *m);
unsigned machine_cpus(const struct hin_shell_machine *m);
const char *machine_cpu_model(const struct hin_shell_machine *m);
unsigned machine_mhz(const struct hin_shell_machine *m);
/* Hundredths; `which` of 1, 5 and 15 minutes. */
unsigned machine_load(const struct hin_shell_machine *m, unsigned which);
const char *machine_distribution(const struct hin_shell_machine *m);

/* Lists that a machine has, or those by default. */
const struct hin_machine_process *machine_processes(const struct hin_shell_machine *m,
						    size_t *count);
const struct hin_machine_mount *machine_mounts(const struct hin_shell_machine *m, size_t *count);
const struct hin_machine_disk *machine_disks(const struct hin_shell_machine *m, size_t *count);
const struct hin_machine_interface *machine_interfaces(const struct hin_shell_machine *m,
						       size_t *count);
const struct hin_machine_route *machine_routes(const struct hin_shell_machine *m, size_t *count);
const struct hin_machine_socket *machine_sockets(const struct hin_shell_machine *m, size_t *count);

/* What an interface has received and sent by now. */
uint64_t machine_traffic(const struct hin_shell_machine *m, uint64_t at_first, uint32_t rate);

/* The time `seconds` since 1970 by the machine's zone. */
struct tm machine_time(const struct hin_shell_machine *m, int64_t seconds);
