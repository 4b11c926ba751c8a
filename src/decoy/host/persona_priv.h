/* persona_priv - what a persona is made of; for persona*.c and host*.c. */
#pragma once
#include "base/arena.h"
#include "decoy/host/line_priv.h"
#include "decoy/host/persona.h"
#include "decoy/ssh/ssh_profile.h"
#include "decoy/telnet/telnet_profile.h"

#define PERSONA_FILES_SIZE ((size_t)4 << 20) /* bytes of a list of files */
#define PERSONA_FILES_MAX 20000		     /* in one image */
#define PERSONA_VARIANTS 3 /* sets of process numbers that the hosts of a persona share */

/* The group `machine` of its file. */
struct persona_machine {
	int dialect, far, binary;
	char *system, *release, *version, *hardware, *busybox, *ssh, *distribution, *cmdline;
	char *cpu_vendor, *cpu_model, *cpu_flags, *cpuinfo;
	uint64_t cpu_count, cpu_family, cpu_model_number, cpu_stepping, cpu_mhz, cpu_cache_kib;
	uint64_t memory_kib, memory_free_kib, buffers_kib, cached_kib, shared_kib;
	uint64_t swap_kib, swap_free_kib;
	char *dmesg, *lspci, *lsusb, *lsmod, *interface, *mac;
	struct hin_config_list applets, processes, mounts, disks, sockets, services;
	int64_t connect_ns, uptime_min_ns, uptime_max_ns;
};

struct persona_settings {
	char *title, *title_ja;
	struct hin_config_list sources, files, users, groups, logins, served, open;
	int other;
	int64_t open_close_ns;
	struct persona_machine machine;
	struct hin_ssh_profile ssh;
	struct hin_telnet_profile telnet;
};

/* A pair that lets in; `password` NULL: any. */
struct persona_login {
	const char *user, *password;
	const char *selector; /* of an organisation: which hosts; NULL: all */
};

/* Processes and what names them by number, as one machine has them. */
struct persona_variant {
	struct hin_machine_process *processes;
	struct hin_machine_socket *sockets;
	struct hin_machine_service *services;
};

struct hin_persona {
	struct hin_arena arena; /* of all that is not of `settings` */
	char *name, *file;	/* of messages */
	struct persona_settings settings;
	struct hin_shell_machine machine;
	struct hin_fs_image *image;
	bool shares; /* the image is another's */
	size_t file_count;
	struct hin_persona_port *ports; /* by number */
	size_t port_count;
	struct hin_persona_port other;
	struct hin_persona_source *sources;
	size_t source_count;
	struct hin_host_user *users;
	const char **gecos; /* of each */
	size_t user_count;
	struct persona_login *logins;
	size_t login_count;
	struct hin_machine_package *packages;
	size_t package_count;
	uint8_t mac[3]; /* who made its interface */
	struct persona_variant variants[PERSONA_VARIANTS];
	bool speaks_ssh, speaks_telnet;
};

extern const struct hin_config_table persona_table;

/*
 * hin_persona_load(), with an image that it may share, or bytes of it: those of one of the `count`
 * personas `others` with the same files. They stay where they are as long as it does.
 */
enum hin_code persona_load(struct hin_persona **out, const char *folder, const char *name,
			   struct hin_persona *const *others, size_t count, struct hin_error *err);

/*
 * The same from memory, called `name` in messages: the settings, and one list of files, which is
 * changed. Lists that the settings name are not read.
 */
enum hin_code persona_parse(struct hin_persona **out, const char *name, const void *yaml,
			    size_t yaml_size, char *files, size_t files_size,
			    struct hin_error *err);

/* A reader of the lines of `list`; words live in the persona's arena. */
struct line_reader persona_lines(struct hin_persona *p, const struct hin_config_list *list,
				 const char *setting, const char *form, unsigned least,
				 unsigned most, struct hin_error *err);

/* Room for `count` of a list; never NULL with HIN_OK. */
enum hin_code persona_room(struct hin_persona *p, void *out, size_t count, size_t size,
			   struct hin_error *err);

/* ---- persona_machine.c ---- */

/* Fill `p->machine` from the settings. */
enum hin_code persona_machine_make(struct hin_persona *p, struct hin_error *err);

/* ---- persona_files.c ---- */

/*
 * Build the image from the lists that the settings name, in `folder`/files. Bytes that one of
 * `others` has at the same path are lent from it.
 */
enum hin_code persona_files_make(struct hin_persona *p, const char *folder,
				 struct hin_persona *const *others, size_t count,
				 struct hin_error *err);

/* Add a list of files, called `name` in messages; `text` is changed. */
enum hin_code persona_files_add(struct hin_persona *p, const char *name, char *text, size_t size,
				struct hin_error *err);
