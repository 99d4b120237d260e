-- SPDX-License-Identifier: MIT
-- netns.container - the network namespace of a container, by its name or id
--
-- The container runtimes know which process is a container's first one. Each that is installed is
-- asked with its own command, without a shell. A process id says little by itself: it may have gone
-- to another process, or be counted in another PID namespace or on another machine. So once its
-- namespace is open, the process must bear the container's marks where the runtime can be
-- elsewhere, and the runtime must say the same again: then it was that process all the while.

local core = require "netns.core"
local json = require "netns.json"

local OP = "netns open"
local PATIENCE = 10 -- s for one answer of a runtime

-- What `docker inspect` and `podman inspect` print.
local function from_inspect(answer)
	local found = answer[1]
	return { id = found.Id, pid = found.State.Pid, status = found.State.Status }
end

-- The state of the OCI runtime specification.
local function from_state(answer)
	return { id = answer.id, pid = answer.pid, status = answer.status }
end

-- Asked in this order. `far`: it may ask a daemon elsewhere, so its word alone is not enough.
local runtimes = {
	{ name = "docker", words = { "inspect", "--type", "container" }, read = from_inspect, far = true },
	{ name = "podman", words = { "inspect", "--type", "container" }, read = from_inspect, far = true },
	{ name = "crun", words = { "state" }, read = from_state },
	{ name = "runc", words = { "state" }, read = from_state },
}

local function misuse(attr, message)
	core.raise { op = OP, attr = attr, message = message, code = "EINVAL", misuse = true }
end

local function refuse(ref, code, message, hint)
	core.raise { op = OP, subject = ref.container, code = code, message = message, hint = hint }
end

local function check(ref)
	for key in next, ref do
		if key ~= "container" and key ~= "runtime" then
			misuse(type(key) == "string" and "ref." .. key:gsub("[^%w_]", "?") or "ref",
				"{ container = \"id or name\" } expected, with runtime = \"docker\" ... if one is meant")
		end
	end
	local name = ref.container
	if type(name) ~= "string" then
		misuse("ref.container", "string expected, got " .. type(name))
	elseif #name > 255 or not name:find "^%w[%w_.+-]*$" then
		misuse("ref.container", "1 to 255 letters, digits and _.+- expected, a letter or digit first")
	end
end

--- The runtimes to ask: the one that is named, else all.
local function chosen(ref)
	if ref.runtime == nil then
		return runtimes
	end
	for _, runtime in ipairs(runtimes) do
		if runtime.name == ref.runtime then
			return { runtime }
		end
	end
	misuse("ref.runtime", "\"docker\", \"podman\", \"crun\" or \"runc\" expected")
end

--- What a runtime said last; runc says it as a line of a log.
local function complaint(text)
	local line = text:match("([^\n]*)\n*$")
	return line:match(' msg="(.-)"') or line
end

--- What a runtime knows of the container: { id, pid, status }; else nil and why; nil alone where
--- the runtime is not installed.
local function inspect(runtime, name)
	local here <close> = core.current()
	local argv = { runtime.name, check = false, timeout = PATIENCE }
	for _, word in ipairs(runtime.words) do
		argv[#argv + 1] = word
	end
	argv[#argv + 1] = name
	local started, result = pcall(here.exec, here, argv)
	if not started then
		if type(result) == "table" and result.code == "ENOENT" then
			return nil
		end
		error(result, 0)
	elseif result.timed_out then
		return nil, ("no answer within %d s"):format(PATIENCE)
	elseif result.code ~= 0 then
		return nil, complaint(result.stderr)
	end
	local read, found = pcall(function()
		return runtime.read(json.decode(result.stdout))
	end)
	if not read or type(found.id) ~= "string" or math.type(found.pid) ~= "integer" then
		return nil, "it printed something that is no container's state"
	end
	return found
end

--- Has the process files or a control group that are named after the container?
local function bears_marks(pid, id)
	for _, name in ipairs { "cgroup", "mountinfo" } do
		local file <close> = io.open(("/proc/%d/%s"):format(pid, name))
		if file and (file:read "a" or ""):find(id, 1, true) then
			return true
		end
	end
	return false
end

--- Raises unless the process that was opened is still, and so was then, the container's.
local function verify(ref, runtime, found, opened)
	if not opened or (runtime.far and not bears_marks(found.pid, found.id)) then
		refuse(ref, "ESRCH", ("%s says that it is process %d, but here that is no process of it")
			:format(runtime.name, found.pid), "the runtime is on another machine or in another PID "
			.. "namespace; nslua's sandbox is one, nslua --host is not")
	end
	local again, why = inspect(runtime, ref.container)
	if not again or again.pid ~= found.pid or again.id ~= found.id then
		refuse(ref, "ESRCH", ("it ended or was started anew while it was opened (%s: %s)")
			:format(runtime.name, again and again.status or why))
	end
end

--- The namespace of a container that `runtime` has found to run.
local function open_found(ref, runtime, found)
	local opened, ns = pcall(core.open, found.pid)
	if not opened and (type(ns) ~= "table" or ns.code ~= "ESRCH") then
		if type(ns) == "table" then
			ns.subject = ref.container
		end
		error(ns, 0)
	end
	local good, e = pcall(verify, ref, runtime, found, opened)
	if good then
		return ns
	elseif opened then
		ns:close()
	end
	error(e, 0)
end

--- netns.open { container = "id or name" [, runtime = "docker"] }
local function open(ref)
	check(ref)
	local asked, stopped = {}, nil
	for _, runtime in ipairs(chosen(ref)) do
		local found, why = inspect(runtime, ref.container)
		if found and found.pid > 0 then
			return open_found(ref, runtime, found)
		elseif found then
			stopped = stopped or ("it has no process (%s: %s)"):format(runtime.name, found.status)
		elseif why then
			asked[#asked + 1] = runtime.name .. ": " .. why
		end
	end
	if stopped then
		refuse(ref, "ESRCH", stopped, "start it first")
	elseif #asked == 0 then
		refuse(ref, "ENOPKG", ref.runtime and ref.runtime .. " is not installed"
			or "no container runtime is installed: docker, podman, crun, runc",
			"any process of the container will do: netns.open(pid)")
	end
	refuse(ref, "ENOENT", "no runtime knows it; " .. table.concat(asked, "; "),
		"in nslua's sandbox the machine's containers are out of reach; nslua --host is for them")
end

return { open = open }
