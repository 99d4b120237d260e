-- SPDX-License-Identifier: MIT
-- process_spec.lua - ns:spawn, ns:exec and the processes that they make
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local refused, read, eventually = support.refused, support.read, support.eventually
local soon = 5

-- A zombie has ended; only its parent has not looked yet.
local function is_alive(pid)
	local stat = read("/proc/" .. pid .. "/stat")
	return stat ~= nil and stat:match("%) (%a)") ~= "Z"
end

local function count(pattern)
	local n = 0
	for pid in lfs.dir("/proc") do
		if tonumber(pid) and (read("/proc/" .. pid .. "/stat") or ""):find(pattern) then
			n = n + 1
		end
	end
	return n
end

local function sh(script, spec)
	spec = spec or {}
	spec[1], spec[2], spec[3] = "sh", "-c", script
	return spec
end

-- Starts what close() must still find: one detached, one that ignores SIGTERM, one that is stopped.
local family = [[
	setsid sh -c 'sleep 1000 & echo $!; exec sleep 1000' &
	sh -c 'trap "" TERM; echo $$; while :; do sleep 1000; done' &
	sleep 1000 & echo $!; kill -STOP $!
	(setsid sh -c 'echo $$; exec sleep 1000' &)
]]

local function pids_in(text)
	local pids = {}
	for pid in text:gmatch("%d+") do
		pids[#pids + 1] = tonumber(pid)
	end
	return pids
end

local function none_alive(pids)
	for _, pid in ipairs(pids) do
		if is_alive(pid) then
			return false
		end
	end
	return true
end

-- What an interpreter of its own prints while it runs `script`, until it has said `n` pids.
local function inner(ns, script, n)
	local prelude = "local netns = require 'netns'; io.stdout:setvbuf 'line'; local ns = netns.new()\n"
	local p = ns:spawn {
		support.interpreter, "--host", "-e", prelude .. script,
		stdout = "capture", stderr = "capture",
		env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false },
	}
	local pids = {}
	while #pids < n do
		local line = p:expect("[^\n]*\n", soon)
		assert.is_truthy(line, "the inner interpreter says nothing")
		pids[#pids + 1] = tonumber(line)
	end
	return p, pids
end

describe("a process", function()
	local ns

	before_each(function()
		ns = netns.new()
	end)

	after_each(function()
		ns:close()
	end)

	describe("of exec", function()
		it("returns the exit code, what it wrote and how long it took", function()
			local r = ns:exec(sh "echo out; echo err >&2")
			assert.same({ code = 0, stdout = "out\n", stderr = "err\n", elapsed = r.elapsed }, r)
			assert.is_true(r.elapsed > 0 and r.elapsed < soon)
		end)

		it("runs in the namespace and sees its interfaces only", function()
			local inode = ns:exec { "readlink", "/proc/self/ns/net" }.stdout
			assert.equal(("net:[%d]\n"):format(ns.inode), inode)
			ns.link:add { name = "here0", kind = "veth", peer = { name = "here1" } }
			-- where the module bonding is loaded, that file is in all namespaces
			local names = ns:exec { "ls", "-I", "bonding_masters", "/sys/class/net" }.stdout
			assert.equal("here0\nhere1\nlo\n", names)
			local _, lines = ns:exec { "cat", "/proc/net/dev" }.stdout:gsub("\n", "")
			assert.equal(5, lines)
		end)

		it("leaves the caller where it was", function()
			local before = lfs.symlinkattributes("/proc/thread-self/ns/net", "target")
			ns:exec { "true" }
			assert.equal(before, lfs.symlinkattributes("/proc/thread-self/ns/net", "target"))
		end)

		it("works from inside ns:call", function()
			local other <close> = netns.new()
			local r = other:call(function()
				return ns:exec { "readlink", "/proc/self/ns/net" }
			end)
			assert.equal(("net:[%d]\n"):format(ns.inode), r.stdout)
		end)

		it("raises for another exit code, with the result", function()
			local err = refused("EXIT", nil, ns.exec, ns, sh "echo no such luck >&2; exit 3")
			assert.equal(3, err.result.code)
			assert.equal("exec", err.op)
			assert.equal("sh", err.subject)
			assert.equal(tostring(ns.inode), err.netns)
			assert.truthy(tostring(err):find("exited with 3: no such luck", 1, true))
		end)

		it("raises for a signal", function()
			local err = refused("SIGNAL", nil, ns.exec, ns, sh "kill -KILL $$")
			assert.is_nil(err.result.code)
			assert.equal(9, err.result.signal)
			assert.truthy(tostring(err):find("SIGKILL", 1, true))
		end)

		it("returns whatever result with check = false", function()
			assert.equal(3, ns:exec(sh("exit 3", { check = false })).code)
			assert.equal(15, ns:exec(sh("kill -TERM $$", { check = false })).signal)
		end)

		it("is killed at its timeout, with its children", function()
			local err = refused("ETIMEDOUT", nil, ns.exec, ns,
				sh("sleep 1000 & echo $!; wait", { timeout = "100ms" }))
			assert.is_true(err.result.timed_out)
			assert.is_true(err.result.elapsed >= 0.1)
			assert.is_false(is_alive(pids_in(err.result.stdout)[1]))
			local r = ns:exec { "sleep", "1000", timeout = 0.05, check = false }
			assert.is_true(r.timed_out)
			assert.equal(9, r.signal)
		end)

		it("does not wait for the daemons that it started", function()
			local r = ns:exec(sh "sleep 1000 & echo $!", { timeout = soon })
			local pid = pids_in(r.stdout)[1]
			collectgarbage()
			collectgarbage()
			assert.is_true(is_alive(pid))
			assert.is_nil(r.timed_out)
			ns:exec(sh("kill -KILL " .. pid))
			assert.is_true(eventually(function()
				return not is_alive(pid)
			end))
			-- the next one clears away what watched over it
			assert.is_true(eventually(function()
				ns:exec { "true" }
				return count("%(netns%-reaper%)") == 0
			end))
		end)
	end)

	describe("that cannot be executed", function()
		it("raises at once and says at which step", function()
			local err = refused("ENOENT", nil, ns.spawn, ns, { "no-such-program" })
			assert.truthy(err.message:find("PATH", 1, true))
			refused("ENOENT", nil, ns.exec, ns, { "/no/such/program" })
			refused("EACCES", nil, ns.exec, ns, { "/etc/passwd" })
			err = refused("ENOENT", "cwd", ns.exec, ns, { "true", cwd = "/no/such/directory" })
			assert.truthy(err.message:find("/no/such/directory", 1, true))
		end)

		it("is no script without an interpreter", function()
			local name = os.tmpname()
			local file = assert(io.open(name, "w"))
			file:write("echo hello\n")
			file:close()
			finally(function()
				os.remove(name)
			end)
			os.execute("chmod +x " .. name)
			refused("ENOEXEC", nil, ns.exec, ns, { name })
		end)
	end)

	describe("spec", function()
		local bad = {
			{ "argv", {} },
			{ "argv[1]", { "" } },
			{ "argv[1]", { "a\0b" } },
			{ "argv[2]", { "true", {} } },
			{ "argv[2]", { "true", 1.5 } },
			{ "argv", { "true", nil, "x" } },
			{ "argv", { [0] = "x", "true" } },
			{ "nonsense", { "true", nonsense = 1 } },
			{ "env", { "true", env = { ["A=B"] = "x" } } },
			{ "env", { "true", env = { "x" } } },
			{ "env", { "true", env = { [""] = "x" } } },
			{ "env.A", { "true", env = { A = "x\0" } } },
			{ "env.A", { "true", env = { A = true } } },
			{ "env", { "true", env = "A=B" } },
			{ "cwd", { "true", cwd = "" } },
			{ "cwd", { "true", cwd = "/\0" } },
			{ "stdin", { "true", stdin = 5 } },
			{ "stdout", { "true", stdout = "nowhere" } },
			{ "stdout", { "true", stdout = "stdout" } },
			{ "stderr", { "true", stderr = true } },
			{ "timeout", { "true", timeout = -1 } },
			{ "check", { "true", check = 1 } },
		}

		it("is a table of words: strings and whole numbers", function()
			for _, f in ipairs { ns.exec, ns.spawn } do
				local err = refused("EINVAL", "spec", f, ns, "ls -l")
				assert.truthy(err.message:find("the program and its arguments expected", 1, true))
			end
			local err = refused("EINVAL", "argv[2]", ns.exec, ns, { "echo", 1.5 })
			assert.equal("a string or a whole number expected, got 1.5", err.message)
			assert.equal("1 2 3\n", ns:exec({ "echo", 1, 2.0, "3" }).stdout)
		end)

		it("is checked before anything is made", function()
			for _, case in ipairs(bad) do
				refused("EINVAL", case[1], ns.exec, ns, case[2])
			end
			refused("EINVAL", "spec", ns.exec, ns, "true")
			refused("EINVAL", "stdin", ns.exec, ns, { "cat", stdin = true })
			refused("EINVAL", "check", ns.spawn, ns, { "true", check = true })
			local file = assert(io.open("/dev/null"))
			file:close()
			refused("EINVAL", "stdout", ns.exec, ns, { "true", stdout = file })
		end)

		it("takes whole numbers as arguments, and any bytes but NUL", function()
			local r = ns:exec { "printf", "%s|", 1, "", "a b", "\xff\n", "$HOME" }
			assert.equal("1||a b|\xff\n|$HOME|", r.stdout)
		end)

		it("changes the environment, and only for the process", function()
			local r = ns:exec(sh("echo $ONE $TWO ${HOME-unset} ${PATH:+path}", {
				env = { ONE = "a b", TWO = 2, HOME = false },
			}))
			assert.equal("a b 2 unset path\n", r.stdout)
			assert.is_nil(os.getenv("ONE"))
			refused("ENOENT", nil, ns.exec, ns, { "lua-is-not-here", env = { PATH = "/nonexistent" } })
		end)

		it("has a working directory", function()
			assert.equal("/usr\n", ns:exec { "pwd", cwd = "/usr" }.stdout)
			assert.equal(lfs.currentdir() .. "\n", ns:exec { "pwd" }.stdout)
		end)
	end)

	describe("has streams", function()
		it("that are strings of any size, without a deadlock", function()
			local big = ("0123456789abcde\n"):rep(10 * 1024 * 1024 // 16)
			assert.is_true(ns:exec { "cat", stdin = big }.stdout == big)
			assert.equal("", ns:exec { "cat" }.stdout)
			assert.equal("a\0b", ns:exec { "cat", stdin = "a\0b" }.stdout)
		end)

		it("that are pipes, read while they are written", function()
			local p <close> = ns:spawn { "cat", stdin = true, stdout = "capture" }
			local big = ("x"):rep(10 * 1024 * 1024)
			p:write("one\n")
			assert.equal("one\n", p:read(soon))
			assert.same({ nil, "timeout" }, { p:read(0) })
			p:write(big)
			p:close_stdin()
			refused("EINVAL", "stdin", p.write, p, "more")
			assert.is_true(p:wait(soon).stdout == big)
		end)

		it("of which both are taken in, whichever is read", function()
			local p <close> = ns:spawn(sh("head -c 1000000 /dev/zero >&2; echo done", {
				stdout = "capture", stderr = "capture",
			}))
			assert.equal("done\n", p:read(soon))
			assert.equal(1000000, #p:wait(soon).stderr)
			assert.equal(1000000, #p:read(0, "stderr"))
			assert.is_nil(p:read(0))
		end)

		it("that are files, also each other's", function()
			local file <close> = io.tmpfile()
			file:write("head\n")
			ns:exec { "echo", "tail", stdout = file }
			file:seek("set")
			assert.equal("head\ntail\n", file:read("a"))
			file:seek("set")
			assert.equal("head\ntail\n", ns:exec { "cat", stdin = file }.stdout)
			local r = ns:exec(sh("echo a; echo b >&2; echo c", { stderr = "stdout" }))
			assert.equal("a\nb\nc\n", r.stdout)
			assert.is_nil(r.stderr)
		end)

		it("that swap io.stdout and io.stderr", function()
			local p <close> = inner(ns, [[
				ns:exec { "sh", "-c", "echo out; echo err >&2", stdout = io.stderr, stderr = io.stdout }
			]], 0)
			local r = p:wait(soon)
			assert.same({ "err\n", "out\n", 0 }, { r.stdout, r.stderr, r.code })
		end)

		it("and no other descriptor", function()
			local file <close> = io.open("/etc/passwd")
			assert.truthy(file)
			-- 3 is the directory that ls reads
			assert.equal("0\n1\n2\n3\n", ns:exec { "ls", "/proc/self/fd" }.stdout)
		end)

		it("that raise instead of killing us when nobody reads", function()
			local p <close> = ns:spawn { "true", stdin = true }
			assert.equal(0, p:wait(soon).code)
			refused("EPIPE", nil, p.write, p, ("x"):rep(100000))
		end)

		it("that must be captured to be read", function()
			local p <close> = ns:spawn { "true", stderr = "capture" }
			refused("EINVAL", "stdout", p.read, p, 0, "stdout")
			refused("EINVAL", "stream", p.read, p, 0, "stdin")
			refused("EINVAL", "stdin", p.write, p, "x")
			assert.is_nil(p:read(soon))
		end)
	end)

	it("starts with default signals, none blocked, in a session of its own", function()
		local status = ns:exec { "cat", "/proc/self/status" }.stdout
		assert.truthy(status:find("SigBlk:%s*0+\n"))
		assert.truthy(status:find("SigIgn:%s*0+\n"))
		local stat = ns:exec { "cat", "/proc/self/stat" }.stdout
		local pid, group, session = stat:match("^(%d+) %b() %a %d+ (%d+) (%d+)")
		assert.same({ pid, pid }, { group, session })
	end)

	it("ends, and tells how, as often as it is asked", function()
		local p <close> = ns:spawn(sh("read line; exit 7", { stdin = true }))
		assert.same({ nil, "timeout" }, { p:wait(0) })
		assert.same({ nil, "timeout" }, { p:wait("20ms") })
		p:write("\n")
		local r = p:wait(soon)
		assert.equal(7, r.code)
		assert.equal(r, p:wait())
		assert.is_false(p:kill())
		assert.truthy(tostring(p):find("ended", 1, true))
	end)

	it("takes signals by number and by name", function()
		for _, case in ipairs { { nil, 15 }, { "HUP", 1 }, { "SIGUSR1", 10 }, { 9, 9 } } do
			local p <close> = ns:spawn { "sleep", "1000" }
			assert.is_true(p:kill(case[1]))
			assert.equal(case[2], p:wait(soon).signal)
		end
		local p <close> = ns:spawn { "sleep", "1000" }
		refused("EINVAL", "signal", p.kill, p, "NONSENSE")
		refused("EINVAL", "signal", p.kill, p, 99)
		assert.is_true(is_alive(p.pid))
	end)

	it("is killed at the timeout of spawn, however busy the script is", function()
		local p <close> = ns:spawn(sh("sleep 1000 & echo $!; wait", {
			timeout = 0.05, stdout = "capture",
		}))
		assert.is_true(eventually(function()
			return not is_alive(p.pid)
		end))
		local r = p:wait(soon)
		assert.is_true(r.timed_out)
		assert.is_true(none_alive(pids_in(r.stdout)))
	end)

	it("can be waited for with others", function()
		local quick <close> = ns:spawn { "true" }
		local slow <close> = ns:spawn(sh("read x; echo hello; sleep 1000", {
			stdin = true, stdout = "capture",
		}))
		local ready = netns.wait({ slow, quick }, soon)
		assert.same({ quick }, ready)
		assert.same({ nil, "timeout" }, { netns.wait({ slow }, 0) })
		slow:write("\n")
		assert.same({ slow }, netns.wait({ slow }, soon))
		assert.equal("hello\n", slow:read(0))
		assert.same({ nil, "timeout" }, { netns.wait({ slow }, 0) })
	end)

	it("is unusable once closed", function()
		local p = ns:spawn { "sleep", "1000", stdin = true, stdout = "capture" }
		p:close()
		p:close()
		for _, method in ipairs {
			"wait", "kill", "write", "read", "peek", "pollfd", "events", "close_stdin",
		} do
			refused("EBADF", "self", p[method], p, "x")
		end
		assert.truthy(tostring(p):find("closed", 1, true))
		ns:close()
		refused("EBADF", "self", ns.exec, ns, { "true" })
		refused("EBADF", "self", ns.spawn, ns, { "true" })
	end)

	describe("ends with close()", function()
		it("together with all that descends from it", function()
			local p = ns:spawn(sh(family .. "exec sleep 1000", { stdout = "capture" }))
			local text = ""
			while #pids_in(text) < 4 do
				text = text .. assert(p:read(soon))
			end
			local pids = pids_in(text)
			pids[#pids + 1] = p.pid
			for _, pid in ipairs(pids) do
				assert.is_true(is_alive(pid))
			end
			p:close()
			assert.is_true(none_alive(pids))
			assert.same({}, ns:pids())
			assert.equal(0, count("%(netns%-reaper%)"))
		end)

		it("also when only its daemons are left", function()
			local p = ns:spawn(sh(family, { stdout = "capture" }))
			assert.equal(0, p:wait(soon).code)
			local pids = pids_in(p:read(0))
			assert.is_false(none_alive(pids))
			p:close()
			assert.is_true(none_alive(pids))
			assert.same({}, ns:pids())
		end)

		it("but no other's", function()
			local a = ns:spawn(sh("(setsid sleep 1000 &)", { stdout = "null" }))
			local b <close> = ns:spawn(sh("(setsid sh -c 'echo $$; exec sleep 1000' &)", {
				stdout = "capture",
			}))
			local pid = tonumber(b:read(soon))
			assert.equal(0, a:wait(soon).code)
			assert.equal(0, b:wait(soon).code)
			assert.equal(2, #ns:pids())
			a:close()
			assert.same({ pid }, ns:pids())
		end)

		it("when what watches over it is killed", function()
			local p <close> = ns:spawn { "sleep", "1000" }
			local parent = read("/proc/" .. p.pid .. "/stat"):match("%) %a (%d+)")
			assert.equal("netns-reaper\n", read("/proc/" .. parent .. "/comm"))
			os.execute("kill -KILL " .. parent)
			refused("ECHILD", nil, p.wait, p, soon)
			assert.is_true(eventually(function()
				return not is_alive(p.pid)
			end))
		end)

		it("when it is collected", function()
			local p = ns:spawn { "sleep", "1000" }
			local pid = p.pid
			assert.is_true(is_alive(pid))
			p = nil -- luacheck: ignore 311 (nobody reads it: that is how it is let go)
			collectgarbage()
			collectgarbage()
			assert.is_false(is_alive(pid))
		end)

		it("a hundred at once", function()
			local list, ended = {}, 0
			for i = 1, 100 do
				list[i] = ns:spawn(sh("echo $$; exec sleep 1000", { stdout = "capture" }))
			end
			for _, p in ipairs(list) do
				assert.equal(p.pid, tonumber(p:read(soon)))
			end
			assert.equal(100, #ns:pids())
			for _, p in ipairs(list) do
				p:close()
				ended = ended + (is_alive(p.pid) and 0 or 1)
			end
			assert.equal(100, ended)
		end)
	end)

	describe("ends with the interpreter", function()
		local script = [[
			local daemon = "(setsid sh -c 'echo $$; exec sleep 1000' &); exec sleep 1000"
			local p = ns:spawn { "sh", "-c", daemon, stdout = "capture" }
			io.write(p:read(5))
			print(p.pid)
			io.write(ns:exec { "sh", "-c", "setsid sleep 1000 >/dev/null & echo $!" }.stdout)
		]]
		local ends = {
			["killed"] = "while true do netns.sleep(1000) end",
			["by os.exit"] = "os.exit(0)",
			["by os.exit, closing the state"] = "os.exit(0, true)",
			["by an error"] = "error('over')",
			["by its last line"] = "",
		}

		for how, last in pairs(ends) do
			it(how, function()
				local p <close>, pids = inner(ns, script .. last, 3)
				if how == "killed" then
					for _, pid in ipairs(pids) do
						assert.is_true(is_alive(pid))
					end
					p:kill("KILL")
				end
				assert.truthy(p:wait(soon))
				assert.is_true(eventually(function()
					return none_alive(pids)
				end))
				assert.is_true(eventually(function()
					return count("%(netns%-reaper%) [^Z]") == 0
				end))
			end)
		end
	end)

	it("is ended by Ctrl-C in a wait", function()
		local spec = "{ 'sh', '-c', 'echo $$; exec sleep 1000', stdout = io.stdout, stderr = 'capture' }"
		for _, wait in ipairs {
			"local p <close> = ns:spawn(%s); p:wait()",
			"local p <close> = ns:spawn(%s); p:read()",
			"coroutine.wrap(function() ns:exec(%s) end)()",
		} do
			local p <close>, pids = inner(ns, wait:format(spec), 1)
			assert.is_true(is_alive(pids[1]))
			p:kill("INT")
			local r = p:wait(soon)
			assert.equal(1, r and r.code)
			assert.truthy(r.stderr:find("interrupted!", 1, true))
			assert.is_true(eventually(function()
				return none_alive(pids)
			end))
		end
	end)

	it("has the mounts that were made once for its namespace", function()
		local function mounts(of)
			return of:exec({ "readlink", "/proc/self/ns/mnt" }).stdout
		end
		local other <close> = netns.new()
		assert.equal(mounts(ns), mounts(ns))
		assert.not_equal(mounts(ns), mounts(other))
		assert.not_equal(mounts(ns), lfs.symlinkattributes("/proc/self/ns/mnt", "target") .. "\n")
	end)

	it("sees mounts that were made later", function()
		if not read("/proc/self/mountinfo"):find(" / %S+ shared:") then
			pending("the root of this mount namespace is not shared")
			return
		end
		ns:exec { "true" }
		assert.is_true(os.execute("mount -t tmpfs none /mnt"))
		finally(function()
			os.execute("umount /mnt")
		end)
		assert.truthy(ns:exec { "cat", "/proc/self/mountinfo" }.stdout:find(" /mnt ", 1, true))
	end)

	it("sees /etc/netns/NAME over /etc", function()
		if read("/proc/1/comm") ~= "nslua-init\n" then
			pending("not in a sandbox: /etc is the machine's")
			return
		end
		local function prepare(command)
			assert.is_true(os.execute(command))
		end
		prepare [[
			mount -t tmpfs none /etc && mkdir -p /etc/netns/overlaid &&
			echo all >/etc/hosts && echo own >/etc/netns/overlaid/hosts
		]]
		local named = netns.add("overlaid")
		finally(function()
			named:delete()
			os.execute("umount -l /etc")
		end)
		assert.equal("own\n", named:exec { "cat", "/etc/hosts" }.stdout)
		assert.equal("all\n", ns:exec { "cat", "/etc/hosts" }.stdout)
		assert.equal("all\n", read("/etc/hosts"))
		prepare "echo >/etc/netns/overlaid/nowhere"
		local again <close> = netns.open("overlaid")
		local err = refused("ENOENT", nil, again.exec, again, { "true" })
		assert.truthy(err.message:find("/etc/netns/overlaid/nowhere", 1, true))
	end)

	it("is made by code that calls no libc", function()
		local object = "build/src/namespace/%s.o"
		if not support.has "nm" or not lfs.attributes(object:format "child") then
			pending("no nm, or no object files")
			return
		end
		for name in lfs.dir "src/namespace" do
			name = name:match "^(child.*)%.c$" or name:match "^(reaper)%.c$"
			if name then
				local r = ns:exec { "nm", "-u", object:format(name) }
				assert.equal("", (r.stdout:gsub("%s+U child_[%l_]+\n", ""):gsub("%s", "")))
			end
		end
	end)

	describe("says when it is ready:", function()
		it("lines()", function()
			local p <close> = ns:spawn(sh("echo one; echo; sleep 0.05; echo two; printf three", {
				stdout = "capture",
			}))
			local lines = {}
			for line in p:lines() do
				lines[#lines + 1] = line
			end
			assert.same({ "one", "", "two", "three" }, lines)
			local q <close> = ns:spawn { "seq", "100000", stdout = "capture" }
			assert.equal(0, q:wait(soon).code)
			local sum = 0
			for line in q:lines() do
				sum = sum + tonumber(line)
			end
			assert.equal(100000 * 100001 // 2, sum)
		end)

		it("expect()", function()
			local p <close> = ns:spawn(sh("echo start; sleep 0.05; echo port 123; sleep 1000", {
				stdout = "capture",
			}))
			assert.equal("123", p:expect("port (%d+)", soon))
			assert.same({ nil, "timeout" }, { p:expect("nothing of the kind", "20ms") })
			assert.equal("\n", p:read(0))
			refused("EINVAL", "pattern", p.expect, p)
			local q <close> = ns:spawn(sh("echo oops", { stdout = "capture" }))
			local err = refused("EPIPE", nil, q.expect, q, "ready", soon)
			assert.truthy(err.message:find("oops", 1, true))
		end)

		it("listening()", function()
			local p <close> = inner(ns, "netns.sleep(1000)", 0)
			assert.same({ nil, "timeout" }, { p:listening("tcp/80", 0) })
			assert.same({ nil, "timeout" }, { p:listening("udp/80", "20ms") })
			refused("EINVAL", "what", p.listening, p, "tcp/http")
			refused("EINVAL", "what", p.listening, p, "tcp/65536")
			p:kill("KILL")
			refused("ECHILD", nil, p.listening, p, "tcp/80", soon)
		end)
	end)
end)
