-- SPDX-License-Identifier: MIT
-- host_spec.lua - host programs with several Lua states, threads, and fork()

local hosts = require "spec.hosts.users"

local each_user, succeeds = hosts.each_user, hosts.succeeds

setup(hosts.setup)
teardown(hosts.teardown)

describe("two Lua states in one process", function()
	each_user("live and end apart from each other", function(user)
		succeeds(user, "host", [[
			local make = "netns = require 'netns'; a = netns.new(); "
				.. "p = a:spawn { 'cat', stdin = true, stdout = 'capture' }; return a.inode, p.pid"
			local echo = "p:write(...); return p:expect('%w+', 10), #a.link:list()"
			local one, two = host.state(), host.state()
			local first, second = one:run(make), two:run(make)
			assert(first ~= second)
			assert(one:run(echo, "one") == "one" and two:run(echo, "two") == "two")
			one:close()
			assert(two:run(echo, "still") == "still")
			-- what one state made another can open, as any process could
			local three = host.state()
			local inode, links = three:run("local ns = require 'netns'.open(math.tointeger(...)) "
				.. "return ns.inode, #ns.link:list()", select(2, two:run(make)))
			assert(links == "1", links)
			two:run "p:close() a:close()"
			two:close()
			assert(three:run "local ns <close> = require 'netns'.new() return #ns.link:list()" == "1")
			three:close()
			local netns = require "netns"
			local ns <close> = netns.new()
			assert(ns:exec({ "echo", "x" }).stdout == "x\n")
		]])
	end)
end)

describe("a host with several threads", function()
	-- Each thread has a Lua state, and does everything while the others do.
	local work = [[
		local me, rounds = ...
		local lfs = require "lfs"
		local netns = require "netns"
		local function where()
			return lfs.symlinkattributes("/proc/thread-self/ns/net", "target")
		end
		local home, name = where(), "e" .. me
		for _ = 1, tonumber(rounds) do
			local a <close> = netns.new()
			local b <close> = netns.new()
			a.link:add {
				name = name, kind = "veth", up = true, peer = { name = name, netns = b, up = true },
			}
			a.addr:add { dev = name, addr = "10.0." .. me .. ".1/24" }
			b.addr:add { dev = name, addr = "10.0." .. me .. ".2/24" }
			assert(where() == home)
			assert(a:exec({ "cat", stdin = "x" .. me }).stdout == "x" .. me)
			assert(a:exec({ "cat", "/proc/self/net/dev" }).stdout:find(name .. ":", 1, true))
			assert(where() == home)
			local p <close> = a:spawn { "sh", "-c", "echo ready; exec sleep 100", stdout = "capture" }
			assert(p:expect("ready", 30))
			local v = netns.probe {
				{ from = a, to = b }, { from = a, to = b, proto = "tcp", port = 80, listen = true },
			}
			assert(v[1].verdict == "open" and v[2].verdict == "open", v[1].why .. v[2].why)
			assert(where() == home)
			if pcall(a.call, a, function() end) then
				assert(a:call(where) == "net:[" .. a.inode .. "]")
				assert(not pcall(a.call, a, error, "x"))
			end
			assert(where() == home)
			local ok, err = pcall(a.link.add, a.link, { name = name, kind = "veth" })
			assert(not ok and err.code == "EEXIST", tostring(err))
		end
	]]
	-- libnftables keeps the interfaces' numbers in a table of the process: of another namespace's, if
	-- two threads were in it.
	local nft = [[
		local me, rounds = ...
		local netns = require "netns"
		local a <close> = netns.new()
		local name = "e" .. me
		a.link:add { name = name, kind = "veth", index = 10 + me, peer = { name = "peer" } }
		for _ = 1, tonumber(rounds) do
			a.nft:run("table inet t { chain c { type filter hook input priority 0; iif " .. name
				.. " tcp dport 22 drop; }; }")
			assert(a.nft:list():find('iif "' .. name .. '"', 1, true))
			assert(not pcall(a.nft.run, a.nft, "add rule inet t none iif none accept"))
			a.nft:flush()
		end
	]]
	local threads = [[
		local code, n, rounds = ...
		local list, failed = {}, nil
		for i = 1, n do
			list[i] = host.thread(code, tostring(i), rounds)
		end
		for i = 1, n do
			local ok, why = list[i]:join()
			failed = failed or not ok and why
		end
		assert(not failed, failed)
		local netns = require "netns"
		local ns <close> = netns.new()
	]]

	each_user("does all things in each of them at the same time", function(user)
		succeeds(user, "host", threads, work, "4", "4")
	end)

	it("uses the firewall from each of them", function()
		if not pcall(require, "netns.nft") then
			pending "built without libnftables"
		end
		succeeds({ prefix = {} }, "host", threads, nft, "4", "8")
	end)
end)

