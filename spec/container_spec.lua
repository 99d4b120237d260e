-- SPDX-License-Identifier: MIT
-- container_spec.lua - netns.open { container = ... }: real containers of crun, and what runtimes
-- can answer
local json = require "netns.json"
local lfs = require "lfs"
local netns = require "netns"
local scratch = require "spec.scratch"
local support = require "spec.support"

local refused = support.refused

-- A container that sleeps. Its programs are this system's.
local function bundle()
	local mounts = {
		{ destination = "/proc", type = "proc", source = "proc" },
		{ destination = "/dev", type = "tmpfs", source = "tmpfs" },
	}
	for _, path in ipairs { "/bin", "/lib", "/lib64", "/usr" } do
		if lfs.attributes(path, "mode") == "directory" then
			mounts[#mounts + 1] = { destination = path, type = "bind", source = path,
				options = { "rbind", "ro" } }
		end
	end
	return json.encode {
		ociVersion = "1.0.0", root = { path = "rootfs" }, mounts = mounts,
		process = { user = { uid = 0, gid = 0 }, args = { "/bin/sleep", "1000" }, cwd = "/",
			env = { "PATH=/bin" } },
		linux = { namespaces = { { type = "mount" }, { type = "pid" }, { type = "network" } } },
	}
end

local dir

setup(function()
	dir = scratch.new()
end)

teardown(function()
	dir:remove()
end)

describe("netns.open, of a container of crun", function()
	local id = ("nslua-%d"):format(lfs.attributes("/proc/self", "ino"))
	local why

	local function crun(...)
		return netns.current():exec { "crun", ... }
	end

	setup(function()
		if not support.has "crun" then
			why = "crun is not installed"
			return
		end
		-- The cgroup file system is looked at even where no cgroups are used.
		dir:write("config.json", bundle())
		local out, code = dir:bash(([[
			mkdir rootfs
			unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup &&
				exec crun --cgroup-manager=disabled run --detach %s' </dev/null >said 2>&1 && exit
			cat said
			exit 1
		]]):format(id))
		why = code ~= 0 and "crun cannot run a container here: " .. out or nil
		if not why then
			local pid = json.decode(crun("state", id).stdout).pid
			assert(support.eventually(function()
				return support.read(("/proc/%d/comm"):format(pid)) == "sleep\n"
			end))
		end
	end)

	teardown(function()
		if not why then
			crun("delete", "--force", id)
		end
	end)

	it("opens the namespace that the container is in", function()
		if why then
			pending(why)
		end
		local pid = json.decode(crun("state", id).stdout).pid
		for _, ref in ipairs { { container = id }, { container = id, runtime = "crun" } } do
			local ns <close> = netns.open(ref)
			assert.equal(("net:[%d]"):format(ns.inode),
				lfs.symlinkattributes(("/proc/%d/ns/net"):format(pid), "target"))
			assert.is_false(ns == netns.current())
			assert.equal("lo", ns.link:list()[1].name)
			assert.same({ pid }, ns:pids())
		end
	end)

	it("says that there is no such container, and who was asked", function()
		if why then
			pending(why)
		end
		local err = refused("ENOENT", nil, function()
			netns.open { container = id .. "x", runtime = "crun" }
		end)
		assert.equal("netns open", err.op)
		assert.equal(id .. "x", err.subject)
		assert.matches("^no runtime knows it; crun: .*No such file", err.message)
		assert.matches("nslua %-%-host", err.hint)
		assert.matches("container_spec.lua:%d+", err.where)
	end)

	it("says that the container has ended", function()
		if why then
			pending(why)
		end
		crun("kill", id, "KILL")
		assert.is_true(support.eventually(function()
			return json.decode(crun("state", id).stdout).status == "stopped"
		end))
		local err = refused("ESRCH", nil, netns.open, { container = id })
		assert.equal("it has no process (crun: stopped)", err.message)
		assert.equal(id, err.subject)
	end)
end)

