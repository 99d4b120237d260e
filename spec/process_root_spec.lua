-- SPDX-License-Identifier: MIT
-- process_root_spec.lua - a root of a program's own: root, readonly, masked
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local refused, read = support.refused, support.read
local soon = 5

-- Tools that a tree must have so that a shell runs in it: directories of ours, or the links that
-- stand for them.
local tools = { "usr", "bin", "sbin", "lib", "lib32", "lib64" }

local function run(command)
	assert.is_true(os.execute(command), command)
end

-- Commands for the end of the test, the last one first.
local undo = {}

local function undone(command)
	table.insert(undo, 1, command)
end

local function directory()
	local dir = os.tmpname()
	os.remove(dir)
	run("mkdir " .. dir)
	undone("rm -r --one-file-system " .. dir)
	return dir
end

-- A directory that can be a root, with a file /marker.
local function tree()
	local dir = directory()
	for _, name in ipairs(tools) do
		local kind = lfs.symlinkattributes("/" .. name, "mode")
		if kind == "link" then
			run(("ln -s %s %s/%s"):format(lfs.symlinkattributes("/" .. name, "target"), dir, name))
		elseif kind then
			run(("mkdir %s/%s && mount --rbind /%s %s/%s"):format(dir, name, name, dir, name))
			undone(("umount -R -l %s/%s"):format(dir, name))
		end
	end
	run("echo tree >" .. dir .. "/marker")
	return dir
end

local function exists(path)
	return lfs.symlinkattributes(path, "mode") ~= nil
end

