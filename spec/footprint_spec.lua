-- SPDX-License-Identifier: MIT
-- footprint_spec.lua - a lab changes nothing outside its own namespaces: not while it stands, and
-- not when it is gone
--
-- What is outside is read from /proc and by iproute2's programs, not by netns: sysctls, links,
-- addresses, routes, rules, neighbours, firewall, mounts, names, processes.
local lab = require "netns.lab"
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

-- Counters and the like: what the machine itself changes all the while.
local moving = {
	"^fs/[%w-]*%-nr$", "^fs/[%w-]*%-state$", "^fs/quota/", "^kernel/random/", "^kernel/ns_last_pid$",
	"^kernel/pty/nr$", "^kernel/[%w_]*tainted$", "^net/netfilter/nf_conntrack_count$",
	"^kernel/sched_domain/", "^kernel/perf_event_max_sample_rate$", "^vm/stat_refresh$",
	"^fs/binfmt_misc/", "^kernel/perf_cpu_time_max_percent$",
}

local function moves(key)
	for _, pattern in ipairs(moving) do
		if key:find(pattern) then
			return true
		end
	end
	return false
end

--- All settings below /proc/sys that can be read: put(name, value).
local function sysctls(put)
	local function walk(below)
		local path = "/proc/sys/" .. below
		local listed, next_entry, dir = pcall(lfs.dir, path)
		for name in listed and next_entry or function() end, dir do
			local key = below == "" and name or below .. "/" .. name
			local mode = name ~= "." and name ~= ".." and lfs.attributes("/proc/sys/" .. key, "mode")
			if mode == "directory" then
				walk(key)
			elseif mode and not moves(key) then
				local file <close> = io.open("/proc/sys/" .. key)
				put("sysctl " .. key, file and file:read "a" or "cannot be read")
			end
		end
	end
	walk ""
end

local commands = {
	{ "ip", "-details", "link" }, { "ip", "addr" }, { "ip", "route", "show", "table", "all" },
	{ "ip", "-6", "route", "show", "table", "all" }, { "ip", "rule" }, { "ip", "-6", "rule" },
	{ "ip", "neigh" }, { "ip", "ntable" }, { "ip", "netns" }, { "nft", "list", "ruleset" },
	{ "tc", "qdisc" },
}

--- What is outside now, as a table of texts.
local function outside()
	local here <close> = netns.current()
	local found = {}
	sysctls(function(key, value) found[key] = value end)
	for _, command in ipairs(commands) do
		local argv = table.move(command, 1, #command, 1, { check = false })
		found[table.concat(command, " ")] = here:exec(argv).stdout
	end
	found.mounts = support.read "/proc/self/mountinfo"
	found.names = table.concat(netns.list(), " ")
	found["working directory"] = lfs.currentdir()
	return found
end

--- The processes of the sandbox, which are all that can be seen: names by pid.
local function processes()
	local found = {}
	for pid in lfs.dir "/proc" do
		if pid:find "^%d+$" then
			found["process " .. pid] = support.read("/proc/" .. pid .. "/comm")
		end
	end
	return found
end

--- What is in one and not, or not so, in the other.
local function differences(before, after)
	local list = {}
	for key, value in pairs(before) do
		if after[key] ~= value then
			list[#list + 1] = ("%s: was %q, is %q"):format(key, value, tostring(after[key]))
		end
	end
	for key, value in pairs(after) do
		if before[key] == nil then
			list[#list + 1] = ("%s: is new, %q"):format(key, value)
		end
	end
	table.sort(list)
	return list
end

--- All that labs do: routers, switches, an outside, sysctls, a firewall, impairment, programs.
local function large()
	local net = lab.new "footprint"
	net:hosts("h", 5, { sysctl = { ["net.ipv4.tcp_syncookies"] = 0 } })
	net:host("server", { exec = { "sleep", "1000" },
		nft = "table inet t { chain c { type filter hook input priority 0; tcp dport 22 drop; }; }" })
	net:router("r", { sysctl = { ["net.ipv4.conf.all.rp_filter"] = 1 } })
	net:switch "lan"
	net:link({ "h1", "h2", "h3", "h4", "h5", "r" }, "lan")
	net:link("server", "r", { rate = "100mbit" })
	net:link(net:internet(), "r")
	return net
end

local function use(net)
	net:check({ { "*", "server", { "icmp", "tcp/80", "tcp/22", "ethernet" }, "open" } },
		{ explain = "all" })
	net:explain("h1", "server", "tcp/22")
	net:set("h1", "lan", { mtu = 1400 })
	net:stop "h2"
	net:start "h2"
end

describe("a lab", function()
	it("changes nothing outside its namespaces, neither while it stands nor afterwards", function()
		do -- what the kernel loads for the first lab is there before the second one
			local first <close> = large()
			first:up()
			use(first)
		end
		local before, running = outside(), processes()
		assert.truthy(before["sysctl net/ipv4/ip_forward"] and before.mounts
			and before["ip -details link"]:find "lo:")
		local net <close> = large()
		net:up()
		use(net)
		assert.same({}, differences(before, outside()))
		net:down()
		assert.same({}, differences(before, outside()))
		assert.is_true(support.eventually(function()
			return #differences(running, processes()) == 0
		end), table.concat(differences(running, processes()), "\n"))
	end)

	it("takes only the names that it was told to, and gives them back", function()
		local before = outside()
		local net <close> = large()
		net:up { named = "footprint-" }
		local changed = differences(before, outside())
		assert.equal(3, #changed) -- names, as both list them, and the mounts that names are
		for i, what in ipairs { "ip netns", "mounts", "names" } do
			assert.equal(what, changed[i]:match "^([^:]+):")
		end
		net:down()
		local after = outside()
		before.mounts, after.mounts = before.mounts:match "^[^\n]*", after.mounts:match "^[^\n]*"
		assert.same({}, differences(before, after))
	end)

	it("would be seen to change something", function()
		local here <close> = netns.current()
		local before = outside()
		here.link:add { name = "footprint0", kind = "bridge" }
		finally(function() pcall(here.link.delete, here.link, "footprint0") end)
		local changed = table.concat(differences(before, outside()), "\n")
		for _, what in ipairs { "ip -details link", "sysctl net/ipv4/conf/footprint0/rp_filter",
			"ip ntable" } do
			assert.truthy(changed:find(what, 1, true), what)
		end
		here.link:delete "footprint0"
		assert.same({}, differences(before, outside()))
	end)
end)