-- What follows no runtime does on demand, so a script stands for one: it prints `answers`, one at
-- each call, and the last again and again.
describe("netns.open { container = ... }, when a runtime", function()
	local runs = 0

	local function asked(name, answers, code) -- without a name: there is no runtime
		runs = runs + 1
		local bin = ("%s/bin%d"):format(dir.path, runs)
		assert(lfs.mkdir(bin))
		if name then
			local script = { "#!/bin/sh", "n=$(cat $0.n 2>/dev/null || echo 1)", "echo $((n + 1)) >$0.n",
				"case $n in" }
			for i, answer in ipairs(answers) do
				script[#script + 1] = ("(%s) %s ;;"):format(i < #answers and i or "*", answer)
			end
			script[#script + 1] = "esac"
			dir:write(("bin%d/%s"):format(runs, name), table.concat(script, "\n") .. "\n")
			netns.current():exec { "chmod", "755", bin .. "/" .. name }
		end
		-- exec also looks where root's programs are
		local r = netns.current():exec {
			"unshare", "--mount", "sh", "-c", [[
				[ "$1" ] || for d in /usr/local/sbin /usr/sbin /sbin; do
					[ ! -d $d ] || mount -t tmpfs none $d || exit
				done
				PATH=$2 exec "$0" --host -]],
			support.interpreter, name or "", name and bin .. ":/usr/bin:/bin" or bin,
			stdin = code, check = false,
		}
		assert.equal("", r.stderr)
		return r.stdout
	end

	local try = [[
		local netns = require "netns"
		local ok, e = pcall(netns.open, { container = "web"%s })
		print(ok, ok and e == netns.current() or e.code, not ok and e.message or "")
	]]

	local function inspect(id, pid, status)
		return ([=[echo '[{ "Id": "%s", "State": { "Pid": %s, "Status": "%s" } }]']=])
			:format(id, pid, status or "running")
	end

	-- A process of ours whose mounts bear the name `id`, as those of containers do.
	local function marked(id)
		dir:bash(("mkdir -p %s && touch %s/hosts"):format(id, id))
		local p = netns.current():spawn {
			"unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && echo in && exec sleep 1000',
			dir.path .. "/" .. id .. "/hosts", stdout = "capture",
		}
		p:expect("in", 10)
		return p
	end

	local id = ("0123456789abcdef"):rep(4)

	it("is not installed, says so", function()
		assert.equal("false\tENOPKG\tno container runtime is installed: docker, podman, crun, runc\n",
			asked(nil, nil, try:format ""))
		assert.equal("false\tENOPKG\tpodman is not installed\n",
			asked(nil, nil, try:format ', runtime = "podman"'))
	end)

	it("answers for a process that bears the container's marks, believes it", function()
		local p <close> = marked(id)
		local out = asked("docker", { inspect(id, p.pid) }, try:format "")
		assert.equal("true\ttrue\t\n", out)
		out = asked("podman", { inspect(id, p.pid) }, try:format ', runtime = "podman"')
		assert.equal("true\ttrue\t\n", out)
	end)

	it("answers for a process that is none of the container's, does not believe it", function()
		local p <close> = netns.current():spawn { "sleep", "1000" }
		local out = asked("docker", { inspect(id, p.pid) }, try:format "")
		assert.equal(("false\tESRCH\tdocker says that it is process %d, "
			.. "but here that is no process of it\n"):format(p.pid), out)
		out = asked("docker", { inspect(id, 4194303) }, try:format "")
		assert.equal("false\tESRCH\tdocker says that it is process 4194303, "
			.. "but here that is no process of it\n", out)
	end)

	it("answers otherwise the next time, does not believe it", function()
		local p <close> = marked(id)
		local q <close> = marked(id)
		for _, second in ipairs {
			inspect(id, 0, "exited"), inspect(id, q.pid), inspect(id:reverse(), p.pid), "exit 1",
		} do
			local out = asked("docker", { inspect(id, p.pid), second }, try:format "")
			assert.matches("^false\tESRCH\tit ended or was started anew while it was opened", out)
		end
	end)

	it("prints something else, says so", function()
		for _, answer in ipairs {
			"echo", "echo []", "echo '[{}]'", "echo '[5]'", "echo nonsense",
			'echo \'[{ "Id": 5, "State": {} }]\'', "head -c 100000 /dev/zero",
			inspect(id, "1.5"), inspect(id, '"7"'), inspect(id, "true"),
		} do
			local out = asked("docker", { answer }, try:format ', runtime = "docker"')
			assert.equal("false\tENOENT\tno runtime knows it; docker: it printed something "
				.. "that is no container's state\n", out)
		end
	end)

	it("fails, is quoted", function()
		local out = asked("docker", { "echo one >&2; echo 'Cannot connect to the daemon' >&2; exit 1" },
			try:format ', runtime = "docker"')
		assert.equal("false\tENOENT\tno runtime knows it; docker: Cannot connect to the daemon\n", out)
		out = asked("runc", { [[echo 'time="now" level=error msg="it does not exist"' >&2; exit 1]] },
			try:format ', runtime = "runc"')
		assert.equal("false\tENOENT\tno runtime knows it; runc: it does not exist\n", out)
	end)

	it("has stopped the container, another is asked", function()
		local p <close> = marked(id)
		local bin = dir.path .. "/bin" .. runs + 1
		local out = asked("docker", { inspect(id, 0, "exited") }, ([[
			local file <close> = assert(io.open("%s/podman", "w"))
			file:write("#!/bin/sh\n%s\n")
			file:close()
			os.execute "chmod 755 %s/podman"
			]]):format(bin, (inspect(id, p.pid):gsub('"', '\\"')), bin) .. try:format "")
		assert.equal("true\ttrue\t\n", out)
		out = asked("docker", { inspect(id, 0, "exited") }, try:format "")
		assert.equal("false\tESRCH\tit has no process (docker: exited)\n", out)
	end)
end)

describe("netns.open { container = ... }", function()
	it("has its argument checked before any program is run", function()
		for _, name in ipairs {
			"", "-v", "--help", "a b", "a/b", "../x", ".x", "_x", "a;b", "$(x)", "a\0b", ("x"):rep(256), 5,
			true, {},
		} do
			refused("EINVAL", "ref.container", netns.open, { container = name })
		end
		refused("EINVAL", "ref.container", netns.open, {})
		refused("EINVAL", "ref.runtime", netns.open, { container = "x", runtime = "lxc" })
		refused("EINVAL", "ref.runtime", netns.open, { container = "x", runtime = 5 })
		refused("EINVAL", "ref.name", netns.open, { container = "x", name = "y" })
		refused("EINVAL", "ref", netns.open, { "x" })
	end)
end)
