-- SPDX-License-Identifier: MIT
-- sysctl_spec.lua - ns.sysctl
local hosts = require "spec.hosts.users"
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

local function where_am_i()
	return lfs.symlinkattributes("/proc/thread-self/ns/net", "target")
end

local function cat(ns, path)
	return ns:exec({ "cat", "/proc/sys/" .. path }).stdout
end

describe("ns.sysctl", function()
	local a, b

	before_each(function()
		a, b = netns.new(), netns.new()
	end)

	after_each(function()
		a:close()
		b:close()
	end)

	it("is written and read in its own namespace alone", function()
		local home = where_am_i()
		local here <close> = netns.current()
		local outside = here.sysctl["net.ipv4.ip_default_ttl"]
		a.sysctl["net.ipv4.ip_default_ttl"] = 77
		assert.equal(77, a.sysctl["net.ipv4.ip_default_ttl"])
		assert.equal("77\n", cat(a, "net/ipv4/ip_default_ttl"))
		assert.equal(64, b.sysctl["net.ipv4.ip_default_ttl"])
		assert.equal("64\n", cat(b, "net/ipv4/ip_default_ttl"))
		assert.equal(outside, here.sysctl["net.ipv4.ip_default_ttl"])
		assert.equal(home, where_am_i())
	end)

	it("reads numbers as numbers, and all else as the text that it is", function()
		local s = a.sysctl
		s["net.ipv4.conf.lo.tag"] = -5
		assert.equal("integer", math.type(s["net.ipv4.conf.lo.tag"]))
		assert.equal(-5, s["net.ipv4.conf.lo.tag"])
		assert.equal("string", type(s["net.ipv4.tcp_congestion_control"]))
		s["net.ipv4.tcp_rmem"] = "4096 131072 6291456"
		assert.equal("4096\t131072\t6291456", s["net.ipv4.tcp_rmem"])
		assert.equal("", s["net.ipv4.ip_local_reserved_ports"])
		s["net.ipv4.ip_local_reserved_ports"] = 80
		assert.equal(80, s["net.ipv4.ip_local_reserved_ports"])
		s["net.ipv4.ip_local_reserved_ports"] = "80,443,8000-8080"
		assert.equal("80,443,8000-8080", s["net.ipv4.ip_local_reserved_ports"])
		s["net.ipv4.ip_local_reserved_ports"] = ""
		assert.equal("", s["net.ipv4.ip_local_reserved_ports"])
		s["net.ipv4.ip_forward"] = 1.0
		assert.equal("1\n", cat(a, "net/ipv4/ip_forward"))
	end)

	it("reads what is long, and much of it", function()
		local key, other = "net.ipv4.ip_local_reserved_ports", "net/ipv4/ip_local_reserved_ports"
		local text, last = "1", 1
		local function grow(size)
			while #text < size do
				last = last + 2
				text = text .. "," .. last
			end
		end
		for size = 500, 4000, 500 do
			grow(size)
			a.sysctl[key] = text
			assert.same({ [key] = text, [other] = text }, a.sysctl:get { key, key, other })
			assert.same({ [key] = text }, a.sysctl:list(key))
		end
		-- the kernel takes a page at most
		grow(5000)
		local err = refused("EINVAL", "value", function()
			a.sysctl[key] = text
		end)
		assert.matches("^the kernel took %d+ bytes, '1,3,5,.*%.%.%.', and nothing", err.message)
	end)

	it("takes both spellings of a key, with dots in an interface's name", function()
		a.link:add { name = "eth0.100", kind = "veth", peer = { name = "p1" } }
		a.sysctl["net/ipv4/conf/eth0.100/forwarding"] = 1
		assert.equal(1, a.sysctl["net.ipv4.conf.eth0/100.forwarding"])
		assert.equal("1\n", cat(a, "net/ipv4/conf/eth0.100/forwarding"))
		a.sysctl["net.ipv4.conf.eth0/100.forwarding"] = 0
		assert.equal(0, a.sysctl["net/ipv4/conf/eth0.100/forwarding"])
		assert.equal(0, a.sysctl["net.ipv4.conf.p1.forwarding"])
		assert.equal(0, a.sysctl:list("net/ipv4/conf/eth0.100")["net.ipv4.conf.eth0/100.forwarding"])
		assert.is_nil(a.sysctl["net.ipv4.conf.eth0.100.forwarding"])
	end)

	it("gives nil for what is not there, and refuses to set it", function()
		assert.is_nil(a.sysctl["net.ipv4.nosuch"])
		assert.is_nil(a.sysctl["net.ipv4.conf.eth9.forwarding"])
		assert.is_nil(a.sysctl["net.ipv4.ip_forward.more"])
		local err = refused("ENOENT", nil, function()
			a.sysctl["net.ipv4.conf.eth9.forwarding"] = 1
		end)
		assert.equal("net.ipv4.conf.eth9.forwarding", err.subject)
		assert.equal("sysctl set", err.op)
		assert.equal(tostring(a.inode), err.netns)
		assert.matches("is the interface there", err.hint)
		assert.matches("sysctl_spec.lua:%d+", err.where)
	end)

	it("sets many: what is general before what is particular", function()
		a.link:add { name = "aaa", kind = "veth", peer = { name = "p1" } }
		for _, value in ipairs { 0, 1 } do
			a.sysctl:set {
				["net.ipv4.conf.aaa.forwarding"] = 1 - value,
				["net.ipv4.conf.default.forwarding"] = 1 - value,
				["net.ipv4.ip_forward"] = value,
			}
			assert.same({ 1 - value, 1 - value, value, value }, {
				a.sysctl["net.ipv4.conf.aaa.forwarding"], a.sysctl["net.ipv4.conf.default.forwarding"],
				a.sysctl["net.ipv4.conf.p1.forwarding"], a.sysctl["net.ipv4.ip_forward"],
			})
			a.sysctl:set { ["net.ipv6.conf.aaa.forwarding"] = 1 - value,
				["net.ipv6.conf.all.forwarding"] = value }
			assert.equal(1 - value, a.sysctl["net.ipv6.conf.aaa.forwarding"])
		end
		assert.same({
			"net/ipv4/ip_forward", "net.ipv4.conf.all.x", "net.ipv4.conf.default.x", "net.ipv4.conf.aaa.x",
			"net.ipv4.conf.b.x",
		}, require "netns.sysctl".order {
			"net.ipv4.conf.aaa.x", "net.ipv4.conf.default.x", "net.ipv4.conf.b.x", "net.ipv4.conf.all.x",
			"net/ipv4/ip_forward",
		})
	end)

	it("sets an array in its order, up to the first refusal", function()
		a.sysctl:set {
			{ ["net.ipv4.ip_forward"] = 1 }, { ["net.ipv4.conf.lo.forwarding"] = 0 },
			{ ["net.ipv4.ip_forward"] = 0 }, { ["net.ipv4.conf.all.forwarding"] = 1 },
		}
		assert.equal(1, a.sysctl["net.ipv4.conf.lo.forwarding"])
		local err = refused("ENOENT", nil, a.sysctl.set, a.sysctl, {
			{ ["net.ipv4.ip_default_ttl"] = 70, ["net.ipv4.ip_forward"] = 0 },
			{ ["net.ipv4.nosuch"] = 1 }, { ["net.ipv4.ip_default_ttl"] = 71 },
		})
		assert.equal(2, err.index)
		assert.equal("net.ipv4.nosuch", err.subject)
		assert.equal(70, a.sysctl["net.ipv4.ip_default_ttl"])
		a.sysctl:set {}
	end)

	it("gets many in one table", function()
		assert.equal(64, a.sysctl:get "net.ipv4.ip_default_ttl")
		assert.is_nil(a.sysctl:get "net.ipv4.nosuch")
		assert.same({ ["net.ipv4.ip_default_ttl"] = 64, ["net/ipv4/ip_forward"] = 0 },
			a.sysctl:get { "net.ipv4.ip_default_ttl", "net.ipv4.nosuch", "net/ipv4/ip_forward" })
		assert.same({}, a.sysctl:get {})
	end)

	it("lists what is there, as sysctl(8) names it", function()
		a.link:add { name = "eth0.1", kind = "veth", peer = { name = "p1" } }
		assert.same({ ["net.ipv4.ip_forward"] = 0 }, a.sysctl:list "net.ipv4.ip_forward")
		assert.same({}, a.sysctl:list "net.nosuch")
		local all, n = a.sysctl:list(), 0
		for key, value in pairs(a.sysctl) do
			assert.equal(all[key], value, key)
			n = n + 1
		end
		assert.equal(0, all["net.ipv6.conf.eth0/1.forwarding"])
		assert.is_nil(all["net.ipv4.route.flush"])
		local files = a:exec { "find", "/proc/sys/net", "-type", "f", "-readable" }
		local expected = 0
		for path in files.stdout:gmatch("/proc/sys/([^\n]+)") do
			-- these have no value until they are set
			if not path:find("stable_secret", 1, true) then
				expected = expected + 1
				assert.is_not_nil(all[path:gsub("[./]", { ["."] = "/", ["/"] = "." })], path)
			end
		end
		assert.equal(expected, n)
		assert.is_true(n > 100)
	end)

	it("sets what was listed, elsewhere too", function()
		a.sysctl:set { ["net.ipv4.ip_forward"] = 1, ["net.ipv4.tcp_rmem"] = "4096 5000 6000",
			["net.ipv6.conf.lo.accept_ra"] = 2, ["net.ipv4.ip_local_reserved_ports"] = "1-3,9" }
		local list = a.sysctl:list()
		a.sysctl:set(list)
		assert.same(list, a.sysctl:list())
		b.sysctl:set(list)
		assert.same(list, b.sysctl:list())
	end)

	it("raises what the kernel refuses, and names key and value", function()
		local function set(key, value)
			return function()
				a.sysctl[key] = value
			end
		end
		local err = refused("EINVAL", "value", set("net.ipv4.ip_forward", "maybe"))
		assert.equal("the kernel does not accept 'maybe'", err.message)
		assert.is_nil(err.misuse)
		refused("EINVAL", "value", set("net.ipv4.ip_default_ttl", 256))
		err = refused("EINVAL", "value", set("net.ipv4.ip_forward", "1 0"))
		assert.equal("the kernel took 1 bytes, '1', and nothing of what follows", err.message)
		err = refused("EACCES", nil, set("net.ipv4.tcp_available_congestion_control", "nosuch"))
		assert.matches("only be read", err.hint)
		a.sysctl["net.ipv4.tcp_available_congestion_control"] =
			a.sysctl["net.ipv4.tcp_available_congestion_control"]
		err = refused("EISDIR", nil, set("net.ipv4", 1))
		assert.matches("list", err.hint)
		refused("EISDIR", nil, a.sysctl.get, a.sysctl, "net.ipv4")
		refused("EACCES", nil, a.sysctl.get, a.sysctl, "net.ipv4.route.flush")
		a.sysctl["net.ipv4.route.flush"] = 1
		if lfs.attributes "/proc/sys/net/ipv6/conf/lo/stable_secret" then
			err = refused("EIO", nil, a.sysctl.get, a.sysctl, "net.ipv6.conf.lo.stable_secret")
			assert.matches("has been set", err.hint)
		end
	end)

	it("names what is wrong with a key or a value, and where", function()
		local err = refused("EINVAL", "key", a.sysctl.get, a.sysctl, "kernel.hostname")
		assert.matches("only what is below net/", err.message)
		assert.equal("kernel.hostname", err.subject)
		err = refused("EINVAL", "key", a.sysctl.get, a.sysctl, "net")
		assert.matches("names no setting", err.message)
		err = refused("EINVAL", "key", a.sysctl.get, a.sysctl, { "net.ipv4.ip_forward", "kernel.x" })
		assert.equal(2, err.index)
		err = refused("EINVAL", "value", a.sysctl.set, a.sysctl,
			{ { ["net.ipv4.ip_default_ttl"] = 9 }, { ["net.ipv4.ip_forward"] = true } })
		assert.equal("net.ipv4.ip_forward", err.subject)
		assert.equal(2, err.index)
		assert.equal(64, a.sysctl["net.ipv4.ip_default_ttl"])
		refused("EINVAL", "value", function()
			a.sysctl["net.ipv4.ip_forward"] = nil
		end)
		err = refused("EINVAL", "key", function()
			return a.sysctl.add
		end)
		assert.equal("add", err.subject)
	end)

	it("is closed with its namespace", function()
		local ns = netns.new()
		local s = ns.sysctl
		assert.equal(("netns.sysctl (%d)"):format(ns.inode), tostring(s))
		ns:close()
		refused("EBADF", "self", s.get, s, "net.ipv4.ip_forward")
		refused("EBADF", "self", s.set, s, { ["net.ipv4.ip_forward"] = 1 })
		refused("EBADF", "self", s.list, s)
		assert.equal("netns.sysctl (closed)", tostring(s))
	end)
end)

