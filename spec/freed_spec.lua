-- SPDX-License-Identifier: MIT
-- freed_spec.lua - netns.close_wait: when it returns, the kernel has freed what was closed
local hosts = require "spec.hosts.users"
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

local function several(n)
	local list = {}
	for i = 1, n do
		list[i] = netns.new()
		list[i].link:set { name = "lo", up = true }
	end
	return list
end

describe("netns.close_wait", function()
	it("closes them and returns when they are gone, with what reached into others", function()
		local other <close> = netns.new()
		local list = several(5)
		for i, ns in ipairs(list) do
			ns.link:add { name = "eth0", kind = "veth", peer = { name = "to" .. i, netns = other } }
		end
		assert.is_true(netns.close_wait(list, 30))
		assert.equal("lo", other.link:list()[1].name)
		assert.equal(1, #other.link:list())
		for _, ns in ipairs(list) do
			assert.equal("netns.ns (closed)", tostring(ns))
		end
	end)

	it("waits until they are no longer counted", function()
		if not support.has "unshare" then
			pending "unshare (util-linux) is not installed"
			return
		end
		-- 20 to be closed, one that the script is in, two that close_wait takes
		local r = netns.current():exec {
			"unshare", "--user", "--map-root-user", "--net", support.interpreter, "--host", "-",
			check = false, stdin = [[
				local netns = require "netns"
				local limit <close> = assert(io.open("/proc/sys/user/max_net_namespaces", "w"))
				assert(limit:write("23\n"))
				assert(limit:flush())
				local function fill(n)
					local list = {}
					for i = 1, n do
						list[i] = netns.current():spawn { "unshare", "--net", "sh", "-c", "echo in; read x",
							stdin = true, stdout = "capture", stderr = "inherit" }
						list[i]:expect("in", 60)
					end
					return list
				end
				local list = {}
				for i = 1, 20 do
					list[i] = netns.new()
				end
				assert(netns.close_wait(list, 60))
				fill(20)
				print "as many again"
			]],
		}
		assert.equal("", r.stderr)
		assert.equal("as many again\n", r.stdout)
	end)

	it("runs into the timeout while a process is in one", function()
		local list = several(3)
		local p <close> = list[2]:spawn { "sleep", "1000" }
		local inside <close> = netns.open(p.pid)
		local result = table.pack(netns.close_wait(list, 0.2))
		assert.same({ nil, "timeout", n = 2 }, result)
		assert.equal("netns.ns (closed)", tostring(list[1]))
		assert.equal("netns.ns (closed)", tostring(list[2]))
		assert.same({ nil, "timeout", n = 2 }, table.pack(netns.close_wait({ inside }, 0.05)))
		local again = netns.open(p.pid)
		p:close()
		assert.is_true(netns.close_wait({ again }, 30))
	end)

	it("runs into the timeout while a name or another handle holds one", function()
		local web = netns.add "web"
		finally(function()
			netns.delete "web"
		end)
		assert.same({ nil, "timeout" }, { netns.close_wait({ web }, 0.05) })
		web = netns.open "web"
		assert.same({ nil, "timeout" }, { netns.close_wait({ web }, 0) })
		local a = netns.new()
		local b = a:call(netns.current)
		assert.same({ nil, "timeout" }, { netns.close_wait({ a }, 0.05) })
		assert.is_true(netns.close_wait({ b }, 30))
	end)

	it("takes one twice, a node for its namespace, and nothing", function()
		local a, b = netns.new(), netns.new()
		local again = a:call(netns.current)
		local node = setmetatable({}, { __netns = function() return b end })
		assert.is_true(netns.close_wait({ a, again, node, a }, 30))
		assert.equal("netns.ns (closed)", tostring(b))
		assert.is_true(netns.close_wait({}, 0))
		assert.is_true(netns.close_wait { netns.new() })
	end)

	-- The descriptors by which a process holds one of these namespaces, as an array of Lua strings.
	local function held(pid, list)
		local wanted, paths = {}, {}
		for _, ns in ipairs(list) do
			wanted[("net:[%d]"):format(ns.inode)] = true
		end
		for fd in lfs.dir(("/proc/%d/fd"):format(pid)) do
			local path = ("/proc/%d/fd/%s"):format(pid, fd)
			if wanted[lfs.symlinkattributes(path, "target")] then
				paths[#paths + 1] = ("%q"):format(path)
			end
		end
		return paths
	end

	it("finds out what was lost when more were freed than a socket can be told of", function()
		local list = several(400)
		local pid = tonumber(lfs.symlinkattributes("/proc/self", "target"))
		local p <close> = netns.current():spawn {
			support.interpreter, "--host", "-", stdout = "capture", stderr = "inherit",
			stdin = ([[
				local netns = require "netns"
				local list = { %s }
				for i, path in ipairs(list) do
					list[i] = netns.open(path)
				end
				io.stdout:write("opened\n"):flush()
				print(netns.close_wait(list, 100))
			]]):format(table.concat(held(pid, list), ", ")),
		}
		p:expect("opened", 60)
		assert.is_true(support.eventually(function()
			return #held(p.pid, list) == 0
		end, 60))
		p:kill "STOP"
		assert.is_true(netns.close_wait(list, 60))
		p:kill "CONT"
		assert.equal("true", p:expect("%l+", 60))
		assert.equal(0, p:wait(60).code)
	end)

	it("closes nothing when something is wrong with the list", function()
		local a <close>, closed = netns.new(), netns.new()
		closed:close()
		refused("EBADF", "list", netns.close_wait, { a, closed }, 1)
		refused("EINVAL", "list", netns.close_wait, { a, "web" }, 1)
		refused("EINVAL", "list", netns.close_wait, a, 1)
		refused("EINVAL", "timeout", netns.close_wait, { a }, -1)
		assert.is_true(#a.link:list() == 1)
	end)
end)

describe("netns.close_wait in lua5.4", function()
	setup(hosts.setup)
	teardown(hosts.teardown)

	hosts.each_user("works", function(user)
		assert.equal("true\nnil\ttimeout\n", (hosts.succeeds(user, "lua5.4", [[
			local netns = require "netns"
			local other <close> = netns.new()
			local a, b = netns.new(), netns.new()
			a.link:add { name = "eth0", kind = "veth", peer = { name = "eth0", netns = other } }
			assert(netns.close_wait({ a }, 30))
			print(#other.link:list() == 1)
			local p <close> = b:spawn { "sleep", "1000" }
			print(netns.close_wait({ b }, 0.1))
		]])))
	end)
end)
