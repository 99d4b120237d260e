-- SPDX-License-Identifier: MIT
---@meta netns

-- The module: `require "netns"`. Namespaces by name are those of ip-netns(8); namespaces(7), network_namespaces(7), setns(2).
--
-- Errors: whatever fails raises a `netns.error`, misuse too; absence is nil; a wait that ran out of time is nil, "timeout".
-- Times are seconds: a number >= 0, or a string with a unit: "500us", "10ms", "1.5s", "2m" ("2min"), "1h".
--
-- In other host programs than nslua (lua5.4, or any with Lua inside):
-- - With CAP_SYS_ADMIN and CAP_NET_ADMIN everything works. Without, the Lua state makes a user namespace when it first needs one, and its
--   network namespaces belong to that; user_namespaces(7). Links, addresses, routes, processes and probes work; what must move the
--   program itself (`ns:call`, `ns.nft`) or change /run/netns raises EPERM. Where there can be no user namespace, `new` says why.
-- - The program is never moved or changed: no thread stays in another namespace, no signal handler is set, no child of ours shows in its
--   wait(2). All processes end with it, however it ends.
-- - Threads: each may have a Lua state of its own, and states may use everything at the same time. (One state is used by one thread at a
--   time: that is Lua's rule.) Namespaces are entered by the calling thread alone; a thread that is started inside `ns:call` begins there.
-- - fork(2): both processes may use the namespaces. Processes belong to the one that started them; in the other they raise ECHILD.
-- - Several states in one process know nothing of each other; what one made another opens by path or pid. `require` may be repeated after
--   package.loaded was emptied, and old handles work on.
-- - When Lua's allocator fails, a call raises "not enough memory" and leaves nothing behind.

---What a key is that no option has: a call would raise EINVAL, and name it as `attr`.
---@class netns.NoSuchField

---Stands beside a class whose fields are options: other keys are refused.
---@class netns.Exact
---@field [string] netns.NoSuchField

---@class netns
---@field _VERSION string "netns scm"
local netns = {}

---A network namespace where one is expected: a handle, a lab's node, a name in /run/netns, a path (begins with "/": /proc/PID/ns/net,
---a bind mount), or a pid.
---@alias netns.Ref netns.ns|string|integer

---What `netns.wait` takes, beside our own handles: an object that answers as those of cqueues do. Each may be a value or a method.
---@class netns.Pollable
---@field pollfd? integer|fun(self): integer? a descriptor, >= 0; nil: none
---@field events? string|integer|fun(self): (string|integer)? "r", "w", "p" or several of them, or a mask of poll(2); "r" if there is none
---@field timeout? number|fun(self): number? seconds until it is ready all the same; nil: never

---An anonymous namespace: nothing in it but `lo`, which is down. It is gone when the handle is closed or collected or the program ends,
---however it ends, and its last process too. When user.max_net_namespaces is reached it is tried for two seconds, since the kernel frees
---closed ones in the background; then it raises ENOSPC. Raises EPERM where neither privilege nor a user namespace can be had.
---@return netns.ns
function netns.new() end

---A namespace with a name, as `ip netns add` makes it: `ip netns list` shows it, and it outlives the handle. In nslua's sandbox names are
---the sandbox's own, with `--host` the machine's. Raises EEXIST, EPERM, ENOSPC.
---@param name string 1 to 255 bytes, no "/", blank or NUL, not "." or ".."
---@return netns.ns
function netns.add(name) end

---A container, by name or id. Docker, Podman, crun and runc are asked, in this order, as far as they are installed, with their own commands
---(`docker inspect`, `crun state` ...; podman makes its storage folders when it is first run) and no shell.
---@class netns.ContainerRef
---@field container string 1 to 255 of `[A-Za-z0-9_.+-]`, a letter or digit first
---@field runtime? "docker"|"podman"|"crun"|"runc" ask only this one

---Open what is there: a name, a path, or the namespace that a process or a container is in. Raises ENOENT, ESRCH, EACCES, and EINVAL for a
---file that is no network namespace. For containers: ENOPKG, no runtime is installed; ENOENT, none knows it, with what each said; ESRCH, it
---has no process, or the process that a runtime names is here none of it: so it is in nslua's sandbox, which has its own PID namespace
---(`nslua --host` has not), or when the runtime is on another machine. Once the namespace is open the runtime is asked again, and must say the same.
---@param ref string|integer|netns.ContainerRef
---@return netns.ns
function netns.open(ref) end

