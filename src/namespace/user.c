/* SPDX-License-Identifier: MIT */
/*
 * user.c - who a program runs as: reads the `user` of a spec
 *
 * 1000, "1000" and "name" mean that user with the groups which the system's files give to it, a number that they do not know has
 * the group of the same number; "user:group" has that group and no other.
 */
#include "user.h"

#include "../lua/args.h"

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

/* ---- what the system's files know; 0, or an errno ---- */

static int known(const char *name, uint32_t uid, struct child_confinement *out)
{
	gid_t groups[CHILD_GROUPS_MAX + 1];
	int n = CHILD_GROUPS_MAX + 1, kept = 0;
	struct passwd *entry;

	errno = 0;
	entry = name ? getpwnam(name) : getpwuid(uid);
	if (!entry)
		return errno ? errno : ENOENT;
	out->uid = entry->pw_uid;
	out->gid = entry->pw_gid;
	if (getgrouplist(entry->pw_name, entry->pw_gid, groups, &n) < 0)
		return E2BIG;
	for (int i = 0; i < n; i++)
		if (groups[i] != entry->pw_gid)
			out->groups[kept++] = groups[i];
	out->n_groups = kept;
	return kept > CHILD_GROUPS_MAX ? E2BIG : 0;
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
	if (error && !number)
		args_misuse(L, at, "there is no user '%s'", args_show(text, strlen(text), shown, sizeof(shown)));
	if (error)
		out->uid = out->gid = id;
}

static void find_group(lua_State *L, const struct args_at *at, const char *text, struct child_confinement *out)
{
	const struct group *entry;
	char shown[48];

	if (parse_id(text, &out->gid))
		return;
	entry = getgrnam(text);
	if (!entry)
		args_misuse(L, at, "there is no group '%s'", args_show(text, strlen(text), shown, sizeof(shown)));
	out->gid = entry->gr_gid;
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
