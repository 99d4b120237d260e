-- SPDX-License-Identifier: MIT
-- netns_spec.lua - namespaces: handles, names, moving in and out
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local refused, script = support.refused, support.script

local function names()
	return table.concat(netns.list(), " ")
end

local function where_am_i()
	return lfs.symlinkattributes("/proc/thread-self/ns/net", "target")
end

describe("an anonymous namespace", function()
	it("has an identity, and prints it", function()
		local a <close> = netns.new()
		local b <close> = netns.new()
		assert.equal("integer", math.type(a.inode))
		assert.is_nil(a.name)
		assert.not_equal(a.inode, b.inode)
		assert.is_false(a == b)
		assert.equal(("netns.ns (%d)"):format(a.inode), tostring(a))
		local again <close> = a:call(netns.current)
		assert.is_true(a == again)
		assert.equal(a.inode, again.inode)
		assert.is_nil(a.nosuchfield)
	end)

	it("is nowhere in the list, and gone with its handle", function()
		local ns = netns.new()
		local inode = ns.inode
		assert.equal("", names())
		ns:close()
		ns:close()
		assert.equal("netns.ns (closed)", tostring(ns))
		for fd in lfs.dir "/proc/self/fd" do
			local target = lfs.symlinkattributes("/proc/self/fd/" .. fd, "target") or ""
			assert.is_nil(target:find(inode, 1, true))
		end
		refused("EBADF", "self", ns.call, ns, print)
		refused("EBADF", "self", ns.pids, ns)
		refused("EBADF", "self", ns.attach, ns, "x")
	end)

	it("lives on in a descriptor of its own for everything that needs it", function()
		local ns = netns.new()
		ns.link:add { name = "br0", kind = "bridge" }
		local again <close> = ns:call(netns.current)
		ns:close()
		assert.is_table(again.link:get "br0")
	end)

	it("is collected", function()
		local weak = setmetatable({ netns.new() }, { __mode = "v" })
		collectgarbage()
		collectgarbage()
		assert.is_nil(weak[1])
	end)

	it("is opened by path, by pid, and is the same", function()
		local ns <close> = netns.new()
		local p <close> = ns:spawn { "sleep", "1000" }
		local by_pid <close> = netns.open(p.pid)
		local by_path <close> = netns.open(("/proc/%d/ns/net"):format(p.pid))
		assert.is_true(by_pid == ns)
		assert.is_true(by_path == ns)
		assert.same({ p.pid }, ns:pids())
		assert.equal(0, #netns.open(p.pid):pids() - 1)
	end)
end)

describe("ns:call", function()
	local ns

	before_each(function()
		ns = netns.new()
	end)

	after_each(function()
		ns:close()
	end)

	it("runs inside, hands on arguments and results, and comes back", function()
		local home = where_am_i()
		local result = table.pack(ns:call(function(...)
			return where_am_i(), ...
		end, 1, nil, "three"))
		assert.equal(("net:[%d]"):format(ns.inode), result[1])
		assert.same({ 1, nil, "three" }, { table.unpack(result, 2, 4) })
		assert.equal(4, result.n)
		assert.equal(home, where_am_i())
	end)

	it("comes back from an error, which is handed on as it was", function()
		local home, thing = where_am_i(), {}
		local ok, err = pcall(ns.call, ns, function()
			error(thing)
		end)
		assert.is_false(ok)
		assert.equal(thing, err)
		assert.equal(home, where_am_i())
	end)

	it("nests, also with a coroutine resumed inside", function()
		local other <close> = netns.new()
		local home = where_am_i()
		local seen = {}
		ns:call(function()
			other:call(function()
				seen[1] = where_am_i()
				coroutine.wrap(function()
					seen[2] = where_am_i()
				end)()
			end)
			seen[3] = where_am_i()
		end)
		assert.equal(("net:[%d]"):format(other.inode), seen[1])
		assert.equal(seen[1], seen[2])
		assert.equal(("net:[%d]"):format(ns.inode), seen[3])
		assert.equal(home, where_am_i())
	end)

	it("makes a yield a clean error instead of the wrong namespace", function()
		local home = where_am_i()
		local co = coroutine.create(function()
			ns:call(coroutine.yield)
		end)
		local ok, err = coroutine.resume(co)
		assert.is_false(ok)
		assert.matches("attempt to yield across a C%-call boundary", err)
		assert.equal(home, where_am_i())
	end)

	it("comes back when the namespace is closed inside", function()
		local home = where_am_i()
		ns:call(function()
			ns:close()
		end)
		assert.equal(home, where_am_i())
	end)

	it("wants a function", function()
		refused("EINVAL", "f", ns.call, ns)
		refused("EINVAL", "f", ns.call, ns, "print")
		refused("EINVAL", "self", ns.call, 5, print)
	end)
end)

describe("a named namespace", function()
	after_each(function()
		for _, name in ipairs(netns.list()) do
			netns.delete(name)
		end
	end)

	it("is added, listed in order, opened and deleted", function()
		local web <close> = netns.add "web"
		local db <close> = netns.add "db"
		assert.equal("db web", names())
		assert.equal("web", web.name)
		assert.equal("netns.ns (web)", tostring(web))
		local again <close> = netns.open "web"
		assert.is_true(web == again)
		assert.equal("web", again.name)
		netns.delete "web"
		assert.equal("db", names())
		assert.equal("lo", web.link:list()[1].name) -- the handle still holds it
		db:delete()
		assert.equal("", names())
		assert.equal("netns.ns (closed)", tostring(db))
	end)

	it("stays when its handle is closed, as with ip netns", function()
		netns.add("web"):close()
		assert.equal("web", names())
		local web <close> = netns.open "web"
		assert.equal("lo", web.link:list()[1].name)
	end)

	it("is refused when the name is taken, and nothing is left of the try", function()
		local _ <close> = netns.add "web"
		local err = refused("EEXIST", nil, netns.add, "web")
		assert.equal("web", err.subject)
		assert.is_string(err.hint)
		local other <close> = netns.new()
		refused("EEXIST", nil, other.attach, other, "web")
		assert.is_nil(other.name)
		assert.equal("web", names())
	end)

	it("is found by a process in it, and by its pids", function()
		local web <close> = netns.add "web"
		local p <close> = web:spawn { "sleep", "1000" }
		assert.equal("web", netns.identify(p.pid))
		assert.is_nil(netns.identify(1))
		assert.same({ p.pid }, web:pids())
		refused("ESRCH", nil, netns.identify, 2 ^ 22 - 1)
	end)

	it("is made of an anonymous one by attach", function()
		local ns <close> = netns.new()
		ns.link:add { name = "br0", kind = "bridge" }
		ns:attach "late"
		assert.equal("late", ns.name)
		local again <close> = netns.open "late"
		assert.is_table(again.link:get "br0")
	end)

	it("raises for what is not there", function()
		assert.equal("nope", refused("ENOENT", nil, netns.open, "nope").subject)
		refused("ENOENT", nil, netns.delete, "nope")
		refused("ENOENT", nil, netns.open, "/no/such/path")
		refused("ESRCH", nil, netns.open, 2 ^ 22 - 1)
		local err = refused("EINVAL", nil, netns.open, "/proc/self/ns/uts")
		assert.equal("not a network namespace", err.message)
		refused("EINVAL", nil, netns.open, "/etc/passwd")
	end)

	it("has its name checked before anything is touched", function()
		local bad = {
			"", ".", "..", "a/b", "/a", "a b", "a\tb", "a\nb", "a\0b", ("x"):rep(256), 5, true, {},
			print, 1.5,
		}
		local ns <close> = netns.new()
		for _, name in ipairs(bad) do
			refused("EINVAL", "name", netns.add, name)
			refused("EINVAL", "name", netns.delete, name)
			refused("EINVAL", "name", ns.attach, ns, name)
		end
		refused("EINVAL", "name", netns.add)
		bad = {
			"", ".", "..", "a/b", "a b", "a\0b", "/proc/self\0/ns/net", ("x"):rep(256), 0, -1, 1.5,
			2 ^ 31, true, print,
		}
		for _, ref in ipairs(bad) do
			refused("EINVAL", "ref", netns.open, ref)
		end
		for _, pid in ipairs { 0, -1, 1.5, 2 ^ 40, "1", {} } do
			refused("EINVAL", "pid", netns.identify, pid)
		end
		assert.equal("", names())
		netns.add(("x"):rep(255)):delete()
	end)
end)

describe("beside ip netns", function()
	after_each(function()
		for _, name in ipairs(netns.list()) do
			netns.delete(name)
		end
	end)

	local function ip(...)
		return netns.current():exec { "ip", ... }
	end

	it("each sees, enters and deletes what the other made", function()
		if not support.has "ip" then
			pending "ip (iproute2) is not installed"
			return
		end
		local ours <close> = netns.add "ours"
		assert.matches("^ours", ip("netns", "list").stdout)
		ip("-n", "ours", "link", "add", "br0", "type", "bridge")
		assert.is_table(ours.link:get "br0")
		assert.matches("br0", ip("netns", "exec", "ours", "ip", "link").stdout)
		ip("netns", "add", "theirs")
		assert.equal("ours theirs", names())
		local theirs <close> = netns.open "theirs"
		theirs.link:add { name = "br1", kind = "bridge" }
		assert.matches("br1", ip("-n", "theirs", "link").stdout)
		local p <close> = theirs:spawn { "sleep", "1000" }
		assert.equal("theirs\n", ip("netns", "identify", tostring(p.pid)).stdout)
		assert.equal("theirs", netns.identify(p.pid))
		p:close()
		ip("netns", "delete", "ours")
		netns.delete "theirs"
		assert.equal("", ip("netns", "list").stdout)
		assert.equal("", names())
	end)

	it("works the same with --host, from outside of any sandbox of ours", function()
		if not support.has "ip" then
			pending "ip (iproute2) is not installed"
			return
		end
		ip("netns", "add", "theirs")
		local r = script([[
			local netns = require "netns"
			assert(table.concat(netns.list(), " ") == "theirs")
			netns.add "ours"
			assert(netns.open("theirs").link:get "lo")
			netns.delete "theirs"
		]], { "--host" })
		assert.equal(0, r.code, r.stderr)
		assert.matches("^ours", ip("netns", "list").stdout)
		assert.equal("ours", names())
	end)
end)

describe("netns.prune", function()
	after_each(function()
		for _, name in ipairs(netns.list()) do
			netns.delete(name)
		end
	end)

	it("removes what a dead program of ours left, and only that", function()
		local _ <close> = netns.add "mine"
		local r = script([[
			local netns = require "netns"
			netns.add "left"
			netns.add "passed-on"
			netns.add "deleted"
			netns.delete "deleted"
		]], { "--host" })
		assert.equal(0, r.code, r.stderr)
		netns.delete "passed-on"
		local _ <close> = netns.add "passed-on"
		assert.equal("left mine passed-on", names())
		assert.same({ "left" }, netns.prune())
		assert.equal("mine passed-on", names())
		assert.same({}, netns.prune())
	end)

	it("finishes what was killed between the file and the mount", function()
		local r = script([[require "netns".add "half"]], { "--host" })
		assert.equal(0, r.code, r.stderr)
		netns.current():exec { "umount", "/run/netns/half" }
		assert.equal("half", names())
		assert.same({ "half" }, netns.prune())
		assert.equal("", names())
	end)

	it("leaves alone what a living program has", function()
		local p <close> = netns.current():spawn {
			support.interpreter, "--host", "-", stdout = "capture",
			stdin = [[
				local n = require "netns"
				n.add "living"
				print "ready"
				io.stdout:flush()
				n.sleep(1000)
			]],
		}
		p:expect("ready", 5)
		assert.same({}, netns.prune())
		assert.equal("living", names())
		p:close()
		assert.same({ "living" }, netns.prune())
	end)
end)
