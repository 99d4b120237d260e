-- SPDX-License-Identifier: MIT
-- obstacle_spec.lua - where no sandbox can be made nslua says at which step, why, and what helps

local netns = require "netns"
local scratch = require "spec.scratch"
local strace = require "spec.strace"
local support = require "spec.support"

local dir

setup(function()
	dir = scratch.new()
end)

teardown(function()
	dir:remove()
end)

-- Run nslua, or `command`, after a script of sh, which is root in a user namespace, with mounts of
-- its own. `prefix`: a program that starts it. The result.
local function after(script, prefix, command)
	local argv = {
		"unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script .. '\nexec "$@"', "sh",
	}
	table.move(prefix or {}, 1, #(prefix or {}), #argv + 1, argv)
	command = command or { support.interpreter }
	table.move(command, 1, #command, #argv + 1, argv)
	argv[#argv + 1], argv[#argv + 2] = "-e", "print 'it ran'"
	argv.check, argv.env = false, strace.env
	return netns.current():exec(argv)
end

-- Root that needs a user namespace, as an ordinary user does.
local weak = { "setpriv", "--bounding-set=-net_admin", "--" }

-- Root without any capability, as in a container without them.
local powerless = { "setpriv", "--bounding-set=-all", "--" }

-- It must have ended without running anything, and told of the step, the reason and the remedy.
local function tells(r, step, why, remedy)
	assert.equal("", r.stdout)
	assert.equal(1, r.code, r.stderr)
	assert.matches(": no sandbox: cannot " .. step .. ": [%w ]+ %(E%u+%)\n  why: ", r.stderr)
	assert.matches("\n  why: [^\n]*" .. why, r.stderr)
	assert.matches("\n  remedy: [^\n]*" .. remedy, r.stderr)
	assert.matches("\n  or use %-%-host [^\n]*\n$", r.stderr)
end

-- Run nslua as a weak user with a fault: in what it calls itself, or (options of strace: "-f") also
-- in what its first process calls, which counts for itself; and with settings in /proc/sys/kernel
-- that this kernel may not have.
local function with_fault(call, n, fault, settings, ...)
	local why = strace.missing()
	if why then
		pending(why)
	end
	local script = settings and "mount -t tmpfs none /proc/sys/kernel\n" or ""
	for name, value in pairs(settings or {}) do
		script = script .. ("echo %s >/proc/sys/kernel/%s\n"):format(value, name)
	end
	local prefix = { table.unpack(weak) }
	for _, word in ipairs {
		"strace", "-qq", "-o", "/dev/null", strace.fault({ call = call, n = n }, fault),
	} do
		table.insert(prefix, word)
	end
	table.move({ ... }, 1, select("#", ...), #prefix + 1, prefix)
	return after(script, prefix)
end

describe("where no sandbox can be made nslua tells of", function()
	it("namespaces that are switched off", function()
		for kind, name in pairs { net = "network", pid = "PID", mnt = "mount" } do
			local setting = "max_" .. kind .. "_namespaces"
			local r = after("echo 0 >/proc/sys/user/" .. setting)
			tells(r, "create the namespaces", name .. " namespaces are switched off %(user%." .. setting
				.. " = 0%)", "sysctl %-w user%." .. setting .. "=%d+")
		end
		local r = after("echo 0 >/proc/sys/user/max_user_namespaces", weak)
		tells(r, "create the namespaces", "user namespaces are switched off", "sysctl %-w")
		-- else it would have made one
		assert.equal("it ran\n", after("", weak).stdout)
	end)

	it("a filter, as containers have it", function()
		local r = after("", { support.host "deny" })
		tells(r, "create the namespaces", "a seccomp filter, as containers have one, forbids it",
			"%-%-security%-opt seccomp=unconfined")
	end)

	it("mounts that a container hides", function()
		for path, over in pairs { ["/proc"] = "/proc/sys/kernel", ["/sys"] = "/sys/kernel" } do
			local r = after("mount -t tmpfs none " .. over, weak)
			tells(r, "mount " .. path, "hidden, as containers have it", "systempaths=unconfined")
		end
	end)

	it("a chroot", function()
		if os.getenv "ASAN_OPTIONS" then
			pending "the sanitizers need /proc"
		end
		-- nslua with its libraries
		assert(os.execute(([[
			cd %s && mkdir root && cp "%s" root/nslua &&
			ldd root/nslua | grep -o '/[^ ]*' | while read lib; do
				mkdir -p "root/$(dirname $lib)" && cp "$lib" "root/$lib"
			done
		]]):format(scratch.quote(dir.path), support.interpreter)))
		local root = dir.path .. "/root"
		local command = { "chroot", root, "/nslua" }
		tells(after("", {}, command), "make the mounts private", "/ is no mount point, as in a chroot",
			"outside of the chroot, or first: mount %-%-bind")
		tells(after("", weak, command), "create the namespaces", "in a chroot", "outside")
		-- what the remedy leads to, and then /proc is missing
		local r = after(("mount --bind %s %s"):format(root, root), {}, command)
		assert.matches("cannot mount /proc: No such file or directory %(ENOENT%)\n", r.stderr)
		assert.matches("\n  why: /proc is not mounted, as in a bare chroot\n", r.stderr)
		assert.matches("\n  remedy: mount %-t proc proc /proc\n", r.stderr)
	end)

	it("root that may not map itself", function()
		local r = after("", powerless)
		if r.code == 0 then
			pending "this kernel lets root without CAP_SETFCAP be root in a user namespace"
		end
		tells(r, "write the user map", "root without CAP_SETFCAP", "another user than root")
	end)

	it("AppArmor, which gives a user namespace without its privileges", function()
		local function refuse_map(code, value)
			return with_fault("openat", 1, "error=" .. code,
				{ apparmor_restrict_unprivileged_userns = value }, "-f", "-P", "/proc/self/uid_map")
		end
		for _, code in ipairs { "EPERM", "EACCES" } do
			local r = refuse_map(code, 1)
			tells(r, "write the user map", "AppArmor takes the privileges away in user namespaces of",
				"allow it for nslua, as root: put")
			assert.matches("\n +profile nslua [^\n]+ { userns, }\n", r.stderr)
		end
		-- without that setting it is something else
		tells(refuse_map("EPERM", 0), "write the user map", "something keeps this process", "root")
		local r = with_fault("mount", 1, "error=EPERM",
			{ apparmor_restrict_unprivileged_userns = 1 }, "-f")
		tells(r, "make the mounts private", "AppArmor", "allow it")
	end)

	it("lo that cannot be brought up", function()
		tells(with_fault("ioctl", "1..2", "error=EPERM", nil, "-f"), "bring lo up",
			"a security module", "root")
	end)

	it("Debian's switch, a limit on processes, a missing kind of namespace", function()
		tells(with_fault("clone", 1, "error=EPERM", { unprivileged_userns_clone = 0 }),
			"create the namespaces", "kernel%.unprivileged_userns_clone = 0", "userns_clone=1")
		tells(with_fault("clone", 1, "error=EAGAIN"), "create the namespaces", "limit on process", "")
		tells(with_fault("clone", 1, "error=EINVAL"), "create the namespaces", "CONFIG_USER_NS", "")
		tells(with_fault("mount", 2, "error=EACCES", nil, "-f"), "make the mounts private",
			"a security module %(AppArmor, SELinux%)", "apparmor=unconfined")
	end)

	it("nothing, where a limit gives way in time", function()
		assert.equal("it ran\n", with_fault("clone", "1..2", "error=ENOSPC").stdout)
	end)
end)

describe("where a plain Lua can have no user namespace it is told", function()
	local function told(script, prefix, why, remedy)
		if not support.has "lua5.4" then
			pending "lua5.4 is not installed"
		end
		local argv = {
			"unshare", "--user", "--map-root-user", "sh", "-c", script .. '\nexec "$@"', "sh",
		}
		table.move(prefix, 1, #prefix, #argv + 1, argv)
		table.move({ "lua5.4", "-e", [[
			local ok, err = pcall(require "netns".new)
			if not ok then
				print(ok, err.op, err.code, err.message, err.hint)
			else
				print(ok)
			end
		]] }, 1, 3, #argv + 1, argv)
		argv.env = support.plain_env()
		local out = netns.current():exec(argv).stdout
		if out:find "^true" then
			pending "this kernel makes it"
		end
		assert.matches("^false\tnetns new\tE%u+\tno privilege to make one here, nor in a user namespace \z
			of our own: " .. why .. "[^\n]*\t[^\n]*" .. remedy, out)
	end

	it("what is switched off", function()
		local ordinary = { "setpriv", "--bounding-set=-sys_admin", "--" }
		told("echo 0 >/proc/sys/user/max_user_namespaces", ordinary,
			"user namespaces are switched off", "sysctl %-w user%.max_user_namespaces")
	end)

	it("which capability is missing", function()
		told("", powerless, "root without CAP_SETFCAP", "another user than root")
	end)
end)
