-- SPDX-License-Identifier: MIT
-- process_container_spec.lua - namespaces of a program's own: unshare, hostname
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local refused, read, eventually = support.refused, support.read, support.eventually
local soon = 5

-- The kinds, and their files in /proc/PID/ns.
local files = {
	pid = "pid", mount = "mnt", uts = "uts", ipc = "ipc", user = "user", cgroup = "cgroup",
}

local function words(text)
	local found = {}
	for word in text:gmatch("%S+") do
		found[#found + 1] = word
	end
	return found
end

-- { mnt = "mnt:[4026532000]", ... }, of a process
local function namespaces(text)
	local found = {}
	for name, id in text:gmatch("(%l+) %-> (%l+:%b[])") do
		found[name] = id
	end
	return found
end

describe("a process with namespaces of its own", function()
	local ns

	before_each(function()
		ns = netns.new()
	end)

	after_each(function()
		ns:close()
	end)

	local function output(argv, unshare, more)
		local spec = { unshare = unshare, stderr = "stdout" }
		for key, value in pairs(more or {}) do
			spec[key] = value
		end
		table.move(type(argv) == "table" and argv or { "sh", "-c", argv }, 1, 3, 1, spec)
		return ns:exec(spec).stdout
	end

	it("has those it was given, and shares the others", function()
		local function of(unshare)
			return namespaces(output({ "ls", "-l", "/proc/self/ns" }, unshare))
		end
		local usual = of(nil)
		for kind in pairs(files) do
			local found = of { kind }
			for other, file in pairs(files) do
				-- "pid" brings mounts of its own, for its /proc
				local own = other == kind or kind == "pid" and other == "mount"
				assert.equal(not own, found[file] == usual[file], kind .. ": " .. file)
			end
			assert.equal(("net:[%d]"):format(ns.inode), found.net)
		end
		local all = of "all"
		for _, file in pairs(files) do
			assert.not_equal(usual[file], all[file])
		end
		assert.same(usual, of {})
	end)

	describe("sees from inside", function()
		it("its own processes", function()
			local list = "ls /proc | grep -x '[0-9]*'; cat /proc/1/comm; echo $$"
			local inside = words(output(list, { "pid" }))
			assert.same({ "1", "2" }, { inside[1], inside[2] })
			assert.same({ "netns-init", "2" }, { inside[#inside - 1], inside[#inside] })
			-- the shell, ls, grep, and the init
			assert.is_true(#inside <= 7, table.concat(inside, " "))
			local me = read("/proc/self/comm")
			assert.falsy(output("cat /proc/*/comm", { "pid" }):find(me, 1, true))
			assert.truthy(output("cat /proc/*/comm"):find(me, 1, true))
		end)

		it("its own host name", function()
			local ours = read("/proc/sys/kernel/hostname")
			assert.equal("box.test\n", output("cat /proc/sys/kernel/hostname", nil,
				{ hostname = "box.test" }))
			assert.equal("other\n", output("hostname other && hostname", { "uts" }))
			assert.equal(ours, output("cat /proc/sys/kernel/hostname", { "uts" }))
			assert.equal(ours, read("/proc/sys/kernel/hostname"))
		end)

		it("its own user", function()
			local whole = "id -u; id -g; cat /proc/self/setgroups"
			assert.same({ "0", "0", "deny" }, words(output(whole, { "user" })))
			assert.same({ "54321", "54322", "deny" }, words(output(whole, { "user" },
				{ user = "54321:54322" })))
			local map = "cat /proc/self/uid_map"
			assert.equal("1", words(output(map, { "user" }))[3])
			assert.equal(read("/proc/self/uid_map"), output(map))
		end)

		it("its own message queues and semaphores", function()
			local id = output({ "ipcmk", "-Q" }):match("%d+")
			finally(function()
				output { "ipcrm", "-q", id }
			end)
			-- outside there may be others'
			local list = "tail -n +2 /proc/sysvipc/msg | wc -l"
			local ours = ("awk '$2 == %s' /proc/sysvipc/msg | wc -l"):format(id)
			assert.equal("0\n", output(list, { "ipc" }))
			assert.equal("1\n", output(ours))
			assert.equal("1\n", output("ipcmk -Q >/dev/null; " .. list, { "ipc" }))
			assert.equal("1\n", output(ours))
		end)

		it("its own control group as the root of all", function()
			local ours = read("/proc/self/cgroup")
			for line in output("cat /proc/self/cgroup", { "cgroup" }):gmatch("[^\n]+") do
				assert.truthy(line:find(":/$"))
			end
			assert.equal(ours, output("cat /proc/self/cgroup"))
			if not ours:find(":/[^\n]") then
				pending("we are in the root group, which looks the same")
			end
		end)

		it("its own mounts", function()
			local mount = "mount -t tmpfs none /mnt && grep -c ' /mnt ' /proc/self/mountinfo"
			local count = "grep -c ' /mnt ' /proc/self/mountinfo; true"
			local before = tonumber(output(count))
			assert.equal(before + 1, tonumber(output(mount, { "mount" })))
			assert.equal(before, tonumber(output(count)))
			-- without, all processes of a namespace share theirs
			finally(function()
				output "umount /mnt"
			end)
			assert.equal(before + 1, tonumber(output(mount)))
			assert.equal(before + 1, tonumber(output(count)))
		end)

		it("no mounts of ours that are made later", function()
			if not read("/proc/self/mountinfo"):find(" / %S+ shared:") then
				pending("the root of this mount namespace is not shared")
				return
			end
			for _, case in ipairs { { nil, "1" }, { { "mount" }, "0" } } do
				local p <close> = ns:spawn {
					"sh", "-c", "echo ready; read x; grep -c ' /mnt/later ' /proc/self/mountinfo",
					unshare = case[1], stdin = true, stdout = "capture",
				}
				assert.truthy(p:expect("ready\n", soon))
				os.execute "mount -t tmpfs none /mnt && mkdir /mnt/later && mount -t tmpfs none /mnt/later"
				p:write "\n"
				local said = p:expect("%d+", soon)
				os.execute "umount -R /mnt"
				assert.equal(case[2], said)
			end
		end)

		it("its own session keyring", function()
			if not support.has "perl" then
				pending("perl is not installed")
				return
			end
			-- keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING)
			local id = { "perl", "-e", "print syscall(250, 0, -3, 0)" }
			if io.popen "uname -m":read "l" ~= "x86_64" then
				pending("the call has another number here")
				return
			end
			assert.equal(output(id), output(id))
			assert.not_equal(output(id), output(id, { "uts" }))
		end)

		it("the network namespace, which stays as it is", function()
			ns.link:add { name = "here0", kind = "veth", peer = { name = "here1" } }
			assert.equal("here0\nhere1\nlo\n", output("ls -I bonding_masters /sys/class/net", "all"))
			-- its user is not the one who owns the network
			local change = "ip link set here0 up"
			assert.truthy(output(change .. " || true", "all"):find("not permitted", 1, true))
			assert.equal("", output(change, { "pid", "mount", "uts", "ipc", "cgroup" }))
		end)
	end)

	it("has a map before it is executed, so it keeps its capabilities", function()
		for _ = 1, 20 do
			local status = output({ "cat", "/proc/self/status" }, { "user" })
			assert.truthy(status:find("\nUid:\t0\t0\t0\t0\n", 1, true))
			assert.is_true(tonumber(status:match("\nCapEff:\t(%x+)"), 16) > 1 << 36)
		end
	end)

	it("keeps no groups of ours", function()
		if not support.knows_users then
			pending("an ordinary user cannot give groups up")
			return
		end
		local script = [[
			local here = require "netns".current()
			io.write(here:exec { "id", "-G" }.stdout)
			io.write(here:exec { "id", "-G", unshare = { "user" } }.stdout)
		]]
		local r = ns:exec { "setpriv", "--groups", "4001,4003", support.interpreter, "--host", "-e",
			script, env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false } }
		assert.equal("0 4001 4003\n0\n", r.stdout)
	end)

	describe("and a PID namespace", function()
		it("returns its exit code, signal and output", function()
			local r = ns:exec { "sh", "-c", "echo out; echo err >&2; exit 7", unshare = { "pid" },
				check = false }
			assert.same({ 7, "out\n", "err\n" }, { r.code, r.stdout, r.stderr })
			r = ns:exec { "sh", "-c", "kill -KILL $$", unshare = { "pid" }, check = false }
			assert.equal(9, r.signal)
			local p <close> = ns:spawn { "cat", stdin = true, stdout = "capture", unshare = "all" }
			p:write("x")
			p:close_stdin()
			assert.same({ 0, "x" }, { p:wait(soon).code, p:wait().stdout })
		end)

		it("has a pid outside, too", function()
			local p <close> = ns:spawn { "sleep", "1000", unshare = { "pid" } }
			local status = read("/proc/" .. p.pid .. "/status")
			assert.truthy(status:find("\nNSpid:\t[%d\t]*" .. p.pid .. "\t2\n"))
			-- the kernel lets its parent go on a moment before it has its new name
			assert.is_true(eventually(function()
				return read("/proc/" .. p.pid .. "/comm") == "sleep\n"
			end))
			assert.is_true(p:kill("TERM"))
			assert.equal(15, p:wait(soon).signal)
		end)

		it("has no zombies", function()
			output([[
				i=0
				while [ $i -lt 20 ]; do (true &); i=$((i + 1)); done
				while grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null; do :; done
			]], { "pid" }, { timeout = soon })
		end)

		it("ends with its program, whatever it leaves", function()
			local r = ns:exec { "sh", "-c", [[
				setsid sleep 1000 & trap '' TERM; sleep 1000 & sleep 1000 & kill -STOP $!; echo $!
			]], unshare = { "pid" } }
			assert.truthy(r.stdout:find("^%d+\n$"))
			assert.same({}, ns:pids())
		end)

		it("is killed as a whole", function()
			local p = ns:spawn { "sh", "-c", [[
				trap '' TERM; setsid sh -c 'trap "" TERM; sleep 1000 & wait' & sleep 1000 &
				kill -STOP $!; (setsid sleep 1000 &); echo ready; wait
			]], unshare = "all", stdout = "capture" }
			assert.equal("ready\n", p:expect("ready\n", soon))
			assert.is_true(eventually(function()
				return #ns:pids() >= 5
			end))
			p:close()
			assert.same({}, ns:pids())
			local err = refused("ETIMEDOUT", nil, ns.exec, ns, { "sh", "-c", "sleep 1000 & wait",
				unshare = "all", timeout = "100ms" })
			assert.is_true(err.result.timed_out)
			assert.same({}, ns:pids())
		end)

		local function parent(pid)
			return read("/proc/" .. pid .. "/stat"):match("%) %a (%d+)")
		end

		-- The init of the process, which is what its supervisor has beside it.
		local function init_of(p)
			local list = read(("/proc/%s/task/%s/children"):format(parent(p.pid), parent(p.pid)))
			for _, pid in ipairs(words(list)) do
				if read("/proc/" .. pid .. "/comm") == "netns-init\n" then
					return pid
				end
			end
		end

		it("dies with its init, and with what watches over both", function()
			local p <close> = ns:spawn { "sleep", "1000", unshare = { "pid" } }
			os.execute("kill -KILL " .. init_of(p))
			assert.equal(9, p:wait(soon).signal)
			local q <close> = ns:spawn { "sleep", "1000", unshare = { "pid" } }
			local pids = { q.pid, init_of(q) }
			assert.equal("netns-reaper\n", read("/proc/" .. parent(q.pid) .. "/comm"))
			os.execute("kill -KILL " .. parent(q.pid))
			refused("ECHILD", nil, q.wait, q, soon)
			assert.is_true(eventually(function()
				for _, pid in ipairs(pids) do
					local stat = read("/proc/" .. pid .. "/stat")
					if stat and stat:match("%) (%a)") ~= "Z" then
						return false
					end
				end
				return true
			end))
		end)

		it("dies with the interpreter", function()
			local script = [[
				local netns = require "netns"
				local p = netns.new():spawn {
					"sh", "-c", "setsid sleep 1000 & echo ready; wait", unshare = "all", stdout = "capture",
				}
				p:expect("ready", 5)
				print(p.pid)
				io.stdout:flush()
				netns.sleep(1000)
			]]
			local p <close> = ns:spawn { support.interpreter, "--host", "-e", script,
				stdout = "capture",
				env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false } }
			local pid = p:expect("(%d+)\n", soon)
			assert.equal("sh\n", read("/proc/" .. pid .. "/comm"))
			p:kill("KILL")
			p:wait(soon)
			assert.is_true(eventually(function()
				local stat = read("/proc/" .. pid .. "/stat")
				return not stat or stat:match("%) (%a)") == "Z"
			end))
		end)

		it("finds nothing of us in its init", function()
			local closed = output([[
				cat /proc/1/maps /proc/1/environ /proc/1/mem; ls -l /proc/1/fd /proc/1/exe /proc/1/root
				true
			]], { "pid", "user" })
			local _, refusals = closed:gsub("Permission denied", "")
			assert.is_true(refusals >= 5, closed)
			assert.falsy(closed:find(support.interpreter, 1, true))
			-- nor is there anything: it is code, and one stack
			local p <close> = ns:spawn { "sleep", "1000", unshare = { "pid" } }
			local init = init_of(p)
			if not support.knows_users then
				assert.falsy(pcall(lfs.dir, "/proc/" .. init .. "/fd"))
				return -- it is closed to us, too
			end
			for fd in lfs.dir("/proc/" .. init .. "/fd") do
				assert.truthy(fd:find "^%.", "it holds descriptor " .. fd)
			end
			local maps = read("/proc/" .. init .. "/maps")
			assert.truthy(maps)
			assert.falsy(maps:find("[heap]", 1, true))
			assert.falsy(maps:find("libc", 1, true))
			local writable = 0
			for from, to in maps:gmatch("(%x+)%-(%x+) rw%-s") do
				writable = writable + tonumber(to, 16) - tonumber(from, 16)
			end
			assert.equal(16384, writable)
			assert.truthy(read("/proc/self/maps"):find("libc", 1, true))
		end)
	end)

	it("has no terminal of ours, even as its stdin", function()
		local script = [[
			local here = require "netns".current()
			for _, unshare in ipairs { {}, { "uts" } } do
				local r = here:exec { "cat", "/proc/self/stat", stdin = io.stdin, unshare = unshare }
				print("tty", r.stdout:match("%) %a %d+ %d+ %d+ (%-?%d+)"))
			end
		]]
		local r = ns:exec { support.interpreter, "--host", "-e", script, pty = true,
			env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false } }
		local without, with = r.stdout:match("tty%s+(%-?%d+).*tty%s+(%-?%d+)")
		assert.not_equal("0", without)
		assert.equal("0", with)
	end)

	it("has no descriptor but those it is given", function()
		local directory <close> = io.open("/etc")
		assert.truthy(directory)
		for _, unshare in ipairs { { "uts" }, { "pid" }, { "user" }, "all" } do
			assert.equal("0\n1\n2\n3\n", output({ "ls", "/proc/self/fd" }, unshare))
			local p <close> = ns:spawn { "ls", "/proc/self/fd", stdout = "capture", unshare = unshare }
			assert.equal("0\n1\n2\n3\n", p:wait(soon).stdout)
			refused("ENOENT", nil, ns.exec, ns, { "no-such-program", unshare = unshare })
			refused("ENOENT", nil, ns.spawn, ns, { "no-such-program", unshare = unshare })
			refused("ENOENT", "cwd", ns.spawn, ns, { "true", cwd = "/nowhere", unshare = unshare })
		end
		-- nor is there anything of ours to talk to
		assert.falsy(output("cat /proc/net/unix", "all"):find("@", 1, true))
	end)

	it("keeps exactly the capabilities of caps, and its limits", function()
		local status = output({ "cat", "/proc/self/status" }, "all", {
			caps = { "net_raw" }, no_new_privs = true, user = "54321:54321",
		})
		for _, set in ipairs { "Prm", "Eff", "Inh", "Bnd", "Amb" } do
			assert.truthy(status:find("Cap" .. set .. ":\t0000000000002000\n", 1, true), set)
		end
		assert.truthy(status:find("NoNewPrivs:\t1\n", 1, true))
		assert.truthy(status:find("Uid:\t54321\t54321\t54321\t54321\n", 1, true))
		assert.equal("60\n", output("ulimit -n", "all", { limits = { nofile = 60 } }))
	end)

	it("can be had by a plain Lua without privilege", function()
		if not support.has "lua5.4" then
			pending("lua5.4 is not installed")
			return
		end
		local script = [[
			local ns = require "netns".new()
			io.write(ns:exec({
				"sh", "-c", "id -u; hostname; cat /proc/1/comm; ls -I bonding_masters /sys/class/net;"
					.. " touch /new && ls -d /new",
				unshare = "all", hostname = "box", root = "overlay",
			}).stdout)
			-- its namespaces belong to a user namespace in which it may do all this without another
			io.write(ns:exec({
				"sh", "-c", "ip link set lo up && cat /proc/1/comm", unshare = { "pid" },
			}).stdout)
		]]
		local argv = table.move(support.without_privilege, 1, #support.without_privilege, 1, {})
		for _, word in ipairs { "lua5.4", "-e", script } do
			argv[#argv + 1] = word
		end
		argv.env = support.plain_env()
		assert.equal("0\nbox\nnetns-init\nlo\n/new\nnetns-init\n", ns:exec(argv).stdout)
	end)

	it("can be there twenty times at once", function()
		local list = {}
		for i = 1, 20 do
			list[i] = ns:spawn { "sh", "-c", "echo $$; read x", unshare = "all", stdin = true,
				stdout = "capture", hostname = "box" .. i }
		end
		for _, p in ipairs(list) do
			assert.equal("2\n", p:expect("2\n", soon))
		end
		assert.is_true(#ns:pids() >= 20) -- and their inits, for who may look at them
		for _, p in ipairs(list) do
			p:write("\n")
			assert.equal(0, p:wait(soon).code)
			p:close()
		end
		assert.same({}, ns:pids())
	end)

	it("is checked first", function()
		for _, unshare in ipairs {
			"pid", { "net" }, { "time" }, { 1 }, { pid = true }, { [2] = "pid" }, true,
		} do
			refused("EINVAL", "unshare", ns.exec, ns, { "true", unshare = unshare })
		end
		for _, hostname in ipairs { "", "a b", "a/b", "a\0", ("x"):rep(65), 5, {} } do
			refused("EINVAL", "hostname", ns.exec, ns, { "true", hostname = hostname })
		end
		assert.equal(("x"):rep(64) .. "\n", output("hostname", nil, { hostname = ("x"):rep(64) }))
	end)

	it("or says why not", function()
		local script = [[
			local netns = require "netns"
			local ns = netns.new()
			ns:exec { "true" }
			print(pcall(ns.exec, ns, { "true", unshare = { "user", "uts" } }))
		]]
		local r = ns:exec {
			"sh", "-c", [[echo 0 >/proc/sys/user/max_uts_namespaces && exec "$@"]], "sh",
			support.interpreter, "-e", script,
			unshare = { "user", "mount", "pid" }, check = false, stderr = "stdout",
			env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false } }
		assert.truthy(r.stdout:find("ENOSPC.*making its namespaces.*field 'unshare'"), r.stdout)
	end)
end)
