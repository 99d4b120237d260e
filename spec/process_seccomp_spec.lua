-- SPDX-License-Identifier: MIT
-- process_seccomp_spec.lua - system calls that a program may not make
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local refused, read = support.refused, support.read
local soon = 5

-- Does this build have libseccomp? If not, the error says what to install.
local here <const> = netns.current()
local ok, err = pcall(here.exec, here, { "true", seccomp = "default" })
local why_not = not ok and err.code == "EOPNOTSUPP" and "this build is without libseccomp"

-- Calls as { name, number on x86_64, arguments }: with what they are denied by "default".
local calls = {
	{ "keyctl", 250, "0, -3, 0" }, { "ptrace", 101, "0, 0, 0, 0" }, { "bpf", 321, "99, 0, 0" },
	{ "io_uring_setup", 425, "1, 0" }, { "userfaultfd", 323, "99" }, { "unshare", 272, "0" },
	{ "perf_event_open", 298, "0, 0, 0, 0, 0" }, { "open_by_handle_at", 304, "-1, 0, 0" },
	{ "kexec_load", 246, "0, 99, 0, 0" }, { "init_module", 175, "0, 0, 0" }, { "setns", 308, "-1, 0" },
	{ "mount", 165, "0, 0, 0, 0, 0" }, { "move_mount", 429, "-1, 0, -1, 0, 0" },
	{ "process_vm_readv", 310, "0, 0, 0, 0, 0, 0" }, { "pidfd_getfd", 438, "-1, 0, 0" },
	{ "syslog", 103, "10, 0, 0" },
}

