-- SPDX-License-Identifier: MIT
-- ahead_spec.lua - many namespaces are made by a helper: what is there is as without it

local core = require "netns.core"
local lfs = require "lfs"
local netns = require "netns"
local operations = require "netns.operations"
local support = require "spec.support"

local N = 40

local function host(i)
	return "h" .. i
end

-- N hosts, each with the settings that settings(i) gives and a cable to a switch that comes last.
local function star(settings)
	local list = {}
	local function add(...)
		list[#list + 1] = operations.new(...)
	end
	for i = 1, N do
		add(host(i), "add", "netns")
	end
	add("s", "add", "netns")
	for i = 1, N do
		for _, setting in ipairs(settings(i)) do
			add(host(i), "set", "sysctl", setting, "star.lua:" .. i)
		end
	end
	for i = 1, N do
		add("s", "add", "link", { name = host(i), kind = "veth",
			peer = { name = "eth0", netns = host(i) } })
	end
	for i = 1, N do
		add(host(i), "set", "link", { name = "eth0", up = true })
	end
	return list
end

local function close_all(namespaces)
	for _, ns in pairs(namespaces) do
		ns:close()
	end
end

-- The helpers there are: children of ours that do not look like any to wait().
local function helpers()
	local n = 0
	for pid in lfs.dir "/proc" do
		if pid:find "^%d+$" and support.read("/proc/" .. pid .. "/comm") == "netns-ahead\n" then
			n = n + 1
		end
	end
	return n
end

-- Was a helper at work while the list was applied?
local function is_helped(list)
	local most, namespaces = 0, {}
	operations.apply(list, namespaces, {
		progress = function()
			most = math.max(most, helpers())
		end,
	})
	close_all(namespaces)
	return most == 1
end

describe("many namespaces", function()
	it("are made by a helper, which ends", function()
		assert.is_true(is_helped(star(function()
			return {}
		end)))
		assert.equal(0, helpers())
		assert.is_false(is_helped { operations.new("one", "add", "netns") })
	end)

	it("have their names, settings and links", function()
		local namespaces = {}
		operations.apply(star(function(i)
			return {
				{ ["net.ipv4.ip_default_ttl"] = 100 + i },
				{ ["net.ipv4.ip_forward"] = i % 2, ["net.ipv4.conf.default.forwarding"] = 1 - i % 2 },
			}
		end), namespaces)
		local seen = {}
		for i = 1, N do
			local ns = namespaces[host(i)]
			assert.is_nil(seen[ns.inode])
			seen[ns.inode] = true
			assert.equal(host(i), core.label(ns))
			assert.equal(100 + i, ns.sysctl["net.ipv4.ip_default_ttl"])
			assert.equal(i % 2, ns.sysctl["net.ipv4.ip_forward"])
			assert.equal(1 - i % 2, ns.sysctl["net.ipv4.conf.default.forwarding"]) -- written after it
			assert.is_true(ns.link:get("eth0").up)
		end
		assert.equal(N + 1, #namespaces.s.link:list())
		close_all(namespaces)
	end)

	it("get settings that the helper does not write itself in the usual order", function()
		local namespaces = {}
		operations.apply(star(function()
			return {
				{ ["net.ipv4.ip_local_port_range"] = "30000 40000" },
				{ ["net.ipv4.ip_default_ttl"] = 9, ["net.ipv4.ip_forward"] = 1 },
				{ ["net.ipv4.ip_default_ttl"] = 10 },
			}
		end), namespaces)
		assert.equal("30000\t40000", namespaces.h7.sysctl["net.ipv4.ip_local_port_range"])
		assert.equal(10, namespaces.h7.sysctl["net.ipv4.ip_default_ttl"])
		close_all(namespaces)
	end)

	it("are gone, all of them, when one is refused a setting, with that one's line", function()
		for _, setting in ipairs {
			{ "net.ipv4.no_such_setting", "ENOENT" }, { "net.ipv4.ip_default_ttl", "EINVAL" },
		} do
			local namespaces = {}
			local ok, e = pcall(operations.apply, star(function(i)
				return i == 30 and { { [setting[1]] = -1 } } or {}
			end), namespaces)
			assert.is_false(ok)
			assert.equal(setting[2], e.code)
			assert.equal("sysctl set", e.op)
			assert.equal("h30", e.netns)
			assert.equal("star.lua:30", e.from)
			close_all(namespaces)
		end
	end)

	it("are refused as ever where no more are allowed", function()
		if not support.has "unshare" then
			pending "unshare (util-linux) is not installed"
			return
		end
		local r = netns.current():exec {
			"unshare", "--user", "--map-root-user", "--net", support.interpreter, "--host", "-",
			check = false, stdin = [[
				local limit <close> = assert(io.open("/proc/sys/user/max_net_namespaces", "w"))
				assert(limit:write "20\n")
				assert(limit:flush())
				local net = require "netns.lab".star(40)
				local ok, e = pcall(net.up, net)
				print(ok, e.code, e.op, e.from)]],
		}
		assert.equal("", r.stderr)
		assert.equal("false\tENOSPC\tnetns new\tstdin:4\n", r.stdout)
	end)

	it("that nobody took are gone with the handle", function()
		local helper = core.ahead(50, ("\0"):rep(50))
		local ns <close> = helper:take()
		assert.not_equal(netns.current().inode, ns.inode)
		helper:close()
		helper:close()
		assert.is_nil(helper:take())
	end)

	it("take settings for as many as there are, and no others", function()
		for _, text in ipairs { "", "\0", "\0\0\0", "a\0b\0\0", "a\0\0\0" } do
			assert.is_false(pcall(core.ahead, 2, text), ("%q"):format(text))
		end
		core.ahead(0, ""):close()
		core.ahead(2, "\0\0"):close()
	end)
end)