describe("a host that forks", function()
	each_user("may use namespaces in both processes at once", function(user)
		succeeds(user, "host", [[
			local netns = require "netns"
			local ns <close> = netns.new()
			assert(#ns.link:list() == 1)
			local function use()
				for _ = 1, 300 do
					assert(#ns.link:list() == 1)
				end
				local own <close> = netns.new()
				assert(own ~= ns and own:exec({ "echo", "x" }).stdout == "x\n")
				assert(ns:exec({ "echo", "y" }).stdout == "y\n")
			end
			local pid = host.fork(use)
			use()
			assert(host.wait(pid) == 0)
		]])
	end)

	each_user("ends its programs, although the other process lives on", function(user)
		succeeds(user, "host", [[
			local netns = require "netns"
			local ns <close> = netns.new()
			local p = ns:spawn { "sleep", "1234" }
			ns:exec { "sh", "-c", "sleep 1234 & exit 0", stdout = "null", stderr = "null" }
			local gate <close> = ns:spawn { "cat", stdin = true, stdout = "capture" }
			local pid = host.fork(function()
				-- the programs are not this process's: it says so, and closing does them nothing
				local ok, err = pcall(p.wait, p)
				assert(not ok and err.code == "ECHILD" and err.misuse, tostring(err))
				p:close()
				collectgarbage()
				require "netns".sleep(1000)
			end)
			netns.sleep(0.05)
			assert(#ns:pids() == 3, #ns:pids())
			local before = netns.clock()
			p:close()
			assert(#ns:pids() == 2)
			gate:write "x"
			assert(gate:expect("x", 10))
			assert(io.open("/proc/" .. pid .. "/stat"):read "a":find "%) S")
			os.execute("kill -9 " .. pid)
			assert(select(2, host.wait(pid)) == 9)
		]])
	end)

	each_user("and whose copy closes its state leaves everything to the first", function(user)
		succeeds(user, "host", [[
			local netns = require "netns"
			local ns <close> = netns.new()
			local p <close> = ns:spawn { "cat", stdin = true, stdout = "capture" }
			ns:exec { "sh", "-c", "sleep 1234 & exit 0", stdout = "null", stderr = "null" }
			assert(host.wait(host.fork(function()
				os.exit(0, true)
			end)) == 0)
			p:write "line\n"
			assert(p:expect("line", 10) and #ns:pids() == 2 and #ns.link:list() == 1)
		]])
	end)

	each_user("and whose copy closes a capture goes on with it", function(user)
		succeeds(user, "host", [[
			local netns = require "netns"
			local ns <close> = netns.new()
			local other <close> = netns.new()
			ns.link:add { name = "x", kind = "veth", up = true,
				peer = { name = "y", netns = other, up = true } }
			ns.addr:add { dev = "x", addr = "10.0.0.1/24" }
			other.addr:add { dev = "y", addr = "10.0.0.2/24" }
			local file = os.tmpname()
			local c <close> = ns:capture { dev = "x", file = file }
			local function packets()
				assert(netns.probe({ from = ns, to = other }).verdict == "open")
				return c:flush().packets
			end
			local first = packets()
			assert(first >= 2)
			assert(host.wait(host.fork(function()
				local ok, err = pcall(c.flush, c)
				assert(not ok and err.code == "ECHILD", tostring(err))
				c:close()
				os.exit(0, true)
			end)) == 0)
			assert(packets() >= first + 2)
			os.remove(file)
		]])
	end)

	each_user("or ignores its children's ends sees none of ours", function(user)
		succeeds(user, "host", [[
			local netns = require "netns"
			local ns <close> = netns.new()
			local p <close> = ns:spawn { "cat", stdin = true, stdout = "capture" }
			assert(not pcall(host.wait, -1), "wait() sees a child")
			assert(ns:exec({ "sh", "-c", "exit 3", check = false }).code == 3)
			host.ignore_children()
			assert(ns:exec({ "sh", "-c", "exit 3", check = false }).code == 3)
			p:kill()
			assert(p:wait(10).signal == 15)
		]])
	end)
end)

describe("a host that changed its user", function()
	each_user("is told what keeps it from namespaces", function(user)
		local out = succeeds(user, "host", [[
			assert(host.dumpable() == 1)
			local netns = require "netns"
			netns.new():close()
			assert(host.dumpable() == 1, "it is not dumpable any more")
			host.dumpable(false)
			local other = host.state()
			print(other:run "local ok, e = pcall(require 'netns'.new) return ok, e.code, e.hint")
		]])
		if user.ordinary then
			assert.matches("^false\tEACCES\thave the program call prctl", out)
		else
			assert.matches("^true", out)
		end
	end)
end)
