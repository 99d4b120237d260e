-- SPDX-License-Identifier: MIT
-- corpus.lua - values that are wrong for a field or an argument, by what it should be
--
-- `corpus.bad(row)` takes a row as core.schema gives it, or one made by hand: { type, min, max,
-- names, fields, choices }. It returns an array of { value, code }, the code being EINVAL unless
-- said; each value must be refused by an error that names the field.
local netns = require "netns"

local corpus = {}

-- 1. Values of every type

local function hostile()
	local function bite()
		error "a metamethod was called"
	end
	return setmetatable({}, {
		__index = bite, __newindex = bite, __len = bite, __pairs = bite, __tostring = bite, __eq = bite,
		__call = bite, __concat = bite, __lt = bite, __name = 5, __netns = 5,
	})
end

local function cycle()
	local t = {}
	t[1], t.t = t, t
	return t
end

local function deep()
	local t = {}
	for _ = 1, 1000 do
		t = { t = t }
	end
	return t
end

-- What must not be mistaken for anything: one of each Lua type, and tables that bite.
local function anything()
	local closed = netns.new()
	closed:close()
	return {
		true, false, 1, 1.5, "x", {}, cycle(), deep(), hostile(), print, coroutine.create(print),
		coroutine.wrap(print), io.stdout, closed,
	}
end