describe("ns.sysctl in lua5.4", function()
	setup(hosts.setup)
	teardown(hosts.teardown)

	hosts.each_user("works", function(user)
		local out = hosts.succeeds(user, "lua5.4", [[
			local netns = require "netns"
			local a <close> = netns.new()
			local b <close> = netns.new()
			print(pcall(a.call, a, function() end))
			a.sysctl["net.ipv4.ip_forward"] = 1
			a.sysctl:set { { ["net.ipv4.ip_default_ttl"] = 70 },
				{ ["net.ipv4.tcp_rmem"] = "4096 5000 6000" } }
			print(a.sysctl["net.ipv4.ip_forward"], b.sysctl["net.ipv4.ip_forward"])
			local list = a.sysctl:list()
			print(list["net.ipv4.ip_default_ttl"], list["net.ipv4.tcp_rmem"])
			b.sysctl:set(list)
			print(b.sysctl["net.ipv4.ip_default_ttl"])
			local ok, err = pcall(a.sysctl.set, a.sysctl, { ["net.ipv4.nosuch"] = 1 })
			print(err.code)
		]])
		local may, rest = out:match("^(%l+)[^\n]*\n(.*)")
		assert.equal(tostring(user.may or false), may)
		assert.equal("1\t0\n70\t4096\t5000\t6000\n70\nENOENT\n", rest)
	end)
end)
