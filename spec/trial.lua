-- SPDX-License-Identifier: MIT
-- trial.lua - trying what must be refused, many cases at once, in a world that must stay as it is
local assert = require "luassert"
local busted = require "busted"
local corpus = require "spec.corpus"
local firewall = require "netns.firewall"
local json = require "netns.json"
local netns = require "netns"

local trial = {}

-- 1. One case

local tried, wrong

-- f(...) must raise a netns.error with that code whose field is `attr`, or one inside of it.
function trial.try(what, case, attr, f, ...)
	local ok, err = pcall(f, ...)
	local mt = type(err) == "table" and getmetatable(err)
	local problem
	tried = tried + 1
	if ok then
		problem = "nothing was raised"
	elseif not mt or mt.__name ~= "netns.error" then
		problem = "a plain error: " .. tostring(err)
	elseif err.code ~= (case.code or "EINVAL") or not err.misuse then
		problem = "another code: " .. tostring(err)
	elseif not err.attr then
		problem = "names no field: " .. tostring(err)
	elseif err.attr ~= attr and err.attr:sub(1, #attr + 1) ~= attr .. "."
		and err.attr:sub(1, #attr + 1) ~= attr .. "[" then
		problem = ("another field, %s: %s"):format(err.attr, err)
	elseif tostring(err):find "[\0-\31\127-\255]" then
		problem = ("raw bytes in the text: %q"):format(tostring(err))
	end
	if problem then
		table.insert(wrong, ("%s = %s: %s"):format(what, corpus.show(case[1]), problem))
	end
end

-- The fields of all these tables; later ones win.
function trial.merge(...)
	local out = {}
	for _, each in ipairs { ... } do
		for key, value in next, each do
			out[key] = value
		end
	end
	return out
end

-- 2. The world

-- A namespace with links, an address, a route and a rule; close it.
function trial.world()
	local ns = netns.new()
	ns.link:add {
		{ name = "br0", kind = "bridge", addrgenmode = "none" },
		{ name = "v0", kind = "veth", addrgenmode = "none", peer = { name = "v1" } },
	}
	ns.link:set { name = "br0", up = true }
	ns.addr:add { dev = "br0", addr = "10.0.0.1/24" }
	ns.route:add { dst = "10.8.0.0/16", via = "10.0.0.2" }
	if firewall.available() then
		ns.nft:run "add table inet t; add chain inet t c; add rule inet t c tcp dport 22 accept"
	end
	return ns
end

-- What the kernel changes by itself is left out.
local function lasting(list)
	for _, entry in ipairs(list) do
		entry.stats, entry.state, entry.carrier = nil, nil, nil
	end
	return list
end

local function state(ns)
	return json.encode {
		link = lasting(ns.link:list()), addr = ns.addr:list(), route = ns.route:list { table = "all" },
		nft = firewall.available() and ns.nft:list() or "", names = json.array(netns.list()),
		ttl = ns.sysctl["net.ipv4.ip_default_ttl"], forwards = ns.sysctl["net.ipv4.ip_forward"],
	}
end

-- A test: `f` tries at least so many cases in a world; none is wrong, and nothing changes.
function trial.batch(name, least, f)
	busted.it(name, function()
		local ns <close> = trial.world()
		local before = state(ns)
		tried, wrong = 0, {}
		f(ns)
		local some = table.concat(wrong, "\n", 1, math.min(#wrong, 20))
		assert.equal(0, #wrong, ("%d of %d cases:\n%s\n"):format(#wrong, tried, some))
		assert.equal(before, state(ns))
		assert.is_true(tried >= least, ("%d cases only"):format(tried))
	end)
end

return trial
