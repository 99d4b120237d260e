/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - starts a program in a namespace: ns:spawn and ns:exec
 *
 * The content of a string for stdin is a file in memory, so nobody has to feed it.
 */
#include "spawn.h"

#include "../lua/error.h"
#include "../lua/handle.h"
#include "../lua/wait.h"
#include "command.h"
#include "mounts.h"
#include "ns.h"
#include "process.h"
#include "rawcall.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif

/* How much of stderr an error shows. */
enum { ERROR_TEXT = 200 };

static _Atomic uint64_t changed; /* as the state that was opened last found it */

/* What went wrong in the child, the option that asked for it, and what helps where it is refused. */
static const struct step {
	const char *attr, *text, *hint;
} steps[] = {
	[CHILD_CLONE] = { NULL, "making the process" },
	[CHILD_SETNS] = { NULL, "entering the network namespace" },
	[CHILD_MOUNTS] = { NULL, "entering the namespace's mounts" },
	[CHILD_UNSHARE] = { "unshare", "making its namespaces", "add \"user\" to `unshare`, run the script with nslua, or as root" },
	[CHILD_USER_MAP] = { "unshare", "mapping its user" },
	[CHILD_HOSTNAME] = { "hostname", "setting the host name" },
	[CHILD_KEYRING] = { "unshare", "making a session keyring" },
	[CHILD_INIT] = { "unshare", "making its first process" },
	[CHILD_PROC] = { "unshare", "mounting /proc", "a container that hides parts of /proc, as Docker's, allows no other" },
	[CHILD_ROOT] = { "root", "making its root" },
	[CHILD_READONLY] = { "readonly", "protecting from writing" },
	[CHILD_MASKED] = { "masked", "hiding" },
	[CHILD_CWD] = { "cwd", "changing to the directory" },
	[CHILD_STDIO] = { NULL, "setting stdin, stdout and stderr" },
	[CHILD_PTY] = { "pty", "taking the terminal" },
	[CHILD_FILES] = { NULL, "closing other descriptors" },
	[CHILD_LIMITS] = { "limits", "setting the limit", "a hard limit is raised only by who has CAP_SYS_RESOURCE on the machine itself" },
	[CHILD_CAPS] = { "caps", "setting the capabilities", "only capabilities that the script has got itself can be kept" },
	[CHILD_USER] = { "user", "becoming the user", "the sandbox of an ordinary user knows root alone; run the script as root" },
	[CHILD_PRIVS] = { "no_new_privs", "setting no_new_privs" },
	[CHILD_SECCOMP] = { "seccomp", "setting the filter" },
	[CHILD_EXEC] = { NULL, "executing the program" },
};

/* ---- without a lua_State ---- */

static int content(const char *data, size_t size)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC | MFD_NOEXEC_SEAL), error;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error = errno;
			close(fd);
			return -error;
		}
		data += n;
		size -= (size_t)n;
	}
	if (lseek(fd, 0, SEEK_SET) < 0) {
		error = errno;
		close(fd);
		return -error;
	}
	return handle_safefd(fd);
}

