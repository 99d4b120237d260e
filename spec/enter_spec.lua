-- SPDX-License-Identifier: MIT
-- enter_spec.lua - nslua --enter: a second terminal in a sandbox that is running
local lfs = require "lfs"
local netns = require "netns"
local hosts = require "spec.hosts.users"
local scratch = require "spec.scratch"
local support = require "spec.support"
local terminal = require "spec.terminal"

local dir

-- A sandbox that runs until it is closed, after `code`; `prefix`: a program that starts nslua.
local function sandbox(code, prefix)
	local spec = prefix or {}
	table.insert(spec, hosts.interpreter())
	table.insert(spec, "-")
	spec.stdout = "capture"
	spec.stdin = (code or "") .. [[ io.write "ready\n" io.flush() require "netns".sleep(1000) ]]
	local p = netns.current():spawn(spec)
	assert(p:expect("ready", 20))
	return p
end

local function child_of(pid)
	return tonumber(support.read(("/proc/%d/task/%d/children"):format(pid, pid)):match "%d+")
end

-- Run nslua --enter PID with more arguments; the result.
local function enter(pid, ...)
	return netns.current():exec {
		support.interpreter, "--enter", tostring(pid), check = false, timeout = 20, ...,
	}
end

-- The processes of a sandbox as it numbers them, but for the one that tells
local function inside(pid)
	local r = enter(pid, "-e", [[
		local own = io.open "/proc/self/stat":read "n"
		local shell = io.popen "echo /proc/[0-9]* $$"
		local list, sh = shell:read "a":match "(.*) (%d+)"
		for n in list:gmatch "%d+" do
			if tonumber(n) ~= own and n ~= sh then io.write(n, " ") end
		end
	]])
	return r.stdout, r.stderr
end

local as_nobody = { "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--" }

local function has_second_user()
	return netns.current():exec { "setpriv", "--reuid=65534", "true", check = false }.code == 0
end

setup(function()
	hosts.setup()
	dir = scratch.new()
	lfs.mkdir(dir.path .. "/sub")
	os.execute("chmod -R a+rX " .. scratch.quote(dir.path))
end)

teardown(function()
	dir:remove()
	hosts.teardown()
end)

