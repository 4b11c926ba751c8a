/* persona_machine - what the shell tells of a persona's machines, from the lines of its settings.
 */
#include <stdio.h>

#include "decoy/host/persona_priv.h"

#define PID_MAX 4194304
#define KIB_MAX (UINT64_C(1) << 40)

static const char *or_none(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static enum hin_code read_processes(struct hin_persona *p, struct hin_machine_process **out,
				    struct hin_error *err)
{
	const struct hin_config_list *list = &p->settings.machine.processes;
	struct line_reader in = persona_lines(
		p, list, "machine.processes",
		"PID PARENT UID TTY STATE START CPU_MS SIZE RESIDENT EXE COMMAND", 11, 11, err);
	enum hin_code code = persona_room(p, out, list->count, sizeof(**out), err);
	uint64_t last = 0;

	if (code != HIN_OK)
		return code;
	while (line_next(&in)) {
		struct hin_machine_process *o = &(*out)[in.at - 1];

		o->pid = (uint32_t)line_number(&in, 0, "process ID", last + 1, PID_MAX);
		o->parent = (uint32_t)line_number(&in, 1, "parent", 0, PID_MAX);
		o->uid = (uint32_t)line_number(&in, 2, "user ID", 0, UINT32_MAX);
		o->tty = line_word(&in, 3);
		o->state = in.words[4][0];
		if (strchr("RSDZTI", o->state) == NULL || in.words[4][1] != '\0')
			line_fail(&in, HIN_EFORMAT, "state \"%.20s\" is none of R S D Z T I",
				  in.words[4]);
		o->start_s = (uint32_t)line_number(&in, 5, "start", 0, UINT32_MAX);
		o->cpu_ms = (uint32_t)line_number(&in, 6, "time", 0, UINT32_MAX);
		o->size_kib = (uint32_t)line_number(&in, 7, "size", 0, UINT32_MAX);
		o->resident_kib = (uint32_t)line_number(&in, 8, "resident size", 0, UINT32_MAX);
		o->exe = line_word(&in, 9);
		o->command = in.words[10];
		last = o->pid;
	}
	return in.code;
}

static enum hin_code read_mounts(struct hin_persona *p, struct hin_error *err)
{
	const struct hin_config_list *list = &p->settings.machine.mounts;
	struct line_reader in =
		persona_lines(p, list, "machine.mounts",
			      "DEVICE FOLDER TYPE OPTIONS [SIZE USED INODES USED]", 4, 8, err);
	struct hin_machine_mount *out;
	enum hin_code code = persona_room(p, &out, list->count, sizeof(*out), err);

	if (code != HIN_OK)
		return code;
	while (line_next(&in)) {
		struct hin_machine_mount *o = &out[in.at - 1];

		*o = (struct hin_machine_mount){ .device = in.words[0],
						 .folder = in.words[1],
						 .type = in.words[2],
						 .options = line_word(&in, 3) };
		if (in.count == 4)
			continue;
		if (in.count != 8) {
			line_fail(&in, HIN_EFORMAT, "all of SIZE USED INODES USED, or none");
			break;
		}
		o->size_kib = line_number(&in, 4, "size", 0, KIB_MAX);
		o->used_kib = line_number(&in, 5, "used size", 0, o->size_kib);
		o->inodes = line_number(&in, 6, "inodes", 0, KIB_MAX);
		o->used_inodes = line_number(&in, 7, "used inodes", 0, o->inodes);
	}
	p->machine.mounts = out;
	p->machine.mount_count = list->count;
	return in.code;
}

static enum hin_code read_disks(struct hin_persona *p, struct hin_error *err)
{
	static const char *const kinds[] = { "disk", "removable", "rom", NULL };
	const struct hin_config_list *list = &p->settings.machine.disks;
	struct line_reader in = persona_lines(
		p, list, "machine.disks", "NAME PARENT MOUNTED SIZE MAJOR MINOR KIND", 7, 7, err);
	struct hin_machine_disk *out;
	enum hin_code code = persona_room(p, &out, list->count, sizeof(*out), err);

	if (code != HIN_OK)
		return code;
	while (line_next(&in)) {
		struct hin_machine_disk *o = &out[in.at - 1];
		unsigned kind = line_choice(&in, 6, "kind", kinds);

		*o = (struct hin_machine_disk){
			.name = in.words[0],
			.parent = line_word(&in, 1),
			.mounted = line_word(&in, 2),
			.size_kib = line_number(&in, 3, "size", 0, KIB_MAX),
			.major = (uint32_t)line_number(&in, 4, "major", 0, 4095),
			.minor = (uint32_t)line_number(&in, 5, "minor", 0, 1048575),
			.removable = kind == 1,
			.rom = kind == 2,
		};
	}
	p->machine.disks = out;
	p->machine.disk_count = list->count;
	return in.code;
}

static enum hin_code read_sockets(struct hin_persona *p, struct hin_machine_socket **out,
				  struct hin_error *err)
{
	static const char *const protocols[] = { "tcp", "udp", "tcp6", "udp6", NULL };
	const struct hin_config_list *list = &p->settings.machine.sockets;
	struct line_reader in = persona_lines(p, list, "machine.sockets",
					      "PROTOCOL ADDRESS PORT UID PID", 5, 5, err);
	enum hin_code code = persona_room(p, out, list->count, sizeof(**out), err);

	if (code != HIN_OK)
		return code;
	while (line_next(&in))
		(*out)[in.at - 1] = (struct hin_machine_socket){
			.protocol = protocols[line_choice(&in, 0, "protocol", protocols)],
			.local = in.words[1],
			.local_port = (uint16_t)line_number(&in, 2, "port", 1, 65535),
			.uid = (uint32_t)line_number(&in, 3, "user ID", 0, UINT32_MAX),
			.pid = (uint32_t)line_number(&in, 4, "process ID", 0, PID_MAX),
		};
	p->machine.socket_count = list->count;
	return in.code;
}

static enum hin_code read_services(struct hin_persona *p, struct hin_machine_service **out,
				   struct hin_error *err)
{
	static const char *const states[] = { "running", "stopped", "disabled", NULL };
	const struct hin_config_list *list = &p->settings.machine.services;
	struct line_reader in =
		persona_lines(p, list, "machine.services", "NAME STATE PID TEXT", 4, 4, err);
	enum hin_code code = persona_room(p, out, list->count, sizeof(**out), err);

	if (code != HIN_OK)
		return code;
	while (line_next(&in)) {
		unsigned state = line_choice(&in, 1, "state", states);

		(*out)[in.at - 1] = (struct hin_machine_service){
			.name = in.words[0],
			.stopped = state > 0,
			.disabled = state == 2,
			.pid = (uint32_t)line_number(&in, 2, "process ID", 0, PID_MAX),
			.text = in.words[3],
		};
	}
	p->machine.service_count = list->count;
	return in.code;
}

/* ---- variants ---- */

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

/*
 * The process number in this variant: those that the kernel starts by itself are the same on each
 * machine, what comes after the first service has drifted.
 */
static uint32_t moved(const struct hin_machine_process *from, const struct hin_machine_process *to,
		      size_t count, uint32_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (from[i].pid == pid)
			return to[i].pid;
	return pid;
}

static void move_processes(const struct hin_machine_process *from, struct hin_machine_process *to,
			   size_t count, uint64_t random)
{
	uint32_t added = 0;

	for (size_t i = 0; i < count; i++) {
		bool kernel = from[i].command[0] == '[';

		to[i] = from[i];
		if (!kernel && from[i].pid > 1)
			added += 1 + next_random(&random) % 7;
		to[i].pid += from[i].pid > 1 ? added : 0;
		/* what was seen is the time of the first minute */
		to[i].cpu_ms += from[i].cpu_ms * (next_random(&random) % 30) +
				(kernel ? 0 : next_random(&random) % 900);
		to[i].resident_kib += from[i].resident_kib / 64 * (next_random(&random) % 8);
	}
	for (size_t i = 0; i < count; i++)
		to[i].parent = moved(from, to, count, from[i].parent);
}

static enum hin_code make_variants(struct hin_persona *p, const struct persona_variant *seen,
				   struct hin_error *err)
{
	size_t processes = p->settings.machine.processes.count;
	size_t sockets = p->machine.socket_count, services = p->machine.service_count;
	enum hin_code code = HIN_OK;

	for (unsigned v = 0; v < PERSONA_VARIANTS && code == HIN_OK; v++) {
		struct persona_variant *to = &p->variants[v];

		code = persona_room(p, &to->processes, processes, sizeof(*to->processes), err);
		if (code == HIN_OK)
			code = persona_room(p, &to->sockets, sockets, sizeof(*to->sockets), err);
		if (code == HIN_OK)
			code = persona_room(p, &to->services, services, sizeof(*to->services), err);
		if (code != HIN_OK)
			return code;
		move_processes(seen->processes, to->processes, processes, v + 1);
		for (size_t i = 0; i < sockets; i++) {
			to->sockets[i] = seen->sockets[i];
			to->sockets[i].pid = moved(seen->processes, to->processes, processes,
						   seen->sockets[i].pid);
		}
		for (size_t i = 0; i < services; i++) {
			to->services[i] = seen->services[i];
			to->services[i].pid = moved(seen->processes, to->processes, processes,
						    seen->services[i].pid);
		}
	}
	p->machine.process_count = processes;
	return code;
}

static enum hin_code read_mac(struct hin_persona *p, struct hin_error *err)
{
	const char *text = p->settings.machine.mac;
	unsigned b[3];
	int used = 0;

	if (sscanf(text, "%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &used) != 3 || text[used] != '\0' ||
	    used != 8)
		return hin_fail(err, HIN_EFORMAT,
				"%s: machine.mac: \"%.40s\" is not the first half of a MAC "
				"address, such as bc:24:11",
				p->file, text);
	for (unsigned i = 0; i < 3; i++)
		p->mac[i] = (uint8_t)b[i];
	return HIN_OK;
}

static enum hin_code read_applets(struct hin_persona *p, struct hin_error *err)
{
	const struct hin_config_list *list = &p->settings.machine.applets;
	const char **out;
	enum hin_code code;

	if (list->count == 0)
		return HIN_OK;
	code = persona_room(p, &out, list->count + 1, sizeof(*out), err);
	for (size_t i = 0; code == HIN_OK && i < list->count; i++)
		out[i] = list->items[i];
	p->machine.applets = code == HIN_OK ? out : NULL;
	return code;
}

static void copy_settings(struct hin_shell_machine *m, const struct persona_machine *s)
{
	static const enum hin_shell_dialect dialects[] = { HIN_SHELL_DASH, HIN_SHELL_ASH };

	m->dialect = dialects[s->dialect];
	m->system = s->system;
	m->release = s->release;
	m->version = s->version;
	m->hardware = s->hardware;
	m->busybox = or_none(s->busybox);
	m->ssh = or_none(s->ssh);
	m->distribution = or_none(s->distribution);
	m->cmdline = or_none(s->cmdline);
	m->cpu_vendor = or_none(s->cpu_vendor);
	m->cpu_model = or_none(s->cpu_model);
	m->cpu_flags = or_none(s->cpu_flags);
	m->cpuinfo = or_none(s->cpuinfo);
	m->cpu_count = (unsigned)s->cpu_count;
	m->cpu_family = (unsigned)s->cpu_family;
	m->cpu_model_number = (unsigned)s->cpu_model_number;
	m->cpu_stepping = (unsigned)s->cpu_stepping;
	m->cpu_mhz = (unsigned)s->cpu_mhz;
	m->cpu_cache_kib = (unsigned)s->cpu_cache_kib;
	m->memory_kib = s->memory_kib;
	m->memory_free_kib = s->memory_free_kib;
	m->buffers_kib = s->buffers_kib;
	m->cached_kib = s->cached_kib;
	m->shared_kib = s->shared_kib;
	m->swap_kib = s->swap_kib;
	m->swap_free_kib = s->swap_free_kib;
	m->dmesg = or_none(s->dmesg);
	m->lspci = or_none(s->lspci);
	m->lsusb = or_none(s->lsusb);
	m->lsmod = or_none(s->lsmod);
	m->far = (enum hin_machine_far)s->far;
	m->binary = (enum hin_machine_binary)s->binary;
	m->connect_ms = (uint32_t)(s->connect_ns / 1000000);
}

enum hin_code persona_machine_make(struct hin_persona *p, struct hin_error *err)
{
	struct persona_machine *s = &p->settings.machine;
	struct persona_variant seen = { 0 };
	enum hin_code code;

	copy_settings(&p->machine, s);
	if (s->uptime_min_ns > s->uptime_max_ns)
		return hin_fail(err, HIN_ERANGE, "%s: machine.uptime: least is longer than most",
				p->file);
	code = read_mac(p, err);
	if (code == HIN_OK)
		code = read_applets(p, err);
	if (code == HIN_OK)
		code = read_mounts(p, err);
	if (code == HIN_OK)
		code = read_disks(p, err);
	if (code == HIN_OK)
		code = read_processes(p, &seen.processes, err);
	if (code == HIN_OK)
		code = read_sockets(p, &seen.sockets, err);
	if (code == HIN_OK)
		code = read_services(p, &seen.services, err);
	return code == HIN_OK ? make_variants(p, &seen, err) : code;
}
