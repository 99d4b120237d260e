-- SPDX-License-Identifier: MIT
-- move_spec.lua - netns.sandbox(): a program that is not nslua asks to go on in a sandbox

local hosts = require "spec.hosts.users"
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local each_user, run, succeeds = hosts.each_user, hosts.run, hosts.succeeds

setup(hosts.setup)
teardown(hosts.teardown)

-- The processes whose command line has `mark`
local function marked(mark)
	local pids = {}
	for pid in lfs.dir "/proc" do
		local where = "/proc/" .. pid
		if pid:find "^%d" and (support.read(where .. "/cmdline") or ""):find(mark, 1, true) then
			pids[#pids + 1] = pid
		end
	end
	return pids
end

describe("netns.sandbox() in lua5.4", function()
	each_user("goes on in a sandbox as nslua has it", function(user)
		local out = succeeds(user, "lua5.4", [[
			local netns = require "netns"
			local function link(name)
				return io.popen("readlink /proc/$PPID/ns/" .. name):read()
			end
			local before = { link "net", link "mnt", link "pid" }
			local pid = io.open "/proc/self/stat":read "n"
			assert(netns.sandbox() == pid and netns.sandbox() == pid)
			os.execute "echo /proc/[0-9]*; echo $(id -u; ls -I bonding_masters /sys/class/net)"
			os.execute "echo $(ls -A /run /run/netns)"
			for i, name in ipairs { "net", "mnt", "pid" } do
				assert(link(name) ~= before[i], name)
			end
			print(io.open "/proc/self/stat":read "n", io.open "/proc/1/comm":read())
			print(netns.current().link:get "lo".up)
			local ns = netns.add "mine"
			assert(ns:call(function() return netns.current() == ns end))
			assert(ns:exec { "readlink", "/proc/self/ns/net" }.stdout == "net:[" .. ns.inode .. "]\n")
			assert(netns.open "mine" == ns)
			pcall(function() print(ns.nft:list()) end)
		]])
		assert.matches("^/proc/1 /proc/2 /proc/3\n0 lo\n/run: lock netns /run/netns:\n", out)
		assert.matches("\n2\tnslua%-init\ntrue\n", out)
	end)

	each_user("keeps what the program had", function(user)
		local out = succeeds(user, "lua5.4", [[
			local netns = require "netns"
			io.stdout:setvbuf "full"
			io.write "before "
			local file = io.tmpfile()
			file:write "content"
			setmetatable({}, { __gc = function() io.write "collected " end })
			local co = coroutine.wrap(function()
				netns.sandbox()
				coroutine.yield "moved"
			end)
			io.write(co(), " ")
			file:seek "set"
			io.write(file:read "a", " ", io.popen "pwd":read(), " ", arg[1], " ")
			local status = io.open "/proc/self/status":read "a"
			io.write(status:match "SigBlk:%s*(%x+)", " ")
		]], "word")
		assert.equal("before moved content / word 0000000000000000 collected ", out)
	end)

	each_user("ends as the program does, for who started it", function(user)
		local start = "require 'netns'.sandbox() "
		for _, code in ipairs { 0, 1, 7, 255 } do
			assert.equal(code, run(user, "lua5.4", start .. "os.exit(" .. code .. ")").code)
		end
		assert.equal(1, run(user, "lua5.4", start .. "error 'x'").code)
		assert.equal(9, run(user, "lua5.4", start .. "os.execute 'kill -9 $PPID'").signal)
		local r = run(user, "lua5.4", start .. "io.popen('kill $PPID'):close() while true do end")
		assert.equal(15, r.signal)
	end)

	local work = [[
		local netns = require "netns"
		netns.sandbox()
		os.execute "trap '' TERM HUP; sleep 4321 &"
		os.execute "setsid sh -c 'sleep 4321 & exec sleep 4321' &"
		os.execute "sh -c 'kill -STOP $$; sleep 4321' &"
		kept = netns.new():spawn { "sleep", "4321" }
		io.write "started\n"
		io.flush()
	]]
	local ends = {
		["when it returns"] = "",
		["when it fails"] = "error 'x'",
		["when it is killed"] = "os.execute 'kill -9 $PPID'",
		["when its first process is killed"] = "while true do end",
		["when its init is killed"] = "while true do end",
	}
	for name, last in pairs(ends) do
		each_user("leaves nothing " .. name, function(user)
			if last:find "while" then
				local argv = hosts.command(user, "lua5.4", work .. last)
				argv.stdout = "capture"
				local p <close> = netns.current():spawn(argv)
				assert(p:expect("started", 20))
				assert.is_true(support.eventually(function()
					return #marked "\0004321\0" >= 4
				end))
				local children = support.read(("/proc/%d/task/%d/children"):format(p.pid, p.pid))
				local init = children:match "%d+"
				os.execute("kill -9 " .. (name:find "init" and init or p.pid))
				assert.equal(9, p:wait(20).signal)
			else
				assert.equal("started\n", run(user, "lua5.4", work .. last).stdout)
			end
			local left
			support.eventually(function()
				left = marked "\0004321\0"
				return #left == 0
			end)
			assert.same({}, left)
		end)
	end

	each_user("is entered by nslua --enter", function(user)
		local argv = hosts.command(user, "lua5.4", [[
			local netns = require "netns"
			netns.sandbox()
			netns.add "here"
			io.write "started\n"
			io.flush()
			netns.sleep(1000)
		]])
		argv.stdout = "capture"
		local p <close> = netns.current():spawn(argv)
		assert(p:expect("started", 20))
		local r = netns.current():exec {
			hosts.interpreter(), "--enter", tostring(p.pid), "-e", "print(require 'netns'.list()[1])",
		}
		assert.equal("here\n", r.stdout)
	end)

	it("is refused, and changes nothing, where it cannot be", function()
		local code = [[
			local netns = require "netns"
			local function state()
				local text = ""
				for _, name in ipairs { "net", "mnt", "pid", "user", "pid_for_children" } do
					text = text .. io.popen("readlink /proc/$PPID/ns/" .. name):read "a"
				end
				for line in io.lines "/proc/self/status" do
					text = line:find "^[SP]%w+g" and text .. line .. "\n" or text
				end
				return text
			end
			local before = state()
			local ok, err = pcall(netns.sandbox)
			assert(not ok and state() == before, state())
			print(err.code, err.op, err.hint)
			print(err)
			print(io.popen "echo the children are as they were":read())
		]]
		local function without(setting, ...)
			return { prefix = {
				"unshare", "--user", "--map-root-user", "sh", "-c",
				"echo 0 >/proc/sys/user/" .. setting .. '; exec "$@"', "sh", ...,
			} }
		end
		local out = succeeds(without "max_pid_namespaces", "lua5.4", code)
		assert.matches("^ENOSPC\tsandbox\tsysctl %-w user%.max_pid_namespaces=%d+\nsandbox: ", out)
		assert.matches("cannot create the namespaces: PID namespaces are switched off", out)
		assert.matches("\nthe children are as they were\n$", out)
		local weak = { "setpriv", "--bounding-set=-net_admin", "--" }
		out = succeeds(without("max_user_namespaces", table.unpack(weak)), "lua5.4", code)
		assert.matches("cannot create the namespaces: user namespaces are switched off", out)
	end)

	it("is refused inside of ns:call", function()
		succeeds({ prefix = {} }, "lua5.4", [[
			local netns = require "netns"
			local ns = netns.new()
			local function try()
				local ok, err = pcall(netns.sandbox)
				assert(not ok and err.code == "EINVAL" and err.attr == "call", tostring(err))
			end
			ns:call(try)
			ns:call(function() coroutine.wrap(try)() end)
			pcall(ns.call, ns, error)
			assert(netns.sandbox())
		]])
	end)

	it("is refused to a program with threads", function()
		succeeds({ prefix = {} }, "host", [[
			local netns = require "netns"
			local t = host.thread [=[require "netns".sleep(0.3)]=]
			local ok, err = pcall(netns.sandbox)
			assert(not ok and err.code == "EINVAL" and err.attr == "threads", tostring(err))
			t:join()
			assert(netns.sandbox())
		]])
	end)
end)

describe("netns.sandbox() in nslua", function()
	it("tells the pid, and moves nowhere, since it is in one", function()
		local r = support.script [[
			local netns = require "netns"
			local before = netns.current().inode
			io.write(netns.sandbox(), " ", io.popen "echo $PPID":read "a")
			assert(netns.current().inode == before)
		]]
		assert.equal("", r.stderr)
		local pid, lua = r.stdout:match "^(%d+) (%d+)\n$"
		assert.equal("2", lua)
		assert.is_true(tonumber(pid) > 2)
	end)

	it("moves with --host, where names are then its own", function()
		local _ <close> = netns.add "ours"
		local r = support.script([[
			local netns = require "netns"
			assert(netns.list()[1] == "ours")
			netns.sandbox()
			assert(not netns.list()[1])
			netns.add "theirs"
			netns.new()
		]], { "--host" })
		assert.equal(0, r.code, r.stderr)
		assert.same({ "ours" }, netns.list())
		netns.delete "ours"
	end)
end)
