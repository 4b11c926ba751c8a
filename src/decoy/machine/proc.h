/*
 * proc - the processes of an imitated machine and its /proc: what ps and the kernel's files say.
 *
 * Processes are those of the machine, less those that the intruder has ended, and those of the
 * shell: its commands are there while they run. Everything is made when it is looked at.
 */
#pragma once
#include "decoy/machine/machine_priv.h"

/* A process as ps sees it. */
struct seen_process {
	uint32_t pid, parent, uid, session;
	const char *tty;     /* NULL: none */
	const char *command; /* its words with a space between */
	const char *exe;     /* NULL: the kernel's */
	char state;
	bool front;	  /* of its terminal */
	bool ours;	  /* of the shell */
	int64_t start_us; /* since the machine's start */
	uint64_t cpu_ms, size_kib, resident_kib;
};

/* Call `each` for every process, by pid, until it returns false. `shell` may be NULL. */
void processes_each(const struct hin_shell_machine *m, const struct hin_shell *shell,
		    bool (*each)(void *user, const struct seen_process *p), void *user);

/* Is there such a process? */
bool process_seen(struct process *p, uint32_t pid, struct seen_process *out);

/* A process of the machine is ended by the intruder. */
void process_end(struct hin_shell *shell, uint32_t pid);

/* The name of a process as comm has it: at most 15 bytes. */
void process_comm(const struct seen_process *p, char out[16]);

/* The shell's files show /proc while it runs. */
void proc_attach(struct hin_shell *shell);
void proc_detach(struct hin_shell *shell);

/* The texts of /proc that commands print, too. */
void proc_meminfo(const struct hin_shell_machine *m, struct hin_buffer *out);
void proc_mounts(const struct hin_shell_machine *m, struct hin_buffer *out);
void proc_cpuinfo(const struct hin_shell_machine *m, struct hin_buffer *out);
