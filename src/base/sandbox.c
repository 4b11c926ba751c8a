#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <seccomp.h>
#include <unistd.h>

enum hin_code hin_sandbox_no_dump(struct hin_sandbox *s, struct hin_error *err)
{
	static const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return hin_fail(err, HIN_ESYS, "limit core dumps");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return hin_fail(err, HIN_ESYS, "forbid core dumps");
	s->no_dump = true;
	return HIN_OK;
}

enum hin_code hin_sandbox_no_new_privs(struct hin_sandbox *s, struct hin_error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return hin_fail(err, HIN_ESYS, "no new privileges");
	s->no_new_privs = true;
	return HIN_OK;
}

struct account {
	uid_t uid;
	gid_t gid;
};

/* Look up "user" or "user:group". */
static enum hin_code find_account(struct account *out, const char *text, struct hin_error *err)
{
	char name[256], memory[4096];
	size_t size = strcspn(text, ":");
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;

	if (size == 0 || size >= sizeof(name))
		return hin_fail(err, HIN_ENOENT, "user \"%.60s\" does not exist", text);
	memcpy(name, text, size);
	name[size] = '\0';
	if (getpwnam_r(name, &user, memory, sizeof(memory), &found_user) != 0 || found_user == NULL)
		return hin_fail(err, HIN_ENOENT, "user \"%.60s\" does not exist", name);
	*out = (struct account){ .uid = user.pw_uid, .gid = user.pw_gid };
	if (text[size] == '\0')
		return HIN_OK;
	if (getgrnam_r(text + size + 1, &group, memory, sizeof(memory), &found_group) != 0 ||
	    found_group == NULL)
		return hin_fail(err, HIN_ENOENT, "group \"%.60s\" does not exist", text + size + 1);
	out->gid = group.gr_gid;
	return HIN_OK;
}

/* Is the process `account` already, by all of its ids? */
static bool is_account(const struct account *account)
{
	uid_t r = 0, e = 0, s = 0;
	gid_t gr = 0, ge = 0, gs = 0;

	return getresuid(&r, &e, &s) == 0 && getresgid(&gr, &ge, &gs) == 0 && r == account->uid &&
	       e == account->uid && s == account->uid && gr == account->gid && ge == account->gid &&
	       gs == account->gid;
}

enum hin_code hin_sandbox_drop_user(struct hin_sandbox *s, const char *user, struct hin_error *err)
{
	struct account account = { 0 };
	enum hin_code code = find_account(&account, user, err);

	if (code != HIN_OK)
		return code;
	if (is_account(&account)) {
		s->user = true;
		return HIN_OK;
	}
	if (setgroups(0, NULL) != 0 || setresgid(account.gid, account.gid, account.gid) != 0 ||
	    setresuid(account.uid, account.uid, account.uid) != 0)
		return hin_fail(err, errno == EPERM ? HIN_EDENIED : HIN_ESYS,
				"this process may not become user \"%.60s\"", user);
	if (!is_account(&account) || (account.uid != 0 && setresuid(0, 0, 0) == 0))
		return hin_fail(err, HIN_EDENIED, "user \"%.60s\" can become root again", user);
	s->user = true;
	return HIN_OK;
}

enum hin_code hin_sandbox_drop_caps(struct hin_sandbox *s, struct hin_error *err)
{
	cap_t none;
	int failed;

	/* without CAP_SETPCAP the bounding set stays; no_new_privs covers what it would give */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EPERM)
			return hin_fail(err, HIN_ESYS, "drop capability %d", cap);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
		return hin_fail(err, HIN_ESYS, "drop ambient capabilities");
	none = cap_init();
	if (none == NULL)
		return hin_fail(err, HIN_ENOMEM, "drop capabilities");
	failed = cap_set_proc(none);
	cap_free(none);
	if (failed != 0)
		return hin_fail(err, HIN_ESYS, "drop capabilities");
	s->caps = true;
	return hin_sandbox_no_new_privs(s, err);
}

/*
 * Landlock's interface is stable, but Debian's headers and C library may be older than the kernel,
 * so the numbers stand here (linux/landlock.h of Linux 6.10).
 */