/* A pipe whose end `mine` is ours and does not block; 0 or -errno. */
static int open_pipe(int mine, int *ours, int *child)
{
	int ends[2], fd;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fd = handle_safefd(ends[mine]);
	*ours = fd < 0 ? -1 : fd;
	*child = handle_safefd(ends[!mine]);
	if (fd < 0)
		return fd;
	if (*child < 0)
		return *child;
	return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* The descriptor for the child's 0, 1 or 2, into job->stdio[which]; what we must close afterwards into p->theirs. 0 or -errno. */
static int open_stream(struct process *p, const struct stream_spec *spec, int which, int *fd)
{
	int code;

	switch (spec->kind) {
	case STREAM_STDOUT:
		*fd = p->supervisor->job.stdio[1];
		return 0;
	case STREAM_FILE:
		/* What is in the buffer of the FILE comes before what the program writes, or is what it must read again. */
		fflush(spec->file);
		*fd = fileno(spec->file);
		return *fd < 0 ? -errno : 0;
	case STREAM_INHERIT:
		fflush(which == 1 ? stdout : stderr);
		*fd = which;
		if (fcntl(which, F_GETFD) >= 0)
			return 0;
		/* fall through */
	case STREAM_NULL:
		code = handle_safefd(open("/dev/null", O_RDWR | O_CLOEXEC));
		if (code < 0)
			return code == -1 ? -errno : code;
		p->theirs[which] = *fd = code;
		return 0;
	case STREAM_CONTENT:
		code = content(spec->content, spec->size);
		if (code < 0)
			return code;
		p->theirs[which] = *fd = code;
		return 0;
	case STREAM_PIPE:
		if (which == 0)
			code = open_pipe(1, &p->in, &p->theirs[0]);
		else
			code = open_pipe(0, &p->out[which - 1].fd, &p->theirs[which]);
		p->out[which == 2].captured |= which > 0;
		*fd = p->theirs[which];
		return code;
	}
	return -EINVAL;
}

/* The terminal that is all three; 0 or -errno. With `ended`, its input is at its end. */
static int open_terminal(struct process *p, const struct pty_spec *spec, bool ended)
{
	struct child_container *container = p->supervisor->job.container;
	int code = pty_open(spec, &p->out[0].fd, &p->theirs[0]);

	if (code < 0)
		return code;
	p->out[0].captured = p->out[0].terminal = true;
	for (int i = 0; i < 3; i++)
		p->supervisor->job.stdio[i] = p->theirs[0];
	if (container && ptsname_r(p->out[0].fd, container->terminal, sizeof(container->terminal)) != 0)
		container->terminal[0] = 0;
	if (ended)
		return write(p->out[0].fd, PROCESS_EOF, 1) < 0 ? -errno : 0;
	code = handle_safefd(fcntl(p->out[0].fd, F_DUPFD_CLOEXEC, 3));
	p->in = code < 0 ? -1 : code;
	return code == -1 ? -errno : code < 0 ? code : 0;
}

/* ---- with one ---- */

/* Does not return. */
static void raise_step(lua_State *L, struct process *p, const struct command *c, const struct ns *ns, int errnum, const struct step *step)
{
	char label[NS_LABEL_SIZE];

	process_close(L, p); /* now: it may hold the descriptors that were too few */
	error_raise(L, &(struct error){
		.op = c->op,
		.subject = c->name,
		.netns = ns_label(ns, label),
		.errnum = errnum,
		.attr = step->attr,
		.message = step->text,
		.hint = errnum == EPERM || errnum == EINVAL ? step->hint : NULL,
	});
}

static void raise_start(lua_State *L, struct process *p, const struct command *c, const struct ns *ns, int errnum, const char *attr,
	const char *message)
{
	raise_step(L, p, c, ns, errnum, &(struct step){ attr, message, NULL });
}

/* Push a process that is going to run `c` in `ns`. */
static struct process *start(lua_State *L, struct ns *ns, const struct command *c, bool quiet)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	struct process *p = process_push(L);
	char here[PATH_MAX] = "";
	struct fault fault = { 0 };
	struct child_job *job;
	int code;
	bool stay;

	supervisor_sweep(L);
	code = mounts_make(ns, &fault);
	stay = code == -EPERM && ns_is_here(ns); /* without privilege a program can still run where we are ourselves */
	if (code < 0 && !stay)
		raise_start(L, p, c, ns, fault.errnum, NULL, fault.text);
	if (!c->cwd && !getcwd(here, sizeof(here)))
		raise_start(L, p, c, ns, errno, "cwd", "our own working directory is gone; say another");
	p->supervisor = supervisor_new(c->size, c->confine.has_user || c->container.flags, c->container.flags);
	if (!p->supervisor)
		raise_start(L, p, c, ns, errno, NULL, NULL);
	p->open = true;
	command_store(L, c, c->cwd ? c->cwd : here, p->supervisor);
	job = &p->supervisor->job;
	job->user = ns->user;
	job->net = stay ? -1 : ns->fd;
	job->mounts = ns->mounts;
	code = c->pty.wanted ? open_terminal(p, &c->pty, quiet) : 0;
	if (code < 0)
		raise_start(L, p, c, ns, -code, "pty", "making a terminal");
	for (int i = 0; i < 3 && !c->pty.wanted; i++) {
		code = open_stream(p, &c->streams[i], i, &job->stdio[i]);
		if (code < 0)
			raise_start(L, p, c, ns, -code, names[i], NULL);
	}
	/* Only one that reads from our terminal is in its session, else Ctrl-C and job control would reach what runs in the background. */
	job->pty = c->pty.wanted;
	/* Nor may what runs in a container type into our terminal. */
	job->session = job->pty || c->container.flags || !isatty(job->stdio[0]);
	job->quiet = quiet;
	job->changed = changed;
	p->started = wait_clock();
	code = supervisor_start(p->supervisor, &p->status);
	if (code < 0)
		raise_start(L, p, c, ns, -code, NULL, steps[CHILD_CLONE].text);
	return p;
}