describe("a process with a root of its own", function()
	local ns

	before_each(function()
		ns = netns.new()
	end)

	after_each(function()
		ns:close()
		for _, command in ipairs(undo) do
			os.execute(command)
		end
		undo = {}
	end)

	local function output(script, more)
		local spec = { "sh", "-c", script, stderr = "stdout" }
		for key, value in pairs(more or {}) do
			spec[key] = value
		end
		return ns:exec(spec).stdout
	end

	-- As ordinary users and for all kinds: what holds must hold in each of these.
	local function each_kind(f)
		local dir = tree()
		for _, unshare in ipairs { {}, { "pid", "ipc" }, "all" } do
			for _, root in ipairs { "overlay", dir, { lower = dir } } do
				f(root, unshare, root ~= "overlay" and dir)
			end
		end
	end

	it("sees that and nothing else of ours", function()
		local dir = tree()
		local list = "cat /marker; ls -d /etc /home /var 2>/dev/null; true"
		assert.equal("tree\n", output(list, { root = dir }))
		assert.equal("tree\n", output(list, { root = { lower = dir } }))
		assert.falsy(output(list, { root = "overlay" }):find("tree", 1, true))
		assert.truthy(output(list, { root = "overlay" }):find("/etc\n", 1, true))
		assert.truthy(output(list, { root = { lower = "/" } }):find("/etc\n", 1, true))
		-- what of the old root is left would be a mount
		local mounts = output("cut -d' ' -f5 /proc/self/mountinfo", { root = dir, unshare = "all" })
		for path in mounts:gmatch("[^\n]+") do
			local name = path:match("^/(%l*)")
			assert.truthy(("dev proc run sys tmp usr bin sbin lib"):find(name, 1, true), path)
			assert.falsy(path:find(dir, 1, true))
		end
	end)

	it("writes into an overlay, and we see nothing of it", function()
		local dir = tree()
		local write = "echo new >/new && cat /new && rm -f /marker && ls /marker 2>&1; true"
		assert.truthy(output(write, { root = { lower = dir } }):find("^new\n.*No such file"))
		assert.equal("tree\n", read(dir .. "/marker"))
		assert.is_false(exists(dir .. "/new"))
		assert.equal("new\n", output("echo new >/new; cat /new", { root = "overlay", unshare = "all" }))
		assert.is_false(exists "/new")
		if support.knows_users then
			local change = "echo changed >/etc/passwd; cat /etc/passwd"
			local before = read "/etc/passwd"
			assert.equal("changed\n", output(change, { root = "overlay" }))
			assert.equal(before, read "/etc/passwd")
		end
		-- a directory is what it is
		output(write, { root = dir })
		assert.is_false(exists(dir .. "/marker"))
		assert.equal("new\n", read(dir .. "/new"))
	end)

	it("has a private /dev", function()
		each_kind(function(root, unshare)
			local more = { root = root, unshare = unshare }
			local want = { "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin",
				"stdout", "tty", "urandom", "zero" }
			if unshare[1] then
				table.insert(want, 3, "mqueue")
			elseif unshare == "all" then
				table.insert(want, 3, "mqueue")
			end
			local found = output("ls /dev", more)
			assert.equal(table.concat(want, "\n") .. "\n", found)
			local use = [[
				echo x >/dev/null && head -c 4 /dev/zero | od -An -tx1 && head -c 1 /dev/urandom | wc -c
				echo x 2>&- >/dev/full || echo full
				ls /dev/pts; echo y >/dev/shm/y && cat /dev/shm/y; (exec 3<>/dev/ptmx) && echo pty
			]]
			assert.equal(" 00 00 00 00\n1\nfull\nptmx\ny\npty\n", output(use, more))
			assert.is_false(exists "/dev/shm/y")
		end)
	end)

	it("has its own /proc, /sys, /tmp and /run", function()
		ns.link:add { name = "here0", kind = "veth", peer = { name = "here1" } }
		each_kind(function(root, unshare)
			local more = { root = root, unshare = unshare }
			assert.equal("here0\nhere1\nlo\n", output("ls -I bonding_masters /sys/class/net", more))
			assert.equal("0\nx\n", output("ls /tmp | wc -l; echo x >/tmp/x; cat /tmp/x", more))
			assert.equal("0\nx\n", output("ls /run | wc -l; echo x >/run/x; cat /run/x", more))
			assert.truthy(output("echo x >/sys/x; true", more):find("Read%-only"))
			local first = output("cat /proc/1/comm", more)
			assert.equal(unshare == "all" or unshare[1] and true or false, first == "netns-init\n")
		end)
	end)

	it("is hidden and protected from what container runtimes hide and protect", function()
		local see = [[
			for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do
				test -e $f && head -c 1 $f 2>/dev/null | wc -c
			done
			ls /sys/firmware | wc -l
			echo 1 2>/dev/null >/proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward
			true
		]]
		local more = { root = "overlay", unshare = { "pid" } }
		local hidden = output(see, more)
		assert.falsy(hidden:find("1", 1, true), hidden)
		-- the negative: they are there
		more.masked, more.readonly = false, false
		local open = output(see, more)
		assert.truthy(open:find("1\n", 1, true), open)
		assert.truthy(open:find("\n1\n$"), open)
		-- and without a root nothing is hidden
		assert.truthy(output(see, { unshare = { "pid" } }):find("\n1\n$"))
	end)

	it("starts where we are, or in /", function()
		local dir = tree()
		assert.equal("/\n", output("pwd", { root = dir, cwd = "/" }))
		assert.equal("/usr\n", output("pwd", { root = dir, cwd = "/usr" }))
		local back = lfs.currentdir()
		finally(function()
			lfs.chdir(back)
		end)
		lfs.chdir "/usr"
		assert.equal("/usr\n", output("pwd", { root = dir }))
		lfs.chdir "/etc"
		assert.equal("/\n", output("pwd; readlink /proc/self/cwd | grep -v '^/$'; true", { root = dir }))
		refused("ENOENT", "cwd", ns.exec, ns, { "true", root = dir, cwd = "/etc" })
		-- CVE-2024-21626: no way back to where it came from
		assert.equal("/\n", output("cd .. && cd ../../.. && pwd", { root = dir }))
		assert.equal("tree\n", output("cat ../../../../marker", { root = dir }))
	end)

	it("has no descriptor of the old root, nor has its init", function()
		local open <close> = io.open "/etc"
		assert.truthy(open)
		each_kind(function(root, unshare)
			local more = { root = root, unshare = unshare }
			assert.equal("0\n1\n2\n3\n", output("exec ls /proc/self/fd", more))
		end)
		if not support.knows_users then
			return -- its init is closed to us
		end
		local dir = tree()
		local p <close> = ns:spawn { "sleep", "1000", root = dir, unshare = { "pid" } }
		local found = 0
		for _, pid in ipairs(ns:pids()) do
			assert.truthy(exists("/proc/" .. pid .. "/root/marker"), pid)
			assert.falsy(exists("/proc/" .. pid .. "/root/etc"), pid)
			found = found + 1
		end
		assert.equal(2, found)
		assert.truthy(p)
	end)

	it("is not led out by links in the tree", function()
		for _, name in ipairs { "proc", "sys", "dev", "tmp", "run" } do
			local dir, outside = tree(), directory()
			run(("ln -s %s %s/%s"):format(outside, dir, name))
			local err = refused("ELOOP", "root", ns.exec, ns, { "true", root = dir, unshare = { "pid" } })
			assert.truthy(err.message:find("/" .. name, 1, true), err.message)
			os.remove(dir .. "/" .. name)
			run(("ln -s ../../../..%s %s/%s"):format(outside, dir, name))
			refused("ELOOP", "root", ns.exec, ns, { "true", root = dir })
			for entry in lfs.dir(outside) do
				assert.truthy(entry:find "^%.+$", entry)
			end
		end
	end)

	it("sees file systems that are mounted in ours", function()
		run "mount -t tmpfs none /mnt && mkdir /mnt/below && mount -t tmpfs none /mnt/below"
		undone "umount -R /mnt"
		run [[
			echo there >/mnt/below/file && echo here >'/mnt/a b' &&
			mount --bind /mnt/below/file '/mnt/a b' && mkdir /mnt/lost && mount -t tmpfs none /mnt/lost &&
			echo under >/mnt/lost/file && mount -t tmpfs none /mnt/lost
		]]
		local look = [[
			cat /mnt/below/file '/mnt/a b'; ls /mnt/lost; echo x >/mnt/below/file; cat /mnt/below/file
		]]
		for _, unshare in ipairs { {}, { "pid" } } do
			assert.equal("there\nthere\nx\n", output(look, { root = "overlay", unshare = unshare }))
			assert.equal("there\n", read "/mnt/below/file")
		end
		-- what the kernel locked as the user namespace was made gets no overlay
		local locked = output(look, { root = "overlay", unshare = { "user", "mount" } })
		assert.truthy(locked:find("^there\nthere\n.*Read%-only.*\nthere\n$"), locked)
		assert.equal("there\n", read "/mnt/below/file")
	end)

	it("sees /etc/netns/NAME over /etc", function()
		if read("/proc/1/comm") ~= "nslua-init\n" then
			pending("not in a sandbox: /etc is the machine's")
			return
		end
		run [[
			mount -t tmpfs none /etc && mkdir -p /etc/netns/rooted &&
			echo all >/etc/hosts && echo own >/etc/netns/rooted/hosts
		]]
		local named = netns.add "rooted"
		undone "umount -l /etc"
		finally(function()
			named:delete()
		end)
		for _, unshare in ipairs { {}, "all" } do
			local spec = { "cat", "/etc/hosts", root = "overlay", unshare = unshare }
			assert.equal("own\n", named:exec(spec).stdout)
			assert.equal("all\n", ns:exec(spec).stdout)
		end
	end)

	it("has a terminal as its console", function()
		local r = ns:exec { "sh", "-c", "tty; echo x >/dev/console", pty = true, root = "overlay",
			unshare = "all" }
		assert.equal("/dev/console\r\nx\r\n", r.stdout)
	end)

	it("is no danger to ours: nothing that it mounts comes out", function()
		-- spec/helper.lua compares our mounts
		output("mount -t tmpfs none /mnt && touch /mnt/inside", { root = "overlay" })
		assert.is_false(exists "/mnt/inside")
	end)

	it("or says why not", function()
		local err = refused("ENOENT", "root", ns.exec, ns, { "true", root = "/no/such/directory" })
		assert.truthy(err.message:find("/no/such/directory", 1, true))
		refused("ENOTDIR", "root", ns.exec, ns, { "true", root = "/etc/passwd" })
		refused("ENOENT", "root", ns.exec, ns, { "true", root = { lower = "/no/such/directory" } })
		refused("ENOTDIR", "root", ns.exec, ns, { "true", root = { lower = "/etc/passwd" } })
		refused("ENOENT", nil, ns.exec, ns, { "no-such-program", root = "overlay" })
		for _, case in ipairs {
			{ "root", "" }, { "root", "relative" }, { "root", "overlay2" }, { "root", true },
			{ "root", "/a\0b" }, { "lower", { lower = "relative" } }, { "lower", {} },
			{ "upper", { lower = "/", upper = "/x" } }, { "lower", { lower = 1 } },
		} do
			refused("EINVAL", case[1], ns.exec, ns, { "true", root = case[2] })
		end
	end)

	it("can have paths that are read-only, with all beneath", function()
		local dir = tree()
		run("mkdir -p " .. dir .. "/data/below && mount -t tmpfs none " .. dir .. "/data/below")
		undone("umount -l " .. dir .. "/data/below")
		local write = "echo x >/data/x; echo x >/data/below/x; echo x >/y; echo x >/tmp/x && cat /tmp/x"
		local function said(more)
			more[1], more[2], more[3], more.root = "sh", "-c", write, dir
			more.stderr = "stdout"
			local r = ns:exec(more)
			local _, refusals = r.stdout:gsub("Read%-only", "")
			return refusals, r.stdout:sub(-2)
		end
		assert.same({ 0, "x\n" }, { said {} })
		assert.same({ 2, "x\n" }, { said { readonly = { "/data" } } })
		assert.same({ 3, "x\n" }, { said { readonly = { "/data", "/" } } })
		assert.same({ 3, "x\n" }, { said { readonly = { "/data", "/" }, unshare = "all" } })
	end)

	it("can have them with our root, too", function()
		local dir = directory()
		local write = { "sh", "-c", "echo x >" .. dir .. "/x", check = false, readonly = { dir } }
		assert.not_equal(0, ns:exec(write).code)
		assert.is_nil(read(dir .. "/x"))
		write.readonly = nil
		assert.equal(0, ns:exec(write).code)
		local look = {
			"sh", "-c", "ls -A " .. dir .. "; cat /proc/version", masked = { dir, "/proc/version" },
		}
		assert.equal("", ns:exec(look).stdout)
		look.masked = nil
		assert.truthy(ns:exec(look).stdout:find("^x\nLinux"))
		local make = { "touch", dir .. "/y", masked = { dir }, check = false }
		assert.not_equal(0, ns:exec(make).code)
	end)

	it("has paths that are checked first", function()
		for _, key in ipairs { "readonly", "masked" } do
			for _, paths in ipairs { "etc", { "etc" }, { 1 }, { "" }, { "/a\0" }, { x = "/" }, true } do
				refused("EINVAL", key, ns.exec, ns, { "true", [key] = paths })
			end
			local err = refused("ENOENT", key, ns.exec, ns, { "true", [key] = { "/usr", "/no/such/path" } })
			assert.truthy(err.message:find("/no/such/path", 1, true))
			local many = {}
			for i = 1, 65 do
				many[i] = "/usr"
			end
			refused("EINVAL", key, ns.exec, ns, { "true", [key] = many })
			assert.equal(0, ns:exec({ "true", [key] = {}, timeout = soon }).code)
		end
	end)
end)