enum {
	LANDLOCK_CREATE = 444,
	LANDLOCK_ADD = 445,
	LANDLOCK_RESTRICT = 446,
	LANDLOCK_ASK_VERSION = 1,
	LANDLOCK_PATH_BENEATH = 1,
};

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_REFER = 1 << 13,    /* since ABI 2 */
	FS_TRUNCATE = 1 << 14, /* 3 */
	FS_ALL_1 = (1 << 13) - 1,
	FS_ALL_2 = (1 << 14) - 1,
	FS_ALL_3 = (1 << 15) - 1,
	FS_ALL_5 = (1 << 16) - 1, /* and ioctl() on devices */
};

struct landlock_rules {
	uint64_t handled_fs;
};

struct landlock_path {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

static uint64_t handled_by(long abi)
{
	return abi >= 5 ? FS_ALL_5 : abi >= 3 ? FS_ALL_3 : abi == 2 ? FS_ALL_2 : FS_ALL_1;
}

/* Allow `rights` at and below `path`. */
static enum hin_code allow_path(int rules, const char *path, uint64_t rights, struct hin_error *err)
{
	static const uint64_t of_files = FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE;
	struct landlock_path rule = { .fd = open(path, O_PATH | O_CLOEXEC) };
	enum hin_code code = HIN_OK;
	struct stat st;