/* The first report has come: what was for the child can go; raises if it could not be executed. */
static void check_start(lua_State *L, struct process *p, const struct ns *ns, const struct command *c)
{
	const struct child_job *job = &p->supervisor->job;
	struct step step = steps[p->last.step];

	supervisor_started(p->supervisor);
	process_close_theirs(p);
	p->pid = p->last.pid;
	p->pidfd = job->pidfd;
	p->supervisor->job.pidfd = -1;
	if (p->last.event != CHILD_FAILED)
		return;
	if (p->last.step == CHILD_EXEC && p->last.error == ENOENT && !strchr(c->name, '/'))
		step.text = "no such program in PATH";
	else if (p->last.step == CHILD_CWD)
		step.text = lua_pushfstring(L, "%s %s", step.text, job->cwd);
	else if (job->detail)
		step.text = lua_pushfstring(L, "%s %s", step.text, job->detail);
	raise_step(L, p, c, ns, p->last.error, &step);
}

/* ns:spawn { argv..., stdin, stdout, stderr, env, cwd, timeout } -> process */
static int m_spawn(lua_State *L)
{
	struct ns *ns = ns_check(L, 1, "spawn", "self");
	struct process *p;
	struct command c;

	lua_settop(L, 2);
	command_read(L, 2, "spawn", STREAM_INHERIT, &c);
	if (c.has_check)
		return error_misuse(L, "spawn", "check", "only exec checks; look at what wait() returns");
	p = start(L, ns, &c, false);
	do
		process_step(L, p, FOR_REPORT, -1, c.op);
	while (!process_report(L, p, c.op));
	check_start(L, p, ns, &c);
	return 1;
}

/* The words for a result that exec does not accept. */
static const char *push_why(lua_State *L, const struct process *p)
{
	const char *name = p->last.killed ? sigabbrev_np(p->last.value) : NULL, *said;
	size_t n;

	said = output_data(&p->out[p->out[1].captured], &n);
	if (n > ERROR_TEXT)
		n = ERROR_TEXT;
	while (n > 0 && (said[n - 1] == '\n' || said[n - 1] == ' '))
		n--;
	if (p->last.late)
		lua_pushliteral(L, "killed at its timeout");
	else if (name)
		lua_pushfstring(L, "ended by SIG%s", name);
	else
		lua_pushfstring(L, p->last.killed ? "ended by signal %d" : "exited with %d", (int)p->last.value);
	if (n > 0) {
		lua_pushliteral(L, ": ");
		lua_pushlstring(L, said, n);
		lua_concat(L, 3);
	}
	return lua_tostring(L, -1);
}

/* ns:exec { argv..., stdin, stdout, stderr, env, cwd, timeout, check } -> result */
static int m_exec(lua_State *L)
{
	struct ns *ns = ns_check(L, 1, "exec", "self");
	char label[NS_LABEL_SIZE];
	struct process *p;
	struct command c;

	lua_settop(L, 2);
	command_read(L, 2, "exec", STREAM_PIPE, &c);
	if (c.streams[0].kind == STREAM_PIPE)
		return error_misuse(L, "exec", "stdin", "nobody could write into it; give the content as a string");
	p = start(L, ns, &c, true);
	lua_toclose(L, -1);
	if (process_end(L, p, c.timeout < 0 ? -1 : wait_deadline(c.timeout + PROCESS_PATIENCE), "exec"))
		check_start(L, p, ns, &c);
	else
		p->last = (struct child_report){ .killed = 1, .value = SIGKILL, .late = 1, .when = (int64_t)(wait_clock() * 1e9) };
	if (p->last.left) {
		supervisor_keep(L, p->supervisor);
		p->supervisor = NULL;
	} else {
		p->supervisor->told = p->ended; /* by the last child's end */
	}
	process_result(L, p);
	if (!c.check || (!p->last.late && !p->last.killed && p->last.value == 0))
		return 1;
	error_push(L, &(struct error){
		.op = "exec",
		.subject = c.name,
		.netns = ns_label(ns, label),
		.errnum = p->last.late ? ETIMEDOUT : 0,
		.code = p->last.late ? NULL : p->last.killed ? "SIGNAL" : "EXIT",
		.message = push_why(L, p),
	});
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "result");
	return lua_error(L);
}

static const luaL_Reg methods[] = {
	{ "spawn", m_spawn },
	{ "exec", m_exec },
	{ NULL, NULL },
};

/*
 * Signals for real time that were ignored or handled when we were loaded, libc's own among them, of which sigaction() refuses to tell:
 * `timeout` hands those on ignored. To ask for each of them before every program takes too long.
 */
static uint64_t find_changed(void)
{
	struct raw_sigaction action;
	uint64_t found = 0;

	for (int i = CHILD_SIGNALS + 1; i <= 64; i++)
		if (syscall(SYS_rt_sigaction, i, NULL, &action, SIGSET_SIZE) == 0 && action.handler != (uintptr_t)SIG_DFL)
			found |= 1ull << (i - 1);
	return found;
}

void spawn_open(lua_State *L)
{
	changed = find_changed();
	ns_add_methods(L, methods);
}