---The namespace that the calling thread is in.
---@return netns.ns
function netns.current() end

---The names in /run/netns, in order, also those that others made.
---@return string[]
function netns.list() end

---Remove a name, as `ip netns delete` does. The namespace itself lives on while a handle or a process is in it. Raises ENOENT.
---@param name string
function netns.delete(name) end

---The name of the namespace that a process is in (`ip netns identify`); nil when it has none. Raises ESRCH, EACCES.
---@param pid integer 1 to 2^31 - 1
---@return string?
function netns.identify(pid) end

---Remove the names that programs of ours made which no longer run, whether they ended normally or were killed, and nothing else: a name is
---only removed if its owner (pid and start time) is dead and it still is what that owner made. So names that a program leaves for others
---are removed, too. In the sandbox there is nothing to do. Safe beside other programs that add and delete at the same time.
---@return string[] removed
function netns.prune() end

---Go on in a sandbox, as nslua's scripts are in one from the start: new network, mount and PID namespaces (and a user namespace without
---privilege), `lo` up, private /proc, /sys and /run/netns. Whatever the program starts from then on, by whatever means, ends with it,
---also by SIGKILL, and so does all that was made inside.
---
---A process cannot change its own PID namespace, so the program goes on in a child of what it was, as with daemon(3): memory, open files,
---working directory, signals and terminal are as they were, the pid is another, timers and record locks (fcntl(2)) are gone. The process
---that it was stands for it until it ends, passes signals on and ends as it does. Call it first: what was opened before is not in the
---sandbox, nor are processes that were started before. There is no way back.
---
---In nslua, and a second time, nothing is to be done. Raises EINVAL in a program with several threads and inside of `ns:call`; else what the
---kernel refuses, with a remedy; then nothing has changed.
---@return integer pid what `nslua --enter` takes to come into this sandbox, as numbered where the program was started
function netns.sandbox() end

---What can be asked for: a kind of link (ip-link(8)), a kind of qdisc (tc(8)), nftables through `ns.nft`, or a sandbox for a user without
---privilege.
---@alias netns.Feature "link"|"qdisc"|"filter"|"action"|"nft"|"rootless"

---Does this work, with this kernel, here and for us? The kernel is asked by having it done, in a namespace that is gone at once: the link or
---the qdisc or filter is made (with the least data that it needs), the table is added, the namespaces of a sandbox are made as an ordinary user. For
---that the kernel may load a module, as it would for the thing itself, with all that this brings (gre0, tunl0 ... in every namespace for
---tunnels). Answers are remembered, but that about "rootless". Raises what is no answer: EPERM where no namespace can be made, EMFILE, ENOSPC.
---@param what netns.Feature
---@param kind? string of a link, a qdisc, a filter or its action: "vlan", "netem", "flower", "police"; 1 to 15 bytes
---@return boolean there
---@return string? why not: the kernel's words, and what is missing (its CONFIG_ and module) or what to do
function netns.supports(what, kind) end

---Close handles, and wait until the kernel has freed their namespaces, with all that was in them: closing alone lets the kernel do that in
---the background, one after the other with all others on the machine. Whatever else holds one of them - a process, a name, another handle, a
---socket - makes the time run out; the handles are closed all the same. What was made for the wait (two namespaces) is freed in the
---background. Raises EBADF for a handle that is closed, ENOSPC; then nothing is closed.
---@param list netns.ns[]
---@param timeout? number|string seconds; without it, for ever
---@return true? freed nil when the time ran out
---@return "timeout"? why
function netns.close_wait(list, timeout) end

---Wait until one of the handles is ready. Ctrl-C ends it with "interrupted!", as it ends every wait. A metamethod of somebody else's
---object that raises is not caught.
---@param list (netns.Process|netns.Monitor|netns.Capture|netns.Pollable)[] at most 65536; a closed one raises EBADF
---@param timeout? number|string seconds; 0 does not block; without it, for ever
---@return (netns.Process|netns.Monitor|netns.Capture|netns.Pollable)[]? ready in the order of the list; nil when the time ran out
---@return "timeout"? why
function netns.wait(list, timeout) end

---Do nothing for so long; Ctrl-C ends it.
---@param seconds number|string
function netns.sleep(seconds) end

---Seconds since an arbitrary instant, which no change of the machine's time moves (CLOCK_MONOTONIC, clock_gettime(2)).
---@return number
function netns.clock() end

return netns