	if (rule.fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return HIN_OK;
	if (rule.fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	rule.allowed = rights;
	if (fstat(rule.fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= of_files;
	if (syscall(LANDLOCK_ADD, rules, LANDLOCK_PATH_BENEATH, &rule, 0) != 0)
		code = hin_fail(err, HIN_ESYS, "allow %s", path);
	close(rule.fd);
	return code;
}

enum hin_code hin_sandbox_limit_files(struct hin_sandbox *s, const char *const *read,
				      size_t read_count, const char *const *write,
				      size_t write_count, struct hin_error *err)
{
	static const uint64_t reading = FS_READ_FILE | FS_READ_DIR;
	static const uint64_t writing = FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_REMOVE_DIR |
					FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER |
					FS_TRUNCATE;
	long abi = syscall(LANDLOCK_CREATE, NULL, 0, LANDLOCK_ASK_VERSION);
	struct landlock_rules attributes = { .handled_fs = handled_by(abi) };
	enum hin_code code = hin_sandbox_no_new_privs(s, err);
	int rules;

	if (code != HIN_OK || abi <= 0) /* a kernel without Landlock, or with it turned off */
		return code;
	rules = (int)syscall(LANDLOCK_CREATE, &attributes, sizeof(attributes), 0);
	if (rules == -1)
		return hin_fail(err, HIN_ESYS, "limit files");
	for (size_t i = 0; i < read_count && code == HIN_OK; i++)
		code = allow_path(rules, read[i], reading & attributes.handled_fs, err);
	for (size_t i = 0; i < write_count && code == HIN_OK; i++)
		code = allow_path(rules, write[i], writing & attributes.handled_fs, err);
	if (code == HIN_OK && syscall(LANDLOCK_RESTRICT, rules, 0) != 0)
		code = hin_fail(err, HIN_ESYS, "limit files");
	close(rules);
	if (code == HIN_OK)
		s->landlock = (unsigned)abi;
	return code;
}

/* Calls that every profile has, those with conditions aside. Not all exist on each architecture. */
static const char *const common_calls[] = {
	"read",
	"write",
	"readv",
	"writev",
	"close",
	"fstat",
	"fcntl",
	/* memory and threads */
	"munmap",
	"mremap",
	"madvise",
	"brk",
	"futex",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"membarrier",
	"set_tid_address",
	"sched_yield",
	"sched_getaffinity",
	"sched_setaffinity",
	"gettid",
	"getpid",
	"getppid",
	"tgkill",
	/* time and waiting */
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	"signalfd4",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"sigaltstack",
	"restart_syscall",
	"exit",
	"exit_group",
	/* the process and the machine */
	"getrandom",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"uname",
	"sysinfo",
	"getrlimit",
	"getrusage",
	"times",
};

/* Files; where they may lie is Landlock's part. */
static const char *const file_calls[] = {
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"lseek",
	"close_range",
	"stat",
	"lstat",
	"newfstatat",
	"statx",
	"statfs",
	"fstatfs",
	"open",
	"openat",
	"access",
	"faccessat",
	"faccessat2",
	"getdents64",
	"getcwd",
	"readlink",
	"readlinkat",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"mkdir",
	"mkdirat",
	"rmdir",
	"fsync",
	"fdatasync",
	"ftruncate",
	"fallocate",
	"fchmod",
	"flock",
	"fadvise64",
	"readahead",
	"copy_file_range",
	"sendfile",
	"umask",
	"utimensat",
	"dup",
	"dup2",
	"dup3",
	"pipe2",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
};

static const char *const capture_calls[] = {
	"recvfrom",   "recvmsg",    "recvmmsg",	   "bind",
	"setsockopt", "getsockopt", "getsockname", "shutdown",
};

static const char *const serve_calls[] = {
	"accept",     "accept4",    "recvfrom",	   "recvmsg",	  "sendto",   "sendmsg",
	"setsockopt", "getsockopt", "getsockname", "getpeername", "shutdown",
};

static const char *const carry_calls[] = {
	"connect", "sendto", "sendmsg", "sendmmsg", "getpeername", "socketpair",
};

/* What comes over sockets that were given. */
static const char *const talk_calls[] = {
	"recvfrom", "recvmsg", "sendto", "sendmsg", "getsockopt", "setsockopt", "shutdown",
};

/* Whose children are processes. */
static const char *const spawn_calls[] = {
	"clone", "fork", "vfork", "wait4", "waitid", "kill", "socketpair", "seccomp",
};

/* A call that is allowed when argument `index`, under `mask`, is `value`. */
struct condition {
	const char *call;
	unsigned index;
	uint64_t mask, value;
};

#define EXACT UINT64_MAX

static const struct condition common_conditions[] = {
	{ "mmap", 2, PROT_EXEC, 0 },
	{ "mprotect", 2, PROT_EXEC, 0 },
	{ "clone", 0, CLONE_THREAD, CLONE_THREAD },
	{ "prlimit64", 2, EXACT, 0 }, /* no new limit */
	{ "prctl", 0, EXACT, PR_SET_NAME },
	{ "ioctl", 1, EXACT, TCGETS },
	{ "ioctl", 1, EXACT, TIOCGWINSZ },
	{ "ioctl", 1, EXACT, FIONREAD },
};

static const struct condition capture_conditions[] = {
	{ "socket", 0, EXACT, AF_PACKET },
	{ "socket", 0, EXACT, AF_NETLINK }, /* news of interfaces */
	{ "socket", 0, EXACT, AF_UNIX },    /* if_nametoindex() */
	{ "ioctl", 1, EXACT, SIOCGIFINDEX },
	{ "ioctl", 1, EXACT, SIOCGIFFLAGS },
	{ "ioctl", 1, EXACT, SIOCGIFHWADDR },
	{ "ioctl", 1, EXACT, SIOCGIFMTU },
	{ "ioctl", 1, EXACT, SIOCGIFNAME },
};

static const struct condition carry_conditions[] = {
	{ "socket", 0, EXACT, AF_INET },
	{ "socket", 0, EXACT, AF_INET6 },
	{ "ioctl", 1, EXACT, FIONBIO },
};

/* Such children may give up more. */
static const struct condition spawn_conditions[] = {
	{ "prctl", 0, EXACT, PR_SET_NO_NEW_PRIVS },
	{ "prctl", 0, EXACT, PR_GET_SECCOMP },
	{ "prctl", 0, EXACT, PR_SET_SECCOMP },
};

static const struct condition tell_conditions[] = {
	{ "socket", 0, EXACT, AF_UNIX }, /* the system's log */
};

/* Add the calls to the filter; 0 or a negative errno, as libseccomp has it. */
static int allow_calls(scmp_filter_ctx filter, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		int failed;

		if (number < 0) /* not on this architecture */
			continue;
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		if (failed != 0)
			return failed;
	}
	return 0;
}

static int allow_conditions(scmp_filter_ctx filter, const struct condition *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(list[i].call);
		struct scmp_arg_cmp compare = { .arg = list[i].index,
						.op = SCMP_CMP_MASKED_EQ,
						.datum_a = list[i].mask,
						.datum_b = list[i].value };
		int failed;

		if (number < 0)
			continue;
		/* commands and families are ints: what stands above their 32 bits is not looked at
		 */
		if (list[i].mask == EXACT && list[i].index != 2)
			compare.datum_a = UINT32_MAX;
		failed = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &compare);
		if (failed != 0)
			return failed;
	}
	return 0;
}

struct part {
	const char *const *calls;
	size_t call_count;
	const struct condition *conditions;
	size_t condition_count;
	unsigned profiles; /* those that have it, a bit each */
};

#define OF(profile) (1u << HIN_SANDBOX_##profile)
#define CALLS(list) (list), HIN_COUNT(list)

static const struct part parts[] = {
	{ CALLS(common_calls), CALLS(common_conditions), ~0u },
	{ CALLS(file_calls), NULL, 0, ~(OF(TALK) | OF(SPAWN)) },
	{ CALLS(capture_calls), CALLS(capture_conditions), OF(CAPTURE) | OF(CARRY) },
	{ CALLS(carry_calls), CALLS(carry_conditions), OF(CARRY) | OF(TELL) },
	{ CALLS(serve_calls), NULL, 0, OF(SERVE) | OF(TELL) | OF(SPAWN) },
	{ NULL, 0, CALLS(tell_conditions), OF(TELL) },
	{ CALLS(talk_calls), NULL, 0, OF(TALK) | OF(SPAWN) },
	{ CALLS(spawn_calls), CALLS(spawn_conditions), OF(SPAWN) },
};

#undef OF
#undef CALLS

static int fill_filter(scmp_filter_ctx filter, enum hin_sandbox_profile profile)
{
	int clone3 = seccomp_syscall_resolve_name("clone3");
	int failed = 0;

	for (size_t i = 0; i < HIN_COUNT(parts) && failed == 0; i++) {
		if ((parts[i].profiles & 1u << profile) == 0)
			continue;
		failed = allow_calls(filter, parts[i].calls, parts[i].call_count);
		if (failed == 0)
			failed = allow_conditions(filter, parts[i].conditions,
						  parts[i].condition_count);
	}
	/* its flags lie in memory, out of reach: the C library takes clone() instead */
	if (failed == 0 && clone3 >= 0)
		failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), clone3, 0);
	if (failed == 0)
		failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	return failed;
}