-- All of these but those of the Lua types named.
local function not_of(...)
	local taken, list = {}, {}
	for _, name in ipairs { ... } do
		taken[name] = true
	end
	for _, value in ipairs(anything()) do
		if not taken[type(value)] then
			list[#list + 1] = { value }
		end
	end
	return list
end

local function append(list, values)
	for _, value in ipairs(values) do
		list[#list + 1] = { value }
	end
	return list
end

local function all(...)
	local list = {}
	for _, each in ipairs { ... } do
		table.move(each, 1, #each, #list + 1, list)
	end
	return list
end

-- 2. Numbers

local nan, inf = 0 / 0, math.huge

local function numbers(min, max)
	local list = {}
	for _, n in ipairs {
		-1, 2^31, 1 << 31, 2^32, 1 << 32, (1 << 32) + 1500, 2^53, (1 << 53) + 1, 2^63, -2^63, 2^64,
		1.5, -0.5, nan, inf, -inf, math.mininteger, math.maxinteger, 1e308, min - 1, max + 1,
		max + 0.5,
	} do
		local whole = math.tointeger(n)
		if not whole or whole < min or whole > max then
			list[#list + 1] = { n }
		end
	end
	return list
end

-- 3. Strings

local long = ("x"):rep(100000)

local ifnames = {
	"", ".", "..", "/", "a/b", "../x", "a:b", "a b", "a\tb", "a\nb", "%d", "t%d", "%s", "a\0b", "\0",
	"\xff\xfe", "\27[2J", 'a;"b', "a'b", "a\\b", "a*", ("x"):rep(16), long,
}

local netns_names = {
	"", ".", "..", "a/b", "../x", "a b", "a\tb", "a\nb", "a\0b", "\0", ("x"):rep(256), long,
}

local addresses = {
	"", "x", "default", "10", "10.0.0", "1.2.3", "10.0.0.256", "10.0.0.1.2", "010.0.0.1", "0x0a.0.0.1",
	"10.0.0.-1", " 10.0.0.1", "10.0.0.1 ", "10.0.0.1\n", "10.0.0.1\0", "10.0.0.1\0/24", "10.0.0.1x",
	"::1%lo", "fe80::1%nosuch", ":", ":::", "1::2::3", "fd00::g", "fd00::12345", "[fd00::1]", "::1\0",
	"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::10.0.0", "1.2.3.4:80", "\xff", "\27[2J", long,
}

local prefixes = {
	"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/8x", "10.0.0.0/8/8",
	"10.0.0.0/ 8", "10.0.0.0/+8", "10.0.0.0/8.0", "10.0.0.0/255.0.0.0", "10.0.0.0/0x8",
	"10.0.0.0/4294967304", "10.0.0.0/18446744073709551624", "fd00::/129", "fd00::/-1", "fd00::/",
	"/8", "/", "10.0.0.0/8\0", "10.0.0.0\0/8", "default\0", "default/8",
}

local lladdrs = {
	"", "x", "02:00:00:00:00:zz", "02:00:00:00:00:", ":02:00:00:00:00:01", "02::00:00:00:01", "002:00",
	"02-00-00-00-00-01", "0200.0000.0001", "02:00:00:00:00:01\0", "02:00:00:00:00:01 ", "0x2:00",
	"-2:00", " 2:00", "100:00", ("02:"):rep(40) .. "02", "\xff", long,
}

local times = {
	"", "x", "soon", "10", "1.5", "s", ".", ".s", "1x", "1 s", " 1s", "1s ", "-1s", "+1s", "1.5.5s",
	"0x10s", "1e3s", "infs", "nans", "1S", "1ss", "1s\0", "1\0s", "forever\0", "\xff", long,
}

-- 4. By type

local makers = {}

function makers.integer(row)
	return all(not_of("number"), append({}, { "10", "0" }), numbers(row.min or 0, row.max))
end

local function number(min, max)
	return function(row)
		local low, high = row.min or min, row.max or max
		if not row.names then
			return makers.integer { min = low, max = high }
		end
		local name = row.names[1]
		local strings = append({}, { "", "nope", "10", "0", name .. "\0", name .. " ", "all\0" })
		return all(not_of("number"), numbers(low, high), strings)
	end
end

makers.u8 = number(0, 0xff)
makers.u16 = number(0, 0xffff)
makers.u32 = number(0, 0xffffffff)
makers.s32 = number(-2^31 | 0, 0x7fffffff)
makers.u64 = number(0, math.maxinteger)
makers.be16, makers.be32 = makers.u16, makers.u32

function makers.bool()
	return all(not_of("boolean"), append({}, { 0, "true", "yes", "" }))
end

makers.bit, makers.flag = makers.bool, makers.bool

function makers.string(row)
	local list = append(not_of("string"), { "\0", "a\0b" })
	if row.max and row.max > 0 then
		append(list, { ("x"):rep(row.max + 1), long })
	end
	if row.min and row.min > 0 then
		append(list, { "" })
	end
	return list
end

function makers.text()
	return not_of("string")
end

function makers.word(row)
	return append(not_of("string"), { "", "nope", "\0", row.names[1] .. "\0", row.names[1] .. " " })
end

function makers.bits(row)
	local name = row.names[1]
	local list = all(not_of("table", "number"), numbers(0, 0xffffffff))
	return append(list, {
		cycle(), deep(), { "nope" }, { name, "nope" }, { name, nil, name }, { 1.5 }, { -1 }, { 1 << 32 },
		{ {} }, { print }, { [name] = true }, { name, flag = true }, { [0] = name }, "nope", "10",
		name .. "\0",
	})
end

function makers.ifname(row)
	local list = append(not_of("string"), { ("x"):rep((row.max or 15) + 1) })
	for _, name in ipairs(ifnames) do
		list[#list + 1] = #name ~= 16 and { name } or nil
	end
	return list
end

function makers.link()
	return all(not_of("string", "number"), append({}, ifnames), numbers(0, 0x7fffffff))
end

function makers.netns_name()
	return append(not_of("string"), netns_names)
end

function makers.pid()
	return append(makers.integer { min = 1, max = 0x7fffffff }, { 0 })
end

function makers.netns()
	local list = all(not_of("string", "number"), numbers(1, 0x7fffffff), append({}, netns_names))
	for _, case in ipairs(list) do
		local mt = type(case[1]) == "userdata" and getmetatable(case[1])
		case.code = mt and mt.__name == "netns.ns" and "EBADF" or nil
	end
	return append(list, { 0, "/" .. long })
end

function makers.lladdr()
	return append(not_of("string"), lladdrs)
end

function makers.addr()
	return append(append(not_of("string"), addresses), { "10.0.0.1/24", "fd00::1/64" })
end

function makers.scoped_addr()
	local list = {}
	for _, case in ipairs(makers.addr()) do
		list[#list + 1] = case[1] ~= "::1%lo" and case or nil
	end
	return list
end

function makers.prefix(row)
	local list = append(not_of("string"), prefixes)
	for _, text in ipairs(addresses) do
		if text ~= "default" or not row.default then
			list[#list + 1] = { text }
		end
	end
	return list
end

function makers.time()
	return append(append(not_of("number", "string"), times), {
		-1, -0.001, nan, -inf, math.mininteger,
	})
end

-- quantities with units
local function quantity(...)
	local list = {
		"", "x", "-1", "1x", " 1", "1 ", "1\0", "0x10", "1e3", "nan", "inf", "\xff", long, ...
	}
	return function()
		return append(append(not_of("number", "string"), list), { -1, -0.001, nan, -inf, inf, 2^60 })
	end
end

makers.rate = quantity("10mbits", "mbit", "10%")
makers.size = quantity("10kbx", "kb", "10%", "5gb", 4294967296)
makers.fraction = quantity("101%", "1.5", "%", "1kb", "2")

function makers.handle()
	return append(not_of("string"), {
		"", "1", "10", ":", "1:10:", "1::", "x:", "1:x", "10000:", "1:10000", "-1:", " 1:", "1: ", "1:\0",
		"root\0", "Root", "0x1:", "\xff", long,
	})
end

function makers.range(row)
	return append(all(not_of("number", "string"), numbers(0, row.max)), {
		"", "x", "-", "80-", "-80", "90-80", "80-90-", "80-90-100", "80 -90", "80-90 ", "0x50", "1e3",
		"80-90\0", "\xff",
		"99999999999", "0-99999999999", long,
	})
end

function makers.key()
	local as = ("A"):rep(42)
	return append(not_of("string"), {
		"", "x", as, as .. "A", as .. "AA", as .. "AAA", as .. "B=", as .. "-=", (" A"):rep(21) .. "A=",
		as .. "A=\0", "\xff", long,
	})
end

function makers.endpoint()
	return append(not_of("string"), {
		"", "x", ":", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:-1",
		"10.0.0.1: 1", "fd00::1:51820", "[fd00::1]", "[fd00::1]:x", "[10.0.0.1]:1", "[]:1", "host:1",
		"10.0.0.1:1\0", "\xff", "99999999999999999999:1", "10.0.0.1:99999999999999999999", long,
	})
end

function makers.subnet()
	return append(not_of("string"), prefixes)
end

makers["function"] = function()
	return not_of("function")
end

function makers.any()
	return append({}, { print, coroutine.create(print) })
end

local function fields(rows, kind)
	local list = {}
	for _, row in ipairs(rows) do
		for _, case in ipairs(row.ro and {} or corpus.bad(row)) do
			list[#list + 1] = { { [row.key] = case[1] }, code = case.code, kind = kind, inner = row.key }
		end
	end
	return list
end

local function unknown(kind)
	local list = {}
	for _, value in ipairs {
		{ bogus = 1 }, { 1 }, { [1.5] = 1 }, { [true] = 1 }, { ["\0"] = 1 }, { ["name\0"] = 1 }, cycle(),
		deep(), { [long] = 1 }, { [{}] = 1 },
	} do
		list[#list + 1] = { value, kind = kind }
	end
	return list
end

corpus.unknown = unknown

function makers.nest(row)
	return all(not_of("table"), unknown(), fields(row.fields))
end

makers.struct = makers.nest

function makers.list(row)
	local list = all(not_of("table"), append({}, { { x = 1 }, { [0] = 1 }, { 1, nil, 3 }, { {} } }))
	for _, case in ipairs(corpus.bad(row.element)) do
		if case[1] ~= nil then
			list[#list + 1] = { { case[1] }, code = case.code }
		end
	end
	return list
end

-- nexthops: an array of tables
function makers.nests(row)
	local list = append(not_of("table"), {
		{}, cycle(), { 1 }, { "x" }, { {}, nil, {} }, { via = "10.0.0.2" },
	})
	for _, case in ipairs(all(unknown(), fields(row.fields))) do
		local value = { { via = "10.0.0.2" }, case[1] }
		list[#list + 1] = { value, code = case.code, inner = case.inner }
	end
	return list
end

-- What a kind adds. A case is for a spec of its kind.
function makers.union(row)
	local list = {}
	for kind, rows in pairs(row.choices) do
		if #rows > 0 then
			list = all(list, not_of("table"), unknown(kind), fields(rows, kind))
			for _, case in ipairs(list) do
				case.kind = case.kind or kind
			end
		end
	end
	return list
end

function makers.table()
	return not_of("table")
end

-- 5. Arguments

local function also(maker, values)
	return function(row)
		return append(maker(row), values)
	end
end

makers.signal = also(function()
	return makers.integer { min = 0, max = 64 }
end, { "", "NOPE", "SIG", "SIGNOPE", "term", "TERM\0", "9" })

makers.pattern = also(makers.text, { "%", "[", "[a", "(", "%b", "%bx", "%f", "(()", "%1" })

makers.service = also(makers.text, {
	"", "tcp", "tcp/", "tcp/http", "tcp/0", "tcp/65536", "tcp/-1", "tcp/1.5", "tcp/0x50", "sctp/80",
	"TCP/80", "tcp/80 ", " tcp/80", "tcp:80", "/80", "tcp/80\0", "tcp/99999999999999999999", "\27[2J",
})

makers.ruleset = also(makers.text, {
	"\0", "list ruleset\0", "monitor", "monitor trace", "list ruleset; monitor",
})

makers.vars = also(makers.table, {
	{ 1 }, { [""] = 1 }, { ["a-b"] = 1 }, { ["1a"] = 1 }, { ["a\0"] = 1 }, { ["a\nb"] = 1 },
	{ [true] = 1 }, { ["$a"] = 1 }, { a = {} }, { a = { 1, nil, 2 } }, { a = { x = 1 } },
	{ a = { 1, x = 1 } }, { a = { {} } }, { a = 1.5 }, { a = nan }, { a = inf }, { a = true },
	{ a = "" }, { a = "x y" }, { a = "x;y" }, { a = "x\ny" }, { a = "x\0" }, { a = "}" }, { a = "$b" },
	{ a = "@s" }, { a = '"x"' }, { a = "#" }, { a = "\\" }, { a = "\xff" }, { a = print },
	{ a = io.stdout }, cycle(), { a = hostile() }, { a = deep() },
})

-- A table is for containers; where that module is not there, none is tried.
function makers.netns_ref()
	local containers = package.searchpath("netns.container", package.path)
	local list = {}
	for _, case in ipairs(makers.netns()) do
		list[#list + 1] = (containers or type(case[1]) ~= "table") and { case[1] } or nil
	end
	return list
end

function makers.operation_spec()
	return not_of("table", "string")
end

function makers.json()
	return append({}, {
		print, coroutine.create(print), io.stdout, nan, inf, -inf, cycle(), deep(), { 1, x = 1 },
		{ 1, nil, 3 }, { [true] = 1 }, { [1.5] = 1 }, { x = print }, { nan }, "\xff", { "\xff" },
		{ ["\xff"] = 1 },
	})
end

function makers.sysctl_key()
	return append(not_of("string", "table"), {
		"", ".", "/", "net.", "net/", ".net.ipv4", "/net/ipv4", "net..ipv4", "net//ipv4", "net/./ipv4",
		"net/../kernel/hostname", "net.ipv4.//.//.kernel", "net.ipv4.", "net/ipv4/", "network.x", "Net.x",
		"kernel.hostname", "user.max_net_namespaces", "ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward",
		" net.ipv4", "net.ipv4.ip_forward\0", "net\0.ipv4", "\27[2J", "net.." .. long, "\xff\xfe",
		{ x = 1 }, { [0] = "net.ipv4.ip_forward" }, { "net.ipv4.ip_forward", nil, "net.ipv4.ip_forward" },
		{ {} }, cycle(),
	})
end

function makers.sysctl_value()
	return append(not_of("number", "string"), { 1.5, nan, inf, -inf, 2^63, "\0", "1\0", "1\n\0" })
end

function makers.kind()
	return append(not_of("string"), {
		"", "a b", "a/b", "../veth", "veth\0", "\0", "\27[2J", "\xff", ("x"):rep(16), long,
	})
end

function makers.namespaces()
	local list = append(not_of("table"), { { x = 1 }, { [0] = 1 }, { 1, nil, 3 }, cycle(), deep() })
	for _, case in ipairs(makers.netns()) do
		append(list, { { case[1] } })
		list[#list].code = case.code
	end
	return list
end

makers.argv = function()
	local list = append({}, { {}, { [0] = "x", "true" }, { "true", nil, "x" }, { "" } })
	for _, case in ipairs(append(not_of("string", "number"), { 1.5, nan, inf, "a\0b", "\0" })) do
		append(list, { { case[1] }, { "true", case[1] } })
	end
	return list
end

makers.env = also(makers.table, {
	{ "A" }, { [true] = "x" }, { [""] = "x" }, { ["A=B"] = "x" }, { ["A\0"] = "x" },
	{ ["\27="] = "x" },
	{ A = true }, { A = 1.5 }, { A = {} }, { A = print }, { A = "x\0" }, { A = hostile() },
})

local function stream(words)
	return function()
		local list = all(not_of("string", "userdata", words == "stdin" and "boolean" or nil))
		local file = io.open "/dev/null"
		file:close()
		append(list, { file, netns.current() })
		if words ~= "stdin" then
			append(list, { "", "nowhere", "null\0", "\27[2J", "capture " })
		end
		return list
	end
end

makers.stdin, makers.stdout, makers.stderr = stream "stdin", stream "stdout", stream "stderr"

makers.limits = also(makers.table, {
	{ 1 }, { bogus = 1 }, { ["nofile\0"] = 1 }, { [true] = 1 }, { ["\27[2J"] = 1 }, { nofile = -1 },
	{ nofile = 1.5 }, { nofile = nan }, { nofile = inf }, { nofile = 2^63 }, { nofile = "10" },
	{ nofile = "unlimited\0" }, { nofile = {} }, { nofile = { 1 } }, { nofile = { 1, 2, 3 } },
	{ nofile = { 2, 1 } }, { nofile = { 1, nil, 2 } }, { nofile = { 1, 2, x = 3 } },
	{ nofile = { "unlimited", 1 } }, { nofile = { 1, {} } }, { nofile = hostile() },
	{ nofile = cycle() }, { nofile = print },
})

makers.caps = also(makers.table, {
	{ "bogus" }, { "" }, { "net_admin\0" }, { "net_admin", 1 }, { net_admin = true }, { "\27[2J" },
	{ "net_admin", nil, "net_raw" }, { [0] = "net_admin" }, { "net_admin", x = 1 }, { {} }, { "cap_" },
	{ print }, cycle(), { hostile() },
})

makers.user = function()
	return all(not_of("string", "number"), numbers(0, 0xfffffffe), append({}, {
		"", ":", "root:", ":root", "root:root:root", "no such user", "no\0", "root\0", "-1", "1.5", "0x0",
		"4294967295", "4294967296", "18446744073709551616", "\27[2J", "root:no such group", long,
	}))
end

makers.pty = function()
	local list = not_of("boolean", "table")
	for _, key in ipairs { "rows", "cols" } do
		for _, case in ipairs(makers.integer { min = 1, max = 65535 }) do
			append(list, { { [key] = case[1] } })
		end
	end
	return append(list, { { echo = 1 }, { bogus = 1 }, { 24, 80 }, { ["rows\0"] = 1 }, cycle() })
end

local made = setmetatable({}, { __mode = "k" })

function corpus.bad(row)
	local maker = makers[row.type]
	if not maker then
		error("spec/corpus.lua does not know what is wrong for the type " .. row.type)
	end
	made[row] = made[row] or maker(row)
	return made[row]
end

-- How an error's field names an unknown key.
function corpus.attr(key)
	return type(key) == "string" and key:gsub("%z", "\\0"):sub(1, 43) or "spec"
end

function corpus.knows(kind)
	return makers[kind] ~= nil
end

-- Selves for a method that are none.
function corpus.selves()
	return append({}, {
		true, 5, "x", {}, cycle(), hostile(), print, coroutine.create(print), io.stdout,
	})
end

-- As an error's text can show it.
function corpus.show(value)
	if type(value) == "string" then
		return ("%q"):format(value:sub(1, 40)):gsub("\\\n", "\\n")
	elseif type(value) ~= "table" then
		return tostring(value)
	end
	local key, inner = next(value)
	if key == nil then
		return "{}"
	end
	return ("{ [%s] = %s ... }"):format(type(key) == "string" and key:sub(1, 20) or type(key),
		type(inner) == "table" and "table" or corpus.show(inner))
end

return corpus
