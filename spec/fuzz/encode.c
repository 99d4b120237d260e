/* SPDX-License-Identifier: MIT */
/*
 * encode.c - fuzz target: any table as a spec
 *
 * Input: the object and the verb, then keys and values: keys mostly that rows have, values of all types, tables in tables. Either it is
 * refused as misuse, or the message is whole: its attributes fill it to the byte, and it can be decoded.
 */
#include "fuzz.h"

#include "../../src/lua/args.h"

#include <string.h>

enum { DEPTH = 4, WIDTH = 6 };

/* Every key and name of the rows, inner ones too, into the array on top of the stack. */
static void collect(lua_State *L, const struct codec_row *rows, lua_Integer *n)
{
	for (const struct codec_row *row = rows; rows && row->type != CODEC_END; row++) {
		luaL_checkstack(L, 4, "collect");
		if (row->key) {
			lua_pushstring(L, row->key);
			lua_rawseti(L, -2, ++*n);
		}
		for (const struct codec_name *name = row->names; name && name->name; name++) {
			lua_pushstring(L, name->name);
			lua_rawseti(L, -2, ++*n);
		}
		collect(L, row->sub, n);
		for (const struct codec_choice *one = row->choices; one && one->name; one++) {
			lua_pushstring(L, one->name);
			lua_rawseti(L, -2, ++*n);
			collect(L, one->rows, n);
			collect(L, one->outer, n);
		}
	}
}

/* Push the array of an object's words; made once. */
static void push_words(lua_State *L, const struct rtnl_object *object)
{
	static const char *const others[] = {
		"10.0.0.1", "10.0.0.0/8", "fd00::1", "fd00::/64", "default", "02:00:00:00:00:01", "eth0", "forever", "10s", "all", "",
	};
	lua_Integer n = 0;

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, object) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		lua_pushstring(L, others[i]);
		lua_rawseti(L, -2, ++n);
	}
	collect(L, object->rows, &n);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, object);
}

static void push_word(lua_State *L, int words, struct input *in)
{
	lua_rawgeti(L, words, (lua_Integer)(input_number(in, 2) % lua_rawlen(L, words)) + 1);
}

static void push_table(lua_State *L, int words, struct input *in, int depth);

static void push_value(lua_State *L, int words, struct input *in, int depth)
{
	static const lua_Number numbers[] = { 1.5, -1, 4294967296.0, 1e308, -0.0, 65536, 9007199254740993.0 };
	uint8_t kind = input_byte(in);
	struct input run;

	switch (kind % 10) {
	case 0:
		lua_pushboolean(L, kind & 16);
		break;
	case 1:
		lua_pushinteger(L, input_byte(in));
		break;
	case 2:
		lua_pushinteger(L, (lua_Integer)input_number(in, 8));
		break;
	case 3:
		lua_pushnumber(L, numbers[input_byte(in) % (sizeof(numbers) / sizeof(*numbers))]);
		break;
	case 4:
		lua_pushinteger(L, (lua_Integer)input_number(in, 2));
		break;
	case 5:
		run = input_run(in, input_byte(in));
		lua_pushlstring(L, (const char *)run.data, run.size);
		break;
	case 6:
	case 7:
		push_word(L, words, in);
		break;
	default:
		push_table(L, words, in, depth);
		break;
	}
}

static void push_table(lua_State *L, int words, struct input *in, int depth)
{
	uint8_t shape = depth < DEPTH ? input_byte(in) : 0;

	luaL_checkstack(L, 5, "table");
	lua_newtable(L);
	for (int i = 0; i < shape % WIDTH; i++) {
		if (shape & 128)
			lua_pushinteger(L, i + 1);
		else if (shape & 64 && i == 0)
			push_value(L, words, in, DEPTH);
		else
			push_word(L, words, in);
		if (lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) != lua_tonumber(L, -1)) {
			lua_pop(L, 1); /* no key */
			continue;
		}
		push_value(L, words, in, depth + 1);
		lua_rawset(L, -3);
	}
}

static void check_attributes(struct codec_span all)
{
	while (codec_next(&all))
		;
	if (all.size > 0)
		fuzz_fail("%zu bytes at the end of the message are no attribute", all.size);
}

static int run(lua_State *L)
{
	struct input *in = lua_touserdata(L, 1);
	const struct rtnl_object *object = fuzz_objects[input_byte(in) % FUZZ_OBJECTS];
	uint8_t verb = input_byte(in);
	const struct nlmsghdr *h;
	struct rtnl r;
	size_t start, fixed = NLMSG_HDRLEN + NLMSG_ALIGN(object->header);
	int spec;

	fuzz_rtnl(&r, L, object, "encode");
	push_words(L, object);
	lua_newtable(L);
	spec = lua_gettop(L);
	push_word(L, spec - 1, in);
	lua_setfield(L, spec, object->key);
	if (object == &rtnl_link && verb & 64) {
		push_word(L, spec - 1, in);
		lua_setfield(L, spec, "kind");
	}
	for (int i = 0; i < 12 && in->size > 0; i++) {
		push_word(L, spec - 1, in);
		push_value(L, spec - 1, in, 1);
		lua_rawset(L, spec);
	}
	r.lenient = true;
	start = rtnl_encode(&r, spec, (enum rtnl_verb)(verb % RTNL_VERBS));
	h = (const struct nlmsghdr *)(r.codec.out->data + start);
	if (h->nlmsg_len != r.codec.out->size - start || h->nlmsg_len < fixed)
		fuzz_fail("a message of %u bytes says that it has %zu", h->nlmsg_len, r.codec.out->size - start);
	check_attributes((struct codec_span){ (const char *)h + fixed, h->nlmsg_len - fixed });
	lua_newtable(L);
	codec_decode(&r.codec, h, object->header, object->rows);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_call(run, &(struct input){ data, size });
	return 0;
}