describe("nslua --enter", function()
	it("runs Lua in the sandbox, by the pid of its nslua or of anything inside", function()
		local p <close> = sandbox [[
			local n = require "netns"
			n.add "web"
			n.current().link:add { name = "br0", kind = "bridge" }
			child = n.current():spawn { "sleep", "1000" }
			-- and a PID namespace that is not a sandbox
			apart = n.current():spawn { "unshare", "--pid", "--fork", "sh", "-c",
				"echo up; exec sleep 1000", stdout = "capture" }
			assert(apart:expect("up", 20))
		]]
		local init = child_of(p.pid)
		local pids
		support.eventually(function()
			pids = { p.pid, init }
			for pid in lfs.dir "/proc" do
				local command = pid:find "^%d" and support.read("/proc/" .. pid .. "/cmdline")
				if command == "sleep\0001000\0" then
					pids[#pids + 1] = tonumber(pid)
				end
			end
			return #pids == 4
		end)
		assert.equal(4, #pids)
		local inode = netns.open(init).inode
		for _, pid in ipairs(pids) do
			local r = enter(pid, "-e", [[
				local n = require "netns"
				print(n.current().inode, n.list()[1], n.sandbox())
				n.current().link:set { name = "br0", up = true }
				print(io.open "/proc/1/comm":read(), io.open "/sys/class/net/br0/flags":read "n" & 1)
				local r = n.current():exec { "sh", "-c", "echo $(id -u; pwd; readlink /proc/self)" }
				io.write(r.stdout)
			]])
			assert.equal("", r.stderr)
			assert.matches(("^%d\tweb\t%d\nnslua%%-init\t1\n0 %s %%d+\n$")
				:format(inode, init, (lfs.currentdir():gsub("%p", "%%%0"))), r.stdout)
		end
	end)

	it("runs scripts, modules, stdin and the REPL, in the working directory", function()
		local p <close> = sandbox()
		dir:write("sub/script.lua", "print('script', arg[0], arg[-1], ...)")
		local function run(args, stdin)
			local argv = { support.interpreter, "--enter", tostring(p.pid) }
			argv.stdin, argv.cwd = stdin, dir.path .. "/sub"
			for _, arg in ipairs(args) do
				table.insert(argv, arg)
			end
			return netns.current():exec(argv).stdout
		end
		assert.equal(("script\tscript.lua\t%d\ta\tb\n"):format(p.pid), run { "script.lua", "a", "b" })
		assert.equal("script\t./script.lua\t-m\tc\n", run { "-m", "script", "c" })
		assert.equal("5\n", run({}, "print(5)"))
		assert.matches("> 7\n> \n$", run({ "-i" }, "3 + 4\n"))
		assert.equal("1\n2\n", run { "-e", "print(1)", "-e", "print(2)" })
	end)

	it("goes into a sandbox within a sandbox", function()
		local p <close> = sandbox [[
			local n = require "netns"
			inner = n.current():spawn { arg[-1], "-", stdout = "capture", stdin = [=[
				local n = require "netns"
				n.add "deep"
				io.write "up\n"
				io.flush()
				n.sleep(1000)
			]=] }
			assert(inner:expect("up", 20))
		]]
		local inner
		for pid in lfs.dir "/proc" do
			local status = pid:find "^%d" and support.read("/proc/" .. pid .. "/status") or ""
			if status:find "^Name:\tnslua%-init" and status:find "\nNSpid:[\t%d]+\t%d+\t1\n" then
				inner = math.max(inner or 0, tonumber(pid)) -- p's own init is older
			end
		end
		local list = "print(table.concat(require 'netns'.list(), ' '), io.open '/proc/1/comm':read())"
		assert.equal("deep\tnslua-init\n", enter(inner, "-e", list).stdout)
		assert.equal("\tnslua-init\n", enter(p.pid, "-e", list).stdout)
	end)

	it("passes the exit status, and signals both ways", function()
		local p <close> = sandbox()
		for _, code in ipairs { 0, 1, 7, 255 } do
			assert.equal(code, enter(p.pid, "-e", "os.exit(" .. code .. ")").code)
		end
		assert.equal(9, enter(p.pid, "-e", "io.popen 'kill -9 $PPID':read()").signal)
		local q <close> = netns.current():spawn {
			support.interpreter, "--enter", tostring(p.pid), "-", stdout = "capture",
			stdin = "io.write 'go\\n' io.flush() while true do end",
		}
		assert(q:expect("go", 20))
		q:kill "TERM"
		assert.equal(15, q:wait(20).signal)
		assert.is_nil(p:wait(0))
	end)

	it("ends with the sandbox, which does not wait for it", function()
		local p = sandbox()
		local q <close> = netns.current():spawn {
			support.interpreter, "--enter", tostring(p.pid), "-", stdout = "capture",
			stdin = "os.execute 'sleep 1002 &' io.write 'go\\n' io.flush() while true do end",
		}
		assert(q:expect("go", 20))
		p:kill "TERM"
		assert.equal(15, p:wait(20).signal)
		assert.equal(137, q:wait(20).code)
		p:close()
	end)

	it("leaves nothing running when it is killed", function()
		local p <close> = sandbox()
		local before = inside(p.pid)
		for i = 1, 10 do
			local q <close> = netns.current():spawn {
				support.interpreter, "--enter", tostring(p.pid), "-", stdout = "capture",
				stdin = [[
					local p = require "netns".current():spawn { "sh", "-c", "trap '' TERM; sleep 1003" }
					io.write 'go\n' io.flush() while true do end]],
			}
			if i > 5 then
				assert(q:expect("go", 20))
			end
			q:kill "KILL"
			assert.equal(9, q:wait(20).signal)
			local after
			support.eventually(function()
				after = inside(p.pid)
				return after == before
			end)
			assert.equal(before, after)
		end
	end)

	it("is root inside when another user's sandbox is entered by root", function()
		if not has_second_user() then
			pending "there is no second user here"
		end
		local p <close> = sandbox("require 'netns'.add 'theirs'", { table.unpack(as_nobody) })
		-- root has groups that mean nothing inside, and would still open files
		local argv = {
			"setpriv", "--groups=4,6", hosts.interpreter(), "--enter", tostring(p.pid), "-",
		}
		argv.check, argv.stdin = false, [[
			local n = require "netns"
			print(n.list()[1])
			io.stdout:flush()
			os.execute "ip link add v0 type bridge && ip -o link show v0 | cut -d: -f2; id -u; id -G"
			assert(n.new())
			n.current():exec { "readlink", "/proc/self/exe" }
			assert(io.open "/proc/self/environ":read "a" ~= "")
		]]
		local r = netns.current():exec(argv)
		assert.equal("", r.stderr)
		assert.equal("theirs\n v0\n0\n0\n", r.stdout)
		-- and by the user
		argv = { table.unpack(as_nobody) }
		for _, word in ipairs { hosts.interpreter(), "--enter", tostring(p.pid), "-e",
			"print(require 'netns'.list()[1]) os.execute 'id -u'" } do
			table.insert(argv, word)
		end
		assert.equal("theirs\n0\n", netns.current():exec(argv).stdout)
	end)

	it("is refused to other users", function()
		if not has_second_user() then
			pending "there is no second user here"
		end
		local p <close> = sandbox()
		local argv = { check = false, table.unpack(as_nobody) }
		for _, word in ipairs { hosts.interpreter(), "--enter", tostring(p.pid), "-e", "print(1)" } do
			table.insert(argv, word)
		end
		local r = netns.current():exec(argv)
		assert.equal(1, r.code)
		assert.equal("", r.stdout)
		assert.matches("cannot enter %d+: cannot [^\n]+%(E%u+%)\n  remedy: [^\n]*root\n$", r.stderr)
	end)

	it("says what is no sandbox, and what is no process", function()
		local p <close> = netns.current():spawn { "sleep", "1000" }
		local r = enter(p.pid, "-e", "print(1)")
		assert.equal(1, r.code)
		assert.equal("", r.stdout)
		assert.matches("cannot enter " .. p.pid .. ": it is no nslua that has a sandbox, nor in one\n$",
			r.stderr)
		r = enter(2 ^ 22 - 1 | 0, "-e", "print(1)")
		assert.equal(1, r.code)
		assert.matches("cannot find it: No such process %(ESRCH%)\n$", r.stderr)
		-- a PID namespace that is not ours
		local foreign <close> = netns.current():spawn {
			"unshare", "--pid", "--fork", "sh", "-c", "echo go; sleep 1000", stdout = "capture",
		}
		assert(foreign:expect("go", 20))
		r = enter(child_of(foreign.pid), "-e", "print(1)")
		assert.matches("no nslua that has a sandbox", r.stderr)
		for _, args in ipairs { { "0" }, { "-1" }, { "x" }, { "" }, { "1x" }, { "99999999999" }, {} } do
			r = netns.current():exec { support.interpreter, "--enter", check = false, table.unpack(args) }
			assert.equal(2, r.code)
			assert.matches("'%-%-enter' needs [%l ]+\nusage: ", r.stderr)
		end
		r = netns.current():exec { support.interpreter, "--host", "--enter", "1", check = false }
		assert.equal(2, r.code)
		assert.matches("'%-%-enter' does not go with '%-%-host'\nusage: ", r.stderr)
	end)

	local function has_the_terminal(prefix, interpreter)
		local t <close> = terminal.shell()
		t:keys(("mkfifo -m 666 %s/fifo; %s '%s' -e 'io.open(\"%s/fifo\"):read()' & "):format(dir.path,
			table.concat(prefix, " "), interpreter, dir.path))
		t:keys(("P=$!; exec 9>%s/fifo; '%s' --enter $P\r"):format(dir.path, interpreter))
		t:match "\n> $"
		t:keys "print(io.open '/proc/1/comm':read()) while true do end\r"
		t:await "\nnslua-init\n"
		t:keys "\3"
		t:match "interrupted!\n.*\n> $"
		t:keys "\26"
		t:match "Stopped.*shell# $"
		t:keys "fg\r"
		t:match "%-%-enter[^\n]*\n"
		t:await_job()
		t:keys "'li' .. 'ne'\r"
		t:await "\nline\n"
		-- a shell of its own, with job control, and Lua again when that has ended
		t:keys "os.execute 'PS1=inner: bash --norc --noprofile -i' print('got ' .. io.read())\r"
		t:leave_inner_shell()
		t:keys "a line\r"
		t:await "\ngot a line\n"
		dir:write("fifo", "\n")
		t:await("nslua: the sandbox has ended\n", "shell# ")
		t:keys "echo \"rc=$?\"\r"
		t:await "\nrc=137\n"
		os.remove(dir.path .. "/fifo")
	end

	it("has the terminal, and says when the sandbox ends", function()
		has_the_terminal({}, support.interpreter)
	end)

	it("has it as root in another user's sandbox, too", function()
		if not has_second_user() then
			pending "there is no second user here"
		end
		has_the_terminal(as_nobody, hosts.interpreter())
	end)
end)