describe("a process with seccomp", function()
	local ns

	before_each(function()
		ns = netns.new()
	end)

	after_each(function()
		ns:close()
	end)

	if why_not then
		it("is refused in a build that has no libseccomp", function()
			local refusal = refused("EOPNOTSUPP", "seccomp", ns.exec, ns, { "true", seccomp = "default" })
			assert.truthy(refusal.hint:find("libseccomp", 1, true))
			pending(why_not)
		end)
		return
	end

	-- errno of each call in perl, 0 where it succeeds
	local function tried(list, seccomp)
		local script = {}
		for i, call in ipairs(list) do
			script[i] = ("$! = 0; syscall(%d, %s); print $! + 0, qq(\\n);"):format(call[2], call[3])
		end
		local r = ns:exec { "perl", "-e", table.concat(script, " "), seccomp = seccomp }
		local found = {}
		for number in r.stdout:gmatch("%d+") do
			found[#found + 1] = tonumber(number)
		end
		return found
	end

	local function on_x86_64()
		local pipe <close> = io.popen "uname -m"
		return pipe:read "l" == "x86_64"
	end

	it("may not make the dangerous calls", function()
		if not support.has "perl" or not on_x86_64() then
			pending("needs perl, and calls with the numbers of x86_64")
			return
		end
		local without, with = tried(calls), tried(calls, "default")
		local allowed = 0
		for i, call in ipairs(calls) do
			assert.equal(1, with[i], call[1])
			allowed = allowed + (without[i] ~= 1 and 1 or 0)
		end
		assert.same({ 38 }, tried({ { "clone3", 435, "0, 0" } }, "default"))
		-- the negative: what the kernel itself forbids us differs from kernel to kernel
		assert.is_true(allowed > 6, "without the filter, too, nearly all fails with EPERM")
	end)

	it("may not make namespaces, mounts, nor have what is in those", function()
		for _, command in ipairs {
			"unshare -U true", "unshare -n true", "unshare -m true", "mount -t tmpfs none /mnt",
			"nsenter -n/proc/self/ns/net true", "dmesg -S",
		} do
			local spec = { "sh", "-c", command, check = false, seccomp = "default" }
			local r = ns:exec(spec)
			assert.not_equal(0, r.code, command)
			assert.truthy(r.stderr:find "not permitted" or r.stderr:find "permission denied",
				command .. ": " .. r.stderr)
		end
		assert.equal(0, ns:exec({ "unshare", "-n", "true" }).code)
		local p <close> = ns:spawn {
			support.interpreter, "--host", "-e", "require 'netns'.new()", seccomp = "default",
			stderr = "capture",
			env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false },
		}
		assert.truthy(p:wait(soon).stderr:find("EPERM", 1, true))
	end)

	it("may not use ways that no namespace closes", function()
		if not support.has "perl" then
			pending("perl is not installed")
			return
		end
		-- AF_VSOCK; and TIOCSTI, typing into a terminal
		local script = [[
			print socket(my $s, 40, 1, 0) ? "socket" : $! + 0, "\n";
			print ioctl(STDIN, 0x5412, my $c = "x") ? "typed" : $! + 0, "\n";
		]]
		local with = ns:exec { "perl", "-e", script, pty = true, seccomp = "default" }
		assert.truthy(with.stdout:find("1\r\n1\r\n", 1, true), with.stdout)
		local without = ns:exec { "perl", "-e", script, pty = true }
		assert.falsy(without.stdout:find("1\r\n1\r\n", 1, true), without.stdout)
	end)

	it("can do all the rest, threads too", function()
		local r = ns:exec { "sh", "-c", [[
			seq 300000 | sort -r -S 100M --parallel=4 | tail -n 1
			(echo child) & wait; ls / >/dev/null && ip link show lo | head -c 2
		]], seccomp = "default" }
		assert.equal("1\nchild\n1:", r.stdout)
	end)

	it("may not make those of a list", function()
		local dir = os.tmpname()
		os.remove(dir)
		local make = { "mkdir", dir, seccomp = { "mkdir", "mkdirat" }, check = false }
		local r = ns:exec(make)
		assert.truthy(r.stderr:find("not permitted", 1, true))
		assert.is_nil(lfs.attributes(dir))
		make.seccomp = { "rmdir" }
		assert.equal(0, ns:exec(make).code)
		assert.equal("directory", lfs.attributes(dir, "mode"))
		make = { "rmdir", dir, seccomp = { "rmdir", "unlinkat" }, check = false }
		assert.not_equal(0, ns:exec(make).code)
		make.seccomp = nil
		assert.equal(0, ns:exec(make).code)
	end)

	it("gains no privileges, and says so in /proc; ours have no filter", function()
		local function fields(text)
			return text:match "NoNewPrivs:%s*(%d).*Seccomp:%s*(%d)"
		end
		local status = { "cat", "/proc/self/status", seccomp = "default" }
		assert.same({ "1", "2" }, { fields(ns:exec(status).stdout) })
		status.seccomp = nil
		assert.same({ "0", "0" }, { fields(ns:exec(status).stdout) })
		assert.same({ "0", "0" }, { fields(read "/proc/self/status") })
	end)

	it("goes with a container, a user, and capabilities", function()
		local r = ns:exec {
			"sh", "-c", "id -u; hostname; unshare -U true || grep Seccomp: /proc/self/status; dmesg || true",
			unshare = "all", root = "overlay", hostname = "box", user = 54321, caps = { "syslog" },
			no_new_privs = true, seccomp = "default", stderr = "stdout",
		}
		assert.truthy(r.stdout:find("^54321\nbox\n.*Seccomp:\t2\n.*not permitted"), r.stdout)
	end)

	it("gets no other descriptor, and fails with its step", function()
		local file <close> = io.open "/etc/passwd"
		assert.truthy(file)
		assert.equal("0\n1\n2\n3\n", ns:exec({ "ls", "/proc/self/fd", seccomp = "default" }).stdout)
		refused("ENOENT", nil, ns.spawn, ns, { "no-such-program", seccomp = "default" })
		-- a filter that lets nothing be executed
		refused("EPERM", nil, ns.exec, ns, { "true", seccomp = { "execve" } })
	end)

	it("is checked first", function()
		for _, value in ipairs {
			"", "strict", "default\0", {}, { "no_such_call" }, { "" }, { 1 }, { mkdir = true }, true, 1,
			{ "mkdir\0" },
		} do
			refused("EINVAL", "seccomp", ns.exec, ns, { "true", seccomp = value })
		end
	end)
end)