enum hin_code hin_sandbox_limit_calls(struct hin_sandbox *s, enum hin_sandbox_profile profile,
				      bool kill, struct hin_error *err)
{
	enum hin_code code = hin_sandbox_no_new_privs(s, err);
	scmp_filter_ctx filter;
	int failed;

	if (code != HIN_OK)
		return code;
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
		return HIN_OK; /* a kernel without it */
	filter = seccomp_init(kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL)
		return hin_fail(err, HIN_ENOMEM, "limit system calls");
	failed = fill_filter(filter, profile);
	if (failed == 0)
		failed = seccomp_load(filter);
	seccomp_release(filter);
	if (failed != 0) {
		errno = -failed;
		return hin_fail(err, HIN_ESYS, "limit system calls");
	}
	s->calls = true;
	return HIN_OK;
}

void hin_sandbox_describe(const struct hin_sandbox *s, struct hin_buffer *out)
{
	const struct {
		bool on;
		const char *name;
	} names[] = { { s->no_dump, "no-dump" },
		      { s->no_new_privs, "no-new-privs" },
		      { s->user, "user" },
		      { s->caps, "caps" },
		      { s->calls, "calls" } };
	const char *between = "";

	for (size_t i = 0; i < HIN_COUNT(names); i++) {
		if (!names[i].on)
			continue;
		hin_buffer_printf(out, "%s%s", between, names[i].name);
		between = ",";
	}
	if (s->landlock > 0)
		hin_buffer_printf(out, "%slandlock-%u", between, s->landlock);
	else if (between[0] == '\0')
		hin_buffer_puts(out, "nothing");
}
