/* SPDX-License-Identifier: MIT */
/*
 * user.c - who a program runs as: reads the `user` of a spec
 *
 * 1000, "1000" and "name" mean that user with the groups which the system's files give to it, a number that they do not know has
 * the group of the same number; "user:group" has that group and no other.
 */
#include "user.h"

#include "../lua/args.h"
#include "../lua/error.h"

#include <errno.h>
#include <grp.h>
#include <lauxlib.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* Ids are 32 bits wide, and the last one means "unchanged" to the kernel. */
#define ID_MAX 4294967294u

/* True if the text is a number, which *id gets; 2^32-1 and more are none. */
static bool parse_id(const char *text, uint32_t *id)
{
	unsigned long long n;

	if (!*text || text[strspn(text, "0123456789")] || strlen(text) > 10)
		return false;
	n = strtoull(text, NULL, 10);
	*id = (uint32_t)n;
	return n <= ID_MAX;
}

/*
 * What the system's files know: 0, ENOENT, or the errno of a question that failed. The variants that use a buffer of libc's are no good
 * where several threads ask; ours is malloc'ed, and *buf the caller's to free.
 */

/* Is it worth to ask again with more room? Then *buf has it, and *error is 0 or ENOMEM. */
static bool more_room(int *error, size_t *size, char **buf)
{
	char *more;

	if (*buf && *error != ERANGE)
		return false;
	*size = *buf ? *size * 2 : 1024;
	more = realloc(*buf, *size);
	*error = more ? 0 : ENOMEM;
	if (more)
		*buf = more;
	return more;
}

static int outcome(int error, const void *found)
{
	return found ? 0 : error == 0 || error == ESRCH ? ENOENT : error;
}

static int find_entry(const char *name, uint32_t uid, struct passwd *entry, char **buf)
{
	struct passwd *found = NULL;
	size_t size = 0;
	int error = 0;

	while (more_room(&error, &size, buf))
		error = name ? getpwnam_r(name, entry, *buf, size, &found) : getpwuid_r(uid, entry, *buf, size, &found);
	return outcome(error, found);
}

static int known_group(const char *name, gid_t *gid)
{
	struct group entry, *found = NULL;
	size_t size = 0;
	char *buf = NULL;
	int error = 0;

	while (more_room(&error, &size, &buf))
		error = getgrnam_r(name, &entry, buf, size, &found);
	error = outcome(error, found);
	if (!error)
		*gid = entry.gr_gid;
	free(buf);
	return error;
}

static int take_groups(const struct passwd *entry, struct child_confinement *out)
{
	gid_t groups[CHILD_GROUPS_MAX + 1];
	int n = CHILD_GROUPS_MAX + 1, kept = 0;

	out->uid = entry->pw_uid;
	out->gid = entry->pw_gid;
	if (getgrouplist(entry->pw_name, entry->pw_gid, groups, &n) < 0)
		return n > CHILD_GROUPS_MAX + 1 ? E2BIG : ENOMEM;
	for (int i = 0; i < n && kept < CHILD_GROUPS_MAX; i++)
		if (groups[i] != entry->pw_gid)
			out->groups[kept++] = groups[i];
	out->n_groups = kept;
	return 0;
}

static int known(const char *name, uint32_t uid, struct child_confinement *out)
{
	struct passwd entry;
	char *buf = NULL;
	int error = find_entry(name, uid, &entry, &buf);

	if (!error)
		error = take_groups(&entry, out);
	free(buf);
	return error;
}

/* ---- with a lua_State ---- */

static void find_user(lua_State *L, const struct args_at *at, const char *text, struct child_confinement *out)
{
	uint32_t id = 0;
	bool number = parse_id(text, &id);
	char shown[48];
	int error = known(number ? NULL : text, id, out);

	if (error == E2BIG)
		args_misuse(L, at, "'%s' is in more than %d groups; say \"user:group\"", args_show(text, strlen(text), shown, sizeof(shown)),
			    CHILD_GROUPS_MAX);
	if (error == ENOENT && !number)
		args_misuse(L, at, "there is no user '%s'", args_show(text, strlen(text), shown, sizeof(shown)));
	if (error && error != ENOENT)
		error_raise(L, &(struct error){ .op = at->op, .attr = at->key, .errnum = error });
	if (error)
		out->uid = out->gid = id;
}

static void find_group(lua_State *L, const struct args_at *at, const char *text, struct child_confinement *out)
{
	char shown[48];
	int error;

	if (parse_id(text, &out->gid))
		return;
	error = known_group(text, &out->gid);
	if (error == ENOENT)
		args_misuse(L, at, "there is no group '%s'", args_show(text, strlen(text), shown, sizeof(shown)));
	if (error)
		error_raise(L, &(struct error){ .op = at->op, .attr = at->key, .errnum = error });
}

void user_read(lua_State *L, const char *op, struct child_confinement *out)
{
	struct args_at at = { .op = op, .key = "user" };
	const char *text, *group;

	if (lua_type(L, -1) == LUA_TNUMBER)
		lua_pushfstring(L, "%I", (LUAI_UACINT)args_integer(L, -1, &at, 0, ID_MAX));
	else
		lua_pushstring(L, args_string(L, -1, &at, NULL));
	text = lua_tostring(L, -1);
	group = strchr(text, ':');
	if (group)
		text = lua_pushlstring(L, text, (size_t)(group - text));
	find_user(L, &at, text, out);
	if (group) {
		find_group(L, &at, group + 1, out);
		out->n_groups = 0;
		lua_pop(L, 1);
	}
	out->has_user = out->any = true;
	lua_pop(L, 1);
}
