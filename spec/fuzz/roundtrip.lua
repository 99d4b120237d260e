-- SPDX-License-Identifier: MIT
-- roundtrip.lua - every row of every collection, with random values: what is written reads the same
--
--   fuzz-roundtrip spec/fuzz/roundtrip.lua SEED RUNS
--
-- Prints how many values came back, of how many rows; raises at the first that did not.
local core, roundtrip = _G.core, _G.roundtrip
local seed, runs = ...
math.randomseed(math.tointeger(tonumber(seed)))

local random = math.random

local function one(list)
	return list[random(#list)]
end

-- A value for each type of row. `six`: addresses are those of IPv6.
local make = {}

local function integer(min, max)
	return function(row)
		local low, high = row.min or min, row.max or max
		local value = random(4) == 1 and one { low, high } or random(low, high)
		if not row.names then
			return value
		end
		-- a name, or a number that has none; -1 is none of the names, whatever it means inside
		local named = random(4) > 1 or row.key == "state" or row.key == "family"
		return named and one(row.names) or one { 177, max > 65535 and not row.max and max or 177 }
	end
end

make.u8, make.u16, make.u32 = integer(0, 255), integer(0, 65535), integer(0, 2 ^ 32 - 1 | 0)
make.be16, make.be32, make.s32 = make.u16, make.u32, integer(-2 ^ 31 | 0, 2 ^ 31 - 1 | 0)
make.u64 = integer(0, math.maxinteger)

function make.bool()
	return random(2) == 1
end

make.bit = make.bool

function make.flag()
	return true
end

function make.string(row)
	return ("x"):rep(random(1, math.min(row.max or 15, 15)))
end

function make.ifname()
	return "if" .. random(2, 9999)
end

make.link = make.ifname

function make.lladdr()
	return ("02:%02x:00:ab:cd:%02x"):format(random(0, 255), random(0, 255))
end

function make.addr(_, six)
	return six and ("2001:db8::%x"):format(random(1, 65535))
		or ("10.%d.%d.%d"):format(random(0, 255), random(0, 255), random(0, 255))
end

function make.prefix(row, six)
	local length = random(1, six and 63 or 15)
	if row.key == "addr" then -- what is behind the length is its own
		return make.addr(nil, six) .. "/" .. length
	end
	-- as long as the bits that are set in it
	return six and "2001:db8::/" .. random(32, 127) or "10.32.0.0/" .. random(11, 31)
end

function make.time()
	return random(0, 60) * 64 -- seconds that all clocks of the kernel can tell
end

function make.rate()
	return random(1, 10000) * 8000
end

function make.size()
	return random(1, 1000) * 64
end

function make.fraction()
	return one { 0, 0.25, 0.5, 1 }
end

function make.handle()
	return ("%x:%x"):format(random(1, 0xfffe), random(1, 0xffff))
end

function make.range(row)
	local from = random(0, row.max - 1)
	return one { from, ("%d-%d"):format(from, random(from + 1, row.max)) }
end

function make.bits(row)
	local out = {}
	for _, name in ipairs(row.names) do
		out[#out + 1] = random(2) == 1 and name or nil
	end
	return out
end

local function value_of(row, six)
	if row.type == "list" then
		local out = {}
		for i = 1, random(1, 3) do
			out[i] = value_of(row.element, six)
		end
		return out
	elseif row.type == "struct" then
		local out = {}
		for _, member in ipairs(row.fields) do
			out[member.key] = value_of(member, six)
		end
		return out
	end
	return make[row.type] and make[row.type](row, six)
end

-- Is it the same? What is usual need not be told, and false need not.
local function same(a, b)
	if type(a) ~= "table" or type(b) ~= "table" then
		return a == b or math.type(b) == "float" and tonumber(a) and math.abs(a - b) < 1e-5
	end
	for key in pairs(a) do
		if not same(a[key], b[key]) then
			return false
		end
	end
	for key in pairs(b) do
		if a[key] == nil then
			return false
		end
	end
	return true
end

local function show(value)
	if type(value) ~= "table" then
		return tostring(value)
	end
	local out = {}
	for key, each in pairs(value) do
		out[#out + 1] = tostring(key) .. " = " .. show(each)
	end
	table.sort(out)
	return "{ " .. table.concat(out, ", ") .. " }"
end

-- The least that a spec needs.
local least = {
	link = { name = "if7", kind = "dummy" }, addr = { dev = "if3" }, route = {},
	rule = { priority = 7 }, neigh = { dev = "if3" },
	fdb = { dev = "if3", lladdr = "02:00:00:00:00:01" }, qdisc = { dev = "if3", kind = "pfifo" },
	class = { dev = "if3", kind = "htb", classid = "1:1", data = { rate = 8000000 } },
	ntable = { name = "arp_cache", dev = "if3" }, vlan = { dev = "if3", vid = 7 },
	filter = { dev = "if3", kind = "matchall", prio = 7 },
}

-- And its data, by kind.
local least_data = {
	qdisc = { tbf = { rate = 8000000, burst = 64000, limit = 64000 } },
	class = { htb = { rate = 8000000 } }, link = {},
	filter = { flower = { ip_proto = "tcp" } },
}

-- Rows that are not what they are alone, or that another message of the kernel's takes, and why.
local apart = {
	["link rename"] = "is another link's name", ["link netns"] = "is never listed",
	["link altnames"] = "goes by itself", ["link bridge_slave"] = "goes by itself",
	["link bond_slave"] = "goes by itself", ["link kind"] = "chooses the rows of data",
	["qdisc kind"] = "chooses the rows of data", ["class kind"] = "chooses the rows of data",
	["filter kind"] = "chooses the rows of data",
	["addr peer"] = "is listed without its length",
	["qdisc tbf latency"] = "is told as limit", 	["ntable name"] = "is that of one of the kernel's",
}

local function merged(a, b)
	local out = {}
	for key, value in pairs(a) do
		out[key] = value
	end
	for key, value in pairs(b or {}) do
		out[key] = value
	end
	return out
end

local values, rows = 0, {}

-- The spec comes back with that value in field `key`, of its data where `inner` is so.
local function check(object, spec, path, row, pick, wanted)
	local told
	for _, verb in ipairs(object == "ntable" and { "set" } or { "add", "set" }) do
		local ok, entry = pcall(roundtrip, object, verb, spec)
		if not ok and wanted == 2 ^ 32 - 1 and tostring(entry):find "is outside" then
			return -- less than its type could hold
		elseif not ok then
			error(("%s %s: %s %s: %s"):format(object, path, verb, show(spec), tostring(entry)), 0)
		end
		told = pick(entry)
		if same(wanted, told) or told == nil and (wanted == row.usual or wanted == false
			or wanted == 0 and object == "qdisc" or type(wanted) == "table" and not next(wanted)) then
			values = values + 1
			rows[object .. " " .. path] = true
			return
		end
	end
	error(("%s %s: %s was written, %s read, of %s"):format(object, path, show(wanted), show(told),
		show(spec)), 0)
end

local function base(object, six)
	local spec = merged(least[object])
	if object == "addr" then
		spec.addr = make.addr(nil, six) .. "/24"
	elseif object == "neigh" then
		spec.dst = make.addr(nil, six)
	elseif object == "route" then
		spec.dst = make.prefix({}, six)
	end
	return spec
end

-- Kinds that another interface of the kernel's makes, or fills.
local elsewhere = { tun = true, wireguard = true }

-- Kinds that say which family their addresses are of.
local fixed = {
	gre = false, gretap = false, ipip = false, sit = false, ip6gre = true, ip6gretap = true,
	ip6tnl = true,
}

local function each_kind(object, row)
	for kind, inner in pairs(row.choices) do
		for _, field in ipairs(elsewhere[kind] and {} or inner) do
			local six = fixed[kind]
			if field.type == "list" then
				six = field.key:find "ip6" ~= nil
			end
			if six == nil then
				six = random(2) == 1
			end
			local path = ("%s %s"):format(kind, field.key)
			local value = not (field.ro or field.wo or field.state) and not apart[object .. " " .. path]
				and value_of(field, six)
			if field.key == "group" and field.type == "addr" then
				value = six and "ff05::100" or "239.1.2.3"
			end
			if value ~= nil and value ~= false or value == false and field.type == "bool" then
				local spec = base(object, six)
				spec.kind, spec.link = kind, object == "link" and "if9" or nil
				spec.data = merged(least_data[object][kind] or {}, { [field.key] = value })
				check(object, spec, path, field, function(entry)
					return entry.data and entry.data[field.key]
				end, value)
			end
		end
	end
end

local function each_row(object)
	for _, row in ipairs(core.schema(object)) do
		local six = random(2) == 1
		if row.choices then
			each_kind(object, row)
		elseif not (row.ro or row.wo or row.state or apart[object .. " " .. row.key]) then
			local value = value_of(row, six)
			if value ~= nil then
				local spec = base(object, six)
				spec[row.key] = value
				if row.key == "family" and object == "ntable" then
					spec.name = value == "inet" and "arp_cache" or "ndisc_cache"
				elseif row.key == "family" and object ~= "rule" then
					value = six and "inet6" or "inet"
					spec.family = value
				elseif row.key == "family" then
					value = one(row.names)
					spec.family = value
				elseif row.key == "fwmask" then
					spec.fwmark = 1
				elseif row.key == "broadcast" then
					spec.addr = make.addr(nil, six) .. "/24"
				elseif row.key == "preferred" then
					spec.valid = value
				end
				check(object, spec, row.key, row, function(entry)
					return entry[row.key]
				end, value)
			end
		end
	end
end

for _ = 1, math.tointeger(tonumber(runs)) do
	for object in pairs(least) do
		each_row(object)
	end
end

local count = 0
for _ in pairs(rows) do
	count = count + 1
end
print(("%d values of %d rows"):format(values, count))
